"""Write to the adviser who made an agreement for a customer: that it is confirmed, changed, broken or at its end.

The customer hears of it by their own letters; this one is the adviser's, in words of its own, and carries nothing of
the customer's page, preferences or other debts.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.tracking.payments import progress_by_plan
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.figures import Reader, agreement_figures
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.decisions import answer_text, decision_entry, record_decisions
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.letter import Letter, LetterContext, RenderedLetter, Unsayable
from app.outreach.letters.locales import format_date
from app.outreach.letters.rendering import render
from app.outreach.outbox.events import RepresentativeLetter
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import Destination, Occasion, OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.facts import agreement_now, last_change, mandate_of, question
from app.outreach.planning.representatives.rules import LETTERS, no_longer_so, why_not_written_to
from app.outreach.planning.wording import context_text
from app.policy.answers import Answer, Clearance

MAY_HAVE_LEFT = (OutboxStatus.SENDING, OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.UNKNOWN)
SHOWN = (
    "plan_reference", "amount", "last_amount", "promise_on", "instalments", "payee", "iban",
    "payment_reference",
)  # fmt: skip
"""Figures of the agreement that an adviser is told: its payments, and how they are made."""


def write_to_adviser(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    occasion: Occasion,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Queue the letter to the adviser who made this agreement, if their authority stands and the gate clears it. None
    where no adviser made it, they were told before, or must not be told: the timeline says why not."""
    party = session.get(ThirdParty, plan.agreed_with_id) if plan.agreed_with_id else None
    if party is None or party.kind is not PartyKind.ADVISER:
        return None
    lock_customers(session, [plan.customer_id])
    session.flush()
    change = last_change(session, plan) if occasion is Occasion.CHANGED else 0
    if not _is_new(session, plan, party, occasion, change):
        return None
    [contact_case] = load_contact_cases(session, portfolio, [plan.case_id], now=now, as_of=on)
    letter = catalog.letters[LETTERS[occasion]]
    why = why_not_written_to(mandate_of(session, party, contact_case, on))
    if not why and occasion is not Occasion.ENDED:
        why = no_longer_so(occasion, change, agreement_now(session, plan, contact_case))
    if why:
        _not_written(session, contact_case, party, letter, why, by=by, now=now)
        return None
    head = Letterhead.of(portfolio)
    language = letter.language_for(contact_case.customer.language)
    asked = question(
        session, contact_case, party, letter.name, language, head.unreachable, now=now, waits=True
    )
    answer = asked.answer(contact_case.pack)
    keep_pack(session, contact_case.pack, now=now)
    told = decision_entry(
        plan.case_id, plan.customer_id, asked, answer,
        letter=letter.name, step=f"adviser-{occasion.value}", plan=id_of(plan), party=id_of(party),
    )  # fmt: skip
    if not isinstance(answer, Clearance):
        record_decisions(session, [told], by=by, now=now)
        return answer
    try:
        context = _context(session, head, catalog, contact_case, party, plan, occasion, letter, on)
        words = render(letter, Channel.EMAIL, language, context, leaves=True)
    except Unsayable as problem:
        _not_written(session, contact_case, party, letter, str(problem), by=by, now=now)
        return None
    row = PartyLetter(
        plan_id=id_of(plan), party_id=id_of(party), occasion=occasion, change_id=change, created_at=now
    )
    session.add(row)
    session.flush()
    message = _message(row, contact_case, party, answer, context, words, head, on=on, now=now)
    session.add(message)
    session.flush()
    told.name_message(id_of(message))
    queued = RepresentativeLetter(
        party.full_name, letter.name, "queued", party.email, message_id=id_of(message)
    )
    told_too = about_customer(plan.customer_id, queued, case_id=plan.case_id)
    record_decisions(session, [told, told_too], by=by, now=now)
    return answer


def broken_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Ids of the plans broken on a day that an adviser made."""
    plan, party = table_of(Plan), table_of(ThirdParty)
    query = (
        sa.select(plan.c.id)
        .join(party, party.c.id == plan.c.agreed_with_id)
        .where(
            plan.c.portfolio_id == id_of(portfolio), plan.c.status == PlanStatus.BROKEN, plan.c.ended_on == on,
            party.c.kind == PartyKind.ADVISER,
        )
        .order_by(plan.c.id)
    )  # fmt: skip
    return list(session.scalars(query))


def _is_new(session: Session, plan: Plan, party: ThirdParty, occasion: Occasion, change: int) -> bool:
    """False where they were told before; an end is told to those alone who may have read of the agreement."""
    written = select(PartyLetter).where(PartyLetter.plan_id == plan.id, PartyLetter.party_id == party.id)
    known = written.where(PartyLetter.occasion == occasion, PartyLetter.change_id == change)
    if session.scalars(known).first() is not None:
        return False
    if occasion is not Occasion.ENDED:
        return True
    left = written.join(OutboxMessage, col(OutboxMessage.party_letter_id) == PartyLetter.id).where(
        col(OutboxMessage.status).in_(MAY_HAVE_LEFT)
    )
    return session.scalars(left).first() is not None


def _not_written(
    session: Session,
    contact_case: ContactCase,
    party: ThirdParty,
    letter: Letter,
    why: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    payload = RepresentativeLetter(party.full_name, letter.name, "not written", detail=why)
    event = about_customer(contact_case.customer.id, payload, case_id=contact_case.case.id)
    record_decisions(session, [event], by=by, now=now)


def _context(
    session: Session,
    head: Letterhead,
    catalog: LetterCatalog,
    contact_case: ContactCase,
    party: ThirdParty,
    plan: Plan,
    occasion: Occasion,
    letter: Letter,
    on: date,
) -> LetterContext:
    """The figures of the letter. The customer's accounts, arrears and personal link are not among them."""
    locale = letter.locale_for(contact_case.customer.language, contact_case.customer.country)
    reader = Reader(locale, head.currency)
    figures = agreement_figures(session, plan, reader, head.payee, no_new_card=False)
    shown = {name: figures[name] for name in SHOWN if name in figures}
    if occasion is Occasion.BROKEN:
        shown |= _missed(session, plan, reader, on)
    return LetterContext(
        customer_name=contact_case.customer.full_name,
        creditor=head.creditor,
        collector_kind=head.collector,
        reference=case_reference(contact_case.case.id),
        accounts=(),
        past_due_total="",
        oldest_due_on="",
        today=format_date(on, locale),
        contact_phone=head.contact_phone,
        contact_email=head.contact_email,
        preferences_url="",
        register_number=catalog.register_number,
        sender=head.agency,
        adviser_name=party.name,
        adviser_reference=party.reference,
        **shown,  # type: ignore[arg-type]
    )


def _missed(session: Session, plan: Plan, reader: Reader, on: date) -> dict[str, str]:
    lines = progress_by_plan(session, [plan], on)[id_of(plan)].instalments
    line = next(each for each in lines if each.n == plan.broken_instalment)
    if line.due_on > on:
        raise Unsayable("The day of the missed payment has not come: a payment of it came back.")
    return {
        "missed_on": reader.day(line.due_on),
        "missed_amount": reader.money(line.due),
        "came": reader.money_if_any(line.paid),
    }


def _message(
    row: PartyLetter,
    contact_case: ContactCase,
    party: ThirdParty,
    clearance: Clearance,
    context: LetterContext,
    words: RenderedLetter,
    head: Letterhead,
    *,
    on: date,
    now: datetime,
) -> OutboxMessage:
    """The outbox row; only a Clearance makes one, for exactly its address."""
    return OutboxMessage(
        party_letter_id=id_of(row),
        recipient=party.full_name,
        destination=Destination.ADVISER,
        portfolio_id=head.portfolio_id,
        customer_id=contact_case.customer.id,
        case_id=contact_case.case.id,
        purpose=Purpose.REPRESENTATIVE,
        letter=clearance.contact.letter,
        template_version=words.version,
        language=words.language,
        address=clearance.contact.address,
        subject=words.subject[:300],
        text=words.text,
        html=words.html,
        context=context_text(context),
        clearance=answer_text(clearance),
        business_date=on,
        not_before=clearance.not_before,
        not_after=clearance.not_after,
        created_at=now,
    )
