"""Facts about customers for the gate, gathered for many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Protocol

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session

from app.book.customers.models import ContactPoint
from app.book.customers.postal import postal_lines
from app.book.customers.rules import PointState
from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import owed_minor
from app.book.ledger.last_payments import last_payments
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import worked
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import DocumentKind, letter_of
from app.casework.holds.models import CaseHold, no_date_ends
from app.casework.plans.queries import kept_agreements
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import CallResult, Counts, Direction
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.types import Cells, Rows
from app.core.vocabulary import Channel
from app.outreach.gate.consent import stated_consents
from app.outreach.gate.models import ContactPreference, SuppressedAddress
from app.outreach.gate.third_parties.representation import representations
from app.outreach.outbox.events import ContactConsoleOnly, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.policy.calendars import begins
from app.policy.facts import (
    ContactResult,
    Facts,
    Hold,
    Notice,
    PastContact,
    Preference,
    PreferenceKind,
    call_asked_for,
)
from app.policy.pack import Pack
from app.policy.rules import FactsNeeded
from app.policy.zones import zones_for

COUNTED = (ContactSent.KIND, ContactConsoleOnly.KIND, CallLogged.KIND)
"""Events that caps and gaps count: messages that a provider accepted, calls made by hand, and messages printed to the
console in place of a provider, so that a desk on trial keeps the pace of a real one."""
COUNTED_BY_HAND = (*COUNTED, ContactLogged.KIND)
"""With letters and e-mails that a person wrote outside the desk; those of the customer are inbound, a visit has no
channel."""
NOT_CONNECTED = frozenset({CallResult.BUSY, CallResult.OUT_OF_SERVICE})
"""Results of calls that rang at no number: an attempt, and no call placed (12 CFR 1006.14(b)(3)(ii))."""
CHUNK = 5000


class Person(Protocol):
    """The fields of a customer that the facts need: a Customer, or a row that has the same columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def full_name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def language_chosen(self) -> bool: ...
    @property
    def country(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def address_line1(self) -> str: ...
    @property
    def address_line2(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def postcode(self) -> str: ...
    @property
    def mobile(self) -> str: ...
    @property
    def email(self) -> str: ...


def address_of(customer: Person, channel: Channel) -> str:
    """The address at which this channel reaches the customer; '' = none is on file."""
    if channel in (Channel.SMS, Channel.CALL):
        return customer.mobile
    if channel is Channel.EMAIL:
        return customer.email
    if not (customer.address_line1 and customer.city):
        return ""
    lines = postal_lines(
        customer.full_name, customer.address_line1, customer.address_line2, customer.city, customer.region,
        customer.postcode, customer.country,
    )  # fmt: skip
    return "\n".join([*lines, customer.country])


def facts_at(facts: Facts, customer: Person, number: str) -> Facts:
    """The facts for a call to another of the customer's numbers: it may be in a further time zone."""
    zones = zones_for(customer.country, customer.region, customer.postcode, number, customer.timezone, "")
    return replace(facts, timezones=tuple(dict.fromkeys([*facts.timezones, *zones])))


def gather_facts(
    session: Session,
    customers: Sequence[Person],
    packs: Pack | Mapping[int, Pack],
    *,
    now: datetime,
    reserved: Mapping[int, Sequence[PastContact]] | None = None,
) -> dict[int, Facts]:
    """Facts by customer id, for many customers at once, as far as their `packs` (by customer id, or one for all)
    look. `reserved` are contacts not made yet that must count already (queued or being sent)."""
    asked = [packs] if isinstance(packs, Pack) else list({id(pack): pack for pack in packs.values()}.values())
    ids = [c.id for c in customers if c.id is not None]
    suppressed = _suppressed(session, ids)
    told, preferred = _preferences(session, ids)
    zones = {
        c.id: zones_for(c.country, c.region, c.postcode, c.mobile, c.timezone, told.get(id_of(c), ""))
        for c in customers
    }
    consents, opted_out, electronic = stated_consents(
        session, {id_of(c): c for c in customers if c.id is not None}, zones, now
    )
    needed = reduce(or_, (pack.needed for pack in asked), FactsNeeded())
    holds = _holds(session, ids, zones)
    history = _history(session, ids, now - timedelta(days=needed.history_days + 1))
    notices = _notices(session, ids, needed.letters)
    limitation = _limitation(session, ids, needed.debt_years, now)
    old = limitation if needed.contacts_about_old_debts else {}
    contacted = _first_contacts(session, {i: since for i, (since, _) in old.items()})
    with_legal, callbacks = _of_open_cases(session, ids)
    keeping = ids if needed.agreements else [i for i in ids if needed.agreements_on_hold and i in holds]
    agreements = kept_agreements(session, keeping)
    represented = representations(session, customers if needed.represented else (), zones, now=now)
    told_apart = {*represented, *agreements}.union(
        suppressed, holds, preferred, notices, limitation, with_legal, callbacks
    )
    facts = {}
    ordinary: dict[Cells, Facts] = {}
    for i in ids:
        past = sorted([*history.get(i, []), *(reserved or {}).get(i, ())], key=lambda contact: contact.at)
        if not past and i not in told_apart:
            # Nothing tells these customers apart, so they share one object and one answer (see review.py).
            theirs = consents.get(i, {})
            by = electronic.get(i, frozenset())
            sort = (zones[i], *theirs.items(), *opted_out.get(i, {}).values(), by)
            if sort not in ordinary:
                ordinary[sort] = Facts(zones[i], theirs, opted_out.get(i, {}), by)
            facts[i] = ordinary[sort]
            continue
        facts[i] = Facts(
            timezones=zones[i],
            consent=consents.get(i, {}),
            opted_out_at=opted_out.get(i, {}),
            electronic_notices=electronic.get(i, frozenset()),
            suppressed_since=suppressed.get(i, {}),
            holds=tuple(holds.get(i, ())),
            history=tuple(past),
            preferences=tuple(dict.fromkeys(preference_of(row, zones[i]) for row in preferred.get(i, ()))),
            notices=tuple(notices.get(i, ())),
            due_since=limitation.get(i, (None, None))[0],
            paid_or_due_since=limitation.get(i, (None, None))[1],
            with_legal_since=with_legal.get(i),
            call_asked_for=call_asked_for(past, callbacks.get(i)),
            agreement=agreements.get(i),
            represented=represented.get(i),
            contacted_on=contacted.get(i),
        )
    return facts


def _suppressed(session: Session, ids: Sequence[int]) -> dict[int, dict[Channel, datetime]]:
    """The channels on which each customer's address on file is on the suppression list, and since when."""
    customer, row = table_of(Customer), table_of(SuppressedAddress)
    found: dict[int, dict[Channel, datetime]] = {}
    for some in chunked(ids, CHUNK):
        # A number begins with +, an e-mail address has an @: neither can be taken for the other.
        query = (
            sa.select(customer.c.id, row.c.channel, row.c.since)
            .join(row, row.c.address.in_((customer.c.mobile, sa.func.lower(customer.c.email))))
            .where(among(session, customer.c.id, some), row.c.ended_at.is_(None))
        )
        for customer_id, channel, since in session.connection().execute(query):
            found.setdefault(customer_id, {})[channel] = since
    return found


def _preferences(session: Session, ids: Sequence[int]) -> tuple[dict[int, str], dict[int, list[DbRow]]]:
    """The zone each customer told, and their other preferences, in one statement with their contact points that are bad
    or the employer's, whether a person or a file said so."""
    table, point = table_of(ContactPreference), table_of(ContactPoint)
    places = {
        "kind": sa.case(
            (point.c.state == PointState.BAD, PreferenceKind.PLACE.value),
            else_=PreferenceKind.WORKPLACE.value,
        ),
        "address": point.c.value,
        "start_minute": sa.literal(0),
        "end_minute": sa.literal(1440),
        "customer_id": point.c.customer_id,
        "id": point.c.id,
    }
    empty = {"weekdays": sa.literal(""), "timezone": sa.literal("")}
    names = (
        "customer_id", "kind", "channel", "weekdays", "start_minute", "end_minute", "address", "timezone", "until",
    )  # fmt: skip
    closed = sa.or_(point.c.state == PointState.BAD, point.c.employer)
    told: dict[int, str] = {}
    rows: dict[int, list[DbRow]] = {}
    for some in chunked(ids, CHUNK):
        query = sa.union_all(
            sa.select(sa.literal(0).label("part"), table.c.id, *[table.c[name] for name in names]).where(
                among(session, table.c.customer_id, some), table.c.ended_at.is_(None)
            ),
            sa.select(
                sa.literal(1), places["id"], *[places.get(name, empty.get(name, sa.null())) for name in names]
            ).where(among(session, point.c.customer_id, some), point.c.ended_at.is_(None), closed),
        )
        for row in sorted(session.connection().execute(query), key=lambda row: (row.part, row.id)):
            if row.kind is PreferenceKind.TIMEZONE:
                told[row.customer_id] = row.timezone
            else:
                rows.setdefault(row.customer_id, []).append(row)
    return told, rows


def preference_of(row: DbRow | ContactPreference, zones: Sequence[str]) -> Preference:
    return Preference(
        kind=row.kind,
        channels=(row.channel,) if row.channel else (),
        weekdays=tuple(int(day) for day in row.weekdays.split(",") if day),
        start=row.start_minute,
        end=row.end_minute,
        address=row.address,
        until=begins(row.until + timedelta(days=1), zones) if row.until else None,
    )


def _holds(
    session: Session, ids: Sequence[int], zones: Mapping[int | None, Sequence[str]]
) -> dict[int, list[Hold]]:
    """Open holds. A hold's date is a local one: the hold lapses when that day begins wherever the customer may be. The
    date of a hold for good is only its review date."""
    hold = table_of(CaseHold)
    holds: dict[int, list[Hold]] = {}
    columns = (hold.c.customer_id, hold.c.kind, hold.c.started_at, hold.c.until, no_date_ends(hold))
    for customer_id, kind, started_at, until, for_good in _of_customers(
        session, columns, ids, hold.c.ended_at.is_(None)
    ):
        ends = None if for_good else begins(until, zones[customer_id])
        held = Hold(kind, started_at, ends, until if for_good else None)
        holds.setdefault(customer_id, []).append(held)
    return holds


def _of_open_cases(session: Session, ids: Sequence[int]) -> tuple[dict[int, datetime], dict[int, datetime]]:
    """Customers whose open case the legal team has, and since when; those who have a callback, and when."""
    case = table_of(CollectionsCase)
    columns = (case.c.customer_id, case.c.with_legal_since, case.c.callback_at)
    told = sa.or_(case.c.with_legal_since.is_not(None), case.c.callback_at.is_not(None))
    rows = list(_of_customers(session, columns, ids, told, case.c.status == CaseStatus.OPEN))
    return (
        {row.customer_id: row.with_legal_since for row in rows if row.with_legal_since},
        {row.customer_id: row.callback_at for row in rows if row.callback_at},
    )


def _history(session: Session, ids: Sequence[int], since: datetime) -> dict[int, list[PastContact]]:
    event = table_of(Event)
    history: dict[int, list[PastContact]] = {}
    columns = (event.c.customer_id, event.c.at, event.c.channel, event.c.data)
    for customer_id, at, channel, text in _of_customers(
        session,
        columns,
        ids,
        event.c.kind.in_(COUNTED_BY_HAND),
        event.c.at >= since,
        event.c.channel.is_not(None),
    ):
        history.setdefault(customer_id, []).append(past_contact(at, channel, text))
    return history


def past_contact(at: datetime, channel: Channel, text: str) -> PastContact:
    """A message that was sent or a call that was logged, from its event's JSON. A call's code says who was reached."""
    data = from_json(text)
    spoke = data.get("counts") == Counts.CONVERSATION or data.get("result") in shipped_conversations()
    result = ContactResult.ANSWERED if spoke else ContactResult.PLACED
    if channel is Channel.CALL and data.get("result") in NOT_CONNECTED:
        result = ContactResult.ATTEMPTED
    address = data.get("number") or data.get("to") or ""
    asked_for = datetime.fromisoformat(data["asked_for"]) if data.get("asked_for") else None
    return PastContact(at, channel, result, address, "", data.get("direction") == Direction.IN, asked_for)


def _notices(session: Session, ids: Sequence[int], letters: Collection[str]) -> dict[int, list[Notice]]:
    """Sendings, but for those that came back, of the letters on which some wait of these packs depends, oldest first;
    not asked for without one."""
    found: dict[int, list[Notice]] = {}
    if not letters:
        return found
    message = table_of(OutboxMessage)
    sent = (message.c.customer_id, message.c.letter, message.c.sent_at, message.c.answer_by)
    left = (
        message.c.letter.in_(sorted(letters)),
        message.c.status.in_((OutboxStatus.SENT, OutboxStatus.DELIVERED)),
        message.c.console_only.is_(False),
    )
    for customer_id, letter, at, answer_by in _of_customers(session, sent, ids, *left):
        found.setdefault(customer_id, []).append(Notice(letter, at, answer_by))
    # Notices given outside the desk, of which a document is on file.
    document = table_of(CaseDocument)
    dated = (document.c.customer_id, document.c.dated_on, document.c.kind, document.c.answer_by)
    on_file = (
        document.c.withdrawn_at.is_(None),
        document.c.kind.in_([kind for kind in DocumentKind if letter_of(kind) in letters]),
    )
    for customer_id, dated_on, kind, answer_by in _of_customers(session, dated, ids, *on_file):
        at = datetime(dated_on.year, dated_on.month, dated_on.day, 12, tzinfo=UTC)
        found.setdefault(customer_id, []).append(Notice(letter_of(kind), at, answer_by))
    for notices in found.values():
        notices.sort(key=lambda notice: notice.at)
    return found


def _limitation(
    session: Session, ids: Sequence[int], years: int | None, now: datetime
) -> dict[int, tuple[date, date]]:
    """(`due_since`, `paid_or_due_since`) of customers with a debt of at least so many years.
    An acknowledgement in writing would start the period anew; we are not told of any."""
    if years is None:
        return {}
    account, state = table_of(Account), table_of(AccountState)
    oldest = now.date() - timedelta(days=365 * years)
    columns = (account.c.customer_id, account.c.id, state.c.oldest_due_on)
    due = {
        account_id: (customer_id, due_on)
        for customer_id, account_id, due_on in _of_customers(
            session,
            columns,
            ids,
            account.c.id == state.c.account_id,
            worked(),
            owed_minor() > 0,
            state.c.oldest_due_on <= oldest,
        )
    }
    paid = last_payments(session, due)
    since: dict[int, tuple[date, date]] = {}
    for account_id, (customer_id, due_on) in due.items():
        runs_from = max(due_on, paid.get(account_id, due_on))
        before = since.get(customer_id, (due_on, runs_from))
        since[customer_id] = (min(before[0], due_on), min(before[1], runs_from))
    return since


def _first_contacts(session: Session, since: Mapping[int, date]) -> dict[int, date]:
    """The first day after that date on which a message left for these customers or a call was made, by customer."""
    event = table_of(Event)
    found: dict[int, date] = {}
    for customer_id, at in _of_customers(
        session, (event.c.customer_id, event.c.at), list(since), event.c.kind.in_(COUNTED)
    ):
        if at.date() > since[customer_id]:
            found[customer_id] = min(found.get(customer_id, date.max), at.date())
    return found


def _of_customers(
    session: Session, columns: Rows, ids: Sequence[int], *where: sa.ColumnElement[bool]
) -> Iterable[DbRow]:
    """Narrow rows of many customers; the first column's table has the `customer_id`."""
    customer_id = columns[0].table.c.customer_id
    for some in chunked(ids, CHUNK):
        query = sa.select(*columns).where(among(session, customer_id, some), *where)
        yield from session.connection().execute(query)
