"""Facts of a contact with who stands in for a customer: an attorney, an executor, a guardian. The gate judges them as
the person contacted: their clock, their wishes, and how often they were contacted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.rules import CaseStatus
from app.casework.parties.events import ThirdPartyContacted
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import parties_of
from app.casework.parties.rules import MayBeTold, PartyKind, in_force
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.contact_cases import AccountRow, ContactCase
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.gate.facts import address_of
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import BY_CHANNEL, MAY_HAVE_LEFT, Occasion, OutboxStatus
from app.outreach.planning.representatives.facts import WITHIN, is_proven
from app.outreach.planning.representatives.rules import CaseNow, Mandate, Way
from app.policy.facts import Contact, ContactResult, Facts, PastContact, Preference, PreferenceKind
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.review import ESTATE

VALIDATION = "validation_notice"
DAY_END = 1440


def mandate_of_estate(contact_case: ContactCase) -> Mandate:
    """The estate of a customer who died, at the address where they lived; nobody is known to have its authority."""
    lines = address_of(contact_case.customer, Channel.POST).split("\n")
    name = contact_case.customer.full_name.strip()
    at = "\n".join(line for line in lines if line.strip() != name)
    closed = contact_case.facts.suppressed_since.get(Channel.POST)
    ways = (Way(Channel.POST, at, closed),) if at.strip() else ()
    return Mandate(PartyKind.EXECUTOR, MayBeTold.NOTHING, True, True, True, True, ways)


def question_in_place(
    session: Session,
    contact_case: ContactCase,
    party: ThirdParty | None,
    way: Way,
    letter: str,
    language: str,
    flaw: str,
    *,
    now: datetime,
    waits: bool,
    but: int | None = None,
) -> ReviewRequest:
    """The question to the gate about a contact with who stands in for the customer; None = with the estate. `but`: the
    message that it is about, which does not count. `waits`: it may leave within a day."""
    known = contact_case.facts
    since = now - timedelta(days=contact_case.pack.needed.history_days + 1)
    facts = Facts(
        (party.timezone,) if party is not None and party.timezone else known.timezones,
        suppressed_since={way.channel: way.closed_since} if way.closed_since else {},
        holds=known.holds,
        history=tuple(contacts_with(session, party, since, but)) if party is not None else (),
        preferences=tuple(_quiet(party)) if party is not None else (),
        with_legal_since=known.with_legal_since,
        representative=party.kind.value if party is not None else ESTATE,
        stands_in=True,
    )
    contact = Contact(
        way.channel, Purpose.REPRESENTATIVE, way.address, letter=letter, language=language, flaw=flaw
    )
    return ReviewRequest(contact, facts, now, now + WITHIN if waits else None)


def _quiet(party: ThirdParty) -> Iterator[Preference]:
    """The hours in which they want no contact; those over midnight are two."""
    if party.quiet_from is None or party.quiet_until is None:
        return
    if party.quiet_from < party.quiet_until:
        yield Preference(PreferenceKind.TIME, start=party.quiet_from, end=party.quiet_until)
        return
    yield Preference(PreferenceKind.TIME, start=party.quiet_from, end=DAY_END)
    if party.quiet_until:
        yield Preference(PreferenceKind.TIME, start=0, end=party.quiet_until)


def contacts_with(
    session: Session, party: ThirdParty, since: datetime, but: int | None = None
) -> list[PastContact]:
    """Contacts with a third party since an instant, oldest first: logged by hand, and letters that left, may have left
    or are on their way. Calls count for the person called (12 CFR 1006.14(b)(2)), none for the customer."""
    logged = select(Event).where(
        Event.customer_id == party.customer_id, Event.kind == ThirdPartyContacted.KIND, col(Event.at) >= since
    )
    found = []
    for event in session.scalars(logged):
        told = ThirdPartyContacted.from_json(event.data)
        if told.party_id == party.id:
            result = ContactResult.ANSWERED if told.reached else ContactResult.PLACED
            found.append(PastContact(event.at, told.channel, result, inbound=told.inbound))
    message, letter = table_of(OutboxMessage), table_of(PartyLetter)
    on_its_way = (*MAY_HAVE_LEFT, OutboxStatus.QUEUED, OutboxStatus.CLAIMED)
    sent = (
        sa.select(
            message.c.id, message.c.destination, message.c.address, message.c.sent_at, message.c.created_at
        )
        .join(letter, letter.c.id == message.c.party_letter_id)
        .where(letter.c.party_id == id_of(party), message.c.status.in_(on_its_way))
    )
    for row in session.connection().execute(sent):
        at = row.sent_at or row.created_at
        if row.id != but and at >= since:
            found.append(PastContact(at, BY_CHANNEL[row.destination], ContactResult.PLACED, row.address))
    return sorted(found, key=lambda past: past.at)


def case_now(session: Session, contact_case: ContactCase, occasion: Occasion, today: date) -> CaseNow:
    customer_id = contact_case.customer.id
    is_estate = occasion is not Occasion.STATEMENT
    holds = {hold.kind for hold in contact_case.facts.holds}
    executors = [
        party
        for party in (parties_of(session, customer_id) if occasion is Occasion.ESTATE_ENQUIRY else ())
        if party.kind is PartyKind.EXECUTOR and party.ended_at is None
    ]
    owed = balance_of(contact_case) if is_estate else contact_case.to_ask
    return CaseNow(
        contact_case.case.status is CaseStatus.OPEN,
        owed > 0,
        HoldKind.DECEASED in holds,
        any(
            party.may_be_told is MayBeTold.EVERYTHING
            and in_force(party.authority_from, party.authority_until, today)
            and is_proven(session, party)
            for party in executors
        ),
        _lacks_notice(session, contact_case),
    )


def balance_of(contact_case: ContactCase) -> int:
    """What may be asked for on all accounts together, past due or not, in minor units: without what is disputed;
    credits do not lower it."""
    return sum(undisputed(account) for account in contact_case.accounts)


def undisputed(account: AccountRow) -> int:
    """The balance of an account without the part that is disputed, in minor units."""
    return max(account.balance_minor - account.disputed_minor, 0)


def _lacks_notice(session: Session, contact_case: ContactCase) -> bool:
    owed = any(
        isinstance(rule, DutyRule) and rule.event is DutyEvent.FIRST_CONTACT and VALIDATION in rule.letters
        for rule in contact_case.pack.rules
    )
    if not owed:
        return False
    message = table_of(OutboxMessage)
    left = sa.select(message.c.id).where(
        message.c.customer_id == contact_case.customer.id,
        message.c.letter == VALIDATION,
        message.c.status.in_(MAY_HAVE_LEFT),
    )
    return session.scalar(left.limit(1)) is None
