"""An agreement in sentences: who granted it, what is waived, how it may be met. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.casework.plans.models import PlanChange
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.web.cases.plan.rates import account_words
from app.web.cases.plan.reads import PlanFile
from app.web.rendering import Tone
from app.web.timeline import PageReader

PLAN_TONES: Mapping[PlanStatus, Tone] = {
    PlanStatus.OFFERED: "info",
    PlanStatus.ACTIVE: "good",
    PlanStatus.ACCEPTED: "good",
    PlanStatus.KEPT: "good",
    PlanStatus.BROKEN: "bad",
}


def authority_words(view: PlanFile, reader: PageReader) -> str:
    """The person who granted the agreement, and on whose request where it took two people."""
    granted = f"Granted by {reader.who(view.plan.offered_by)} on {reader.instant(view.plan.offered_at)}"
    if view.approval is None:
        return f"{granted}."
    return f"{granted}, as {reader.who(view.approval.asked_by)} asked: “{view.approval.reason.rstrip('.')}”."


def interest_words(reader: PageReader, change: PlanChange) -> str:
    """The interest that a change of an instalment brings or saves; '' = none."""
    interest = change.interest_minor
    if not interest:
        return ""
    amount = reader.money(abs(interest))
    return f" With interest, the last payment is {amount} {'more' if interest > 0 else 'less'} than before."


def concession_words(view: PlanFile, reader: PageReader) -> list[str]:
    """The concessions beyond time, each a sentence."""
    plan = view.plan
    said: list[str] = []
    if view.waived_minor:
        said.append(f"Fees of {reader.money(view.waived_minor)} are waived.")
    said += [account_words(each, view.plan.status) for each in view.rates]
    if plan.kind is PlanKind.SETTLEMENT:
        said.append("The rest of the debt is waived once all of it is paid.")
    if plan.skips_allowed:
        said.append(f"{view.skips_used} of {plan.skips_allowed} agreed skips used.")
    if plan.is_token:
        said.append("Token payments while the household recovers: the rest of the debt is agreed on later.")
    if plan.review_on:
        first = "" if plan.is_token else "The first payments are smaller. "
        said.append(f"{first}It is looked at again with the customer on {reader.day(plan.review_on)}.")
    if plan.re_age:
        said.append("The accounts are brought current when it is kept.")
    return said


def read_back(parts: Sequence[Instalment], terms: AgreementTerms, reader: PageReader) -> str:
    """The sentence that the customer says yes to: the first day and amount, the step of payments that grow, the total,
    and that a rest stays owed."""
    first, last = parts[0], parts[-1]
    until, together = reader.day(last.due_on), reader.money(sum(part.amount for part in parts))
    said = f"You pay {reader.money(first.amount)} on {reader.day(first.due_on)}"
    more = len(parts) - 1
    if (reduced := terms.reduced) is not None:
        begins = next(part for part in parts if part.n == 1)
        step = next(part for part in parts if part.n > reduced.payments)
        times = "once" if reduced.payments == 1 else f"{reduced.payments} times"
        small = f"{reader.money(reduced.amount_minor)} {times}, the first on {reader.day(begins.due_on)}"
        said = f"{said}, then {small}" if first.n == 0 else f"You pay {small}"
        said += f", and from {reader.day(step.due_on)} on {reader.money(step.amount)} each time until {until}"
        said += f", together {together}"
    elif more:
        payments = "payment" if more == 1 else "payments"
        said += f", then {more} more {payments} until {until}, together {together}"
    if terms.is_token:
        said += f". The rest stays owed, and we talk about it by {reader.day(terms.review_on or last.due_on)}"
    return f"{said}. Is that right?"
