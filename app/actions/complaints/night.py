"""The night of complaints: the letters that say that an answer is late, and complaints past their day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.complaints.events import ComplaintHeld, ComplaintOverdue
from app.casework.complaints.models import Complaint
from app.casework.complaints.rules import HOLDING_ADDS_DAYS, LetterKind
from app.core.actor import SYSTEM
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers, record_many
from app.outreach.planning.complaints.writing import ComplaintTold, write_complaint_letters
from app.outreach.planning.in_writing.rules import IN_FULL, is_told
from app.outreach.planning.letterhead import LetterCatalog

BATCH = 200
"""Holding letters of one transaction."""
MARKED_AT_ONCE = 1000
"""Complaints that are marked as overdue in one transaction."""


def holding_letters_due(session: Session, portfolio: Portfolio, on: date) -> list[list[int]]:
    """Ids of open complaints whose holding letter is to be written on the day after `on`, in batches of different
    customers, the day that ends first is first."""
    row = table_of(Complaint)
    query = (
        sa.select(row.c.id, row.c.customer_id)
        .where(
            row.c.portfolio_id == portfolio.id,
            row.c.closed_at.is_(None),
            row.c.holding_on.is_(None),
            row.c.holding_from.is_not(None),
            row.c.holding_from <= on + timedelta(days=1),
        )
        .order_by(row.c.answer_by, row.c.id)
    )
    rounds: list[dict[int, int]] = []
    depth: dict[int, int] = {}
    for complaint_id, customer_id in session.execute(query):
        n = depth[customer_id] = depth.get(customer_id, -1) + 1
        if n == len(rounds):
            rounds.append({})
        rounds[n][customer_id] = complaint_id
    return [list(some) for each in rounds for some in chunked(list(each.values()), BATCH)]


def write_holding_letters(
    session: Session,
    portfolio: Portfolio,
    ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Write the holding letters of these complaints, of different customers, each once; how many leave or wait to. One
    that the gate refuses is asked for again the next night."""
    row = table_of(Complaint)
    whose = sa.select(row.c.customer_id).where(among(session, row.c.id, ids))
    lock_customers(session, sorted(session.scalars(whose)))
    query = (
        select(Complaint)
        .where(
            among(session, row.c.id, ids),
            col(Complaint.closed_at).is_(None),
            col(Complaint.holding_on).is_(None),
        )
        .order_by(col(Complaint.id))
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).all()
    today = on + timedelta(days=1)
    for each in found:
        each.expected_on = max(each.answer_by, today) + timedelta(days=HOLDING_ADDS_DAYS)
    wanted = [ComplaintTold(each, LetterKind.HOLDING) for each in found]
    answers = write_complaint_letters(session, portfolio, wanted, catalog, on=on, by=SYSTEM, now=now)
    told = []
    for each in found:
        if not is_told(answers.get(id_of(each), {}), IN_FULL):
            continue
        assert each.expected_on is not None
        each.holding_on = today
        held = ComplaintHeld(id_of(each), each.answer_by, each.expected_on)
        told.append(about_customer(each.customer_id, held, case_id=each.case_id))
    session.flush()
    record_many(session, told, by=SYSTEM, now=now)
    return len(told)


def overdue_complaints(session: Session, portfolio: Portfolio, on: date) -> Iterator[list[int]]:
    """Ids of open complaints whose day is over with `on`, of which nobody was told yet."""
    row = table_of(Complaint)
    query = sa.select(row.c.id).where(
        row.c.portfolio_id == portfolio.id,
        row.c.closed_at.is_(None),
        row.c.overdue_on.is_(None),
        row.c.answer_by <= on,
    )
    yield from map(
        list, chunked(session.scalars(query.order_by(row.c.answer_by, row.c.id)).all(), MARKED_AT_ONCE)
    )


def mark_overdue(
    session: Session, portfolio: Portfolio, ids: Sequence[int], *, on: date, now: datetime
) -> int:
    """Say once of each of these complaints that its day is over; how many."""
    row = table_of(Complaint)
    whose = sa.select(row.c.customer_id).where(among(session, row.c.id, ids))
    lock_customers(session, sorted(set(session.scalars(whose))))
    late = sa.and_(
        among(session, row.c.id, ids),
        row.c.portfolio_id == portfolio.id,
        row.c.closed_at.is_(None),
        row.c.overdue_on.is_(None),
    )
    rows = session.execute(
        sa.select(row.c.id, row.c.customer_id, row.c.case_id, row.c.answer_by).where(late)
    ).all()
    session.execute(sa.update(row).where(late).values(overdue_on=on + timedelta(days=1)))
    told = [
        about_customer(customer_id, ComplaintOverdue(n, answer_by), case_id=case_id)
        for n, customer_id, case_id, answer_by in rows
    ]
    record_many(session, told, by=SYSTEM, now=now)
    return len(told)
