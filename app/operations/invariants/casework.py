"""Invariants of cases, plans, messages and the timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import owed_minor
from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import worked
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.advisers.models import LumpPart, LumpPayment
from app.casework.advisers.rules import PartStatus
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.core.database.engine import table_of
from app.core.timeline.models import Event
from app.core.timeline.service import broken_links
from app.outreach.outbox.events import ContactConsoleOnly, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS, OutboxStatus


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


def lump_payments_close(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """The parts of a lump payment are the whole of it, and a part that is posted has the entry of its amount."""
    lump, part, entry = table_of(LumpPayment), table_of(LumpPart), table_of(Entry)
    parts = sa.func.coalesce(sa.func.sum(part.c.amount_minor), 0)
    query = (
        sa.select(lump.c.reference, lump.c.amount_minor, parts)
        .outerjoin(part, part.c.lump_id == lump.c.id)
        .where(lump.c.portfolio_id == portfolio.id)
        .group_by(lump.c.id, lump.c.reference, lump.c.amount_minor)
        .having(parts != lump.c.amount_minor)
    )
    for reference, amount, summed in session.connection().execute(query):
        yield f"lump payment {reference}: amount {amount}, parts sum to {summed}"
    wrong = (
        sa.select(lump.c.reference, part.c.n)
        .join(part, part.c.lump_id == lump.c.id)
        .outerjoin(entry, entry.c.id == part.c.entry_id)
        .where(
            lump.c.portfolio_id == portfolio.id,
            part.c.status == PartStatus.POSTED,
            sa.func.coalesce(entry.c.amount_minor, 0) != -part.c.amount_minor,
        )
    )
    for reference, n in session.connection().execute(wrong.limit(20)):
        yield f"lump payment {reference}: part {n} is posted, and no entry has its amount"


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
            col(OutboxMessage.destination).in_(TO_CUSTOMERS),
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
