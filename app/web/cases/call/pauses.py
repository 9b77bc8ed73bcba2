"""Pauses of a case's reminders, and whether the customer's SMS may be answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.casework.correspondence.models import InboundMessage
from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.assessing import InGrace, assess
from app.core.vocabulary import Channel
from app.outreach.outbox.rules import purpose_of_answer
from app.policy.answers import Refusals
from app.policy.facts import Contact
from app.policy.review import review
from app.web.cases.reads import CASE_READS, CaseView


@dataclass(frozen=True, slots=True)
class MissedPayment:
    """A payment of a live promise or plan that fell due and is short."""

    due_on: date
    grace_until: date
    """The last day on which it can still be kept."""


def missed_payment(
    parts: Sequence[Instalment], paid: int, today: date, *, grace_days: int, tolerance: int
) -> MissedPayment | None:
    """The payment that is short now; None = nothing fell due unpaid, or the night finds the agreement broken."""
    stands = assess(parts, [(today, paid)], today=today, grace_days=grace_days, tolerance=tolerance)
    if not isinstance(stands, InGrace):
        return None
    return MissedPayment(next(part.due_on for part in parts if part.n == stands.n), stands.until)


def may_answer(view: CaseView, now: datetime) -> InboundMessage | None:
    """Their SMS that an answer may go to; None = there is none, or the gate refuses it: a death, an opt-out."""
    message = next(iter(view.found[CASE_READS.answerable]), None)
    if message is None:
        return None
    purpose = purpose_of_answer(view.facts.holds)
    asked = Contact(Channel.SMS, purpose, view.file.customer.mobile)
    return None if isinstance(review(asked, view.facts, view.pack, now), Refusals) else message
