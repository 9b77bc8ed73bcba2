"""Change what a customer allows: channels, times, places, language, links to their page, addresses no longer used.

Staff, a message, a bounce and the customer's own page call the same functions. Each records its event, and the gate
obeys from the same transaction on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session, select

from app.book.customers.contact_points import set_state_of
from app.book.customers.events import LanguageChanged, LinksReplaced
from app.book.customers.rules import PointState
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import CUSTOMER, Actor
from app.core.database.rows import locked_row
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel
from app.outreach.gate.consent import (
    PLAIN,
    ConsentTerms,
    consent_of,
    consents_of,
    lapsed,
    opt_out_of_all,
    set_consent,
)
from app.outreach.gate.facts import address_of
from app.outreach.gate.models import ContactPreference, SuppressedAddress
from app.outreach.gate.preferences import (
    end_preference,
    open_preferences,
    other_half,
    rest_address,
    set_preference,
    with_days_after,
)
from app.outreach.gate.suppression import channel_of, on_list, restore, suppress
from app.policy.facts import PreferenceKind, Suppression

PAGE = "preferences page"
"""The source of a customer's own choices on their page; only that can be taken back there."""
PLACES = (PreferenceKind.PLACE, PreferenceKind.WORKPLACE)


# --- channels -----------------------------------------------------------------------------------------------


def change_consent(
    session: Session,
    customer: Customer,
    channel: Channel | None,
    *,
    allowed: bool,
    source: str,
    terms: ConsentTerms = PLAIN,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record that the customer allows a channel on these terms, or refuses it; None refuses them all. Invalid for
    allowing them all."""
    told = {"source": source, "case_id": case_id, "by": by, "now": now}
    if channel is not None:
        set_consent(session, customer, channel, allowed=allowed, terms=terms, **told)  # type: ignore[arg-type]
    elif allowed:
        raise Invalid("Consent is given for one channel at a time. Name the channel.", "channel")
    else:
        opt_out_of_all(session, customer, **told)  # type: ignore[arg-type]


def refuse_channel(
    session: Session,
    customer: Customer,
    channel: Channel,
    *,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Send nothing more by a channel. A refusal that is said twice is on record once."""
    known = consent_of(session, customer, channel)
    if known is None or known.allowed:
        set_consent(session, customer, channel, allowed=False, source=source, case_id=case_id, by=by, now=now)


def refuse_channels(
    session: Session, customer: Customer, channels: Collection[Channel], *, source: str, now: datetime
) -> None:
    """The customer refuses these channels, on their page or by the link in a message."""
    case_id = _open_case_of(session, customer)
    for channel in Channel:
        if channel in channels:
            refuse_channel(session, customer, channel, source=source, case_id=case_id, by=CUSTOMER, now=now)


def choose_channels(
    session: Session, customer: Customer, wanted: Collection[Channel], *, now: datetime
) -> None:
    """The customer chooses these channels and no others. A channel that was never refused gains no consent by being
    left ticked; one whose consent was for another number or address gains one for that on file now, and none by being
    left unticked."""
    allowed = allowed_channels(session, customer, now=now)
    refuse_channels(session, customer, [c for c in allowed if c not in wanted], source=PAGE, now=now)
    case_id = _open_case_of(session, customer)
    for channel in Channel:
        if channel in wanted and channel not in allowed:
            set_consent(
                session, customer, channel, allowed=True, source=PAGE, case_id=case_id, by=CUSTOMER, now=now
            )


def allowed_channels(session: Session, customer: Customer, *, now: datetime) -> list[Channel]:
    """The channels that the customer has not refused, and whose consent, if any, holds now: for the number or address
    that is on file."""
    closed = {
        consent.channel
        for consent in consents_of(session, id_of(customer))
        if not consent.allowed or lapsed(consent, customer, now)
    }
    return [channel for channel in Channel if channel not in closed]


def lapsed_channels(session: Session, customer: Customer, *, now: datetime) -> list[Channel]:
    """The channels whose consent was given until a day that is over, or for another number or address than the one on
    file now, or for none."""
    return [
        consent.channel for consent in consents_of(session, id_of(customer)) if lapsed(consent, customer, now)
    ]


# --- times and places ---------------------------------------------------------------------------------------


def add_preference(
    session: Session,
    customer: Customer,
    kind: PreferenceKind,
    *,
    channel: Channel | None = None,
    weekdays: Sequence[int] = (),
    start_minute: int = 0,
    end_minute: int = 1440,
    timezone: str = "",
    until: date | None = None,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference:
    """Record a time or place that does not suit the customer, or the time zone they live in. A place is the number or
    address on file for its channel. A time that ends before it begins goes over midnight: two rows, of which the first
    is returned; the second keeps the mornings of the days named and those after them, for either may be meant. Invalid
    names the field that is missing."""
    address = ""
    if kind in PLACES:
        if channel is None:
            raise Invalid("Name the channel whose number or address it is.", "channel")
        address = address_of(customer, channel)
    elif kind is PreferenceKind.TIME and (start_minute, end_minute) == (0, 1440):
        raise Invalid("Say from when, until when, or both.", "start")
    spans = _spans(start_minute, end_minute) if kind is PreferenceKind.TIME else [(0, 1440)]
    rows = [
        set_preference(
            session, customer, kind,
            channel=channel, weekdays=weekdays if n == 0 else with_days_after(weekdays),
            start_minute=start, end_minute=end, address=address, timezone=timezone,
            until=until if n == 0 or until is None else until + timedelta(days=1),
            source=source, case_id=case_id, by=by, now=now,
        )
        for n, (start, end) in enumerate(spans)
    ]  # fmt: skip
    return rows[0]


def keep_daily_time(
    session: Session,
    customer: Customer,
    channel: Channel | None,
    start: int,
    end: int,
    *,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record a time of every day that does not suit the customer, in minutes after local midnight; None = on every
    channel. One that stands already is not recorded again."""
    wished = (PreferenceKind.TIME, channel, start, end, "", None)
    for row in open_preferences(session, id_of(customer)):
        if (row.kind, row.channel, row.start_minute, row.end_minute, row.weekdays, row.until) == wished:
            return
    add_preference(
        session, customer, PreferenceKind.TIME, channel=channel, start_minute=start, end_minute=end,
        source=source, case_id=case_id, by=by, now=now,
    )  # fmt: skip


def rest_wrong_address(
    session: Session,
    customer: Customer,
    address: str,
    why: str,
    *,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference | None:
    """Another person was reached there: use the address on no channel until a person confirms it, and mark it bad.
    Returns the preference that says so; None without an address."""
    told = rest_address(session, customer, address, source=source, case_id=case_id, by=by, now=now)
    set_state_of(session, customer, address, PointState.BAD, why, case_id=case_id, by=by, now=now)
    return told


def _spans(start: int, end: int) -> list[tuple[int, int]]:
    """A time of day in minutes as spans within one day. Invalid where it ends when it begins."""
    if start == end:
        raise Invalid("Give two different times of day.", "start")
    return [(start, end)] if start < end else [(start, 1440), *([(0, end)] if end else [])]


def take_back_preference(
    session: Session,
    customer_id: int,
    preference_id: int,
    *,
    reason: str = "",
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference:
    """The customer takes back what they told, or a person confirms an address; both halves of a time over midnight.
    NotFound where it is not theirs, Conflict where it has ended, or a support need placed it."""
    row = locked_row(session, ContactPreference, preference_id)
    if row is None or row.customer_id != customer_id:
        raise NotFound(f"This customer has no preference {preference_id}.")
    if row.need_id is not None:
        raise Conflict("This was agreed with the customer, and ends with that: see Support needs.")
    half = other_half(row, [each for each in open_preferences(session, customer_id) if each.need_id is None])
    for each in [row, half] if half else [row]:
        end_preference(session, each, reason=reason, case_id=case_id, by=by, now=now)
    return row


def quiet_times(session: Session, customer: Customer) -> list[ContactPreference]:
    """The quiet time chosen on the page: one span, or the two halves of one that goes over midnight."""
    told = open_preferences(session, id_of(customer))
    return [row for row in told if row.kind is PreferenceKind.TIME and row.source == PAGE]


def choose_quiet_time(
    session: Session, customer: Customer, start: int, end: int, weekdays: Sequence[int], *, now: datetime
) -> None:
    """No contact from `start` to `end`, minutes after local midnight, in the place of the quiet time chosen before; a
    span that ends before it begins goes over midnight. Invalid where both are the same."""
    if start == end or not (0 <= start < 1440 and 0 <= end < 1440):
        raise Invalid("Give two different times of day.", "start")
    forget_quiet_time(session, customer, now=now)
    add_preference(
        session, customer, PreferenceKind.TIME, weekdays=weekdays, start_minute=start, end_minute=end,
        source=PAGE, case_id=_open_case_of(session, customer), by=CUSTOMER, now=now,
    )  # fmt: skip


def forget_quiet_time(session: Session, customer: Customer, *, now: datetime) -> None:
    """Take back the quiet time chosen on the page; what an agent wrote down stays."""
    for row in quiet_times(session, customer):
        end_preference(session, row, case_id=_open_case_of(session, customer), by=CUSTOMER, now=now)


# --- language, and links to the page ------------------------------------------------------------------------


def choose_language(
    session: Session, customer: Customer, language: str, *, by: Actor = CUSTOMER, now: datetime
) -> None:
    """Change the language of the customer's messages as they wish; feeds leave it alone from now on."""
    before = customer.language
    if language == before and customer.language_chosen:
        return
    customer.language, customer.language_chosen = language, True
    _record(session, customer, LanguageChanged(before, language), by=by, now=now)


def replace_links(session: Session, customer: Customer, *, by: Actor, now: datetime) -> None:
    """Another person holds a link to the customer's page: links in messages sent so far only stop messages from now
    on."""
    customer.link_number += 1
    _record(session, customer, LinksReplaced(), by=by, now=now)


# --- addresses ----------------------------------------------------------------------------------------------


def suppress_address(session: Session, address: str, reason: str, *, by: Actor, now: datetime) -> bool:
    """Send nothing more to this address, whichever customer has it. False where it was on the list already; Invalid
    for a text that is neither a number nor an e-mail address."""
    channel = channel_of(address)
    return suppress(session, channel, address, Suppression.MANUAL, detail=reason, by=by, now=now)


def restore_address(
    session: Session, address: str, reason: str, *, by: Actor, now: datetime
) -> SuppressedAddress:
    """Take an address off the list; it may be used again where the law and the customer permit. NotFound where it is
    not on the list."""
    row = session.scalars(on_list(address)).first() if address.strip() else None
    if row is None:
        raise NotFound(f"{address} is not on the suppression list.")
    restore(session, row, reason, by=by, now=now)
    return row


def _record(session: Session, customer: Customer, payload: Payload, *, by: Actor, now: datetime) -> None:
    event = about_customer(id_of(customer), payload, case_id=_open_case_of(session, customer))
    record(session, event, by=by, now=now)


def _open_case_of(session: Session, customer: Customer) -> int | None:
    query = select(CollectionsCase.id).where(
        CollectionsCase.customer_id == customer.id, CollectionsCase.status == CaseStatus.OPEN
    )
    return session.scalar(query)
