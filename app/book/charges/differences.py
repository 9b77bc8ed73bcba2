"""Interest that the ledger owes, or is owed, where a disputed part bears nothing after all, or something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.concessions import lower_rates
from app.book.charges.models import Accrual
from app.book.charges.rests import OF_DISPUTES
from app.book.charges.rules import Rest, accrue, capped_apr
from app.book.charges.service import bears_interest
from app.book.delinquency.models import Pause
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import post_entry
from app.book.portfolios.days import business_date, first_day
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.policy.sections.charges import ChargeCaps


def restate_interest(
    session: Session,
    portfolio: Portfolio,
    account: Account,
    dispute_id: int,
    rests: tuple[Sequence[Rest], Sequence[Rest]],
    caps: ChargeCaps | None,
    *,
    now: datetime,
) -> tuple[int, int]:
    """Post the difference in interest between the parts that rested before and those that rest now, over the days that
    were charged already. An account that bears no interest any more, as one that was sold, is credited only: nobody
    asks its customer for more. Returns (credited, charged)."""
    accrual = session.get(Accrual, id_of(account))
    first_on = first_day(session, portfolio)
    if accrual is None or first_on is None:
        return 0, 0
    entry, pause = table_of(Entry), table_of(Pause)
    connection, account_id = session.connection(), id_of(account)
    night = sa.and_(
        entry.c.source == SYSTEM,
        sa.or_(
            entry.c.reference.startswith("interest:"), entry.c.reference.startswith("interest-correction:")
        ),
    )
    moved = (
        sa.select(entry.c.effective_on, entry.c.amount_minor)
        .where(entry.c.account_id == account_id, ~night)
        .order_by(entry.c.effective_on, entry.c.id)
    )
    principal = [(on, amount) for on, amount in connection.execute(moved)]
    paused = connection.execute(
        sa.select(pause.c.from_on, pause.c.to_on).where(pause.c.account_id == account_id)
    )
    pauses = [(from_on, to_on) for from_on, to_on in paused]
    lower = lower_rates(session, [account_id]).get(account_id, ())
    was, is_now = (
        accrue(
            principal,
            first_on=first_on,
            through=accrual.through,
            apr_millionths=capped_apr(account.apr_millionths, caps),
            day_count=portfolio.day_count,
            pauses=pauses,
            lower=lower,
            rests=each,
        )
        for each in rests
    )
    more = is_now.before + is_now.last - was.before - was.last
    if not more or (more > 0 and not bears_interest(account)):
        return 0, 0
    on = business_date(session, portfolio, now)
    count = sa.select(sa.func.count()).where(
        entry.c.account_id == account_id, entry.c.reference.startswith(f"{OF_DISPUTES}{dispute_id}:")
    )
    post_entry(
        session,
        account,
        EntryKind.INTEREST if more > 0 else EntryKind.CREDIT,
        abs(more),
        effective_on=on,
        posted_on=on,
        reference=f"{OF_DISPUTES}{dispute_id}:{(session.scalar(count) or 0) + 1}",
        description="interest on a disputed part, " + ("after its rejection" if more > 0 else "credited"),
        by=SYSTEM,
        now=now,
    )
    return (0, more) if more > 0 else (-more, 0)
