"""Disputes of a customer as the case file shows them."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import KIND_LABELS
from app.legal.checklists import case_file as shown


def disputes_of(session: Session, customer_id: int) -> tuple[shown.Dispute, ...]:
    """All disputes of the customer. One that was decided stays unresolved while a sum of it is left out: the creditor
    has not corrected it, or the customer still has days to pay it."""
    query = select(Dispute).where(Dispute.customer_id == customer_id).order_by(col(Dispute.id))
    return tuple(
        shown.Dispute(
            reference=row.reference,
            opened_at=row.opened_at,
            reason=f"{KIND_LABELS[row.kind]}: {row.words}",
            amount_minor=row.amount_minor,
            resolved_at=None if row.left_out_minor else row.decided_at,
            outcome=row.outcome.value if row.outcome else "",
        )
        for row in session.scalars(query)
    )
