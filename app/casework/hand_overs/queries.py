"""Reads of offers, hand-overs and abusive contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from app.book.ledger.models import Customer
from app.casework.hand_overs.models import ConductRecord, DeskHandOver, HelpOffer
from app.casework.hand_overs.rules import WARNING_STANDS, ConductStep, HandOverStatus, OfferAnswer
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def offers_of(session: Session, customer_id: int) -> Sequence[HelpOffer]:
    """What was offered to a customer, the newest first."""
    query = select(HelpOffer).where(HelpOffer.customer_id == customer_id)
    return session.scalars(query.order_by(col(HelpOffer.id).desc())).all()


def get_offer(session: Session, customer_id: int, help_offer_id: int) -> HelpOffer:
    """An offer to this customer, locked. NotFound where it is another's."""
    row = locked_row(session, HelpOffer, help_offer_id)
    if row is None or row.customer_id != customer_id:
        raise NotFound(f"Nothing with the number {help_offer_id} was offered to this customer.")
    return row


def declined_on(session: Session, customer_id: int, code: str) -> date | None:
    """The day of the latest no to this offer."""
    query = select(sa.func.max(col(HelpOffer.answered_on))).where(
        HelpOffer.customer_id == customer_id, HelpOffer.code == code, HelpOffer.answer == OfferAnswer.DECLINED
    )
    return session.scalar(query)


def hand_overs_of(session: Session, customer_id: int) -> Sequence[DeskHandOver]:
    """What was handed to other desks for a customer, the newest first."""
    query = select(DeskHandOver).where(DeskHandOver.customer_id == customer_id)
    return session.scalars(query.order_by(col(DeskHandOver.id).desc())).all()


def get_hand_over(session: Session, hand_over_id: int, *, lock: bool = False) -> DeskHandOver:
    """NotFound where there is none."""
    row = locked_row(session, DeskHandOver, hand_over_id) if lock else session.get(DeskHandOver, hand_over_id)
    if row is None:
        raise NotFound(f"There is no hand-over {hand_over_id}. Choose one from the list.")
    return row


def conduct_of(session: Session, customer_id: int) -> Sequence[ConductRecord]:
    """The record of abusive contact with a customer, the newest first."""
    query = select(ConductRecord).where(ConductRecord.customer_id == customer_id)
    return session.scalars(query.order_by(col(ConductRecord.id).desc())).all()


def get_conduct(session: Session, customer_id: int, conduct_id: int) -> ConductRecord:
    """A record of abusive contact with this customer, locked. NotFound where it is another's."""
    row = locked_row(session, ConductRecord, conduct_id)
    if row is None or row.customer_id != customer_id:
        raise NotFound(f"This customer has no record {conduct_id} of abusive contact.")
    return row


def is_warned(session: Session, customer_id: int, now: datetime) -> bool:
    """Whether a warning stands."""
    query = select(ConductRecord.id).where(
        ConductRecord.customer_id == customer_id,
        ConductRecord.step == ConductStep.WARNED,
        col(ConductRecord.at) > now - WARNING_STANDS,
    )
    return session.scalar(query.limit(1)) is not None


@dataclass(frozen=True, slots=True)
class HandOverFilter:
    """What the list shows; None and '' = all."""

    is_open: bool | None = True
    is_overdue: bool = False
    is_unreceived: bool = False
    desk: str = ""


def list_query(portfolio_id: int, wanted: HandOverFilter, today: date) -> Select[DeskHandOver, str]:
    """Hand-overs with the customer's name; the day that ends first is first."""
    query = (
        select(DeskHandOver, Customer.full_name)
        .join(Customer, col(Customer.id) == DeskHandOver.customer_id)
        .where(DeskHandOver.portfolio_id == portfolio_id)
        .order_by(col(DeskHandOver.due_on), col(DeskHandOver.id))
    )
    ended = col(DeskHandOver.ended_at)
    if wanted.is_open is not None:
        query = query.where(ended.is_(None) if wanted.is_open else ended.is_not(None))
    if wanted.is_overdue:
        query = query.where(ended.is_(None), col(DeskHandOver.due_on) < today)
    if wanted.is_unreceived:
        query = query.where(DeskHandOver.status == HandOverStatus.HANDED)
    if wanted.desk:
        query = query.where(DeskHandOver.desk == wanted.desk)
    return query


def after_row(due_on: date, hand_over_id: int) -> sa.ColumnElement[bool]:
    """The rows of the list that come after this one."""
    row = table_of(DeskHandOver)
    same = sa.and_(row.c.due_on == due_on, row.c.id > hand_over_id)
    return sa.or_(row.c.due_on > due_on, same)


@dataclass(frozen=True, slots=True)
class HandOverCounts:
    open: int
    overdue: int
    unreceived: int
    oldest_on: date | None
    """The day on which the oldest open one was handed over."""


def count_hand_overs(session: Session, portfolio_id: int, today: date) -> HandOverCounts:
    row = table_of(DeskHandOver)
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(row.c.due_on < today),
        sa.func.count().filter(row.c.status == HandOverStatus.HANDED),
        sa.func.min(row.c.handed_on),
    ).where(row.c.portfolio_id == portfolio_id, row.c.ended_at.is_(None))
    return HandOverCounts(*session.execute(query).one())
