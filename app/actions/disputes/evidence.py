"""Evidence for a dispute, and its owner: acts that pages and the API share."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.assignment import assignable
from app.book.portfolios.models import Portfolio
from app.casework.disputes import evidence as rows
from app.casework.disputes import service
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.rules import EvidenceState
from app.casework.documents.models import CaseDocument
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid


def ask_evidence(
    session: Session, dispute: Dispute, what: str, due_on: date, *, by: Actor, now: datetime
) -> DisputeEvidence:
    """Ask for evidence by a day. The caller holds the customer's lock."""
    today = local_date(now, session.get_one(Portfolio, dispute.portfolio_id).timezone)
    return rows.ask_evidence(session, dispute, what, due_on, by=by, today=today, now=now)


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
    """Note that evidence came, with the document on file, or that it does not suffice. Invalid beside `document` for a
    document of another customer. The caller holds the customer's lock."""
    if document_id is not None:
        document = session.get(CaseDocument, document_id)
        if document is None or document.customer_id != dispute.customer_id:
            raise Invalid("This document is not on file for this customer.", "document")
        if document.withdrawn_at is not None:
            raise Invalid("This document was withdrawn. Choose another.", "document")
    rows.judge_evidence(session, dispute, evidence, state, document_id=document_id, note=note, by=by, now=now)


def assign_dispute(session: Session, dispute: Dispute, owner: str, *, by: Actor, now: datetime) -> None:
    """Give a dispute to a colleague; '' = to nobody. Invalid for a name that is no active member of staff's."""
    if owner and owner not in assignable(session):
        raise Invalid("There is no active member of staff with this user name.", "owner")
    service.assign_dispute(session, dispute, owner, by=by, now=now)
