"""Verbs of contact points: each writes the row and its event, and keeps the customer's own columns in step.

The customer's columns hold the main point of each kind, which is what outreach uses. `change_contact` alone changes
them, so that a person's correction stands until the creditor's file says something else than it said then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.customers.events import ContactPointAdded, ContactPointChanged, ContactPointEnded
from app.book.customers.models import ContactPoint
from app.book.customers.point_rows import named_row, new_row
from app.book.customers.queries import columns_of, open_row
from app.book.customers.rules import (
    ADDRESS,
    LONGEST_NOTE,
    MAIN_COLUMNS,
    PointKind,
    PointSource,
    PointState,
    PointType,
    main_value,
    on_one_line,
    read_point,
)
from app.book.customers.service import change_contact
from app.book.customers.withheld import require_not_withheld
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_reason, clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, record


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A contact point as it was told."""

    kind: PointKind
    type: PointType
    value: str = ""
    parts: Mapping[str, str] | None = None
    """Of an address, in place of a value."""
    source: PointSource = PointSource.CUSTOMER
    note: str = ""
    employer: bool = False
    noted_on: date | None = None
    """None = today."""


def add_point(
    session: Session,
    customer: Customer,
    new: NewPoint,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Add a number or address; it becomes the main one of its kind where there is none. Invalid names the wrong field,
    Conflict where the customer has it already. The caller holds the customer's lock."""
    text = read_point(new.kind, new.value, new.parts or {}, customer.country)
    require_not_withheld(session, id_of(customer), text.kind, text.value)
    note = clean_text(new.note, "note", at_most=LONGEST_NOTE, one_line=True, required=False)
    main = main_value(new.kind, columns_of(customer))
    if text.value == main or open_row(session, id_of(customer), new.kind, text.value):
        raise Conflict(f"{on_one_line(text.value)} is on file for this customer already.")
    row = new_row(id_of(customer), text, new.type, PointState.USABLE, new.source, note, by=by, now=now)
    row.employer = new.employer or new.type is PointType.WORK
    row.noted_on = new.noted_on or row.noted_on
    session.add(row)
    session.flush()
    added = ContactPointAdded(id_of(row), row.kind, row.type, row.value, row.source, note)
    _record(session, customer, added, case_id, by=by, now=now)
    if not main and not row.employer:
        _become_main(session, customer, row, "the first of its kind", case_id, by=by, now=now)
    return row


def change_point(
    session: Session,
    customer: Customer,
    row: ContactPoint,
    changes: Mapping[str, str],
    reason: str,
    *,
    state: PointState | None = None,
    type_: PointType | None = None,
    employer: bool | None = None,
    noted_on: date | None = None,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    """Correct a point: another value (`changes`: `value`, or the parts of an address) ends the row and makes a new one;
    type, state, employer and day change in place. Returns the row that stands. Conflict where it has ended."""
    reason = clean_reason(reason)
    _require_open(row)
    if changes:
        row = _replace(session, customer, row, changes, reason, case_id, by=by, now=now)
    before, after = {}, {}
    for name, value in (("state", state), ("type", type_)):
        if value is not None and value != getattr(row, name):
            before[name], after[name] = str(getattr(row, name).value), value.value
            setattr(row, name, value)
    if state is not None:
        row.state_by = by
    if row.type is PointType.WORK:
        employer = True  # whatever box was left empty: the rules about work hold for it
    if employer is not None and employer != row.employer:
        before["work"], after["work"] = _yes(row.employer), _yes(employer)
        row.employer = employer
    if noted_on is not None and noted_on != row.noted_on:
        before["noted"], after["noted"] = row.noted_on.isoformat(), noted_on.isoformat()
        row.noted_on = noted_on
    if after:
        changed = ContactPointChanged(id_of(row), row.kind, row.value, before, after, reason)
        _record(session, customer, changed, case_id, by=by, now=now)
    return row


def make_main(
    session: Session,
    customer: Customer,
    row: ContactPoint,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Let outreach use this point. The one used before stays on file. Conflict for one that has ended or is bad."""
    reason = clean_reason(reason)
    _require_open(row)
    if row.state is PointState.BAD:
        raise Conflict(f"{on_one_line(row.value)} is marked bad. Confirm it first.")
    if row.value == main_value(row.kind, columns_of(customer)):
        raise Conflict(f"{on_one_line(row.value)} is the main one already.")
    _become_main(session, customer, row, reason, case_id, by=by, now=now)


def end_point(
    session: Session,
    customer: Customer,
    row: ContactPoint,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Remove a point: it stays in the history. Outreach has none of its kind then, if it was the main one."""
    reason = clean_reason(reason)
    _require_open(row)
    if row.value == main_value(row.kind, columns_of(customer)):
        gone = {name: "" for name in MAIN_COLUMNS[row.kind] if name != "country"}
        change_contact(session, customer, gone, reason, case_id=case_id, by=by, now=now)  # ends the row too
    else:
        row.ended_at, row.ended_by, row.end_reason = now, by, reason
    ended = ContactPointEnded(id_of(row), row.kind, row.value, reason)
    _record(session, customer, ended, case_id, by=by, now=now)


def set_state_of(
    session: Session,
    customer: Customer,
    value: str,
    state: PointState,
    reason: str,
    *,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Give the customer's point with this number or e-mail address a state; nothing where it is not theirs, or is in it
    already. A main point that is usable needs no row to say so."""
    kind = PointKind.EMAIL if "@" in value else PointKind.PHONE
    row = open_row(session, id_of(customer), kind, value) if value else None
    if (
        row is None
        and state is not PointState.USABLE
        and value == main_value(kind, columns_of(customer)) != ""
    ):
        row = named_row(session, customer, kind.value, by=by, now=now)
    if row is not None and row.state is not state:
        change_point(session, customer, row, {}, reason, state=state, case_id=case_id, by=by, now=now)


def _replace(
    session: Session,
    customer: Customer,
    row: ContactPoint,
    changes: Mapping[str, str],
    reason: str,
    case_id: int | None,
    *,
    by: Actor,
    now: datetime,
) -> ContactPoint:
    parts = {name: changes.get(name, str(getattr(row, name))) for name in ADDRESS}
    text = read_point(row.kind, changes.get("value", row.value), parts, customer.country)
    if text.value == row.value:
        return row
    require_not_withheld(session, id_of(customer), text.kind, text.value)
    if open_row(session, id_of(customer), row.kind, text.value):
        raise Conflict(f"{on_one_line(text.value)} is on file for this customer already.")
    made = new_row(id_of(customer), text, row.type, PointState.USABLE, row.source, row.note, by=by, now=now)
    made.employer = row.employer
    session.add(made)
    session.flush()
    if row.value == main_value(row.kind, columns_of(customer)):
        _become_main(session, customer, made, reason, case_id, old_stays=False, by=by, now=now)
    else:
        row.ended_at, row.ended_by, row.end_reason = now, by, reason
    changed = ContactPointChanged(
        id_of(made), row.kind, text.value, {"value": row.value}, {"value": text.value}, reason
    )
    _record(session, customer, changed, case_id, by=by, now=now)
    return made


def _become_main(
    session: Session,
    customer: Customer,
    row: ContactPoint,
    reason: str,
    case_id: int | None,
    *,
    old_stays: bool = True,
    by: Actor,
    now: datetime,
) -> None:
    names = MAIN_COLUMNS[row.kind]
    columns = {name: str(getattr(row, name)) for name in names if row.kind is PointKind.ADDRESS}
    columns = columns or {names[0]: row.value}
    change_contact(session, customer, columns, reason, old_stays=old_stays, case_id=case_id, by=by, now=now)


def _require_open(row: ContactPoint) -> None:
    if row.ended_at is not None:
        raise Conflict(f"{on_one_line(row.value)} was removed already. Add it again if it is to be used.")


def _record(
    session: Session, customer: Customer, payload: Payload, case_id: int | None, *, by: Actor, now: datetime
) -> None:
    record(session, about_customer(id_of(customer), payload, case_id=case_id), by=by, now=now)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
