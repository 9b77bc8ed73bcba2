"""Reads of requests for help with payments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.rules import HardshipStatus
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def requests_of(session: Session, customer_id: int) -> Sequence[HardshipRequest]:
    """Every request of a customer, the newest first."""
    query = select(HardshipRequest).where(HardshipRequest.customer_id == customer_id)
    return session.scalars(query.order_by(col(HardshipRequest.id).desc())).all()


def open_request(session: Session, customer_id: int) -> HardshipRequest | None:
    """The request that waits for a decision; None = there is none."""
    query = select(HardshipRequest).where(
        HardshipRequest.customer_id == customer_id, HardshipRequest.status == HardshipStatus.OPEN
    )
    return session.scalar(query)


def request_of_hold(session: Session, hold_id: int) -> HardshipRequest | None:
    """The latest request that a hold stands for."""
    query = select(HardshipRequest).where(HardshipRequest.hold_id == hold_id)
    return session.scalars(query.order_by(col(HardshipRequest.id).desc()).limit(1)).first()


def open_request_of_hold(session: Session, hold_id: int) -> HardshipRequest | None:
    """The request for which a hold stands that waits for a decision; None = there is none."""
    query = select(HardshipRequest).where(
        HardshipRequest.hold_id == hold_id, HardshipRequest.status == HardshipStatus.OPEN
    )
    return session.scalars(query).first()


def get_request(
    session: Session, customer_id: int, request_id: int, *, lock: bool = False
) -> HardshipRequest:
    """A request of this customer. NotFound where it is another's."""
    row = (
        locked_row(session, HardshipRequest, request_id) if lock else session.get(HardshipRequest, request_id)
    )
    if row is None or row.customer_id != customer_id:
        raise NotFound(f"This customer has no request {request_id} for help with payments.")
    return row


def documents_of_request(session: Session, request_id: int) -> Sequence[HardshipDocument]:
    """What was asked of the customer, in order."""
    query = select(HardshipDocument).where(HardshipDocument.request_id == request_id)
    return session.scalars(query.order_by(col(HardshipDocument.id))).all()
