"""Preferences: the times and places that do not suit a customer, and where they say they live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.customers.contact_points import set_state_of
from app.book.customers.queries import open_row
from app.book.customers.rules import PointKind, PointState
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.card_numbers import holds_card_number
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel
from app.outreach.gate.events import PreferenceEnded, PreferenceSet
from app.outreach.gate.models import ContactPreference
from app.policy.facts import PreferenceKind
from app.policy.zones import is_place


def set_preference(
    session: Session,
    customer: Customer,
    kind: PreferenceKind,
    *,
    channel: Channel | None = None,
    weekdays: Sequence[int] = (),
    start_minute: int = 0,
    end_minute: int = 1440,
    address: str = "",
    timezone: str = "",
    until: date | None = None,
    need_id: int | None = None,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference:
    """Record a time or place that does not suit the customer, or where they say they live.

    Minutes are after local midnight; `weekdays` Monday = 0, none = all; `address` as it is on file; `until` the last
    local date; `need_id` the support need that places it, which may close a whole `channel` by an empty address. A new
    time zone takes the place of the one told before. Invalid names the field that is wrong.
    """
    source = clean_text(source, "source", required=False, at_most=120)
    # One mobile number in ten passes for a card number; those on file were checked when they came.
    if address != customer.mobile and holds_card_number(address):
        raise Invalid("This looks like a full card number, which is never stored.", "address")
    if (
        kind is not PreferenceKind.PLACE or channel is None or need_id is None
    ):  # a need may close a whole channel
        _check_preference(kind, weekdays, start_minute, end_minute, address, timezone)
    customer_id = id_of(customer)
    if kind is PreferenceKind.TIMEZONE:
        _end_told_zones(session, customer_id, now)
    row = ContactPreference(
        customer_id=customer_id,
        kind=kind,
        channel=channel,
        weekdays=",".join(str(day) for day in sorted(set(weekdays))),
        start_minute=start_minute,
        end_minute=end_minute,
        address=address,
        timezone=timezone,
        until=until,
        need_id=need_id,
        source=source,
        created_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    event = about_customer(customer_id, _told(row), case_id=case_id, channel=channel)
    record(session, event, by=by, now=now)
    return row


def _told(row: ContactPreference) -> PreferenceSet:
    """The preference as its event tells it."""
    is_time, is_zone = row.kind is PreferenceKind.TIME, row.kind is PreferenceKind.TIMEZONE
    return PreferenceSet(
        id_of(row),
        row.kind,
        row.weekdays,
        row.until,
        row.source,
        start_minute=row.start_minute if is_time else None,
        end_minute=row.end_minute if is_time else None,
        timezone=row.timezone if is_zone else None,
    )


def rest_address(
    session: Session,
    customer: Customer,
    address: str,
    *,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference | None:
    """Use a number or address on no channel until a person confirms it, because another person was reached there.
    Returns the preference that says so already, where there is one; None without an address."""
    if not address:
        return None
    for told in open_preferences(session, id_of(customer)):
        at_all = told.kind is PreferenceKind.PLACE and told.channel is None and told.until is None
        if at_all and told.address == address:
            return told
    return set_preference(
        session,
        customer,
        PreferenceKind.PLACE,
        address=address,
        source=source,
        case_id=case_id,
        by=by,
        now=now,
    )


def _check_preference(
    kind: PreferenceKind, weekdays: Sequence[int], start: int, end: int, address: str, timezone: str
) -> None:
    if any(day not in range(7) for day in weekdays):
        raise Invalid("A weekday is a number from 0 (Monday) to 6 (Sunday).", "weekdays")
    if not 0 <= start < end <= 1440:
        raise Invalid("The time must begin before it ends, on one day.", "start_minute")
    needs_address = kind in (PreferenceKind.PLACE, PreferenceKind.WORKPLACE)
    if needs_address and not address:
        raise Invalid("Name the number or address that must not be used.", "address")
    if kind is PreferenceKind.TIMEZONE and not is_place(timezone):
        raise Invalid(f"{timezone!r} is not a time zone. Name a place, such as America/Chicago.", "timezone")


def _end_told_zones(session: Session, customer_id: int, now: datetime) -> None:
    query = select(ContactPreference).where(
        ContactPreference.customer_id == customer_id,
        ContactPreference.kind == PreferenceKind.TIMEZONE,
        col(ContactPreference.ended_at).is_(None),
    )
    for row in session.scalars(query):
        row.ended_at = now


def open_preferences(session: Session, customer_id: int) -> list[ContactPreference]:
    """The customer's preferences that they have not taken back, oldest first."""
    query = select(ContactPreference).where(
        ContactPreference.customer_id == customer_id, col(ContactPreference.ended_at).is_(None)
    )
    return list(session.scalars(query.order_by(col(ContactPreference.id))))


def with_days_after(weekdays: Sequence[int]) -> list[int]:
    """These days and the day after each; none named is every day."""
    return sorted({day for named in weekdays for day in (named, (named + 1) % 7)})


def other_half(row: ContactPreference, rows: Iterable[ContactPreference]) -> ContactPreference | None:
    """The other half of a time over midnight, which is kept as two rows that were told in one breath; None = it is one
    row."""

    def told(each: ContactPreference) -> tuple[object, ...]:
        return each.kind, each.channel, each.source, each.by, each.created_at

    def meet(evening: ContactPreference, morning: ContactPreference) -> bool:
        return evening.end_minute == 1440 and morning.start_minute == 0

    if row.kind is not PreferenceKind.TIME:
        return None
    for each in rows:
        if each.id != row.id and told(each) == told(row) and (meet(row, each) or meet(each, row)):
            return each
    return None


def end_preference(
    session: Session,
    row: ContactPreference,
    *,
    reason: str = "",
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """End a preference: the customer takes it back, or a person confirms the address. Conflict if it has ended."""
    reason = clean_text(reason, "reason", required=False, at_most=500)
    if row.ended_at is not None:
        raise Conflict(f"Preference {row.id} has ended already.")
    row.ended_at = now
    ended = PreferenceEnded(id_of(row), row.kind, reason)
    event = about_customer(row.customer_id, ended, case_id=case_id, channel=row.channel)
    record(session, event, by=by, now=now)
    if row.kind is PreferenceKind.PLACE and row.channel is None:  # a number that rested: it may be used again
        customer = session.get_one(Customer, row.customer_id)
        kind = PointKind.EMAIL if "@" in row.address else PointKind.PHONE
        point = open_row(session, row.customer_id, kind, row.address)
        if point is not None and point.state_by == row.by:  # what another person or file closed stays closed
            usable, why = PointState.USABLE, reason or "the number is used again"
            set_state_of(session, customer, row.address, usable, why, case_id=case_id, by=by, now=now)
