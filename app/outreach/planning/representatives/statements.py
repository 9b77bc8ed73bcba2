"""Write to who stands in for a customer about the case itself, at a person's word: the attorney and others who act for
them what is past due, the executor what the estate owes, and, while no executor is known, the estate who administers
it. The customer is left alone meanwhile by the holds (12 CFR 1006.2(e), 1006.6(a)(4), 1006.6(b)(2))."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.labels import PARTY_LABELS, in_sentence
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.letters.letter import LetterContext, RenderedLetter
from app.outreach.letters.rendering import render
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import Occasion, PartyLetterStatus
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.facts import mandate_of
from app.outreach.planning.representatives.in_place import (
    case_now,
    mandate_of_estate,
    question_in_place,
)
from app.outreach.planning.representatives.queueing import PartyWriting
from app.outreach.planning.representatives.rules import (
    STATEMENTS,
    Mandate,
    Way,
    not_so_of_case,
    why_not_written_to,
)
from app.outreach.planning.representatives.statement_figures import statement_context


def write_statement(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    party: ThirdParty,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> PartyLetter:
    """Queue the letter to a third party who stands in for the customer. What became of it is on the row: written,
    waiting, refused by the gate or not written, with the reason. Conflict where it was written today already."""
    occasion = occasion_for(party)
    return _write(session, portfolio, case, party, occasion, on.toordinal(), catalog, on=on, by=by, now=now)


def enquire_of_estate(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> PartyLetter:
    """Queue the letter to the estate that asks who administers it, as above. It is asked once for a case (15 USC
    1692b(3); 12 CFR 1006.10(c))."""
    return _write(session, portfolio, case, None, Occasion.ESTATE_ENQUIRY, 0, catalog, on=on, by=by, now=now)


def occasion_for(party: ThirdParty) -> Occasion:
    occasion = STATEMENTS.get(party.kind)
    if occasion is None:
        raise Invalid(f"The desk has no letter to {in_sentence(PARTY_LABELS[party.kind])}.", "party_id")
    return occasion


def _write(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    party: ThirdParty | None,
    occasion: Occasion,
    occurrence: int,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> PartyLetter:
    lock_customers(session, [case.customer_id])
    row = _known(session, case, party, occasion, occurrence)
    if row is not None and row.status in (PartyLetterStatus.WRITTEN, PartyLetterStatus.WAITS):
        when = f"on {row.created_at:%Y-%m-%d}" if occasion is Occasion.ESTATE_ENQUIRY else "today"
        raise Conflict(f"This letter was asked for {when} already. It is not written twice.")
    if row is None:
        row = PartyLetter(
            case_id=id_of(case),
            party_id=party.id if party is not None else None,
            occasion=occasion,
            occurrence=occurrence,
            created_at=now,
        )
        session.add(row)
        session.flush()
    CaseLetter(session, portfolio, row, catalog, on, by, now, party).decide()
    return row


def _known(
    session: Session, case: CollectionsCase, party: ThirdParty | None, occasion: Occasion, occurrence: int
) -> PartyLetter | None:
    query = select(PartyLetter).where(
        PartyLetter.case_id == case.id,
        PartyLetter.occasion == occasion,
        PartyLetter.occurrence == occurrence,
        col(PartyLetter.plan_id).is_(None),
    )
    whose = col(PartyLetter.party_id)
    of_whom = whose == party.id if party is not None else whose.is_(None)
    return session.scalars(query.where(of_whom)).first()


@dataclass(frozen=True, slots=True)
class CaseLetter(PartyWriting):
    """A letter about the case to a third party, or to the estate."""

    def mandate(self, contact_case: ContactCase) -> Mandate:
        if self.party is None:
            return mandate_of_estate(contact_case)
        return mandate_of(self.session, self.party, contact_case, self.on)

    def why_not(self, mandate: Mandate) -> str:
        if self.party is not None:
            return why_not_written_to(mandate)
        return "" if mandate.ways else "no postal address of the customer is on file"

    def why_false(self, contact_case: ContactCase) -> str:
        now_so = case_now(self.session, contact_case, self.row.occasion, self.on)
        return not_so_of_case(self.row.occasion, now_so)

    def question(self, contact_case: ContactCase, way: Way, flaw: str) -> ReviewRequest:
        return question_in_place(
            self.session, contact_case, self.party, way, self.letter.name, self._language(contact_case), flaw,
            now=self.now, waits=True,
        )  # fmt: skip

    def context(self, head: Letterhead, contact_case: ContactCase) -> LetterContext:
        """What is owed, and nothing else of the customer's."""
        locale = self.letter.locale_for(self._read_in(contact_case), self._country(contact_case))
        return statement_context(
            self.row.occasion, head, self.catalog.register_number, contact_case, self.party, locale, self.on
        )

    def words(self, contact_case: ContactCase, channel: Channel) -> RenderedLetter:
        """The letter as it would leave now. Unsayable where it would say something empty."""
        context = self.context(Letterhead.of(self.portfolio), contact_case)
        return render(self.letter, channel, self._language(contact_case), context, leaves=True)

    def _language(self, contact_case: ContactCase) -> str:
        return self.letter.language_for(self._read_in(contact_case), self._country(contact_case))

    def _read_in(self, contact_case: ContactCase) -> str:
        own = self.party.language if self.party is not None else ""
        return own or contact_case.customer.language

    def _country(self, contact_case: ContactCase) -> str:
        own = self.party.country if self.party is not None else ""
        return own or contact_case.customer.country
