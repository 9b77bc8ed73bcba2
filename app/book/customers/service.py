"""Correction of a customer's contact data by a person; feeds have their own way (`feeds/storing/accounts.py`).

The newest statement counts. A value that a person typed stays until the creditor's file says something else than it
said then, because a file that goes on saying the old thing is older than the person. Consent and opt-outs belong to
the person and stay; a suppression belongs to the number or address, so a new one begins clean.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.events import CustomerChanged
from app.book.customers.models import WithheldPlace
from app.book.customers.people import CONTACT_LIMITS, checked_contact
from app.book.customers.point_rows import keep_points
from app.book.customers.queries import columns_of
from app.book.customers.rules import main_value
from app.book.ledger.models import ContactCorrection, Customer
from app.book.names.service import rename
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.text import LONGEST_REASON, clean_text
from app.core.timeline.service import about_customer, lock_customers, record

CONTACT = tuple(CONTACT_LIMITS)
WITHHELD = (
    "This place is withheld for the customer’s safety. It can be put on file once the support need has ended."
)


def change_contact(
    session: Session,
    customer: Customer,
    changes: Mapping[str, str],
    reason: str,
    *,
    old_stays: bool = False,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> dict[str, str]:
    """Change some of CONTACT; returns the changes in the form that is stored. Invalid names the wrong field.

    `reason` says how we know ("told on the phone"). The number or address before stays on file as a contact point:
    ended, or still in use where `old_stays`. Messages that wait for the old address are withheld when their
    turn comes: the event is on the customer's stream, which delivery looks at last.
    """
    empty = f"Say how we know, in at most {LONGEST_REASON} characters."
    reason = clean_text(reason, "reason", at_most=LONGEST_REASON, one_line=True, empty=empty)
    assert customer.id is not None
    who = customer.id
    lock_customers(session, [who])
    customer = session.get_one(Customer, who, populate_existing=True)
    before = {name: str(getattr(customer, name)) for name in CONTACT}
    changed = checked_contact(before, changes)
    if not changed:
        return {}
    _require_none_withheld(session, customer, {**before, **changed})
    points_before = columns_of(customer)
    for name, value in changed.items():
        setattr(customer, name, value)
        remember_correction(session, who, name, before[name], value, by=by, now=now)
    if "full_name" in changed:
        rename(session, [(who, before["full_name"], changed["full_name"])])
    keep_points(session, customer, points_before, reason, old_stays=old_stays, by=by, now=now)
    told = CustomerChanged({name: before[name] for name in changed}, changed, reason)
    record(session, about_customer(who, told, case_id=case_id), by=by, now=now)
    return changed


def _require_none_withheld(session: Session, customer: Customer, columns: Mapping[str, str]) -> None:
    """Conflict where a person types a place that was taken off the file for the customer's safety."""
    place = table_of(WithheldPlace)
    query = sa.select(place.c.kind, place.c.value).where(
        place.c.customer_id == customer.id, place.c.ended_at.is_(None)
    )
    for kind, value in session.connection().execute(query):
        if main_value(kind, columns) == value:
            raise Conflict(WITHHELD)


def remember_correction(
    session: Session, customer_id: int, name: str, before: str, value: str, *, by: Actor, now: datetime
) -> None:
    """Record that a person set this field, and the feed's value. Remove the record once both say the same again."""
    known = session.get(ContactCorrection, (customer_id, name))
    if known is None:
        session.add(ContactCorrection(customer_id=customer_id, field=name, fed=before, by=by, at=now))
    elif known.fed == value:
        session.delete(known)
    else:
        known.by, known.at = by, now
    session.flush()
