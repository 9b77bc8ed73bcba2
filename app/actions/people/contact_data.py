"""Add, correct, close, confirm and remove a customer's numbers and addresses. A page, the API and a call use these.

A point that is bad or the employer's is a fact of the gate (`gather_facts`), so it is closed from the same transaction
on, on every channel or as the pack says about work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.actions.preferences import replace_links
from app.book.customers import contact_points as points
from app.book.customers.contact_points import NewPoint
from app.book.customers.models import ContactPoint
from app.book.customers.point_rows import named_row
from app.book.customers.rules import PointKind, PointState, PointType
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.ids import id_of
from app.outreach.gate.preferences import end_preference, open_preferences
from app.outreach.outbox.models import OutboxMessage
from app.policy.facts import PreferenceKind
from app.policy.kinds.preference import same_address


def add_point(
    session: Session,
    customer: Customer,
    new: NewPoint,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Add a number or address. Invalid names the wrong field, Conflict where it is on file already."""
    return points.add_point(session, customer, new, case_id=case_id, by=by, now=now)


def correct_point(
    session: Session,
    customer: Customer,
    key: str,
    changes: Mapping[str, str],
    reason: str,
    *,
    type_: PointType | None = None,
    employer: bool | None = None,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Another value, type or employer flag; the value before stays in the history. Returns the row that stands."""
    row = named_row(session, customer, key, by=by, now=now)
    return points.change_point(
        session,
        customer,
        row,
        changes,
        reason,
        type_=type_,
        employer=employer,
        case_id=case_id,
        by=by,
        now=now,
    )


def mark_bad(
    session: Session,
    customer: Customer,
    key: str,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Close a number or address on every channel until a person confirms it; links that were sent there only stop
    messages from now on. Conflict where it is bad already."""
    row = named_row(session, customer, key, by=by, now=now)
    if row.state is PointState.BAD:
        raise Conflict(f"{row.value} is marked bad already.")
    points.change_point(
        session, customer, row, {}, reason, state=PointState.BAD, case_id=case_id, by=by, now=now
    )
    if row.kind is not PointKind.ADDRESS and _was_written_to(session, customer, row.value):
        replace_links(session, customer, by=by, now=now)
    return row


def confirm_point(
    session: Session,
    customer: Customer,
    key: str,
    reason: str,
    *,
    today: date,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """The number or address is the customer's: it may be used again, where the rules and their own wishes permit."""
    row = named_row(session, customer, key, by=by, now=now)
    points.change_point(
        session,
        customer,
        row,
        {},
        reason,
        state=PointState.USABLE,
        noted_on=today,
        case_id=case_id,
        by=by,
        now=now,
    )
    for told in open_preferences(session, id_of(customer)):
        rests = told.kind is PreferenceKind.PLACE and told.channel is None
        if rests and same_address(row.value, told.address):
            end_preference(session, told, reason=reason, case_id=case_id, by=by, now=now)
    return row


def make_main(
    session: Session,
    customer: Customer,
    key: str,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Let letters, messages and calls use this one of its kind."""
    row = named_row(session, customer, key, by=by, now=now)
    points.make_main(session, customer, row, reason, case_id=case_id, by=by, now=now)
    return row


def remove_point(
    session: Session,
    customer: Customer,
    key: str,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Remove a number or address from use; it stays in the history."""
    row = named_row(session, customer, key, by=by, now=now)
    points.end_point(session, customer, row, reason, case_id=case_id, by=by, now=now)
    return row


def _was_written_to(session: Session, customer: Customer, address: str) -> bool:
    message = table_of(OutboxMessage)
    there = sa.exists().where(message.c.customer_id == id_of(customer), message.c.address == address)
    return bool(session.scalar(sa.select(there)))
