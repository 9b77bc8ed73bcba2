"""Standing of one customer's accounts from reads that are sent together with others.

`standing_on` of the same accounts gives the same figures; a test compares the two. This one costs no statement of its
own, which is why the case page uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.facts import Events, State
from app.book.delinquency.loading import History, unpack, waivers_billed
from app.book.delinquency.models import AccountState, DisputedAmount, Pause, ReAge
from app.book.delinquency.rules import owed_of
from app.book.delinquency.service import Now, edges_of, standing_after
from app.book.ledger.models import Account, ChargeTakenBack, Entry, LedgerChange, Position, Statement, Waiver
from app.book.ledger.rules import MONEY_IN, PAYS_DUES, is_worked
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.core.database.together import Found, Reads
from app.core.ids import id_of


def _since(theirs: sa.ColumnElement[bool], table: sa.Table, dated: str, *columns: Expression) -> Query:
    """Rows of the customer's accounts dated after the day up to which the state of their account holds."""
    account, state, change = table_of(Account), table_of(AccountState), table_of(LedgerChange)
    # None where a change lies behind that day.
    holds = sa.case((change.c.earliest_on <= state.c.folded_through, sa.null()), else_=state.c.folded_through)
    return (
        sa.select(table.c.account_id, *columns)
        .join(account, account.c.id == table.c.account_id)
        .outerjoin(state, state.c.account_id == table.c.account_id)
        .outerjoin(change, change.c.account_id == table.c.account_id)
        .where(theirs, sa.or_(holds.is_(None), table.c[dated] > state.c.folded_through))
        .order_by(table.c.id)
    )


class StandingReads:
    """The reads from which the accounts of one customer are folded."""

    def __init__(self, reads: Reads, customer: sa.ColumnElement[int]) -> None:
        account, state, change = table_of(Account), table_of(AccountState), table_of(LedgerChange)
        entry, statement, position = table_of(Entry), table_of(Statement), table_of(Position)
        theirs = account.c.customer_id == customer
        since = partial(_since, theirs)
        self.accounts = reads.all(Account, theirs, order_by=account.c.reference)
        self.states = reads.rows(
            sa.select(
                state.c.account_id, state.c.folded_through, state.c.dues, state.c.minimums,
                state.c.balance_minor, state.c.prepaid_minor, change.c.earliest_on,
                state.c.past_due_minor, state.c.oldest_due_on,
            )
            .join(account, account.c.id == state.c.account_id)
            .outerjoin(change, change.c.account_id == state.c.account_id)
            .where(theirs)
        )  # fmt: skip
        reversal = entry.alias("reversal")
        gone = sa.exists().where(reversal.c.reverses_id == entry.c.id)
        kind = sa.type_coerce(entry.c.kind, sa.String)
        self.entries = reads.rows(
            since(entry, "effective_on", entry.c.id, entry.c.effective_on, entry.c.amount_minor,
                  kind.label("kind"), gone.label("gone"))
        )  # fmt: skip
        self.closings = reads.rows(
            since(
                statement,
                "closing_on",
                statement.c.closing_on,
                statement.c.due_on,
                statement.c.minimum_due_minor,
            )
        )
        self.positions = reads.rows(
            since(position, "as_of", position.c.as_of, position.c.past_due_minor, position.c.oldest_due_on)
        )
        re_age, pause, waiver = table_of(ReAge), table_of(Pause), table_of(Waiver)
        self.re_ages = reads.rows(since(re_age, "on", re_age.c.on))
        of_account = account.c.id == pause.c.account_id
        self.pauses = reads.rows(
            sa.select(pause.c.account_id, pause.c.from_on, pause.c.to_on)
            .join(account, of_account)
            .where(theirs)
        )
        disputed = table_of(DisputedAmount)
        self.disputed = reads.rows(
            sa.select(disputed.c.account_id, disputed.c.amount_minor)
            .join(account, account.c.id == disputed.c.account_id)
            .where(theirs)
        )
        self.waived = reads.rows(
            sa.select(waiver.c.account_id, waiver.c.credit_id)
            .join(account, account.c.id == waiver.c.account_id)
            .where(theirs, waiver.c.credit_id.is_not(None))
        )
        taken = table_of(ChargeTakenBack)
        self.taken_back = reads.rows(
            sa.select(taken.c.account_id, taken.c.credit_id)
            .join(account, account.c.id == taken.c.account_id)
            .where(theirs)
        )
        self.told = reads.rows(
            sa.select(
                sa.or_(
                    *(
                        sa.exists().where(table.c.account_id == account.c.id)
                        for table in (entry, statement, position)
                    )
                ).label("known")
            ).where(theirs)
        )

    def is_known(self, found: Found) -> bool:
        """True if any file or person has told what this customer owes; as `debt.is_known`."""
        return any(row[0] for row in found[self.told])

    def dated_debts(self, found: Found) -> dict[int, date]:
        """By worked account on which something past due was owed after the last night: its oldest due date."""
        accounts, disputed = found[self.accounts], dict(map(tuple, found[self.disputed]))
        worked = {account.id for account in accounts if is_worked(account.status, account.ended_on)}
        return {
            row.account_id: row.oldest_due_on
            for row in found[self.states]
            if row.account_id in worked
            and row.oldest_due_on
            and owed_of(row.past_due_minor, row.balance_minor, disputed.get(row.account_id, 0)) > 0
        }

    def standings(
        self, session: Session, found: Found, portfolio: Portfolio, today: date
    ) -> Mapping[int, Now]:
        """By account, with everything posted until now. Waivers are few: they cost a statement of their own."""
        histories = {
            account.id: History(account.id, State(), _none())
            for account in found[self.accounts]
            if account.id
        }
        for account_id, through, dues, minimums, balance, prepaid, changed_on, *_ in found[self.states]:
            if changed_on is None or changed_on > through:
                histories[account_id].state = State(through, *unpack(dues, minimums), prepaid)
                histories[account_id].balance = balance
        lowered = [*found[self.waived], *found[self.taken_back]]
        waived = {credit_id for _, credit_id in lowered}
        for account_id, entry_id, on, amount, kind, gone in found[self.entries]:
            if on <= today:
                histories[account_id].balance += amount
                if amount < 0 and kind in _PAYS_DUES and not gone and entry_id not in waived:
                    histories[account_id].events.credits.append((on, -amount, kind in _MONEY_IN))  # type: ignore[attr-defined]
        for account_id, closing_on, due_on, minimum in found[self.closings]:
            if closing_on <= today:
                histories[account_id].events.closings.append((closing_on, due_on, minimum))  # type: ignore[attr-defined]
        for account_id, as_of, past_due, oldest in found[self.positions]:
            if as_of <= today:
                histories[account_id].events.positions.append((as_of, past_due, oldest))  # type: ignore[attr-defined]
        for account_id, on in found[self.re_ages]:
            if on <= today:
                histories[account_id].events.re_ages.append(on)  # type: ignore[attr-defined]
        for account_id, from_on, to_on in found[self.pauses]:
            histories[account_id].events.pauses.append((from_on, to_on))  # type: ignore[attr-defined]
        for account in found[self.accounts]:
            events = histories[id_of(account)].events
            events.ended_on, events.prepays = account.ended_on, portfolio.prepayments_count
        if waived:
            waivers_billed(session, histories, sorted({account_id for account_id, _ in lowered}), today)
        edges, disputed = edges_of(portfolio), dict(map(tuple, found[self.disputed]))
        return {
            account_id: standing_after(each, today, edges, disputed.get(account_id, 0))
            for account_id, each in histories.items()
        }


_PAYS_DUES = frozenset(kind.value for kind in PAYS_DUES)
_MONEY_IN = frozenset(kind.value for kind in MONEY_IN)


def _none() -> Events:
    return Events(credits=[], closings=[], positions=[], re_ages=[], pauses=[], waivers=[])
