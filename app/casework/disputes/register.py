"""The register of disputes: of a portfolio, the one whose answer is owed first is first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from app.book.ledger.models import Customer
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind
from app.core.database.engine import table_of


class RegisterState(StrEnum):
    OPEN = "open"
    OVERDUE = "overdue"
    CORRECTION = "correction"
    """Decided, and the creditor has to post what was conceded."""
    DECIDED = "decided"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """What the register shows; None = all."""

    state: RegisterState = RegisterState.OPEN
    kind: DisputeKind | None = None
    owner: str | None = None
    """'' = without an owner."""
    received_from: date | None = None
    received_to: date | None = None


def register_query(portfolio_id: int, wanted: RegisterFilter, today: date) -> Select[Dispute, str]:
    """The disputes that a filter lets through, with the customer's name; the day that ends first is first."""
    outcome = col(Dispute.outcome)
    query = (
        select(Dispute, Customer.full_name)
        .join(Customer, col(Customer.id) == Dispute.customer_id)
        .where(Dispute.portfolio_id == portfolio_id)
        .order_by(col(Dispute.answer_by), col(Dispute.id))
    )
    match wanted.state:
        case RegisterState.OPEN:
            query = query.where(outcome.is_(None))
        case RegisterState.OVERDUE:
            query = query.where(outcome.is_(None), col(Dispute.answer_by) < today)
        case RegisterState.CORRECTION:
            # What waits for its correction is left out: few rows, by their own index.
            query = query.where(
                outcome.is_not(None), col(Dispute.awaits_correction), col(Dispute.left_out_minor) > 0
            )
        case RegisterState.DECIDED:
            query = query.where(outcome.is_not(None))
    if wanted.kind is not None:
        query = query.where(Dispute.kind == wanted.kind)
    if wanted.owner is not None:
        query = query.where(Dispute.owner == wanted.owner)
    if wanted.received_from is not None:
        query = query.where(col(Dispute.received_on) >= wanted.received_from)
    if wanted.received_to is not None:
        query = query.where(col(Dispute.received_on) <= wanted.received_to)
    return query


def after_row(answer_by: date, dispute_id: int) -> sa.ColumnElement[bool]:
    """The rows of the register that come after this one."""
    row = table_of(Dispute)
    same = sa.and_(row.c.answer_by == answer_by, row.c.id > dispute_id)
    return sa.or_(row.c.answer_by > answer_by, same)


@dataclass(frozen=True, slots=True)
class RegisterCounts:
    open: int
    overdue: int
    soon: int
    without_owner: int
    left_out_minor: int
    """The sum of the portfolio that nobody asks for because of disputes, in minor units."""
    to_correct: int


def register_counts(session: Session, portfolio_id: int, today: date, soon: date) -> RegisterCounts:
    """How many are open, late, due by `soon`, without an owner; sums left out, and corrections that creditors owe."""
    row = table_of(Dispute)
    live = (row.c.portfolio_id == portfolio_id, row.c.outcome.is_(None))
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(row.c.answer_by < today),
        sa.func.count().filter(row.c.answer_by.between(today, soon)),
        sa.func.count().filter(row.c.owner == ""),
    ).where(*live)
    left = sa.select(
        sa.func.coalesce(sa.func.sum(row.c.left_out_minor), 0),
        sa.func.count().filter(row.c.awaits_correction),
    ).where(row.c.portfolio_id == portfolio_id, row.c.left_out_minor > 0)
    open_now, overdue, soon_due, nobodys = session.execute(query).one()
    left_out, to_correct = session.execute(left).one()
    return RegisterCounts(open_now, overdue, soon_due, nobodys, int(left_out), to_correct)
