"""Rows of contact points: made where a main point gets one, and kept where a main point is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.book.customers.models import ContactPoint
from app.book.customers.queries import columns_of, open_row
from app.book.customers.rules import (
    ADDRESS,
    LONGEST_NOTE,
    MAIN_TYPES,
    NO_ADDRESS,
    PointKind,
    PointSource,
    PointState,
    PointText,
    PointType,
    main_value,
)
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.ids import id_of


def named_row(session: Session, customer: Customer, key: str, *, by: Actor, now: datetime) -> ContactPoint:
    """The row of a point, by its `key`: its number, or the kind of a main point, which gets a row. NotFound where the
    customer has no such point. The caller holds the customer's lock."""
    if key in [kind.value for kind in PointKind]:
        kind = PointKind(key)
        columns = columns_of(customer)
        value = main_value(kind, columns)
        found = open_row(session, id_of(customer), kind, value) if value else None
        if found is not None or not value:
            return _there(found, key)
        parts = {name: columns[name] if kind is PointKind.ADDRESS else "" for name in ADDRESS}
        text = PointText(kind, value, parts)
        row = new_row(
            id_of(customer),
            text,
            MAIN_TYPES[kind],
            PointState.USABLE,
            PointSource.CREDITOR,
            "",
            by=by,
            now=now,
        )
        session.add(row)
        session.flush()
        return row
    row_or_none = (
        session.get(ContactPoint, int(key)) if key.isascii() and key.isdigit() and len(key) < 19 else None
    )
    if row_or_none is not None and row_or_none.customer_id != customer.id:
        row_or_none = None
    return _there(row_or_none, key)


def _there(row: ContactPoint | None, key: str) -> ContactPoint:
    if row is None:
        raise NotFound(f"This customer has no contact point {key[:20]!r}.")
    return row


def new_row(
    customer_id: int,
    text: PointText,
    type_: PointType,
    state: PointState,
    source: PointSource,
    note: str,
    *,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """A contact point as a row, noted today."""
    row = ContactPoint(
        customer_id=customer_id, kind=text.kind, type=type_, value=text.value, state=state, state_by=by, source=source,
        note=note[:LONGEST_NOTE], noted_on=now.date(), created_at=now, by=by,
    )  # fmt: skip
    for name, part in text.parts.items():
        setattr(row, name, part)
    return row


def keep_points(
    session: Session,
    customer: Customer,
    before: Mapping[str, str],
    reason: str,
    *,
    old_stays: bool,
    by: Actor,
    now: datetime,
) -> None:
    """Keep the main points that were replaced as rows, and make a row of each new one: who told it, and when."""
    columns, who = columns_of(customer), id_of(customer)
    for kind in PointKind:
        was, is_now = main_value(kind, before), main_value(kind, columns)
        if was == is_now:
            continue
        for value, source in ((was, before), (is_now, columns)):
            if not value:
                continue
            row = open_row(session, who, kind, value)
            if row is None:
                parts = {name: source[name] for name in ADDRESS} if kind is PointKind.ADDRESS else NO_ADDRESS
                is_old = value == was
                row = new_row(
                    who, PointText(kind, value, parts), MAIN_TYPES[kind], PointState.USABLE,
                    PointSource.CREDITOR if is_old else PointSource.OTHER, "" if is_old else reason, by=by, now=now,
                )  # fmt: skip
                session.add(row)
            if value == was and not old_stays:
                row.ended_at, row.ended_by, row.end_reason = now, by, reason
        session.flush()
