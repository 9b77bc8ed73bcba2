"""Facts of a representative and of the agreement that they made, at the moment of a letter; and the gate's
question about it."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.documents.models import CaseDocument
from app.casework.holds.queries import at_rest
from app.casework.parties.events import ThirdPartyContacted
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import parties_of, speaker
from app.casework.parties.rules import PROVEN_ON_PAPER, PartyKind, in_force
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import live_plan
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.queries import times_restored
from app.casework.plans.rules import LIVE, PlanStatus
from app.casework.plans.tracking.payments import missed_lines
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.reader import Reader
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.gate.facts import Person
from app.outreach.gate.third_parties.representation import is_home, is_their_mailbox
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import LEFT, MAY_HAVE_LEFT, Occasion
from app.outreach.planning.agreements.truth import is_restored, why_ended, why_false
from app.outreach.planning.instalments.facts import is_unpaid, read_instalments
from app.outreach.planning.representatives.addresses import closed_address
from app.outreach.planning.representatives.rules import LETTERS, AgreementNow, Mandate, Way
from app.policy.facts import Contact, Facts
from app.policy.kinds.represented import RepresentedRule
from app.policy.review import ask

WITHIN = timedelta(days=1)
"""A letter that has to wait no longer than this is written now and leaves then."""


def mandate_of(session: Session, party: ThirdParty, contact_case: ContactCase, today: date) -> Mandate:
    """The authority of a third party on a day, and how they are reached."""
    speaks = speaker(parties_of(session, party.customer_id), today)
    organisation = (
        select(Adviser)
        .join(AdviserClient, AdviserClient.adviser_id == Adviser.id)  # type: ignore[arg-type]
        .where(AdviserClient.party_id == party.id)
    )
    advisers = session.scalars(organisation).all()
    return Mandate(
        party.kind,
        party.may_be_told,
        party.ended_at is None,
        in_force(party.authority_from, party.authority_until, today),
        speaks is not None and speaks.id == party.id,
        all(adviser.ended_at is None for adviser in advisers),
        ways_to(session, party, contact_case.customer, by_post=any(adviser.by_post for adviser in advisers)),
        is_proven(session, party),
    )


def is_proven(session: Session, party: ThirdParty) -> bool:
    """True if the paper that gives a third party authority is on file and was not withdrawn, where one is needed."""
    if party.kind not in PROVEN_ON_PAPER:
        return True
    paper = session.get(CaseDocument, party.document_id) if party.document_id is not None else None
    return paper is not None and paper.withdrawn_at is None


def ways_to(session: Session, party: ThirdParty, customer: Person, *, by_post: bool) -> tuple[Way, ...]:
    """The ways to reach a third party; by e-mail first, unless they want letters."""
    ways = []
    if party.email and party.by_email:
        closed = closed_address(session, party.email)
        own = is_their_mailbox(party.email, customer)
        ways.append(Way(Channel.EMAIL, party.email, closed.since if closed else None, own))
    if party.address.strip() and party.by_post:
        closed = closed_address(session, party.address)
        ways.append(
            Way(
                Channel.POST,
                postal_address(party, customer),
                closed.since if closed else None,
                is_home(party.address, customer),
            )
        )
    return tuple(sorted(ways, key=lambda way: (way.channel is Channel.POST) is not by_post))


def postal_address(party: ThirdParty, customer: Person) -> str:
    """Postal address of a third party as it is printed, with its country, or that of the customer for whom they act."""
    lines = [line.strip() for line in party.address.splitlines() if line.strip()]
    return "\n".join([*lines, party.country or customer.country])


def is_written_instead(contact_case: ContactCase, now: datetime, letter: str = "plan_broken") -> bool:
    """True if the pack has this reminder stop while somebody acts for the customer, who then hears of it alone. A
    letter that the rule names under `passes` goes to the customer."""
    contact = Contact(Channel.EMAIL, Purpose.REMINDER, "", letter=letter)
    asked = ask(contact, contact_case.facts, now)
    rules = contact_case.pack.rules_for(asked)
    return any(rule.objections(asked) for rule in rules if isinstance(rule, RepresentedRule))


def last_change(session: Session, plan: Plan) -> int:
    """Id of the last change of an instalment of a plan; 0 = none."""
    change = table_of(PlanChange)
    query = sa.select(sa.func.max(change.c.id)).where(change.c.plan_id == id_of(plan))
    return session.scalar(query) or 0


def occurrence_of(session: Session, plan: Plan, occasion: Occasion) -> int:
    """Which one of its occasion happened to a plan last, as `PartyLetter.occurrence` has it."""
    if occasion is Occasion.CHANGED:
        return last_change(session, plan)
    if occasion is Occasion.RESTORED:
        return _times_restored(session, plan)
    return _broken_on(plan) if occasion is Occasion.BROKEN else 0


def dues_ahead(session: Session, plan: Plan, today: date) -> dict[int, int]:
    """What is missing, in minor units, of the instalments that fall due after `today`, by due day
    (`date.toordinal`)."""
    facts, dues = read_instalments(session, [id_of(plan)], today), Counter[int]()
    for line in facts.progress[id_of(plan)].instalments:
        if line.due_on > today and is_unpaid(plan, line):
            dues[line.due_on.toordinal()] += line.short
    return dict(dues)


def agreement_now(session: Session, plan: Plan, contact_case: ContactCase, today: date) -> AgreementNow:
    times = _times_restored(session, plan)
    falls_due = plan.status in LIVE and not at_rest(session, [plan.customer_id])
    return AgreementNow(
        plan.status,
        last_change(session, plan),
        _broken_on(plan),
        live_plan(session, plan.case_id) is not None,
        contact_case.to_ask > 0 or any(account.balance_minor > 0 for account in contact_case.accounts),
        plan.status is PlanStatus.BROKEN and why_ended(session, plan, today) is None,
        dues_ahead(session, plan, today) if falls_due else {},
        times,
        not times or is_restored(session, plan, today),
        why_false(session, CaseStep(plan.case_id, DeskStep.CANCELLED_PLAN, plan_id=id_of(plan)), today),
    )


def missed_shown(session: Session, plan: Plan, on: date, reader: Reader) -> dict[str, str]:
    """The payment that was missed, as the letter of a break tells it at the end of `on`; nothing where it ended because
    an earlier one does not count any more."""
    line = missed_lines(session, [plan], on).get(id_of(plan))
    if line is None:
        return {}
    return {
        "missed_on": reader.day(line.due_on),
        "missed_amount": reader.money(line.due),
        "came": reader.money_if_any(line.paid),
    }


def _broken_on(plan: Plan) -> int:
    is_broken = plan.status is PlanStatus.BROKEN and plan.ended_on is not None
    return plan.ended_on.toordinal() if is_broken and plan.ended_on else 0


def _times_restored(session: Session, plan: Plan) -> int:
    return times_restored(session, [id_of(plan)]).get(id_of(plan), 0)


def told_of_break(
    session: Session, plan: Plan, party: ThirdParty, made: PlanRestoration | None
) -> date | None:
    """The day of the letter that told of the break which was taken back, if it left or may have left."""
    return left_to(session, plan, party, broken_on=made.broken_on) if made is not None else None


def left_to(session: Session, plan: Plan, party: ThirdParty, *, broken_on: date | None = None) -> date | None:
    """The day of the last letter to them about the plan that left, or may have left; `broken_on`: of those alone that
    told of its break of that day."""
    message, letter = table_of(OutboxMessage), table_of(PartyLetter)
    left = (
        sa.select(sa.func.max(message.c.business_date))
        .join(letter, letter.c.id == message.c.party_letter_id)
        .where(
            letter.c.plan_id == id_of(plan),
            letter.c.party_id == id_of(party),
            message.c.status.in_(MAY_HAVE_LEFT),
        )
    )
    if broken_on is not None:
        left = left.where(letter.c.occasion == Occasion.BROKEN, letter.c.occurrence == broken_on.toordinal())
    day: date | None = session.scalar(left)
    return day


def question(
    contact_case: ContactCase,
    party: ThirdParty,
    way: Way,
    letter: str,
    language: str,
    flaw: str,
    *,
    now: datetime,
    waits: bool,
) -> ReviewRequest:
    """The question to the gate. It names the customer's holds, the legal team and where they live; their consents,
    preferences and caps are about contacts with them, and are left out. `waits`: it may leave within a day."""
    known = contact_case.facts
    facts = Facts(
        known.timezones,
        suppressed_since={way.channel: way.closed_since} if way.closed_since else {},
        holds=known.holds,
        with_legal_since=known.with_legal_since,
        representative=party.kind.value,
    )
    contact = Contact(
        way.channel, Purpose.REPRESENTATIVE, way.address, letter=letter, language=language, flaw=flaw
    )
    return ReviewRequest(contact, facts, now, now + WITHIN if waits else None)


def unanswered_since(session: Session, customer_id: int, since: datetime) -> datetime | None:
    """The first contact of ours with the attorney, by hand or by a letter that left, since then and since they last
    answered; None = none."""
    query = (
        select(Event)
        .where(
            Event.customer_id == customer_id,
            Event.kind == ThirdPartyContacted.KIND,
            col(Event.at) >= since,
        )
        .order_by(col(Event.id))
    )
    told = [(event.at, ThirdPartyContacted.from_json(event.data)) for event in session.scalars(query)]
    contacts = [(at, each.inbound) for at, each in told if each.kind is PartyKind.ATTORNEY]
    written = select(OutboxMessage.sent_at).where(
        OutboxMessage.customer_id == customer_id,
        OutboxMessage.letter == LETTERS[Occasion.STATEMENT],
        col(OutboxMessage.status).in_(LEFT),
        col(OutboxMessage.sent_at) >= since,
    )
    contacts += [(at, False) for at in session.scalars(written) if at is not None]
    asked_at: datetime | None = None
    for at, inbound in sorted(contacts):
        asked_at = None if inbound else asked_at or at
    return asked_at
