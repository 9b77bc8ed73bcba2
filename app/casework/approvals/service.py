"""Verbs of requests: ask, decide, withdraw. Row and event together, in the caller's transaction.

What an approval brings about belongs to `app.actions.approvals`. The caller holds the customer's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, select

from app.casework.approvals.events import (
    ApprovalAsked,
    ApprovalDeclined,
    ApprovalEvent,
    ApprovalGranted,
    ApprovalWithdrawn,
)
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import (
    ApprovalStatus,
    Ask,
    AskAgreement,
    AskDispute,
    AskGoodwill,
    AskHandOver,
    AskSkip,
    Figures,
    require_waiting,
)
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.plans.terms import stored_terms
from app.casework.plans.tracking.progress import InstalmentProgress
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.kit.frozen_json import to_json
from app.core.text import clean_text
from app.core.timeline.service import record

_EVENT_OF: Mapping[ApprovalStatus, type[ApprovalEvent]] = {
    ApprovalStatus.REQUESTED: ApprovalAsked,
    ApprovalStatus.APPROVED: ApprovalGranted,
    ApprovalStatus.DECLINED: ApprovalDeclined,
    ApprovalStatus.WITHDRAWN: ApprovalWithdrawn,
}


def ask(
    session: Session,
    case: CollectionsCase,
    asked: Ask,
    figures: Figures,
    reason: str,
    *,
    skipped: InstalmentProgress | None = None,
    by: Actor,
    now: datetime,
) -> ApprovalRequest:
    """Put a request on record. Conflict where one of this kind waits on the case, or one about the same dispute.
    `skipped`: the instalment that is to be skipped."""
    reason = clean_text(reason, "reason", at_most=500, empty="Say why, for the manager who decides.")
    waiting = select(ApprovalRequest.id).where(
        ApprovalRequest.case_id == case.id,
        ApprovalRequest.kind == asked.kind,
        ApprovalRequest.status == ApprovalStatus.REQUESTED,
    )
    if isinstance(asked, AskDispute):
        waiting = waiting.where(ApprovalRequest.dispute_id == asked.dispute_id)
    if session.scalar(waiting) is not None:
        raise Conflict(f"Case {case.reference} has such a request already, and it waits for a manager.")
    request = ApprovalRequest(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=asked.kind,
        owed_minor=figures.owed_minor,
        past_due_minor=figures.past_due_minor,
        days_past_due=figures.days_past_due,
        reason=reason,
        asked_by=by,
        asked_at=now,
    )
    match asked:
        case AskAgreement(terms=terms, replaces_id=replaces_id):
            request.amount_minor, request.due_on = terms.total_minor, terms.first_due_on
            request.terms, request.replaces_id = stored_terms(terms), replaces_id
        case AskSkip(plan_id=plan_id, n=n):
            request.replaces_id, request.instalment = plan_id, n
            if skipped is not None:
                request.amount_minor, request.due_on = skipped.short, skipped.due_on
        case AskDispute(dispute_id=dispute_id, decision=decision, conceded_minor=conceded):
            request.dispute_id, request.decision = dispute_id, to_json(decision)
            request.amount_minor = conceded
        case AskGoodwill(account_id=account_id, amount_minor=amount):
            request.account_id, request.amount_minor = account_id, amount
        case AskHandOver(to=to):
            request.to_username = to
    session.add(request)
    session.flush()
    _record(session, case, request, reason, by=by, now=now)
    return request


def answer(
    session: Session,
    case: CollectionsCase,
    request: ApprovalRequest,
    status: ApprovalStatus,
    note: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Approve, decline or withdraw a waiting request. A decline says why."""
    require_waiting(request.status)
    note = clean_text(
        note,
        "note",
        at_most=300,
        required=status is ApprovalStatus.DECLINED,
        empty="Say why not, for the person who asked.",
    )
    request.status, request.note = status, note
    request.decided_by, request.decided_at = by, now
    session.flush()
    _record(session, case, request, note, by=by, now=now)


def _record(
    session: Session,
    case: CollectionsCase,
    request: ApprovalRequest,
    text: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    event = _EVENT_OF[request.status](
        id_of(request),
        request.kind,
        request.amount_minor,
        request.owed_minor,
        request.to_username,
        text,
        is_skip=request.instalment is not None,
    )
    record(session, about_case(case, event), by=by, now=now)
