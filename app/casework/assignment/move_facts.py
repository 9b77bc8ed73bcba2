"""What matters about many cases for whether they move: read in sets, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.assignment.moving import RELATION_DAYS, MovableCase
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE
from app.casework.presence.models import OpenPage
from app.casework.presence.rules import CALLING_WITHIN
from app.casework.results.rules import Counts
from app.casework.support_needs.queries import with_need
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.timeline.models import Event

SAME_COLLEAGUE = "same_colleague"
"""The support need of a customer who is to hear the same voice each time."""


def movable_cases(session: Session, case_ids: Sequence[int], now: datetime) -> list[MovableCase]:
    """These cases as they stand now, in this order."""
    if not case_ids:
        return []
    case, customer = table_of(CollectionsCase), table_of(Customer)
    query = (
        sa.select(case, customer.c.language)
        .join(customer, customer.c.id == case.c.customer_id)
        .where(among(session, case.c.id, case_ids))
    )
    rows = {row.id: row for row in session.connection().execute(query)}
    customers = [row.customer_id for row in rows.values()]
    called, held = _called(session, list(rows), now), _held(session, customers)
    same = with_need(session, customers, [SAME_COLLEAGUE])
    talked, agreed = _talked(session, customers, now), _agreed(session, list(rows))
    found = []
    for row in (rows[number] for number in case_ids if number in rows):
        owner = Actor.user(row.owner)
        found.append(
            MovableCase(
                case_id=row.id,
                customer_id=row.customer_id,
                portfolio_id=row.portfolio_id,
                language=row.language,
                owner=row.owner,
                covered_for=row.covered_for,
                is_open=row.status == CaseStatus.OPEN,
                is_called=row.id in called,
                is_held=row.customer_id in held,
                is_known=row.callback_at is not None
                or row.customer_id in same
                or (row.customer_id, owner) in talked
                or (row.id, owner) in agreed,
                past_due_minor=row.now_past_due_minor,
                balance_minor=row.now_balance_minor,
            )
        )
    return found


def _called(session: Session, case_ids: Sequence[int], now: datetime) -> set[int]:
    """Cases about which somebody is on the telephone."""
    view = table_of(OpenPage)
    query = sa.select(view.c.case_id).where(
        among(session, view.c.case_id, case_ids),
        view.c.calling_since.is_not(None),
        view.c.seen_at >= now - CALLING_WITHIN,
    )
    return set(session.scalars(query))


def _held(session: Session, customer_ids: Sequence[int]) -> set[int]:
    hold = table_of(CaseHold)
    query = sa.select(hold.c.customer_id).where(
        among(session, hold.c.customer_id, customer_ids), hold.c.ended_at.is_(None)
    )
    return set(session.scalars(query))


def _talked(session: Session, customer_ids: Sequence[int], now: datetime) -> set[tuple[int, str]]:
    """Customers and who spoke with them in the last days."""
    event = table_of(Event)
    query = sa.select(event.c.customer_id, event.c.by, event.c.data).where(
        among(session, event.c.customer_id, customer_ids),
        event.c.kind == CallLogged.KIND,
        event.c.at >= now - timedelta(days=RELATION_DAYS),
    )
    return {
        (row.customer_id, row.by)
        for row in session.connection().execute(query)
        if from_json(row.data).get("counts") == Counts.CONVERSATION
    }


def _agreed(session: Session, case_ids: Sequence[int]) -> set[tuple[int, str]]:
    """Cases with a live agreement, and who made it."""
    plan = table_of(Plan)
    query = sa.select(plan.c.case_id, plan.c.offered_by).where(
        among(session, plan.c.case_id, case_ids), plan.c.status.in_(LIVE)
    )
    return {(case_id, by) for case_id, by in session.connection().execute(query)}
