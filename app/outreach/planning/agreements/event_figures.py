"""Event figures: dates and amounts that the letter of an agreement adds to its terms, as of now; and why such a letter
would be false by now."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from app.book.ledger.balances import balance_of
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.offers import offers_that_stand
from app.casework.plans.queries import instalments_of, live_plan
from app.casework.plans.restoration.made_whole import made_whole
from app.casework.plans.restoration.queries import last_restoration
from app.casework.plans.rules import Instalment, InstalmentChange, PlanKind, PlanStatus
from app.casework.plans.service import less_is_owed
from app.casework.plans.tracking.payments import accounts_of, missed_lines, paid_to_settle
from app.casework.plans.tracking.progress import InstalmentProgress
from app.core.ids import id_of
from app.outreach.agreements.figures import paying
from app.outreach.agreements.reader import Reader
from app.outreach.agreements.rules import ended_since
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.letters.letter import Letter
from app.outreach.planning.agreements.given_up import given_up
from app.outreach.planning.agreements.open_payments import resumed_figures
from app.outreach.planning.agreements.restoration_figures import restoration_figures, told_on
from app.outreach.planning.agreements.truth import WhyEnded, charge_told, why_ended, why_false
from app.outreach.planning.deferred import Figures
from app.outreach.planning.instalments.facts import changed_since, last_change, read_instalments
from app.outreach.planning.letterhead import Letterhead

CHANGES = {
    DeskStep.MOVED_INSTALMENT: InstalmentChange.MOVED,
    DeskStep.SKIPPED_INSTALMENT: InstalmentChange.SKIPPED,
}
"""Steps whose letters confirm the change of an instalment."""
AS_OF_NOW = (
    DeskStep.OFFER, DeskStep.CONFIRMATION, DeskStep.BROKEN_PLAN, DeskStep.OVER_PLAN, DeskStep.RESTORED_PLAN,
    DeskStep.RESUMED_PLAN, DeskStep.FEES_AGAIN, DeskStep.CLOSED, *CHANGES,
)  # fmt: skip
"""Steps whose letters leave with the figures of the moment: one that would say something else by then is written
again."""
NO_OFFER = "the plan it offers is no longer on offer"


def figures_now(session: Session, step: CaseStep, on: date, kept: Figures) -> Figures:
    """The figures that the letter of this step, which is true (`why_untrue`), adds as of `on`; `kept`, those of the day
    of its event, where they do not change."""
    if step.plan_id is None:
        return kept
    plan = session.get_one(Plan, step.plan_id)
    match step.step:
        case DeskStep.OFFER:
            return offer_figures(session, plan, on)
        case DeskStep.BROKEN_PLAN:
            return missed_figures(missed_lines(session, [plan], on)[id_of(plan)])
        case DeskStep.FEES_AGAIN:
            charge = charge_told(session, step, on)
            return {"waived_fees": charge.minor, "charged_on": charge.posted_on} if charge else kept
        case DeskStep.OVER_PLAN:
            return ended_figures(session, plan, on)
        case DeskStep.RESTORED_PLAN:
            made = last_restoration(session, id_of(plan))
            whole = made_whole(session, plan, made, on) if made else None
            if made is None or whole is None:
                return kept
            return restoration_figures(session, plan, made, whole, told_on(session, made), on)
        case DeskStep.RESUMED_PLAN:
            return resumed_figures(session, plan, on)
        case DeskStep.MOVED_INSTALMENT | DeskStep.SKIPPED_INSTALMENT:
            return _change_figures(session, step, on)
    return kept


def why_untrue(session: Session, step: CaseStep, on: date) -> str:
    """The reason that a letter of this step would be false if it left on `on`; '' = it would be true."""
    if step.plan_id is None or step.step not in AS_OF_NOW:
        return ""
    plan = session.get_one(Plan, step.plan_id)
    if ended := ended_since(step.step, plan.status):
        return ended
    if step.step == DeskStep.OFFER:
        return _why_not_offered(session, plan, on)
    if step.step in CHANGES:
        return _why_not_changed(session, step, on)
    return why_false(session, step, on)


def _why_not_offered(session: Session, plan: Plan, on: date) -> str:
    live = live_plan(session, plan.case_id)
    is_free = live is None or live.id == plan.supersedes_id
    if plan.status is not PlanStatus.OFFERED or not is_free or not offers_that_stand(session, [plan], on):
        return NO_OFFER
    if plan.kind is not PlanKind.SETTLEMENT:
        return "less is owed now than it asks for" if less_is_owed(session, plan, on) else ""
    if paid_to_settle(session, plan, on):
        return "a payment for the settlement that it offers came since it was offered"
    waives = settled_balance(session, plan, on) - plan.total_minor
    return "" if waives > 0 else "no more is owed now than it asks for, so it would waive nothing"


def _why_not_changed(session: Session, step: CaseStep, on: date) -> str:
    assert step.plan_id is not None
    assert step.instalment is not None
    facts = read_instalments(session, [step.plan_id], on)
    if changed := changed_since(facts, step):
        return changed
    line = facts.line(step.plan_id, step.instalment)
    if step.step == DeskStep.MOVED_INSTALMENT and not line.short:
        return "the instalment was paid since it was written"
    return "the new date of the instalment is over" if line.due_on < on and line.short else ""


def _change_figures(session: Session, step: CaseStep, on: date) -> Figures:
    """Of an instalment that was moved, what is missing of it and its new date; of a skipped one its amount, and what
    falls due with the last. `new_last_amount`, where the change brought interest or saved some."""
    assert step.plan_id is not None
    assert step.instalment is not None
    facts = read_instalments(session, [step.plan_id], on)
    line, last = facts.line(step.plan_id, step.instalment), facts.progress[step.plan_id].last
    change = last_change(session, step.plan_id, step.instalment, CHANGES[DeskStep(step.step)])
    is_moved = change.change is InstalmentChange.MOVED
    figures: dict[str, date | int] = {
        "amount": line.short if is_moved else line.amount,
        "moved_from": change.from_on,
        "due_on": line.due_on,
    }
    if not is_moved:
        figures["last_amount"] = last.due
    if change.interest_minor and last.n != change.n:  # of the last one itself, `amount` holds the interest
        figures["new_last_amount"] = last.due
    return figures


def offer_figures(session: Session, plan: Plan, on: date) -> Figures:
    """Of a plan, the day by which the offer is answered; of a settlement, which is answered by paying it, what is owed
    at the end of `on` on the accounts that it settles, and what it waives."""
    if plan.kind is not PlanKind.SETTLEMENT:
        first = instalments_of(session, [id_of(plan)])[id_of(plan)][0]
        return {"answer_by": plan.offer_until or first.due_on}
    owed = settled_balance(session, plan, on)
    figures = {"settlement_amount": plan.total_minor, "balance_total": owed}
    return {**figures, "waived": owed - plan.total_minor} if owed > plan.total_minor else figures


def settled_balance(session: Session, plan: Plan, on: date) -> int:
    """The balances that a settlement settles, in minor units, at the end of `on`."""
    return sum(
        max(0, balance_of(session, account_id, on))
        for account_id in session.scalars(accounts_of(id_of(plan)))
    )


def missed_figures(line: InstalmentProgress) -> Figures:
    """The payment of a broken plan that was missed, and what came of it in time."""
    figures: dict[str, date | int] = {"missed_on": line.due_on, "missed_amount": line.due}
    return {**figures, "came": line.paid} if line.paid else figures


def ended_figures(session: Session, plan: Plan, on: date) -> Figures:
    """Why an agreement ended (`why_ended`), with the payment that was missed, and what became of the debt."""
    why = why_ended(session, plan, on)
    assert why is not None
    missed = missed_lines(session, [plan], on) if why is WhyEnded.MISSED else {}
    gone = given_up(session, [plan], on)
    return over_figures(why, missed.get(id_of(plan)), gone.get(id_of(plan), ""))


def over_figures(why: WhyEnded, missed: InstalmentProgress | None, gone: str) -> Figures:
    """The same of what is known already."""
    lines = missed_figures(missed) if missed is not None else {}
    return {**lines, "why_ended": why.value, **({"given_up": gone} if gone else {})}


def formatted(
    figures: Figures,
    portfolio: Portfolio,
    letter: Letter,
    contact_case: ContactCase,
    *,
    step: CaseStep,
    plan: Plan | None,
) -> dict[str, str]:
    """The figures in the language of the letter's reader; of a payment that was moved also how to make it, with a code
    for what is missing of it."""
    language = letter.locale_for(contact_case.customer.language, contact_case.customer.country)
    reader = Reader(language, portfolio.currency)
    told = {
        name: value
        if isinstance(value, str)
        else reader.day(value)
        if isinstance(value, date)
        else reader.money(value)
        for name, value in figures.items()
    }
    if step.step != DeskStep.MOVED_INSTALMENT or plan is None or step.instalment is None:
        return told
    due_on, amount = figures["due_on"], figures["amount"]
    assert isinstance(due_on, date)
    assert isinstance(amount, int)
    part = Instalment(step.instalment, due_on, amount)
    return {**told, **paying(plan, Letterhead.of(portfolio).payee, part, reader)}
