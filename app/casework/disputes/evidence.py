"""Evidence of a dispute: ask for it, and judge what came. Row and event together."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.casework.disputes.events import EvidenceAsked, EvidenceJudged
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.rules import EvidenceState, require_open
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, record

LONGEST_DAYS = 366


def ask_evidence(
    session: Session, dispute: Dispute, what: str, due_on: date, *, by: Actor, today: date, now: datetime
) -> DisputeEvidence:
    """Note what the customer, or the creditor, is asked to show, and by when."""
    require_open(dispute.outcome, dispute.reference)
    what = clean_text(what, "what", at_most=200, one_line=True, empty="Say what is to be shown.")
    if not today < due_on <= today + timedelta(days=LONGEST_DAYS):
        raise Invalid("Give a day in the future, at most a year away.", "due_on")
    row = DisputeEvidence(
        dispute_id=id_of(dispute),
        what=what,
        state=EvidenceState.REQUESTED,
        due_on=due_on,
        asked_by=by,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    _record(session, dispute, EvidenceAsked(id_of(dispute), id_of(row), what, due_on), by, now)
    return row


def judge_evidence(
    session: Session,
    dispute: Dispute,
    evidence: DisputeEvidence,
    state: EvidenceState,
    *,
    document_id: int | None = None,
    note: str = "",
    by: Actor,
    now: datetime,
) -> None:
    """Note what came for it: received, or insufficient with the reason. The caller has checked the document."""
    require_open(dispute.outcome, dispute.reference)
    if state is EvidenceState.REQUESTED:
        raise Invalid("Say whether it was received, or does not suffice.", "state")
    if evidence.state is state and evidence.document_id == document_id:
        raise Conflict(f"This evidence is {state.value} already.")
    is_short = state is EvidenceState.INSUFFICIENT
    note = clean_text(note, "note", at_most=300, required=is_short, empty="Say what is missing.")
    evidence.state, evidence.note, evidence.judged_by, evidence.judged_at = state, note, by, now
    evidence.document_id = document_id if document_id is not None else evidence.document_id
    told = EvidenceJudged(id_of(dispute), id_of(evidence), evidence.what, state, evidence.document_id, note)
    _record(session, dispute, told, by, now)


def _record(session: Session, dispute: Dispute, payload: Payload, by: Actor, now: datetime) -> None:
    record(session, about_customer(dispute.customer_id, payload, case_id=dispute.case_id), by=by, now=now)
