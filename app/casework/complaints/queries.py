"""Reads of complaints: one, a customer's, the register, and whether a customer complained lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from app.book.ledger.models import Customer
from app.casework.complaints.models import (
    Complaint,
    ComplaintAnswer,
    ComplaintLetter,
    ComplaintRedress,
    RootCause,
)
from app.casework.complaints.rules import (
    ComplaintCategory,
    ComplaintOutcome,
    ComplaintSeverity,
    LetterKind,
    OmbudsmanStage,
    RedressStatus,
)
from app.casework.contacts.models import PlannedContact
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.vocabulary import Channel


def get_complaint(session: Session, complaint_id: int, *, lock: bool = False) -> Complaint:
    """A complaint. NotFound where there is none."""
    found = locked_row(session, Complaint, complaint_id) if lock else session.get(Complaint, complaint_id)
    if found is None:
        raise NotFound(f"There is no complaint {complaint_id}. Choose one from the register.")
    return found


def complaints_of(session: Session, customer_id: int) -> Sequence[Complaint]:
    """All complaints of a customer, open ones first, then the newest."""
    query = select(Complaint).where(Complaint.customer_id == customer_id)
    order = (
        col(Complaint.closed_at).is_not(None),
        col(Complaint.received_at).desc(),
        col(Complaint.id).desc(),
    )
    return session.scalars(query.order_by(*order)).all()


def open_complaints_of_hold(session: Session, hold_id: int) -> Sequence[Complaint]:
    """The open complaints for which a hold stands."""
    query = select(Complaint).where(Complaint.hold_id == hold_id, col(Complaint.closed_at).is_(None))
    return session.scalars(query.order_by(col(Complaint.id))).all()


def complained_since(session: Session, customer_ids: Collection[int], since: date) -> set[int]:
    """Those of the customers with a complaint that is open, or was received or closed on that day or later: they are
    not asked how satisfied they are."""
    row = table_of(Complaint)
    if not customer_ids:
        return set()
    lately = sa.or_(row.c.closed_at.is_(None), row.c.closed_on >= since, row.c.received_on >= since)
    query = sa.select(row.c.customer_id).where(among(session, row.c.customer_id, customer_ids), lately)
    return set(session.connection().execute(query).scalars())


def answers_of(session: Session, complaint_id: int) -> Sequence[ComplaintAnswer]:
    """How a complaint was closed each time, the first one first."""
    query = select(ComplaintAnswer).where(ComplaintAnswer.complaint_id == complaint_id)
    return session.scalars(query.order_by(col(ComplaintAnswer.number))).all()


def redress_of(session: Session, complaint_id: int) -> Sequence[ComplaintRedress]:
    query = select(ComplaintRedress).where(ComplaintRedress.complaint_id == complaint_id)
    return session.scalars(query.order_by(col(ComplaintRedress.id))).all()


def get_redress(session: Session, redress_id: int, *, lock: bool = False) -> ComplaintRedress:
    """Redress of a complaint. NotFound where there is none."""
    found = (
        locked_row(session, ComplaintRedress, redress_id)
        if lock
        else session.get(ComplaintRedress, redress_id)
    )
    if found is None:
        raise NotFound(f"There is no redress {redress_id}. Choose one on the complaint's page.")
    return found


def letters_of(
    session: Session, complaint_id: int
) -> Sequence[tuple[ComplaintLetter, Sequence[tuple[int, Channel]]]]:
    """The letters of a complaint, the first one first, each with its contacts and their channels; none = it waits."""
    query = select(ComplaintLetter).where(ComplaintLetter.complaint_id == complaint_id)
    letters = session.scalars(query.order_by(col(ComplaintLetter.id))).all()
    contact = table_of(PlannedContact)
    found = []
    for letter in letters:
        theirs = sa.select(contact.c.id, contact.c.channel).where(
            contact.c.case_id == letter.case_id,
            contact.c.step == letter.step,
            contact.c.occurrence == letter.occurrence,
            contact.c.plan_id.is_(None),
            contact.c.hold_id.is_(None),
        )
        contacts = [(int(row[0]), Channel(row[1])) for row in session.connection().execute(theirs)]
        found.append((letter, contacts))
    return found


def letter_of_step(session: Session, case_id: int, step: str, occurrence: int) -> ComplaintLetter | None:
    """The letter that a step of a case stands for."""
    query = select(ComplaintLetter).where(
        ComplaintLetter.case_id == case_id,
        ComplaintLetter.step == step,
        ComplaintLetter.occurrence == occurrence,
    )
    return session.scalar(query)


def has_letter(session: Session, complaint_id: int, kind: LetterKind) -> bool:
    query = select(ComplaintLetter.id).where(
        ComplaintLetter.complaint_id == complaint_id, ComplaintLetter.kind == kind
    )
    return session.scalar(query) is not None


# --- the register ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """What the register shows; None and '' = all."""

    is_open: bool | None = None
    is_overdue: bool = False
    is_lost: bool = False
    """A letter of it did not reach the customer."""
    category: ComplaintCategory | None = None
    severity: ComplaintSeverity | None = None
    owner: str | None = None
    """'' = without an owner."""
    outcome: ComplaintOutcome | None = None
    ombudsman: OmbudsmanStage | None = None
    cause_id: int | None = None
    received_from: date | None = None
    received_to: date | None = None


def register_query(portfolio_id: int, wanted: RegisterFilter, today: date) -> Select[Complaint, str]:
    """The complaints that a filter lets through, with the customer's name; the day that ends first is first."""
    query = (
        select(Complaint, Customer.full_name)
        .join(Customer, col(Customer.id) == Complaint.customer_id)
        .where(Complaint.portfolio_id == portfolio_id)
        .order_by(col(Complaint.answer_by), col(Complaint.id))
    )
    if wanted.is_open is not None:
        closed = col(Complaint.closed_at)
        query = query.where(closed.is_(None) if wanted.is_open else closed.is_not(None))
    if wanted.is_overdue:
        query = query.where(unanswered(table_of(Complaint)), col(Complaint.answer_by) < today)
    if wanted.is_lost:
        query = query.where(col(Complaint.lost_on).is_not(None))
    for column, value in (
        (Complaint.category, wanted.category),
        (Complaint.severity, wanted.severity),
        (Complaint.owner, wanted.owner),
        (Complaint.outcome, wanted.outcome),
        (Complaint.ombudsman, wanted.ombudsman),
        (Complaint.cause_id, wanted.cause_id),
    ):
        if value is not None:
            query = query.where(col(column) == value)
    if wanted.received_from is not None:
        query = query.where(col(Complaint.received_on) >= wanted.received_from)
    if wanted.received_to is not None:
        query = query.where(col(Complaint.received_on) <= wanted.received_to)
    return query


def unanswered(row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Complaints that are open, or closed with an answer that never arrived (`Complaint.is_unanswered`)."""
    return sa.or_(row.c.closed_at.is_(None), row.c.lost_on.is_not(None))


def after_row(answer_by: date, complaint_id: int) -> sa.ColumnElement[bool]:
    """The rows of the register that come after this one."""
    row = table_of(Complaint)
    same = sa.and_(row.c.answer_by == answer_by, row.c.id > complaint_id)
    return sa.or_(row.c.answer_by > answer_by, same)


@dataclass(frozen=True, slots=True)
class RegisterCounts:
    open: int
    overdue: int
    due_in_3_days: int
    without_owner: int
    lost: int
    """Complaints of which a letter did not reach the customer."""
    redress_waiting: int


def register_counts(session: Session, portfolio_id: int, today: date, soon: date) -> RegisterCounts:
    """How many are open, late, due by `soon`, without an owner; and redress that waits for a second person."""
    row = table_of(Complaint)
    is_open = row.c.closed_at.is_(None)
    query = sa.select(
        sa.func.count().filter(is_open),
        sa.func.count().filter(row.c.answer_by < today),
        sa.func.count().filter(is_open, row.c.answer_by.between(today, soon)),
        sa.func.count().filter(is_open, row.c.owner == ""),
        sa.func.count().filter(row.c.lost_on.is_not(None)),
    ).where(row.c.portfolio_id == portfolio_id, unanswered(row))
    redress = table_of(ComplaintRedress)
    waiting = sa.select(sa.func.count()).where(
        redress.c.portfolio_id == portfolio_id, redress.c.status == RedressStatus.REQUESTED
    )
    open_now, overdue, soon_due, nobodys, lost = session.execute(query).one()
    return RegisterCounts(open_now, overdue, soon_due, nobodys, lost, session.execute(waiting).scalar_one())


def count_overdue(session: Session, portfolio_id: int, today: date) -> int:
    """How many complaints are past the day of their answer without one that arrived."""
    row = table_of(Complaint)
    late = (row.c.portfolio_id == portfolio_id, unanswered(row), row.c.answer_by < today)
    return session.scalar(sa.select(sa.func.count()).select_from(row).where(*late)) or 0


def count_lost(session: Session, portfolio_id: int) -> int:
    """Of how many complaints a letter did not reach the customer."""
    row = table_of(Complaint)
    lost = (row.c.portfolio_id == portfolio_id, row.c.lost_on.is_not(None))
    return session.scalar(sa.select(sa.func.count()).select_from(row).where(*lost)) or 0


# --- root causes ----------------------------------------------------------------------------------------------


def causes_of(session: Session, portfolio_id: int) -> Sequence[RootCause]:
    query = select(RootCause).where(RootCause.portfolio_id == portfolio_id)
    return session.scalars(query.order_by(col(RootCause.name))).all()


def get_cause(session: Session, portfolio_id: int, cause_id: int, *, lock: bool = False) -> RootCause:
    """A root cause of this portfolio. NotFound for another's."""
    found = locked_row(session, RootCause, cause_id) if lock else session.get(RootCause, cause_id)
    if found is None or found.portfolio_id != portfolio_id:
        raise NotFound(f"There is no root cause {cause_id} in this portfolio.")
    return found


def days_by_cause(session: Session, portfolio_id: int, since: date) -> Sequence[tuple[int | None, date, int]]:
    """Cause (None = none found yet), day of receipt, and how many complaints, from a day on."""
    row = table_of(Complaint)
    query = (
        sa.select(row.c.cause_id, row.c.received_on, sa.func.count())
        .where(row.c.portfolio_id == portfolio_id, row.c.received_on >= since)
        .group_by(row.c.cause_id, row.c.received_on)
    )
    return [(cause, day, n) for cause, day, n in session.execute(query)]
