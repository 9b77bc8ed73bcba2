"""Letters that their reader is to have in writing: what an agreement, a hold or the end of a case brings. Pure.

They go by e-mail, some by SMS beside it. Where neither tells the customer enough, they go by post.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.casework.contacts.rules import DeskStep
from app.casework.plans.rules import PlanKind
from app.core.vocabulary import Channel
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil

IN_WRITING: Mapping[str, frozenset[str]] = {
    DeskStep.OFFER: frozenset({"plan_offer", "settlement_offer"}),
    DeskStep.CONFIRMATION: frozenset(
        {"promise_confirmation", "plan_confirmation", "settlement_confirmation"}
    ),
    DeskStep.MOVED_INSTALMENT: frozenset({"instalment_moved"}),
    DeskStep.SKIPPED_INSTALMENT: frozenset({"instalment_skipped"}),
    DeskStep.BROKEN_PLAN: frozenset({"plan_broken"}),
    DeskStep.OVER_PLAN: frozenset({"plan_over"}),
    DeskStep.CANCELLED_PLAN: frozenset({"plan_cancelled"}),
    DeskStep.RESTORED_PLAN: frozenset({"plan_restored"}),
    DeskStep.RESUMED_PLAN: frozenset({"plan_resumed"}),
    DeskStep.FEES_AGAIN: frozenset({"fees_charged_again"}),
    DeskStep.CLOSED: frozenset({"paid_in_full", "settlement_completed"}),
    DeskStep.HOLD: frozenset({"dispute_acknowledged", "complaint_acknowledged"}),
    DeskStep.COMPLAINT_RECEIVED: frozenset({"complaint_acknowledged"}),
    DeskStep.COMPLAINT_HOLDING: frozenset({"complaint_holding"}),
    DeskStep.COMPLAINT_SUMMARY: frozenset({"complaint_summary_resolution"}),
    DeskStep.COMPLAINT_FINAL: frozenset({"complaint_final_response"}),
    DeskStep.HARDSHIP: frozenset({"hardship_acknowledged"}),
    DeskStep.HARDSHIP_DECIDED: frozenset({"hardship_granted", "hardship_refused"}),
    DeskStep.CONDUCT_WARNING: frozenset({"conduct_warning"}),
    DeskStep.DISPUTE_RECEIVED: frozenset({"dispute_acknowledged", "billing_error_acknowledged"}),
    DeskStep.DISPUTE_DECIDED: frozenset({"dispute_upheld", "dispute_partly_upheld", "dispute_rejected"}),
}
"""The letters of each step."""
LETTERS = frozenset().union(*IN_WRITING.values())
OF_COMPLAINTS = (
    DeskStep.COMPLAINT_RECEIVED, DeskStep.COMPLAINT_HOLDING, DeskStep.COMPLAINT_SUMMARY, DeskStep.COMPLAINT_FINAL,
)  # fmt: skip
"""Steps whose letters are about a complaint."""
OUTLIVES_CASE = (
    DeskStep.CLOSED, DeskStep.FEES_AGAIN, DeskStep.RESTORED_PLAN, DeskStep.OVER_PLAN, *OF_COMPLAINTS,
    DeskStep.DISPUTE_DECIDED, DeskStep.CONDUCT_WARNING,
)  # fmt: skip
"""Steps whose letters are true also when their case is closed."""
IN_FULL = (Channel.EMAIL, Channel.POST)
"""Channels that carry any of these letters whole. One of the two is used, e-mail first."""
WITH_SMS = (Channel.SMS, Channel.EMAIL)
"""Channels on which a confirmation is asked for at first."""
SHORT = (
    DeskStep.MOVED_INSTALMENT, DeskStep.SKIPPED_INSTALMENT, DeskStep.CANCELLED_PLAN,
)  # fmt: skip
"""Steps of which an SMS tells everything."""


def tells_all(step: str, kind: PlanKind | None) -> tuple[Channel, ...]:
    """The channels of which one is enough. An SMS tells all of a promise and of a change; of a plan or a settlement it
    tells that there is one, and the rates, the rights and what a missed payment does are in the letter alone."""
    is_short = step in SHORT or (step == DeskStep.CONFIRMATION and kind is PlanKind.PROMISE)
    return (Channel.SMS, *IN_FULL) if is_short else IN_FULL


def is_told(answers: Mapping[Channel, Answer], enough: Collection[Channel]) -> bool:
    """True if a letter leaves, or waits to leave, by one of the channels that are enough."""
    return any(isinstance(answers.get(channel), Clearance | WaitUntil) for channel in enough)


def has_no_words(answer: Answer) -> bool:
    """True if a letter was refused because it has nothing true or whole to say: a person has the task to look."""
    return isinstance(answer, Refusals) and any(reason.rule == "desk.words" for reason in answer.reasons)


def decisive(answers: Mapping[Channel, Answer]) -> tuple[Channel, Answer] | None:
    """The channel by which a letter leaves in full, else waits to; else the last one that was refused. None = none was
    asked."""
    for sort in (Clearance, WaitUntil, Refusals):
        found = [(channel, answer) for channel, answer in answers.items() if isinstance(answer, sort)]
        if found:
            return found[-1]
    return None
