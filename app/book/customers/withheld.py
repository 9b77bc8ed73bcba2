"""Withheld places: numbers and addresses that are taken off every page, because to write there or to tell them would
put the customer at risk (economic abuse, a partner who threatens). The value leaves the customer's own columns and
their contact points, so that no list, export, letter or case bundle can have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.customers.events import PlaceWithheld
from app.book.customers.models import ContactPoint, WithheldPlace
from app.book.customers.point_rows import named_row
from app.book.customers.queries import columns_of
from app.book.customers.rules import ADDRESS, MAIN_COLUMNS, PointKind, main_value, on_one_line
from app.book.customers.service import WITHHELD, remember_correction
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.service import about_customer, record

GONE = "withheld"
"""The value of a contact point whose own was withheld."""


def withhold_place(
    session: Session,
    customer: Customer,
    key: str,
    *,
    need_id: int,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> WithheldPlace:
    """Take a number or address off every page, by the `key` of its contact point. NotFound where the customer has no
    such point, Conflict where it has ended. The caller holds the customer's lock."""
    row = named_row(session, customer, key, by=by, now=now)
    if row.ended_at is not None:
        raise Conflict("This place is not in use any more. Choose another.")
    place = WithheldPlace(
        customer_id=id_of(customer), need_id=need_id, kind=row.kind, value=row.value, started_at=now, by=by
    )
    session.add(place)
    session.flush()
    _take_off(session, customer, place, by=by, now=now)
    event = about_customer(id_of(customer), PlaceWithheld(place.kind), case_id=case_id)
    record(session, event, by=by, now=now)
    return place


def release_places(session: Session, need_id: int, *, by: Actor, now: datetime) -> int:
    """The places of a need may be put on file again; none comes back by itself. How many."""
    rows = session.scalars(
        select(WithheldPlace).where(WithheldPlace.need_id == need_id, col(WithheldPlace.ended_at).is_(None))
    ).all()
    for row in rows:
        row.ended_at, row.ended_by = now, by
    session.flush()
    return len(rows)


def places_of(session: Session, customer_id: int) -> Sequence[WithheldPlace]:
    """The places withheld from a customer's file now."""
    return session.scalars(
        select(WithheldPlace)
        .where(WithheldPlace.customer_id == customer_id, col(WithheldPlace.ended_at).is_(None))
        .order_by(col(WithheldPlace.id))
    ).all()


def places_among(session: Session, customer_ids: Collection[int]) -> Sequence[WithheldPlace]:
    """The places withheld now from the files of these customers."""
    theirs = among(session, table_of(WithheldPlace).c.customer_id, customer_ids)
    return session.scalars(select(WithheldPlace).where(theirs, col(WithheldPlace.ended_at).is_(None))).all()


def withheld_values(session: Session, customer_ids: Collection[int]) -> set[tuple[int, PointKind, str]]:
    """The places withheld now, of these customers: (customer, kind, value)."""
    place = table_of(WithheldPlace)
    if not customer_ids:
        return set()
    query = sa.select(place.c.customer_id, place.c.kind, place.c.value).where(
        among(session, place.c.customer_id, customer_ids), place.c.ended_at.is_(None)
    )
    return {(who, kind, value) for who, kind, value in session.connection().execute(query)}


def require_not_withheld(session: Session, customer_id: int, kind: PointKind, value: str) -> None:
    """Conflict where the value is withheld from this customer's file."""
    if value and (customer_id, kind, value) in withheld_values(session, [customer_id]):
        raise Conflict(WITHHELD)


def without_withheld(
    customer_id: int,
    known: Mapping[str, str],
    changes: Mapping[str, str],
    withheld: Collection[tuple[int, PointKind, str]],
) -> dict[str, str]:
    """The changes of a customer's columns that a file asks for, but for those that would bring a withheld place back.
    `known`: the columns as they are."""
    kept = dict(changes)
    for kind, names in MAIN_COLUMNS.items():
        if (customer_id, kind, main_value(kind, {**known, **changes})) in withheld:
            kept = {name: text for name, text in kept.items() if name not in names}
    return kept


def hidden_texts(places: Iterable[WithheldPlace]) -> tuple[str, ...]:
    """The texts by which these places would be known, the longest first: the whole, on one line, and each line of an
    address."""
    found: set[str] = set()
    for place in places:
        found |= {place.value, on_one_line(place.value)}
        if place.kind is PointKind.ADDRESS:
            found |= set(place.value.split("\n"))
    return tuple(sorted(found - {""}, key=lambda text: (-len(text), text)))


def _take_off(
    session: Session, customer: Customer, place: WithheldPlace, *, by: Actor, now: datetime
) -> None:
    """Empty the columns and rows that have the place. The law of where they live stays known: country, region, and the
    area of the postcode."""
    who = id_of(customer)
    if main_value(place.kind, columns_of(customer)) == place.value:
        for name in MAIN_COLUMNS[place.kind]:
            before = str(getattr(customer, name))
            after = {"country": before, "region": before, "postcode": area_of(before)}.get(name, "")
            if after != before:
                setattr(customer, name, after)
                remember_correction(session, who, name, before, after, by=by, now=now)
    rows = select(ContactPoint).where(ContactPoint.customer_id == who, ContactPoint.value == place.value)
    for row in session.scalars(rows).all():
        row.value = GONE
        for name in ADDRESS:
            if name != "country":
                setattr(row, name, "")
        if row.ended_at is None:
            row.ended_at, row.ended_by, row.end_reason = now, by, GONE
        row.note = ""
    session.flush()


def area_of(postcode: str) -> str:
    """The part of a postcode that names an area and no street: `G12` of `G12 8QQ`, `021` of `02139`."""
    area, _, rest = postcode.strip().rpartition(" ")
    return area if area else rest[:3]
