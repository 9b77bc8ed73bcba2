"""One letter to a representative, or to an estate: judged, worded and put into the outbox, or why not, on record.

What it says differs with its subject, an agreement (`writing.py`) or a case (`statements.py`); how it is decided does
not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.timeline.service import about_customer
from app.core.types import JsonObject
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.decisions import (
    DecisionEntry,
    ReviewRequest,
    answer_text,
    decision_entry,
    record_decisions,
)
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.letter import Letter, LetterContext, RenderedLetter, Unsayable
from app.outreach.letters.rendering import render
from app.outreach.outbox.events import RepresentativeLetter
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import (
    BY_CHANNEL,
    TO_ADVISERS,
    TO_ADVISERS_AGAIN,
    TOO_OLD,
    PartyLetterStatus,
)
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.rules import LETTERS, Mandate, Way, why_not_written_to
from app.outreach.planning.wording import context_text
from app.policy.answers import Answer, Clearance, WaitUntil


@dataclass(frozen=True, slots=True)
class PartyWriting:
    """The writing of one letter, its customer locked."""

    session: Session
    portfolio: Portfolio
    row: PartyLetter
    catalog: LetterCatalog
    on: date
    by: Actor
    now: datetime
    party: ThirdParty | None
    """None = it goes to the estate."""

    # --- what differs with its subject ---

    def mandate(self, contact_case: ContactCase) -> Mandate:
        raise NotImplementedError

    def why_not(self, mandate: Mandate) -> str:
        """The reason that they must not be written to; '' = they may."""
        return why_not_written_to(mandate)

    def why_false(self, contact_case: ContactCase) -> str:
        """The reason that the words would be false by now; '' = they hold."""
        raise NotImplementedError

    def question(self, contact_case: ContactCase, way: Way, flaw: str) -> ReviewRequest:
        raise NotImplementedError

    def context(self, head: Letterhead, contact_case: ContactCase) -> LetterContext:
        """The figures of the letter. Unsayable where it would say something empty."""
        raise NotImplementedError

    # --- what does not ---

    @property
    def letter(self) -> Letter:
        return self.catalog.letters[LETTERS[self.row.occasion]]

    @property
    def recipient(self) -> str:
        return self.party.full_name if self.party is not None else ""

    def decide(self) -> Answer | None:
        """Queue it, let it wait, or say on the timeline why it is not written. A channel by which it could not arrive
        is not tried again, unless the address there or what it tells has changed."""
        session, row = self.session, self.row
        [contact_case] = load_contact_cases(
            session, self.portfolio, [row.case_id], now=self.now, as_of=self.on
        )
        tried = _tried(self._earlier())
        mandate = self.mandate(contact_case).without(tried)
        why = self.why_not(mandate)
        if why and tried:
            why = f"it could not arrive, and {why}"
        why = why or self.why_false(contact_case)
        if why or mandate.way is None:
            self._not_written(contact_case, why)
            return None
        head = Letterhead.of(self.portfolio)
        asked = self.question(contact_case, mandate.way, head.unreachable)
        answer = asked.answer(contact_case.pack)
        keep_pack(session, contact_case.pack, now=self.now)
        told = decision_entry(
            row.case_id, contact_case.customer.id, asked, answer,
            **{"letter": self.letter.name, "step": f"{self._who}-{row.occasion.value}", **self._about()},
        )  # fmt: skip
        if not isinstance(answer, Clearance):
            return self._kept_back(answer, told)
        try:
            context = self.context(head, contact_case)
            words = render(self.letter, answer.contact.channel, answer.contact.language, context, leaves=True)
        except Unsayable as problem:
            self._not_written(contact_case, str(problem))
            return None
        self._queue(head, contact_case, answer, told, context, words)
        return answer

    @property
    def _who(self) -> str:
        return "adviser" if self.row.plan_id is not None else "party"

    def _about(self) -> JsonObject:
        about = {"plan": self.row.plan_id, "party": self.row.party_id}
        return {name: number for name, number in about.items() if number is not None}

    def _earlier(self) -> Sequence[OutboxMessage]:
        """Its messages that did not leave or could not arrive, in order."""
        query = select(OutboxMessage).where(OutboxMessage.party_letter_id == self.row.id)
        return self.session.scalars(query.order_by(col(OutboxMessage.id))).all()

    def _not_written(self, contact_case: ContactCase, why: str) -> None:
        self._settle(PartyLetterStatus.NOT_WRITTEN, why)
        payload = RepresentativeLetter(
            self.recipient or ESTATE_NAME, self.letter.name, "not written", detail=why
        )
        event = about_customer(contact_case.customer.id, payload, case_id=self.row.case_id)
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
        contact, earlier = clearance.contact, self._earlier()
        recipient = self.recipient or estate_of(contact_case.customer.full_name, words.language)
        message = OutboxMessage(
            party_letter_id=id_of(self.row),
            instead_of_id=id_of(earlier[-1]) if earlier else None,
            recipient=recipient,
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
        queued = RepresentativeLetter(recipient, self.letter.name, "queued", to, message_id=id_of(message))
        told_too = about_customer(contact_case.customer.id, queued, case_id=self.row.case_id)
        record_decisions(self.session, [told, told_too], by=self.by, now=self.now)


ESTATE_NAME = "the estate"


def estate_of(name: str, language: str) -> str:
    """The line of the envelope that names the estate of a person."""
    return ESTATES[language].format(name)


ESTATES = {
    "en": "The estate of {}",
    "id": "Pengurus harta peninggalan {}",
    "nb": "Boet etter {}",
    "nl": "De erven van {}",
    "zh": "{}之遺產管理人",
    "zh-Hans": "{}的遗产管理人",
}


def _tried(earlier: Sequence[OutboxMessage]) -> list[Channel]:
    """The channels of these messages that are not tried again. One by which a letter waited too long is, once."""
    tried, waited = [], Counter[Channel]()
    for each in earlier:
        if each.error.startswith(TOO_OLD):
            waited[BY_CHANNEL[each.destination]] += 1
        elif each.error not in TO_ADVISERS_AGAIN:
            tried.append(BY_CHANNEL[each.destination])
    return [*tried, *(channel for channel, times in waited.items() if times > 1)]
