"""Reads of disputes: of a customer, of a portfolio, and the evidence of one."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.disputes.models import Dispute, DisputeEvidence
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def get_dispute(session: Session, customer_id: int, dispute_id: int, *, lock: bool = False) -> Dispute:
    """A dispute of this customer. NotFound where it is of another."""
    found = locked_row(session, Dispute, dispute_id) if lock else session.get(Dispute, dispute_id)
    if found is None or found.customer_id != customer_id:
        raise NotFound(f"This customer has no dispute {dispute_id}.")
    return found


def disputes_of(session: Session, customer_id: int) -> list[Dispute]:
    """All disputes of a customer, open ones first, then the latest."""
    order = (col(Dispute.outcome).is_not(None), col(Dispute.id).desc())
    return list(session.scalars(select(Dispute).where(Dispute.customer_id == customer_id).order_by(*order)))


def open_disputes_of(session: Session, customer_id: int) -> list[Dispute]:
    """The customer's disputes without an outcome, the oldest first."""
    query = select(Dispute).where(Dispute.customer_id == customer_id, col(Dispute.outcome).is_(None))
    return list(session.scalars(query.order_by(col(Dispute.id))))


def dispute_of_hold(session: Session, hold_id: int) -> Dispute | None:
    """The open dispute that a hold belongs to."""
    query = select(Dispute).where(Dispute.hold_id == hold_id, col(Dispute.outcome).is_(None))
    return session.scalars(query.order_by(col(Dispute.id).desc()).limit(1)).first()


def dispute_of_step(session: Session, case_id: int, n: int) -> Dispute | None:
    """The dispute of a case with this number."""
    return session.scalars(select(Dispute).where(Dispute.case_id == case_id, Dispute.n == n)).first()


def evidence_of(session: Session, dispute_ids: Sequence[int]) -> dict[int, list[DisputeEvidence]]:
    """Evidence by dispute, the first that was asked for first."""
    found: dict[int, list[DisputeEvidence]] = {}
    query = select(DisputeEvidence).where(col(DisputeEvidence.dispute_id).in_(dispute_ids))
    for row in session.scalars(query.order_by(col(DisputeEvidence.id))):
        found.setdefault(row.dispute_id, []).append(row)
    return found


def cases_with_dispute(session: Session, portfolio_id: int) -> list[int]:
    """Cases of a portfolio with a dispute that is open or leaves something out: they stay open meanwhile."""
    is_live = sa.or_(col(Dispute.outcome).is_(None), col(Dispute.left_out_minor) > 0)
    query = (
        sa.select(col(Dispute.case_id)).where(col(Dispute.portfolio_id) == portfolio_id, is_live).distinct()
    )
    return list(session.scalars(query))


def get_evidence(
    session: Session, dispute: Dispute, evidence_id: int, *, lock: bool = False
) -> DisputeEvidence:
    """Evidence of this dispute. NotFound where it is of another."""
    found = (
        locked_row(session, DisputeEvidence, evidence_id)
        if lock
        else session.get(DisputeEvidence, evidence_id)
    )
    if found is None or found.dispute_id != dispute.id:
        raise NotFound(f"Dispute {dispute.reference} has no evidence {evidence_id}.")
    return found
