"""Recheck of letters about a case, and the verdict that every letter to a representative has from the gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.parties.models import ThirdParty
from app.core.clock import local_date
from app.core.ids import id_of
from app.outreach.delivery.moves import Postpone, Withhold
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.locales import locale_for
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import (
    BY_CHANNEL,
    OWED_CHANGED,
    PARTY_MOVED,
    REFUSED_AT_DELIVERY,
    Occasion,
)
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.representatives.facts import (
    mandate_of,
)
from app.outreach.planning.representatives.in_place import case_now, mandate_of_estate, question_in_place
from app.outreach.planning.representatives.rules import not_so_of_case, why_not_sent_to
from app.outreach.planning.representatives.statement_figures import statement_figures
from app.outreach.planning.wording import message_context
from app.policy.answers import Clearance, WaitUntil


@dataclass(frozen=True, slots=True)
class ClearedLetter:
    """Verdict: the letter may leave now."""

    contact_case: ContactCase
    clearance: Clearance


def recheck_statement(
    session: Session, portfolio: Portfolio, row: OutboxMessage, letter: PartyLetter, *, now: datetime
) -> ClearedLetter | Withhold | Postpone:
    """Judge a letter about the case again: authority and address, the death or the debt of which it speaks, what is
    owed, and the gate."""
    today = local_date(now, portfolio.timezone)
    party = session.get_one(ThirdParty, letter.party_id) if letter.party_id is not None else None
    if party is not None and party.customer_id != row.customer_id:
        return Withhold("the third party belongs to another customer", {})
    [contact_case] = load_contact_cases(session, portfolio, [row.case_id], now=now, as_of=today)
    channel = BY_CHANNEL[row.destination]
    if party is None:
        mandate = mandate_of_estate(contact_case)
        way = mandate.by(channel)
        why = "" if way is not None and way.address == row.address else PARTY_MOVED
    else:
        mandate = mandate_of(session, party, contact_case, today)
        way = mandate.by(channel)
        why = why_not_sent_to(mandate, channel, row.address)
    why = why or not_so_of_case(letter.occasion, case_now(session, contact_case, letter.occasion, today))
    if not why and _owes_otherwise(portfolio, row, letter, contact_case, party):
        why = OWED_CHANGED
    if why or way is None:
        return Withhold(why, {})
    flaw = Letterhead.of(portfolio).unreachable
    asked = question_in_place(
        session,
        contact_case,
        party,
        way,
        row.letter,
        row.language,
        flaw,
        now=now,
        waits=False,
        but=id_of(row),
    )
    return verdict_on(session, row, contact_case, asked, now=now)


def verdict_on(
    session: Session, row: OutboxMessage, contact_case: ContactCase, asked: ReviewRequest, *, now: datetime
) -> ClearedLetter | Withhold | Postpone:
    answer = asked.answer(contact_case.pack)
    if isinstance(answer, Clearance):
        row.not_after = answer.not_after
        return ClearedLetter(contact_case, answer)
    keep_pack(session, contact_case.pack, now=now)
    rules = ", ".join(reason.rule for reason in answer.reasons)
    if isinstance(answer, WaitUntil):
        return Postpone(answer.at, rules, (asked, answer))
    return Withhold(f"{REFUSED_AT_DELIVERY}: {rules}", {}, (asked, answer))


def _owes_otherwise(
    portfolio: Portfolio,
    row: OutboxMessage,
    letter: PartyLetter,
    contact_case: ContactCase,
    party: ThirdParty | None,
) -> bool:
    """True if the amounts, of any account or together, are others than the words say."""
    if letter.occasion is Occasion.ESTATE_ENQUIRY:
        return False
    country = (party.country if party is not None else "") or contact_case.customer.country
    locale = locale_for(row.language, country)
    now_so = statement_figures(letter.occasion, Letterhead.of(portfolio), contact_case, locale)
    told = message_context(row)
    amounts = [(each["last4"], each["past_due"], each["balance"]) for each in told.get("accounts", ())]
    return (amounts, told.get("past_due_total", ""), told.get("balance_total", "")) != now_so
