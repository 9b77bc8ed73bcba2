"""Open items of a case: what is in force on it, what waits for an answer, and what a person has to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from app.casework.approvals.rules import APPROVAL_LABELS
from app.casework.cases.models import CallTask
from app.casework.contacts.rules import DeskStep
from app.casework.correspondence.models import InboundMessage
from app.casework.disputes.models import Dispute
from app.casework.escalations.models import Escalation
from app.casework.hand_overs.catalog import desk_name
from app.casework.hand_overs.models import DeskHandOver
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import impersonal_holds
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, Instalment, PlanStatus, offer_end
from app.casework.plans.terms import read_terms
from app.casework.questions.models import CaseQuestion
from app.casework.questions.rules import ASKING, Asking
from app.casework.recognition.cues import Subject
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK, MANAGEMENT, Staff
from app.core.vocabulary import HoldKind
from app.legal.referrals.models import Referral
from app.outreach.agreements.rules import ended_since
from app.outreach.outbox.rules import Destination
from app.outreach.outbox.waiting import can_be_undone
from app.outreach.strategy.models import StrategyTask
from app.policy.kinds.hold import stops_reminders
from app.policy.overrides import ComplaintStops
from app.web.cases.call.pauses import MissedPayment, missed_payment
from app.web.cases.reads import CASE_READS, CaseView
from app.web.wording import told_words


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Everything in force on a case: live plan, open offers, holds, tasks, requests to a manager, referral."""

    live: Plan | None
    paid: int
    missed: MissedPayment | None
    offers: Sequence[Plan]
    holds: Sequence[CaseHold]
    complaint_stops: str
    """What an open complaint keeps from the customer, in words."""
    disputes: Sequence[Dispute]
    """Open disputes of the customer."""
    preferences: Sequence[tuple[int, str]]
    call: CallTask | None
    referral: Referral | None
    tasks: Sequence[StrategyTask]
    queued: Sequence[Queued]
    undoable: Collection[int]
    """Of these, the ids of those that may be taken back without a reason."""
    withheld: Mapping[int, str]
    """Of these, the ids of those that will not leave, because their agreement has ended, and why."""
    replies: Sequence[InboundMessage]
    questions: Sequence[CaseQuestion]
    """Words of theirs, or of a note about them, that may be a complaint, or of another room."""
    asking: Mapping[Subject, Asking]
    hand_overs: Sequence[tuple[str, DeskHandOver]]
    """Work of theirs that lies with another desk, with its name."""
    asked: Sequence[WaitingRequest]
    escalation: Escalation | None
    """What a supervisor was asked and has not answered."""


class Queued(Protocol):
    """A message that can still be cancelled."""

    id: int
    destination: Destination
    letter: str
    not_before: datetime
    created_at: datetime
    step: str
    plan_id: int | None


def _missed(plan: Plan, parts: Sequence[Instalment], paid: int, today: date) -> MissedPayment | None:
    return missed_payment(parts, paid, today, grace_days=plan.grace_days, tolerance=plan.tolerance_minor)


def open_items(view: CaseView, staff: Staff, now: datetime) -> OpenItems:
    """Return everything in force on a case for one reader."""
    found, parts, today = view.found, view.parts, view.file.book.today
    works = staff.role in CASEWORK
    holds, told = found[CASE_READS.gate.holds], found[CASE_READS.gate.preferences]
    own = [plan for plan in found[CASE_READS.plans] if plan.case_id == view.file.case.id]
    live = next((plan for plan in own if plan.status in LIVE), None)
    paid = next((row.paid or 0 for row in found[CASE_READS.paid_on_plan]), 0) if live else 0
    return OpenItems(
        live=live,
        paid=paid,
        missed=_missed(live, parts[id_of(live)], paid, today) if live else None,
        offers=[
            plan
            for plan in own
            if plan.status is PlanStatus.OFFERED
            and offer_end(plan.offer_until or parts[id_of(plan)][0].due_on, today, is_open=view.file.is_open)
            is None
        ],
        holds=holds if works else impersonal_holds(holds),
        complaint_stops=_complaint_stops(view),
        disputes=found[CASE_READS.disputes],
        # What a support need placed ends with the need alone, and is told on its page.
        preferences=told_words([each for each in told if each.need_id is None]),
        call=next(iter(found[CASE_READS.call_tasks]), None),
        referral=next(iter(found[CASE_READS.referrals]), None),
        tasks=[each for each in found[CASE_READS.tasks] if works or each.step != DeskStep.SUPPORT_NEED],
        queued=found[CASE_READS.queued],
        undoable={row.id for row in found[CASE_READS.queued] if can_be_undone(row.step, row.created_at, now)},
        withheld=_withheld(found[CASE_READS.queued], found[CASE_READS.plans]),
        replies=found[CASE_READS.replies],
        questions=found[CASE_READS.questions] if works else [],
        asking=ASKING,
        hand_overs=[(desk_name(each.desk), each) for each in found[CASE_READS.hand_overs]] if works else [],
        asked=waiting_requests(view, staff),
        escalation=next(iter(found[CASE_READS.escalations]), None) if works else None,
    )


def _complaint_stops(view: CaseView) -> str:
    if view.file.portfolio.complaint_stops == ComplaintStops.EVERYTHING:
        return "nothing but answers and notices of the law"
    return "no reminders" if stops_reminders(view.pack.rules, HoldKind.COMPLAINT) else "no legal step"


def _withheld(queued: Sequence[Queued], plans: Sequence[Plan]) -> dict[int, str]:
    by_id = {id_of(plan): plan for plan in plans}
    found = {}
    for message in queued:
        plan = by_id.get(message.plan_id) if message.plan_id is not None else None
        if plan is not None and (why := ended_since(message.step, plan.status)):
            found[message.id] = why
    return found


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """One request that a manager has not decided."""

    label: str
    amount_minor: int
    """0 where no amount is asked for."""
    due_on: date | None
    payments: int
    """Instalments that are asked for; 0 where it is about none."""
    to: str
    """Name of the colleague who is to get the case."""
    reason: str
    asked_by: str
    asked_at: datetime
    path: str
    """Its place in the inbox; empty for a reader whose inbox does not show it."""


def waiting_requests(view: CaseView, staff: Staff) -> Sequence[WaitingRequest]:
    """Return the requests of the case and the waivers of its customer, the oldest first."""
    found, names = view.found, view.names
    waiting = [
        WaitingRequest(
            label=APPROVAL_LABELS[row.kind],
            amount_minor=row.amount_minor,
            due_on=row.due_on,
            payments=read_terms(row.terms).count if row.terms else 0,
            to=names.get(row.to_username, row.to_username),
            reason=row.reason,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            path=_path(row.key, row.asked_by, staff),
        )
        for row in found[CASE_READS.requests]
    ]
    waiting += [
        WaitingRequest(
            label="Waiver",
            amount_minor=row.amount_minor,
            due_on=None,
            payments=0,
            to="",
            reason=row.reason,
            asked_by=row.requested_by,
            asked_at=row.requested_at,
            path=_path(f"waiver-{row.id}", row.requested_by, staff),
        )
        for row in found[CASE_READS.waivers]
    ]
    return sorted(waiting, key=lambda each: each.asked_at)


def _path(key: str, asked_by: str, staff: Staff) -> str:
    return f"/approvals?open={key}" if staff.role in MANAGEMENT or asked_by == staff.by else ""
