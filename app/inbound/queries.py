"""Messages from customers as pages show them, and the customers they may be from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.rules import CASE_REFERENCE
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class Sender:
    """A customer a message may be from."""

    customer_id: int
    case_id: int | None
    name: str
    timezone: str
    """The portfolio's."""
    kept_back: bool
    """Something rests because of the message."""

    @property
    def reference(self) -> str:
        return case_reference(self.case_id) if self.case_id else ""


@dataclass(frozen=True, slots=True)
class Listed:
    message: InboundMessage
    senders: Sequence[Sender]


def waiting(session: Session, *, unknown: bool, limit: int) -> list[Listed]:
    """Messages without a decision, the oldest first: from customers, or from unknown numbers."""
    return _listed(session, _open(unknown=unknown).order_by(col(InboundMessage.id)).limit(limit))


def done(session: Session, *, before: int | None, limit: int) -> list[Listed]:
    """Messages with a decision, by a person or automatic, the latest first."""
    query = select(InboundMessage).where(col(InboundMessage.reviewed_at).is_not(None))
    if before is not None:
        query = query.where(col(InboundMessage.id) < before)
    return _listed(session, query.order_by(col(InboundMessage.id).desc()).limit(limit))


def waiting_counts(session: Session) -> dict[bool, int]:
    """Number of waiting messages: False = from customers, True = from unknown numbers."""
    return {
        unknown: session.scalar(sa.select(sa.func.count()).select_from(_open(unknown=unknown).subquery()))
        or 0
        for unknown in (False, True)
    }


def _open(*, unknown: bool) -> SelectOfScalar[InboundMessage]:
    known = sa.exists().where(col(InboundMatch.message_id) == InboundMessage.id)
    return select(InboundMessage).where(
        col(InboundMessage.reviewed_at).is_(None), ~known if unknown else known
    )


def _listed(session: Session, query: SelectOfScalar[InboundMessage]) -> list[Listed]:
    messages = session.scalars(query).all()
    senders = senders_of(session, [message.id for message in messages])
    return [Listed(message, senders.get(id_of(message), ())) for message in messages]


def senders_of(session: Session, message_ids: Sequence[int | None]) -> dict[int, list[Sender]]:
    query = (
        sa.select(InboundMatch, col(Customer.full_name), col(Portfolio.timezone))
        .join(Customer, col(Customer.id) == InboundMatch.customer_id)
        .join(Portfolio, col(Portfolio.id) == Customer.portfolio_id)
        .where(col(InboundMatch.message_id).in_(message_ids))
        .order_by(col(InboundMatch.id))
    )
    found: dict[int, list[Sender]] = {}
    for match, name, timezone in session.execute(query):
        kept_back = bool(match.preference_id or match.hold_id)
        sender = Sender(match.customer_id, match.case_id, name, timezone, kept_back)
        found.setdefault(match.message_id, []).append(sender)
    return found


def messages_of(session: Session, customer_id: int, *, limit: int = 200) -> list[InboundMessage]:
    """Messages of a customer, the latest first."""
    query = (
        select(InboundMessage)
        .join(InboundMatch, col(InboundMatch.message_id) == InboundMessage.id)
        .where(InboundMatch.customer_id == customer_id)
    )
    return list(session.scalars(query.order_by(col(InboundMessage.id).desc()).limit(limit)))


# --- beside the worklist --------------------------------------------------------------------------------------


# --- whose can it be ------------------------------------------------------------------------------------------


def customers_called(session: Session, text: str) -> list[tuple[Customer, Portfolio]]:
    """Customers with this reference of their own, of a case or of an account. Several portfolios may use one number."""
    holds = sa.select(col(Account.customer_id)).where(col(Account.reference) == text)
    ways = [col(Customer.reference) == text, col(Customer.id).in_(holds)]
    if found := CASE_REFERENCE.fullmatch(text):
        of_case = sa.select(col(CollectionsCase.customer_id)).where(col(CollectionsCase.id) == int(found[1]))
        ways.append(col(Customer.id).in_(of_case))
    query = (
        sa.select(Customer, Portfolio)
        .join(Portfolio, col(Portfolio.id) == Customer.portfolio_id)
        .where(sa.or_(*ways))
        .order_by(col(Customer.id))
        .limit(20)
    )
    return [(customer, portfolio) for customer, portfolio in session.execute(query)]
