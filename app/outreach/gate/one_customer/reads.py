"""Facts about one customer for the gate from reads that are sent together with others.

`gather_facts` gives the same facts; a test compares the two. This costs no statement of its own, which is why the case
page uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointState
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import MONEY_IN
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import letter_of
from app.casework.holds.models import CaseHold
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan
from app.casework.plans.queries import kept_agreement
from app.casework.plans.rules import LIVE
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.rows import Query
from app.core.database.together import Found, Reads
from app.core.timeline.models import Event
from app.core.vocabulary import Channel
from app.outreach.gate.consent import has_lapsed
from app.outreach.gate.contact_cases import STALE_AFTER
from app.outreach.gate.facts import COUNTED, Person, past_contact, preference_of
from app.outreach.gate.models import Consent, ContactPreference, SuppressedAddress
from app.outreach.gate.third_parties.representation import closed_addresses, representation, standing_parties
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT, PENDING, TO_CUSTOMERS, OutboxStatus
from app.policy.calendars import begins
from app.policy.facts import (
    ContactResult,
    Facts,
    Hold,
    KeptAgreement,
    Notice,
    PastContact,
    Preference,
    PreferenceKind,
    Representation,
    call_asked_for,
)
from app.policy.pack import Pack
from app.policy.zones import zones_for


def _last_payments(customer: sa.ColumnElement[int]) -> Query:
    """The day of the last payment to each account of the customer that was not reversed."""
    account, entry = table_of(Account), table_of(Entry)
    reversal = entry.alias("undone")
    return (
        sa.select(entry.c.account_id, sa.func.max(entry.c.effective_on).label("paid_on"))
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.customer_id == customer,
            entry.c.kind.in_(MONEY_IN),
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
        .group_by(entry.c.account_id)
    )


class GateReads:
    """The reads from which the gate judges one customer."""

    def __init__(self, reads: Reads, customer: sa.ColumnElement[int]) -> None:
        consent, suppressed, person = table_of(Consent), table_of(SuppressedAddress), table_of(Customer)
        message, document = table_of(OutboxMessage), table_of(CaseDocument)
        event = table_of(Event)
        self.consents = reads.rows(
            sa.select(
                consent.c.channel,
                consent.c.allowed,
                consent.c.at,
                consent.c.given_for,
                consent.c.until,
                consent.c.electronic_notices,
            ).where(consent.c.customer_id == customer)
        )
        self.suppressed = reads.rows(
            sa.select(suppressed.c.channel, suppressed.c.since)
            .join(person, suppressed.c.address.in_((person.c.mobile, sa.func.lower(person.c.email))))
            .where(person.c.id == customer, suppressed.c.ended_at.is_(None))
        )
        told = table_of(ContactPreference)
        self.preferences = reads.all(
            ContactPreference, told.c.customer_id == customer, told.c.ended_at.is_(None), order_by=told.c.id
        )
        point = table_of(ContactPoint)
        self.points = reads.all(ContactPoint, point.c.customer_id == customer, order_by=point.c.id)
        hold = table_of(CaseHold)
        self.holds = reads.all(
            CaseHold, hold.c.customer_id == customer, hold.c.ended_at.is_(None), order_by=hold.c.id
        )
        self.history = reads.rows(
            sa.select(event.c.kind, event.c.at, event.c.channel, event.c.data).where(
                event.c.customer_id == customer,
                event.c.kind.in_(COUNTED),
                event.c.at >= sa.bindparam("history_since", type_=UtcDateTime),
            )
        )
        self.notices = reads.rows(
            sa.select(message.c.letter, message.c.sent_at, message.c.answer_by).where(
                message.c.customer_id == customer,
                message.c.status.in_(LEFT),
                message.c.console_only.is_(False),
                message.c.sent_at.is_not(None),
            )
        )
        self.documents = reads.rows(
            sa.select(document.c.dated_on, document.c.kind, document.c.answer_by).where(
                document.c.customer_id == customer, document.c.withdrawn_at.is_(None)
            )
        )
        self.reserved = reads.rows(
            sa.select(message.c.status, message.c.destination, message.c.address, message.c.finished_at,
                      message.c.business_date)
            .where(
                message.c.customer_id == customer,
                message.c.status.in_(PENDING),
                message.c.destination.in_(TO_CUSTOMERS),
            )
        )  # fmt: skip
        plan = table_of(Plan)
        self.agreements = reads.rows(
            sa.select(plan.c.id, plan.c.kind, plan.c.accepted_on).where(
                plan.c.customer_id == customer, plan.c.status.in_(LIVE), plan.c.accepted_on.is_not(None)
            )
        )
        self.parties = reads.rows(standing_parties().where(table_of(ThirdParty).c.customer_id == customer))
        self.closed = reads.rows(closed_addresses())
        self.paid = reads.rows(_last_payments(customer))

    def facts(
        self,
        found: Found,
        customer: Person,
        case: CollectionsCase,
        pack: Pack,
        states: dict[int, date],
        *,
        now: datetime,
        today: date,
    ) -> Facts:
        """`gather_facts`, with the contacts that are reserved. `states`: by worked account on which something is owed,
        its oldest due date as of the last night."""
        preferences = found[self.preferences]
        told = [row.timezone for row in preferences if row.kind is PreferenceKind.TIMEZONE]
        zones = zones_for(
            customer.country, customer.region, customer.postcode, customer.mobile, customer.timezone,
            told[-1] if told else "",
        )  # fmt: skip
        said = [preference_of(row, zones) for row in preferences if row.kind is not PreferenceKind.TIMEZONE]
        consents = {
            channel: (allowed, at, electronic)
            for channel, allowed, at, given_for, until, electronic in found[self.consents]
            if not (allowed and has_lapsed(given_for, until, customer, channel, zones, now))
        }
        since = now - timedelta(days=pack.needed.history_days + 1)
        made = [past_contact(row.at, row.channel, row.data) for row in found[self.history] if row.at >= since]
        history = sorted([*made, *self._reserved(found, now, today)], key=lambda contact: contact.at)
        due = self._limitation(found, pack, states, now)
        is_open = case.status is CaseStatus.OPEN
        return Facts(
            timezones=zones,
            consent={channel: allowed for channel, (allowed, _, _) in consents.items()},
            opted_out_at={channel: at for channel, (allowed, at, _) in consents.items() if not allowed},
            electronic_notices=frozenset(
                channel for channel, (allowed, _, electronic) in consents.items() if allowed and electronic
            ),
            suppressed_since=dict(found[self.suppressed]),
            holds=tuple(_hold(hold, zones) for hold in found[self.holds]),
            history=tuple(history),
            preferences=tuple(
                dict.fromkeys([*said, *map(closed_place, filter(is_closed, found[self.points]))])
            ),
            notices=self._notices(found, pack),
            due_since=min((due_on for due_on, _ in due), default=None),
            paid_or_due_since=min((runs_from for _, runs_from in due), default=None),
            with_legal_since=case.with_legal_since if is_open else None,
            call_asked_for=call_asked_for(history, case.callback_at if is_open else None),
            agreement=self._agreement(found, pack),
            represented=self._represented(found, customer, pack, zones, now),
        )

    def _represented(
        self, found: Found, customer: Person, pack: Pack, zones: Sequence[str], now: datetime
    ) -> Representation | None:
        if not pack.needed.represented:
            return None
        closed = {row.address for row in found[self.closed]}
        return representation(found[self.parties], customer, closed, zones, now=now)

    def _agreement(self, found: Found, pack: Pack) -> KeptAgreement | None:
        needed = pack.needed
        if not needed.agreements and not (needed.agreements_on_hold and found[self.holds]):
            return None
        return next((kept_agreement(*row) for row in found[self.agreements]), None)

    def _reserved(self, found: Found, now: datetime, today: date) -> list[PastContact]:
        """As `reserved_contacts`: messages on their way count already; those that waited too long will never leave."""
        reserved = []
        for status, destination, address, finished_at, business_date in found[self.reserved]:
            if status is not OutboxStatus.QUEUED or business_date >= today - STALE_AFTER:
                at = finished_at if status is OutboxStatus.UNKNOWN and finished_at else now
                reserved.append(PastContact(at, Channel(destination.value), ContactResult.PLACED, address))
        return reserved

    def _notices(self, found: Found, pack: Pack) -> tuple[Notice, ...]:
        letters = pack.needed.letters
        notices = [Notice(*row) for row in found[self.notices] if row.letter in letters]
        for dated_on, kind, answer_by in found[self.documents]:
            if letter_of(kind) in letters:
                at = datetime(dated_on.year, dated_on.month, dated_on.day, 12, tzinfo=UTC)
                notices.append(Notice(letter_of(kind), at, answer_by))
        return tuple(sorted(notices, key=lambda notice: notice.at))

    def _limitation(
        self, found: Found, pack: Pack, states: dict[int, date], now: datetime
    ) -> list[tuple[date, date]]:
        years = pack.needed.debt_years
        if years is None:
            return []
        oldest, paid = now.date() - timedelta(days=365 * years), dict(found[self.paid])
        return [(on, max(on, paid.get(account, on))) for account, on in states.items() if on <= oldest]


def is_closed(point: ContactPoint) -> bool:
    """Whether the gate knows this number or address as a place that is not used."""
    return point.ended_at is None and (point.state is PointState.BAD or point.employer)


def closed_place(point: ContactPoint) -> Preference:
    kind = PreferenceKind.PLACE if point.state is PointState.BAD else PreferenceKind.WORKPLACE
    return Preference(kind=kind, address=point.value)


def _hold(hold: CaseHold, zones: Sequence[str]) -> Hold:
    for_good = hold.for_good
    ends = None if for_good else begins(hold.until, zones)
    return Hold(hold.kind, hold.started_at, ends, hold.until if for_good else None)
