"""Write to the adviser who made an agreement for a customer: that it is confirmed, changed, broken or at its end.

The customer hears of it by their own letters; this one is the adviser's, in words of its own, and carries nothing of
the customer's page, preferences or other debts. Whether it is written is decided once for each occasion, on record
in `PartyLetter`: a night that was cut off and runs again repeats nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.restoration.made_whole import made_whole
from app.casework.plans.restoration.queries import last_restoration
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.agreements.figures import agreement_figures, paying
from app.outreach.agreements.reader import Reader, Value
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.letters.letter import LetterContext, Unsayable
from app.outreach.letters.locales import format_date
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import Occasion
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
from app.outreach.planning.representatives.queueing import PartyWriting
from app.outreach.planning.representatives.rules import Mandate, Way, no_longer_so
from app.policy.answers import Answer

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
        case_id=plan.case_id,
        plan_id=id_of(plan),
        party_id=id_of(party),
        occasion=occasion,
        occurrence=occurrence,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return AdviserLetter(session, portfolio, row, catalog, on, by, now, party, plan).decide()


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
class AdviserLetter(PartyWriting):
    """A letter to an adviser about the agreement that they made."""

    party: ThirdParty
    plan: Plan

    def mandate(self, contact_case: ContactCase) -> Mandate:
        return mandate_of(self.session, self.party, contact_case, self.on)

    def why_false(self, contact_case: ContactCase) -> str:
        now_so = agreement_now(self.session, self.plan, contact_case, self.on)
        return no_longer_so(self.row.occasion, self.row.occurrence, now_so)

    def question(self, contact_case: ContactCase, way: Way, flaw: str) -> ReviewRequest:
        customer = contact_case.customer
        language = self.letter.language_for(customer.language, customer.country)
        return question(
            contact_case, self.party, way, self.letter.name, language, flaw, now=self.now, waits=True
        )

    def context(self, head: Letterhead, contact_case: ContactCase) -> LetterContext:
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


def _shown(value: date | int | str, reader: Reader) -> str:
    if isinstance(value, str):
        return value
    return reader.day(value) if isinstance(value, date) else reader.money(value)
