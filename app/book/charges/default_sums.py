"""Late fees that bear no interest, where the law of the place says so of default sums (Consumer Credit Act 1974
s.86E(4), s.86F).

Interest of a day is on the balance of the evening before without them. Payments go to what bears interest first (CONC
6.7.4R), so a fee rests until it is reversed or waived.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.rests import resting, rests_of
from app.book.charges.rules import Rest
from app.book.delinquency.days import DAY
from app.book.ledger.models import Entry, Waiver
from app.book.ledger.rules import EntryKind
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.policy.sections.charges import ChargeCaps

LATE_FEES = "late-fee:%"
"""References of the fees that the desk posts for missed payments."""


def bearing_nothing_of(
    session: Session, account_ids: Sequence[int], caps: ChargeCaps | None
) -> dict[int, list[Rest]]:
    """The parts of these accounts that bear no interest, by account: those in dispute, and default sums."""
    found = rests_of(session, account_ids)
    if caps is None or not caps.default_sums_free:
        return found
    fee, undone = table_of(Entry), table_of(Entry).alias("undone")
    fees = (
        sa.select(fee.c.account_id, fee.c.effective_on, undone.c.effective_on, fee.c.amount_minor)
        .outerjoin(undone, undone.c.reverses_id == fee.c.id)
        .where(among(session, fee.c.account_id, account_ids), *_is_late_fee(fee))
    )
    credit, waived = _waived()
    for account_id, on, undone_on, amount in session.connection().execute(
        fees.union_all(
            sa.select(credit.c.account_id, credit.c.effective_on, sa.null(), credit.c.amount_minor)
            .select_from(waived)
            .where(among(session, credit.c.account_id, account_ids), _stands(credit))
        )
    ):
        until = None if undone_on is None else undone_on + DAY
        found.setdefault(account_id, []).append(Rest(on + DAY, until, amount))
    return found


def bearing_nothing(
    account_id: sa.ColumnElement[int], on: date, caps: ChargeCaps | None
) -> sa.ColumnElement[int]:
    """SQL: the sum of an account that bears no interest on a day."""
    if caps is None or not caps.default_sums_free:
        return resting(account_id, on)
    fee, undone = table_of(Entry).alias("fee"), table_of(Entry).alias("undone")
    fees = sa.select(sa.func.sum(fee.c.amount_minor)).where(
        fee.c.account_id == account_id,
        fee.c.effective_on < on,
        *_is_late_fee(fee),
        ~sa.exists().where(undone.c.reverses_id == fee.c.id, undone.c.effective_on < on),
    )
    credit, waived = _waived()
    credits = (
        sa.select(sa.func.sum(credit.c.amount_minor))
        .select_from(waived)
        .where(credit.c.account_id == account_id, credit.c.effective_on < on, _stands(credit))
    )
    return (
        resting(account_id, on)
        + sa.func.coalesce(fees.scalar_subquery(), 0)
        + sa.func.coalesce(credits.scalar_subquery(), 0)
    )


def _is_late_fee(fee: sa.FromClause) -> tuple[sa.ColumnElement[bool], ...]:
    return fee.c.kind == EntryKind.FEE, fee.c.reference.like(LATE_FEES), fee.c.amount_minor > 0


def _waived() -> tuple[sa.FromClause, sa.FromClause]:
    """The credits that waived late fees, wholly or in part: their table, and what it is joined to."""
    credit, fee, waiver = table_of(Entry).alias("credit"), table_of(Entry).alias("waived"), table_of(Waiver)
    joined = credit.join(waiver, waiver.c.credit_id == credit.c.id).join(
        fee, sa.and_(fee.c.id == waiver.c.entry_id, *_is_late_fee(fee))
    )
    return credit, joined


def _stands(credit: sa.FromClause) -> sa.ColumnElement[bool]:
    again = table_of(Entry).alias("again")
    return ~sa.exists().where(again.c.reverses_id == credit.c.id)
