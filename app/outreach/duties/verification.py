"""The verification of a disputed debt: whether it was sent."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import DocumentKind
from app.casework.holds.rules import VERIFICATION_LETTERS
from app.core.clock import local_date
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus


def verification_since(
    session: Session, portfolio: Portfolio, customer_id: int, since: datetime, today: date
) -> str:
    """The verification sent to a customer since then, as a sentence: a letter of the desk, or a document on file;
    '' = none."""
    left = (OutboxStatus.SENT, OutboxStatus.DELIVERED)
    letter = session.scalar(
        select(OutboxMessage)
        .where(
            OutboxMessage.customer_id == customer_id,
            col(OutboxMessage.letter).in_(VERIFICATION_LETTERS),
            col(OutboxMessage.status).in_(left),
            col(OutboxMessage.console_only).is_(False),
            col(OutboxMessage.sent_at) >= since,
        )
        .order_by(col(OutboxMessage.id).desc())
    )
    if letter is not None and letter.sent_at is not None:
        return f"The verification was sent on {letter.sent_at.date()}"
    began = local_date(since, portfolio.timezone)
    document = session.scalar(
        select(CaseDocument)
        .where(
            CaseDocument.customer_id == customer_id,
            CaseDocument.kind == DocumentKind.VERIFICATION,
            col(CaseDocument.withdrawn_at).is_(None),
            col(CaseDocument.dated_on).between(began, today),
        )
        .order_by(col(CaseDocument.id).desc())
    )
    return f"The verification was sent on {document.dated_on} (document {document.id})" if document else ""
