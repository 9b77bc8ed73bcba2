"""Recheck of letters to representatives: whether one is still true and permitted as it leaves, mailed or printed."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan
from app.core.clock import local_date
from app.outreach.agreements.reader import Reader
from app.outreach.delivery.moves import Postpone, Withhold
from app.outreach.delivery.recheck import too_old
from app.outreach.delivery.representatives.statements import ClearedLetter, recheck_statement, verdict_on
from app.outreach.gate.contact_cases import STALE_AFTER, load_contact_cases
from app.outreach.letters.locales import locale_for
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import (
    BY_CHANNEL,
    CHANGED,
    DUE_CHANGED,
    Occasion,
)
from app.outreach.planning.instalments.reminders import LETTER as REMINDER
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.representatives.facts import (
    agreement_now,
    is_written_instead,
    mandate_of,
    missed_shown,
    question,
)
from app.outreach.planning.representatives.rules import no_longer_so, why_not_sent_to
from app.outreach.planning.wording import message_context


def recheck_letter(
    session: Session, portfolio: Portfolio, row: OutboxMessage, *, now: datetime
) -> ClearedLetter | Withhold | Postpone:
    """Judge a letter to a representative again, its customer locked: their authority, who speaks for the customer, the
    address, the agreement and the gate."""
    today = local_date(now, portfolio.timezone)
    if today - row.business_date > STALE_AFTER:
        return too_old(row)
    letter = session.get_one(PartyLetter, row.party_letter_id)
    if letter.plan_id is None:
        return recheck_statement(session, portfolio, row, letter, now=now)
    party, plan = session.get_one(ThirdParty, letter.party_id), session.get_one(Plan, letter.plan_id)
    if party.customer_id != row.customer_id or plan.customer_id != row.customer_id:
        return Withhold("the adviser or the agreement belongs to another customer", {})
    [contact_case] = load_contact_cases(session, portfolio, [row.case_id], now=now, as_of=today)
    now_so = agreement_now(session, plan, contact_case, today)
    mandate, channel = mandate_of(session, party, contact_case, today), BY_CHANNEL[row.destination]
    why = why_not_sent_to(mandate, channel, row.address) or no_longer_so(
        letter.occasion, letter.occurrence, now_so
    )
    if not why and letter.occasion is Occasion.AHEAD:
        if str(now_so.dues[letter.occurrence]) != message_context(row).get("missing_minor"):
            why = DUE_CHANGED
        elif not is_written_instead(contact_case, now, REMINDER):
            why = "the customer is reminded of it"
    if (
        not why
        and letter.occasion is Occasion.BROKEN
        and _tells_another(session, portfolio, row, plan, today)
    ):
        why = CHANGED
    way = mandate.by(channel)
    if why or way is None:
        return Withhold(why, {})
    flaw = Letterhead.of(portfolio).unreachable
    asked = question(contact_case, party, way, row.letter, row.language, flaw, now=now, waits=False)
    return verdict_on(session, row, contact_case, asked, now=now)


def _tells_another(
    session: Session, portfolio: Portfolio, row: OutboxMessage, plan: Plan, today: date
) -> bool:
    """True if the payment that was missed, or what came of it, is another one than the words say."""
    country = session.get_one(Customer, row.customer_id).country
    reader = Reader(locale_for(row.language, country), portfolio.currency)
    now_so, told = missed_shown(session, plan, today, reader), message_context(row)
    return any(told.get(name, "") != now_so.get(name, "") for name in ("missed_on", "missed_amount", "came"))
