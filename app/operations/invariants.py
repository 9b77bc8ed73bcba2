"""Queries that must return nothing. The day runs the quick ones; `desk invariants` runs all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.facts import MovementKind
from app.book.delinquency.loading import pack
from app.book.delinquency.models import AccountState, Movement, Spell
from app.book.delinquency.queries import owed_minor, roll_forward
from app.book.delinquency.service import refold_from_nothing
from app.book.ledger.models import Account, Entry, LedgerChange, Statement
from app.book.ledger.positions import unreconciled
from app.book.ledger.queries import worked
from app.book.ledger.rules import ENDED
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.core.database.engine import table_of
from app.core.dates import month_start
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.models import Event
from app.core.timeline.service import broken_links
from app.outreach.outbox.events import ContactConsoleOnly, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    row: str


def quick(session: Session, portfolio: Portfolio) -> list[Violation]:
    """The invariants that are cheap enough for every night. States are checked where the last day folded them: what a
    night changed is what it has to answer for, and the work does not grow with the book's history."""
    tonight = col(AccountState.folded_through) == _last_day(session, portfolio)
    return [
        *_named("roll_forward_closes", roll_forward_closes(session, portfolio)),
        *_named("states_match_movements", states_match_movements(session, portfolio, tonight)),
        *_named("states_match_spells", states_match_spells(session, portfolio, tonight)),
        *_named("ended_accounts_owe_nothing", ended_accounts_owe_nothing(session, portfolio)),
    ]


def thorough(session: Session, portfolio: Portfolio) -> list[Violation]:
    """All invariants, over all rows."""
    return _run(
        session,
        portfolio,
        (
            roll_forward_closes,
            states_match_movements,
            states_match_spells,
            ended_accounts_owe_nothing,
            one_statement_a_closing_day,
            balances_match_ledger,
            refolding_gives_the_same,
            positions_match_ledger,
            plans_sum_exactly,
            one_open_case_each,
            sent_messages_are_on_record,
            timelines_verify,
        ),
    )


def _run(
    session: Session, portfolio: Portfolio, checks: tuple[Callable[[Session, Portfolio], Iterator[str]], ...]
) -> list[Violation]:
    return [v for check in checks for v in _named(check.__name__, check(session, portfolio))]


def _named(invariant: str, rows: Iterator[str]) -> list[Violation]:
    return [Violation(invariant, row) for row in rows]


def _last_day(session: Session, portfolio: Portfolio) -> date | None:
    query = select(sa.func.max(DailyRun.business_date)).where(DailyRun.portfolio_id == portfolio.id)
    return session.scalar(query)


def roll_forward_closes(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Past due at the start + fell past due - paid - adjusted = past due at the end, month to date."""
    assert portfolio.id is not None
    last = _last_day(session, portfolio)
    if last is not None:
        rolled = roll_forward(session, portfolio.id, month_start(last), last)
        if not rolled.closes:
            yield f"{portfolio.code} {last}: {rolled}"


def states_match_movements(
    session: Session, portfolio: Portfolio, *only: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The past-due amount of an account is what fell past due less what was paid and adjusted."""
    movement, state = table_of(Movement), table_of(AccountState)
    signed = sa.case(
        (movement.c.kind == MovementKind.FELL_PAST_DUE, movement.c.amount_minor),
        else_=-movement.c.amount_minor,
    )
    total = (
        sa.select(sa.func.coalesce(sa.func.sum(signed), 0))
        .where(movement.c.account_id == state.c.account_id)
        .scalar_subquery()
    )
    query = sa.select(state.c.account_id, state.c.past_due_minor, total).where(
        state.c.portfolio_id == portfolio.id, *only, state.c.past_due_minor != total
    )
    for account_id, past_due, summed in session.connection().execute(query.limit(20)):
        yield f"account {account_id}: past due {past_due}, movements sum to {summed}"


def states_match_spells(
    session: Session, portfolio: Portfolio, *only: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The open spell says what the state says."""
    query = (
        sa.select(col(AccountState.account_id), col(AccountState.past_due_minor), col(Spell.past_due_minor))
        .outerjoin(
            Spell, sa.and_(col(Spell.account_id) == AccountState.account_id, col(Spell.to_on).is_(None))
        )
        .where(
            col(AccountState.portfolio_id) == portfolio.id,
            *only,
            col(AccountState.past_due_minor) != sa.func.coalesce(Spell.past_due_minor, 0),
        )
    )
    for account_id, state, spell in session.execute(query.limit(20)):
        yield f"account {account_id}: state says {state}, open spell says {spell}"


def ended_accounts_owe_nothing(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """An account that ended here has nothing left on the book, and is on no worklist."""
    account, state = table_of(Account), table_of(AccountState)
    query = (
        sa.select(account.c.reference, account.c.status, account.c.ended_on, state.c.balance_minor)
        .join(state, state.c.account_id == account.c.id)
        .where(
            account.c.portfolio_id == portfolio.id,
            account.c.ended_on.is_not(None),
            account.c.status.in_(ENDED),
            account.c.ended_on <= state.c.folded_through,
            state.c.balance_minor > 0,
        )
        .order_by(account.c.id)
    )
    for reference, status, ended_on, balance in session.connection().execute(query.limit(20)):
        owed = to_decimal_string(balance, portfolio.currency)
        yield (
            f"account {reference} is {status.value} since {ended_on} and owes {owed} {portfolio.currency}: make it "
            "active again, which undoes the end, or correct the entry"
        )


def one_statement_a_closing_day(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Two that older versions loaded for one day both count, until a manager withdraws one."""
    twin, first, account = table_of(Statement), table_of(Statement).alias("first"), table_of(Account)
    query = (
        sa.select(account.c.reference, first.c.reference, twin.c.reference, twin.c.closing_on)
        .join(account, account.c.id == twin.c.account_id)
        .join(
            first,
            sa.and_(first.c.account_id == twin.c.account_id, first.c.closing_on == twin.c.closing_on),
        )
        .where(twin.c.portfolio_id == portfolio.id, twin.c.issue > 1, first.c.issue < twin.c.issue)
        .order_by(twin.c.id)
    )
    for reference, one, other, closing_on in session.connection().execute(query.limit(20)):
        yield (
            f"account {reference} has {one} and {other} of {closing_on}: withdraw one (desk statement withdraw)"
        )


def balances_match_ledger(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """A state's balance is the sum of the entries up to the day it was folded to (unless news is waiting)."""
    entry, state, change = table_of(Entry), table_of(AccountState), table_of(LedgerChange)
    total = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0))
        .where(entry.c.account_id == state.c.account_id, entry.c.effective_on <= state.c.folded_through)
        .scalar_subquery()
    )
    query = sa.select(state.c.account_id, state.c.balance_minor, total).where(
        state.c.portfolio_id == portfolio.id,
        state.c.balance_minor != total,
        ~sa.exists().where(change.c.account_id == state.c.account_id),
    )
    for account_id, balance, summed in session.connection().execute(query.limit(20)):
        yield f"account {account_id}: balance {balance}, entries sum to {summed}"


def refolding_gives_the_same(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Folding everything from nothing gives the state that the nights arrived at step by step."""
    state, change = table_of(AccountState), table_of(LedgerChange)
    settled = sa.and_(
        state.c.portfolio_id == portfolio.id,
        ~sa.exists().where(change.c.account_id == state.c.account_id),
    )
    days = sa.select(state.c.folded_through).where(settled).distinct().order_by(state.c.folded_through)
    columns = (
        state.c.account_id, state.c.balance_minor, state.c.dues, state.c.minimums, state.c.prepaid_minor,
    )  # fmt: skip
    for through in session.scalars(days).all():
        folded = sa.select(*columns).where(settled, state.c.folded_through == through)
        rows = {row[0]: tuple(row[1:]) for row in session.connection().execute(folded).all()}
        for fresh in refold_from_nothing(session, portfolio, sorted(rows), through):
            found = (
                fresh.balance, pack(fresh.state.dues), pack(fresh.state.minimums), fresh.state.prepaid,
            )  # fmt: skip
            if found != rows[fresh.account_id]:
                known = rows[fresh.account_id]
                yield f"account {fresh.account_id} at {through}: {known} refolds to {found}"


def positions_match_ledger(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Where the creditor reports balances, the entries up to that day sum to the one it reported."""
    for row in unreconciled(session, id_of(portfolio)):
        yield f"account {row.account_ref} on {row.as_of}: the ledger differs by {row.difference}"


def plans_sum_exactly(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """The instalments of a plan sum to its total."""
    query = (
        sa.select(col(Plan.id), col(Plan.total_minor), sa.func.sum(PlanInstalment.amount_minor))
        .join(PlanInstalment, col(PlanInstalment.plan_id) == Plan.id)
        .where(col(Plan.portfolio_id) == portfolio.id)
        .group_by(col(Plan.id), col(Plan.total_minor))
        .having(sa.func.sum(PlanInstalment.amount_minor) != Plan.total_minor)
    )
    for plan_id, total, parts in session.execute(query):
        yield f"plan {plan_id}: total {total}, instalments sum to {parts}"


def one_open_case_each(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Every customer who owes something that is past due has exactly one open case (after a day was closed)."""
    account, state, case = table_of(Account), table_of(AccountState), table_of(CollectionsCase)
    late = (
        sa.select(account.c.customer_id)
        .join(state, state.c.account_id == account.c.id)
        .where(
            account.c.portfolio_id == portfolio.id,
            worked(),
            owed_minor() > 0,
        )
        .group_by(account.c.customer_id)
        .having(sa.func.sum(owed_minor()) >= max(1, portfolio.small_debt_minor))
    )
    query = late.where(
        ~sa.exists().where(case.c.customer_id == account.c.customer_id, case.c.status == "open"),
        sa.exists().where(
            table_of(DailyRun).c.portfolio_id == portfolio.id, table_of(DailyRun).c.finished_at.is_not(None)
        ),
    )
    for (customer_id,) in session.connection().execute(query.limit(20)):
        yield f"customer {customer_id} is past due and has no open case"


def sent_messages_are_on_record(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Each contact the provider accepted is on the customer's timeline exactly once."""
    sent = (OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.BOUNCED)
    rows = session.execute(
        select(OutboxMessage.customer_id, OutboxMessage.id).where(
            OutboxMessage.portfolio_id == portfolio.id,
            col(OutboxMessage.status).in_(sent),
            OutboxMessage.destination != Destination.LEGAL_DESK,
        )
    ).all()
    recorded: dict[tuple[int | None, int | None], int] = {}
    for customer_id, data in session.execute(
        select(Event.customer_id, Event.data).where(
            col(Event.kind).in_((ContactSent.KIND, ContactConsoleOnly.KIND))
        )
    ):
        told = (customer_id, json.loads(data).get("message"))
        recorded[told] = recorded.get(told, 0) + 1
    for customer_id, number in rows:
        if recorded.get((customer_id, number), 0) != 1:
            yield f"message {number}: {recorded.get((customer_id, number), 0)} events"


def timelines_verify(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """No event was changed, removed or slipped in."""
    del portfolio  # streams cross portfolios only for staff; checking all of them is one pass
    ordered = select(Event).order_by(col(Event.stream), col(Event.seq)).execution_options(yield_per=5000)
    yield from broken_links(session.scalars(ordered))
