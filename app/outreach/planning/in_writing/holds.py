"""Figures of the letter that acknowledges a dispute or a complaint by its hold."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import dispute_of_hold
from app.casework.disputes.rules import promised_by
from app.casework.holds.models import CaseHold
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from app.outreach.planning.complaints.figures import reminders_rest
from app.outreach.planning.deferred import Figures


def hold_figures(session: Session, portfolio: Portfolio, hold: CaseHold) -> Figures:
    """What it says: the day of receipt, the day by which the customer hears of it, and of a complaint whether reminders
    rest meanwhile. A dispute whose letter was logged late is answered no later for that."""
    began_on = local_date(hold.started_at, portfolio.timezone)
    row = _row_of(session, hold)
    figures = {"received_on": row.received_on if row is not None else began_on, "review_on": hold.until}
    if isinstance(row, Dispute):
        figures["review_on"] = min(hold.until, promised_by(row.answer_by, began_on))
    if hold.kind is not HoldKind.COMPLAINT:
        return figures
    return {**figures, **reminders_rest(portfolio, session.get_one(Customer, hold.customer_id))}


def _row_of(session: Session, hold: CaseHold) -> Complaint | Dispute | None:
    """What the hold is about; None for one without a row."""
    if hold.kind is HoldKind.COMPLAINT:
        # A complaint that is reopened joins a later hold; the letter of that one is about what brought it.
        query = select(Complaint).where(
            Complaint.hold_id == hold.id, col(Complaint.opened_at) >= hold.started_at
        )
        return session.scalars(query.order_by(col(Complaint.id)).limit(1)).first()
    return dispute_of_hold(session, id_of(hold))
