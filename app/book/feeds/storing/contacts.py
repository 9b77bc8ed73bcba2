"""The `contacts` feed: several numbers and addresses of a customer, beside the main ones of the accounts feed.

A file adds points, and changes the state of those it named before. What a person decided stands: a file neither opens
what a person closed nor brings back what a person removed, unless it noted it on a later day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.customers.events import ContactPointChanged, LinksReplaced
from app.book.customers.models import ContactPoint
from app.book.customers.rules import (
    ADDRESS,
    MAIN_COLUMNS,
    MAIN_TYPES,
    PointKind,
    PointSource,
    PointState,
    PointText,
    PointType,
    main_value,
    read_point,
)
from app.book.customers.withheld import withheld_values
from app.book.feeds.cells import (
    CONFLICT,
    Cells,
    Layout,
    Reject,
    Row,
    Stored,
    date_cell,
    if_there,
    one_of,
    reference_cell,
    text_cell,
)
from app.book.feeds.storing.tables import among_texts
from app.book.ledger.events import THE_FILE
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.database.bulk import among, insert_rows
from app.core.database.engine import table_of
from app.core.database.rows import DbRow, Query
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record_many
from app.core.types import JsonObject, Values

BY = Actor("feed:contacts")
TRUE = frozenset({"yes", "true", "1"})
KINDS = frozenset(kind.value for kind in PointKind)
TYPES = frozenset(kind.value for kind in PointType)
STATES = frozenset(state.value for state in PointState)
SOURCES = frozenset(source.value for source in PointSource)
Key = tuple[int, PointKind, str]


def parse_contact(row: Cells, _: Portfolio) -> JsonObject:
    kind = PointKind(one_of(row, "kind", KINDS, "phone, email or address"))
    employer = (
        one_of(row, "employer", TRUE | {"no", "false", "0", ""}, "yes or no") if "employer" in row else ""
    )
    state = one_of(row, "state", STATES | {""}, "usable, bad or unconfirmed") if "state" in row else ""
    source = one_of(row, "source", SOURCES | {""}, "a source") if "source" in row else ""
    return {
        "customer_ref": reference_cell(row, "customer_ref", 60),
        "kind": kind,
        "type": PointType(one_of(row, "type", TYPES, "mobile, home, work or other")),
        "value": text_cell(row, "value", 254, required=kind is not PointKind.ADDRESS),
        "parts": {name: if_there(row, name, 200) or "" for name in ADDRESS},
        "state": PointState(state or PointState.USABLE),
        "employer": employer in TRUE,
        "source": PointSource(source or PointSource.CREDITOR),
        "noted_on": date_cell(row, "noted_on", required=False),
        "note": text_cell(row, "note", 120, required=False),
    }


@dataclass
class _Batch:
    session: Session
    now: datetime
    today: date
    stored: Stored = field(default_factory=Stored)
    fresh: list[JsonObject] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    closed: list[tuple[DbRow, Key]] = field(default_factory=list)
    """Points that this batch finds to be bad, with their customer."""

    def refuse(self, row: Row, column: str, reason: str) -> None:
        self.stored.rejects.append(Reject(row.line, column, reason, row.cells))


def store_contacts(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Store a batch: new points, and what changed of those the file named before, each with an event."""
    batch = _Batch(session, now, local_date(now, portfolio.timezone))
    customers = _customers(session, id_of(portfolio), {row.values["customer_ref"] for row in rows})
    lock_customers(session, [customer.id for customer in customers.values()])
    known = _known(session, [customer.id for customer in customers.values()])
    withheld = withheld_values(session, [customer.id for customer in customers.values()])
    said: dict[Key, Values] = {}
    for row in rows:
        customer = customers.get(row.values["customer_ref"])
        if customer is None:
            batch.refuse(row, "customer_ref", "no such customer in this portfolio")
            continue
        noted_on = row.values["noted_on"]
        if noted_on is not None and noted_on > batch.today:
            batch.refuse(row, "noted_on", f"has not come yet: {noted_on}")
            continue
        try:
            text = read_point(row.values["kind"], row.values["value"], row.values["parts"], customer.country)
        except Invalid as error:
            batch.refuse(row, error.field or "value", error.message)
            continue
        key = (customer.id, text.kind, text.value)
        if key in withheld:  # it would put the customer at risk, so that no file puts it back
            batch.stored.unchanged += 1
            continue
        told = {
            name: row.values[name] for name in ("type", "state", "employer", "source", "noted_on", "note")
        }
        if (before := said.setdefault(key, told)) is not told:
            if before == told:
                batch.stored.unchanged += 1
            else:
                batch.refuse(row, "value", f"{CONFLICT}another row of this file says something else of it")
            continue
        _take(batch, customer, text, told, known.get(key))
    insert_rows(session, ContactPoint, batch.fresh)
    batch.stored.loaded += len(batch.fresh)
    _replace_links(batch)
    record_many(session, batch.events, by=BY, now=now)
    return batch.stored


def _take(batch: _Batch, customer: DbRow, text: PointText, told: Values, row: ContactPoint | None) -> None:
    """Add a point, or take over what the file says anew of one."""
    noted_on = told["noted_on"]
    if row is None or _comes_back(row, noted_on):
        batch.fresh.append(_as_row(batch, customer.id, text, told))
        if told["state"] is PointState.BAD:
            batch.closed.append((customer, (customer.id, text.kind, text.value)))
        return
    if row.ended_at is not None:
        batch.stored.unchanged += 1
        return
    before, after = _changes(row, told)
    if not after:
        batch.stored.unchanged += 1
        return
    if after.get("state") == PointState.BAD.value:
        batch.closed.append((customer, (customer.id, text.kind, text.value)))
    changed = ContactPointChanged(id_of(row), row.kind, row.value, before, after, THE_FILE)
    batch.events.append(about_customer(customer.id, changed))
    batch.stored.updated += 1


def _comes_back(row: ContactPoint, noted_on: date | None) -> bool:
    """Whether a point that was removed is told again, as known on a later day. One that was bad when a person removed
    it stays away: another person was reached there."""
    if row.ended_at is None or noted_on is None or noted_on <= row.ended_at.date():
        return False
    return row.state is not PointState.BAD or Actor(row.state_by).kind is ActorKind.FEED


def _changes(row: ContactPoint, told: Values) -> tuple[dict[str, str], dict[str, str]]:
    """Take over state, employer flag, type and day as far as they are news; what was, and what is."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}

    def take(name: str, was: str, becomes: str) -> None:
        if was != becomes:
            before[name], after[name] = was, becomes

    state: PointState = told["state"]
    is_new = row.fed_state != state.value
    by_person = Actor(row.state_by).kind is not ActorKind.FEED
    if is_new and not (row.state is PointState.BAD and by_person):
        take("state", row.state.value, state.value)
        row.state, row.state_by = state, BY
    row.fed_state = state.value
    if told["noted_on"] is not None and told["noted_on"] > row.noted_on:
        take("noted", row.noted_on.isoformat(), told["noted_on"].isoformat())
        take("type", row.type.value, told["type"].value)
        row.noted_on, row.type = told["noted_on"], told["type"]
        row.source, row.note = told["source"], told["note"] or row.note
    if (told["employer"] or row.type is PointType.WORK) and not row.employer:
        take("work", "no", "yes")
        row.employer = True
    return before, after


def _as_row(batch: _Batch, customer_id: int, text: PointText, told: Values) -> JsonObject:
    return {
        "customer_id": customer_id, "kind": text.kind, "type": told["type"], "value": text.value, **text.parts,
        "state": told["state"], "state_by": BY, "fed_state": told["state"].value,
        "employer": told["employer"] or told["type"] is PointType.WORK, "source": told["source"], "note": told["note"],
        "noted_on": told["noted_on"] or batch.today, "created_at": batch.now, "by": BY, "ended_at": None,
        "ended_by": "", "end_reason": "",
    }  # fmt: skip


def _replace_links(batch: _Batch) -> None:
    """Messages went to main numbers and addresses only: where one is bad now, another person may hold its links."""
    ids = {
        customer.id
        for customer, (_, kind, value) in batch.closed
        if kind is not PointKind.ADDRESS and getattr(customer, MAIN_COLUMNS[kind][0]) == value
    }
    if not ids:
        return
    table = table_of(Customer)
    wrong = among(batch.session, table.c.id, sorted(ids))
    batch.session.execute(sa.update(table).where(wrong).values(link_number=table.c.link_number + 1))
    batch.events += [about_customer(customer_id, LinksReplaced()) for customer_id in sorted(ids)]


def _customers(session: Session, portfolio_id: int, references: set[str]) -> Mapping[str, DbRow]:
    table = table_of(Customer)
    query: Query = sa.select(
        table.c.id, table.c.reference, table.c.country, table.c.mobile, table.c.email
    ).where(table.c.portfolio_id == portfolio_id, among_texts(session, table.c.reference, sorted(references)))
    return {row.reference: row for row in session.connection().execute(query)}


def _known(session: Session, customer_ids: Sequence[int]) -> dict[Key, ContactPoint]:
    """The points of these customers: the one in use, else the one that ended last."""
    table = table_of(ContactPoint)
    query = select(ContactPoint).where(among(session, table.c.customer_id, customer_ids))
    known: dict[Key, ContactPoint] = {}
    for row in session.scalars(query.order_by(col(ContactPoint.ended_at).is_(None), col(ContactPoint.id))):
        known[row.customer_id, row.kind, row.value] = row
    return known


CONTACTS = Layout(
    ("customer_ref", "kind", "type", "value"),
    (*ADDRESS, "state", "employer", "source", "noted_on", "note"),
    parse_contact,
    store_contacts,
)


# --- main points that the accounts feed replaces --------------------------------------------------------------


def keep_replaced(
    session: Session, replaced: Sequence[tuple[Values, Values]], *, by: Actor, now: datetime
) -> None:
    """Keep the main points that an accounts file replaced as rows that ended: pairs of a customer's columns before and
    after. One that has a row already stays in use beside the new one."""
    found: dict[Key, JsonObject] = {}
    for before, after in replaced:
        for kind in PointKind:
            was = main_value(kind, before)
            if was and was != main_value(kind, after):
                parts = {name: before[name] if kind is PointKind.ADDRESS else "" for name in ADDRESS}
                found[before["id"], kind, was] = parts
    if not found:
        return
    known = _known(session, sorted({customer_id for customer_id, _, _ in found}))
    rows = [
        {
            "customer_id": key[0], "kind": key[1], "type": MAIN_TYPES[key[1]], "value": key[2], **parts,
            "state": PointState.USABLE, "state_by": by, "fed_state": "", "employer": False,
            "source": PointSource.CREDITOR, "note": "", "noted_on": now.date(), "created_at": now, "by": by,
            "ended_at": now, "ended_by": by, "end_reason": f"replaced by {THE_FILE}",
        }
        for key, parts in found.items() if key not in known
    ]  # fmt: skip
    insert_rows(session, ContactPoint, rows)
