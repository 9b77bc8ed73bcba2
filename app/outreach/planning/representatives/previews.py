"""Whether who stands in for a customer may be written to or called now, and the letter as it would leave. Nothing is
locked or written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.letters.letter import RenderedLetter
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.facts import mandate_of
from app.outreach.planning.representatives.in_place import (
    question_in_place,
)
from app.outreach.planning.representatives.rules import (
    OWN_ADDRESS,
    Way,
    why_not_written_to,
)
from app.outreach.planning.representatives.statements import CaseLetter, occasion_for
from app.policy.answers import Answer


@dataclass(frozen=True, slots=True)
class LetterAhead:
    """A letter to who stands in for the customer, before it is queued."""

    way: Way | None
    words: RenderedLetter | None
    why_not: str
    answer: Answer | None
    """The gate's answer; None = it was not asked."""


def letter_ahead(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    party: ThirdParty | None,
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> LetterAhead:
    """The letter as it would leave now, or why not. Nothing is locked or written."""
    occasion = Occasion.ESTATE_ENQUIRY if party is None else occasion_for(party)
    row = PartyLetter(case_id=id_of(case), party_id=None, occasion=occasion, occurrence=0, created_at=now)
    letter = CaseLetter(session, portfolio, row, catalog, on, Actor.user("preview"), now, party)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on, lock=False)
    mandate = letter.mandate(contact_case)
    why = letter.why_not(mandate) or letter.why_false(contact_case)
    if why or mandate.way is None:
        return LetterAhead(mandate.way, None, why, None)
    asked = letter.question(contact_case, mandate.way, Letterhead.of(portfolio).unreachable)
    answer = asked.answer(contact_case.pack)
    return LetterAhead(mandate.way, letter.words(contact_case, mandate.way.channel), "", answer)


def call_ahead(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    party: ThirdParty,
    *,
    on: date,
    now: datetime,
) -> tuple[str, Answer | None]:
    """The reason that a third party must not be called about the debt, or '' and the gate's answer. Nothing is locked
    or written."""
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on, lock=False)
    if not party.phone:
        return "no number of theirs is on file", None
    if not party.by_call:
        return "they do not want to be called", None
    way = Way(Channel.CALL, party.phone, is_customers_own=party.phone == contact_case.customer.mobile)
    mandate = replace(mandate_of(session, party, contact_case, on), ways=(way,))
    if why := why_not_written_to(mandate):
        return ("the number is the customer's own" if why == OWN_ADDRESS else why), None
    asked = question_in_place(session, contact_case, party, way, "", "", "", now=now, waits=False)
    return "", asked.answer(contact_case.pack)
