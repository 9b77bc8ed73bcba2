"""The next step of a case, as the worklist shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.casework.cases.models import CallTask
from app.casework.cases.worklist import PortfolioToday
from app.casework.holds.models import CaseHold
from app.casework.plans.queries import NextPayment
from app.casework.plans.rules import PlanKind
from app.outreach.strategy.models import StrategyTask
from app.web.rendering import Tone


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step of a case in words; `on` or `at` completes the sentence."""

    words: str
    tone: Tone = "neutral"
    on: date | None = None
    at: datetime | None = None


def next_step(
    case: Any,
    book: PortfolioToday,
    *,
    replied_at: datetime | None,
    hold: CaseHold | None,
    call: CallTask | None,
    task: StrategyTask | None,
    payment: NextPayment | None,
    now: datetime,
) -> NextStep:
    """The next step of a case; a person's request comes before the strategy's step."""
    if case.callback_at is not None and case.callback_at <= now:
        return NextStep("Call back, due since", "bad", at=case.callback_at)
    if replied_at is not None:
        return NextStep("Replied, not answered yet", "warn", at=replied_at)
    if case.callback_at is not None and case.callback_at < book.day_ends:
        return NextStep("Call back at", "warn", at=case.callback_at)
    if hold is not None:
        return _hold_step(hold, book.today)
    if payment is not None:
        return _payment_step(payment, book.today)
    if call is not None:
        return _call_step(call, book.today, now)
    if task is not None:
        return NextStep(f"{task.text}, since", "info", on=task.due_on)
    if case.callback_at is not None:
        return NextStep("Call back at", "neutral", at=case.callback_at)
    if case.next_contact_on is None:
        return NextStep("No contact planned")
    if case.next_contact_on <= book.on:
        return NextStep("Strategy decides tonight")
    return NextStep("Next step in the night of", on=case.next_contact_on)


def _hold_step(hold: CaseHold, today: date) -> NextStep:
    kind = hold.kind.value.replace("_", " ")
    if not hold.for_good:
        return NextStep(f"On hold ({kind}) until", "neutral", on=hold.until)
    if hold.until <= today:
        return NextStep(f"Review the hold ({kind}), due", "warn", on=hold.until)
    return NextStep(f"Do not contact ({kind}), review by", "neutral", on=hold.until)


def _call_step(call: CallTask, today: date, now: datetime) -> NextStep:
    wish = f" (they wrote: {call.wish[:60]})" if call.wish and call.not_before is None else ""
    if call.not_before is not None and call.not_before > now:
        return NextStep("Call from", "info", at=call.not_before)
    if call.due_on > today:
        return NextStep(f"Call{wish} on", "info", on=call.due_on)
    return NextStep(f"Call{wish}", "info")


def _payment_step(payment: NextPayment, today: date) -> NextStep:
    if payment.kind is PlanKind.PROMISE:
        what = "Promise"
    elif payment.kind is PlanKind.SETTLEMENT:
        what = "Settlement"
    else:
        what = f"Instalment {payment.n}" if payment.n else "Down payment"
    if payment.due_on < today:
        return NextStep(f"{what} was due", "warn", on=payment.due_on)
    return NextStep(f"{what} due", "good" if payment.due_on > today else "warn", on=payment.due_on)
