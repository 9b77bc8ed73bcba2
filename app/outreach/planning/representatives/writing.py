"""Write to the adviser who made an agreement for a customer: that it is confirmed, changed, broken or at its end.

The customer hears of it by their own letters; this one is the adviser's, in words of its own, and carries nothing of
the customer's page, preferences or other debts. Whether it is written is decided once for each occasion, on record
in `PartyLetter`: a night that was cut off and runs again repeats nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.restoration.made_whole import made_whole
from app.casework.plans.restoration.queries import last_restoration
from app.core.actor import Actor
from app.core.database.rows import locked_row
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.figures import agreement_figures, paying
from app.outreach.agreements.reader import Reader, Value
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.decisions import DecisionEntry, answer_text, decision_entry, record_decisions
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.letter import Letter, LetterContext, RenderedLetter, Unsayable
from app.outreach.letters.locales import format_date
from app.outreach.letters.rendering import render
from app.outreach.outbox.events import RepresentativeLetter
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import (
    BY_CHANNEL,
    TO_ADVISERS,
    TO_ADVISERS_AGAIN,
    TOO_OLD,
    Occasion,
    PartyLetterStatus,
)
from app.outreach.planning.agreements.restoration_figures import new_date, restoration_figures
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.facts import (
    agreement_now,
    dues_ahead,
    is_written_instead,
    left_to,
    mandate_of,
    missed_shown,
    occurrence_of,
    question,
    told_of_break,
)
from app.outreach.planning.representatives.rules import LETTERS, no_longer_so, why_not_written_to
from app.outreach.planning.wording import context_text
from app.policy.answers import Answer, Clearance, WaitUntil

SHOWN = (
    "plan_reference", "replaces", "replaces_on", "amount", "last_amount", "promise_on", "instalments", "payee",
    "iban", "payment_reference",
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
    """Queue the letter to the adviser who made this agreement, if their authority stands and the gate clears it; one
    that has to wait more than a day is kept until then. None where no adviser made it, this was decided before, or
    they must not be told: the timeline says why not."""
    party = session.get(ThirdParty, plan.agreed_with_id) if plan.agreed_with_id else None
    if party is None or party.kind is not PartyKind.ADVISER:
        return None
    lock_customers(session, [plan.customer_id])
    session.flush()
    occurrence = occurrence_of(session, plan, occasion)
    return decide_once(session, portfolio, plan, party, occasion, occurrence, catalog, on=on, by=by, now=now)


def decide_once(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    party: ThirdParty,
    occasion: Occasion,
    occurrence: int,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Decide about a letter to an adviser, unless it was decided before. None as above. The caller holds the customer's
    lock."""
    if not _is_new(session, plan, party, occasion, occurrence):
        return None
    row = PartyLetter(
        plan_id=id_of(plan), party_id=id_of(party), occasion=occasion, occurrence=occurrence, created_at=now
    )
    session.add(row)
    session.flush()
    return _AdviserLetter(session, portfolio, plan, party, row, catalog, on, by, now).decide()


def ask_again(
    session: Session,
    portfolio: Portfolio,
    letter_id: int,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Ask the gate again about a letter whose wait is over, with everything as it is now. None as above."""
    seen = session.get_one(PartyLetter, letter_id)
    plan = session.get_one(Plan, seen.plan_id)
    lock_customers(session, [plan.customer_id])
    row = locked_row(session, PartyLetter, letter_id)
    if row is None or row.status is not PartyLetterStatus.WAITS:
        return None
    session.refresh(plan)
    party = session.get_one(ThirdParty, row.party_id)
    return _AdviserLetter(session, portfolio, plan, party, row, catalog, on, by, now).decide()


def write_again(
    session: Session,
    portfolio: Portfolio,
    message: OutboxMessage,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> bool:
    """Write a letter again that did not leave or could not arrive: to the adviser's new address or with what is due
    now, where these have changed, otherwise by the other channel. True if it was queued; the timeline says why not. The
    caller holds the customer's lock."""
    letter = session.get_one(PartyLetter, message.party_letter_id)
    plan, party = session.get_one(Plan, letter.plan_id), session.get_one(ThirdParty, letter.party_id)
    again = _AdviserLetter(session, portfolio, plan, party, letter, catalog, on, by, now)
    return isinstance(again.decide(), Clearance)


def _is_new(session: Session, plan: Plan, party: ThirdParty, occasion: Occasion, occurrence: int) -> bool:
    """False where it was decided before; an end is told to those alone who may have read of the agreement, that it was
    not broken to those who may have read that it was, or where a date of it is another one now."""
    written = select(PartyLetter).where(PartyLetter.plan_id == plan.id, PartyLetter.party_id == party.id)
    known = written.where(PartyLetter.occasion == occasion, PartyLetter.occurrence == occurrence)
    if session.scalars(known).first() is not None:
        return False
    if occasion is Occasion.RESTORED:
        made = last_restoration(session, id_of(plan))
        has_new_date = made is not None and new_date(session, made) is not None
        return has_new_date or told_of_break(session, plan, party, made) is not None
    if occasion is not Occasion.ENDED:
        return True
    return left_to(session, plan, party) is not None


@dataclass(frozen=True, slots=True)
class _AdviserLetter:
    """One letter to an adviser, its customer locked."""

    session: Session
    portfolio: Portfolio
    plan: Plan
    party: ThirdParty
    row: PartyLetter
    catalog: LetterCatalog
    on: date
    by: Actor
    now: datetime

    @property
    def letter(self) -> Letter:
        return self.catalog.letters[LETTERS[self.row.occasion]]

    def _earlier(self) -> Sequence[OutboxMessage]:
        """Its messages that did not leave or could not arrive, in order."""
        query = select(OutboxMessage).where(OutboxMessage.party_letter_id == self.row.id)
        return self.session.scalars(query.order_by(col(OutboxMessage.id))).all()

    def decide(self) -> Answer | None:
        """Queue it, let it wait, or say on the timeline why it is not written. A channel by which it could not arrive
        is not tried again, unless the address there or what it tells has changed."""
        session, plan, row = self.session, self.plan, self.row
        [contact_case] = load_contact_cases(
            session, self.portfolio, [plan.case_id], now=self.now, as_of=self.on
        )
        tried = _tried(self._earlier())
        mandate = mandate_of(session, self.party, contact_case, self.on).without(tried)
        why = why_not_written_to(mandate)
        if why and tried:
            why = f"it could not arrive, and {why}"
        if not why:
            why = no_longer_so(
                row.occasion, row.occurrence, agreement_now(session, plan, contact_case, self.on)
            )
        if why or mandate.way is None:
            self._not_written(why)
            return None
        head = Letterhead.of(self.portfolio)
        asked = question(
            contact_case,
            self.party,
            mandate.way,
            self.letter.name,
            self.letter.language_for(contact_case.customer.language, contact_case.customer.country),
            head.unreachable,
            now=self.now,
            waits=True,
        )
        answer = asked.answer(contact_case.pack)
        keep_pack(session, contact_case.pack, now=self.now)
        told = decision_entry(
            plan.case_id, plan.customer_id, asked, answer,
            letter=self.letter.name, step=f"adviser-{row.occasion.value}", plan=id_of(plan),
            party=id_of(self.party),
        )  # fmt: skip
        if not isinstance(answer, Clearance):
            return self._kept_back(answer, told)
        try:
            context = self._context(head, contact_case)
            words = render(self.letter, answer.contact.channel, answer.contact.language, context, leaves=True)
        except Unsayable as problem:
            self._not_written(str(problem))
            return None
        self._queue(head, contact_case, answer, told, context, words)
        return answer

    def _not_written(self, why: str) -> None:
        self._settle(PartyLetterStatus.NOT_WRITTEN, why)
        payload = RepresentativeLetter(self.party.full_name, self.letter.name, "not written", detail=why)
        event = about_customer(self.plan.customer_id, payload, case_id=self.plan.case_id)
        record_decisions(self.session, [event], by=self.by, now=self.now)

    def _kept_back(self, answer: Answer, told: DecisionEntry) -> Answer:
        """The gate refused it, or makes it wait."""
        assert not isinstance(answer, Clearance)
        rules = ", ".join(reason.rule for reason in answer.reasons)
        if isinstance(answer, WaitUntil):
            self._settle(PartyLetterStatus.WAITS, rules, until=answer.at)
        else:
            self._settle(PartyLetterStatus.REFUSED, rules)
        record_decisions(self.session, [told], by=self.by, now=self.now)
        return answer

    def _settle(self, status: PartyLetterStatus, why: str = "", until: datetime | None = None) -> None:
        self.row.status, self.row.why, self.row.until = status, why[:300], until
        self.session.flush()

    def _queue(
        self,
        head: Letterhead,
        contact_case: ContactCase,
        clearance: Clearance,
        told: DecisionEntry,
        context: LetterContext,
        words: RenderedLetter,
    ) -> None:
        """Put it into the outbox; only a Clearance does, for exactly its address."""
        self._settle(PartyLetterStatus.WRITTEN)
        contact, party, earlier = clearance.contact, self.party, self._earlier()
        message = OutboxMessage(
            party_letter_id=id_of(self.row),
            instead_of_id=id_of(earlier[-1]) if earlier else None,
            recipient=party.full_name,
            destination=TO_ADVISERS[contact.channel],
            portfolio_id=head.portfolio_id,
            customer_id=contact_case.customer.id,
            case_id=contact_case.case.id,
            purpose=Purpose.REPRESENTATIVE,
            letter=contact.letter,
            template_version=words.version,
            language=words.language,
            address=contact.address,
            subject=words.subject[:300],
            text=words.text,
            html=words.html,
            context=context_text(context),
            clearance=answer_text(clearance),
            business_date=self.on,
            not_before=clearance.not_before,
            not_after=clearance.not_after,
            created_at=self.now,
        )
        self.session.add(message)
        self.session.flush()
        told.name_message(id_of(message))
        to = contact.address.replace("\n", ", ")
        queued = RepresentativeLetter(
            party.full_name, self.letter.name, "queued", to, message_id=id_of(message)
        )
        told_too = about_customer(self.plan.customer_id, queued, case_id=self.plan.case_id)
        record_decisions(self.session, [told, told_too], by=self.by, now=self.now)

    def _context(self, head: Letterhead, contact_case: ContactCase) -> LetterContext:
        """The figures of the letter. The customer's accounts, arrears and personal link are not among them."""
        customer = contact_case.customer
        locale = self.letter.locale_for(customer.language, customer.country)
        reader = Reader(locale, head.currency)
        figures = agreement_figures(self.session, self.plan, reader, head.payee, no_new_card=False)
        shown = {name: figures[name] for name in SHOWN if name in figures}
        if self.row.occasion is Occasion.BROKEN:
            missed = missed_shown(self.session, self.plan, self.on, reader)
            # Where nothing that was missed is asked for, the client's letter is a confirmation, which they get.
            is_asked_for = bool(missed) and contact_case.to_ask > 0
            hears = "" if is_asked_for and is_written_instead(contact_case, self.now) else "yes"
            shown |= {**missed, "client_hears": hears}
        if self.row.occasion is Occasion.RESTORED:
            shown |= self._restored(reader)
        if self.row.occasion is Occasion.AHEAD:
            shown |= self._ahead(reader, head)
        return LetterContext(
            customer_name=customer.full_name,
            creditor=head.creditor,
            collector_kind=head.collector,
            reference=case_reference(contact_case.case.id),
            accounts=(),
            past_due_total="",
            oldest_due_on="",
            today=format_date(self.on, locale),
            contact_phone=head.contact_phone,
            contact_email=head.contact_email,
            preferences_url="",
            register_number=self.catalog.register_number,
            sender=head.agency,
            adviser_name=self.party.name,
            adviser_reference=self.party.reference,
            **shown,  # type: ignore[arg-type]
        )

    def _ahead(self, reader: Reader, head: Letterhead) -> dict[str, Value]:
        """What falls due on the day of which it reminds, and how it is paid."""
        due_on = date.fromordinal(self.row.occurrence)
        missing = dues_ahead(self.session, self.plan, self.on).get(self.row.occurrence, 0)
        parts = instalments_of(self.session, [id_of(self.plan)])[id_of(self.plan)]
        [part, *others] = [each for each in parts if each.due_on == due_on and not each.is_skipped]
        how = paying(self.plan, head.payee, None if others else part, reader)
        return {
            **how,
            "due_on": reader.day(due_on),
            "missing": reader.money(missing),
            "missing_minor": str(missing),
        }

    def _restored(self, reader: Reader) -> dict[str, str]:
        made = last_restoration(self.session, id_of(self.plan))
        whole = made_whole(self.session, self.plan, made, self.on) if made is not None else None
        if made is None or whole is None:
            raise Unsayable("No break of the agreement was taken back.")
        wrote_on = told_of_break(self.session, self.plan, self.party, made)
        figures = restoration_figures(self.session, self.plan, made, whole, wrote_on, self.on)
        return {name: _shown(value, reader) for name, value in figures.items()}


def _tried(earlier: Sequence[OutboxMessage]) -> list[Channel]:
    """The channels of these messages that are not tried again. One by which a letter waited too long is, once."""
    tried, waited = [], Counter[Channel]()
    for each in earlier:
        if each.error.startswith(TOO_OLD):
            waited[BY_CHANNEL[each.destination]] += 1
        elif each.error not in TO_ADVISERS_AGAIN:
            tried.append(BY_CHANNEL[each.destination])
    return [*tried, *(channel for channel, times in waited.items() if times > 1)]


def _shown(value: date | int | str, reader: Reader) -> str:
    if isinstance(value, str):
        return value
    return reader.day(value) if isinstance(value, date) else reader.money(value)
