"""The worklist in its order: a page, the counts of its sections, and the ids behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.cases.listing import (
    NEVER,
    Condition,
    Order,
    PortfolioToday,
    beyond,
    in_any,
    ordering,
    scalar,
)
from app.casework.cases.models import CollectionsCase
from app.casework.claims.models import PaymentClaim
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.core.database.engine import UtcDateTime, table_of
from app.core.types import Rows
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.queries import has_task_of
from app.worklist.items import all_items, chosen
from app.worklist.rules import Item, Section, SectionCount

CURSOR = 5
"""Values of a cursor: section, instant, day, amount, case."""


def queue_page(
    session: Session,
    books: Sequence[PortfolioToday],
    owner: str | None,
    sections: Sequence[Section],
    *,
    after: Rows | None = None,
    limit: int,
    now: datetime,
) -> tuple[list[Item], list[str | int] | None]:
    """A page of these sections in their order, and the position where the next page starts: first the oldest, and of
    one day the largest amount."""
    if Section.NOTHING_PLANNED in sections:
        return _unplanned(session, books, owner, after=after, limit=limit, now=now)
    items = all_items(books, owner, now, only_work=max(sections) <= Section.TASK)
    orders = _orders(items)
    query = sa.select(items, *(key.label(f"key_{n}") for n, (key, _) in enumerate(orders)))
    query = query.where(items.c.section.in_([int(section) for section in sections]))
    if after is not None:
        query = query.where(beyond(orders, after))
    query = query.order_by(*ordering([key for key, _ in orders], orders)).limit(limit + 1)
    found = session.connection().execute(query).all()
    position = None
    if len(found) > limit:
        position = [scalar(value) for value in found[limit - 1][-CURSOR:]]
    return [Item(row.case_id, Section(row.section), row.at, row.on) for row in found[:limit]], position


def _orders(items: sa.CTE) -> list[Order]:
    at = sa.func.coalesce(items.c.at, sa.literal(NEVER, UtcDateTime), type_=UtcDateTime)
    on = sa.func.coalesce(items.c.on, sa.literal(date.max, sa.Date), type_=sa.Date)
    return [
        (items.c.section, False),
        (at, False),
        (on, False),
        (items.c.weight, True),
        (items.c.case_id, False),
    ]


def _unplanned(
    session: Session,
    books: Sequence[PortfolioToday],
    owner: str | None,
    *,
    after: Rows | None,
    limit: int,
    now: datetime,
) -> tuple[list[Item], list[str | int] | None]:
    """Cases without any item, the most urgent first."""
    case, items = table_of(CollectionsCase), all_items(books, owner, now)
    where = [*chosen(books, owner), case.c.id.not_in(sa.select(items.c.case_id))]
    if after is not None:
        priority, case_id = int(after[3]), int(after[4])
        same = sa.and_(case.c.priority == priority, case.c.id > case_id)
        where.append(sa.or_(case.c.priority < priority, same))
    query = sa.select(case.c.id, case.c.priority, case.c.next_contact_on).where(*where)
    query = query.order_by(case.c.priority.desc(), case.c.id).limit(limit + 1)
    found = session.connection().execute(query).all()
    position: list[str | int] | None = None
    if len(found) > limit:
        last = found[limit - 1]
        position = [
            int(Section.NOTHING_PLANNED),
            NEVER.isoformat(),
            date.max.isoformat(),
            last.priority,
            last.id,
        ]
    rest = Section.NOTHING_PLANNED
    return [Item(row.id, rest, None, row.next_contact_on) for row in found[:limit]], position


def section_counts(
    session: Session, books: Sequence[PortfolioToday], owner: str | None, now: datetime
) -> Mapping[Section, SectionCount]:
    """Cases of every section that has one; together they are all open cases."""
    items = all_items(books, owner, now)
    query = sa.select(
        items.c.section,
        sa.func.count().label("cases"),
        sa.func.min(items.c.at, type_=UtcDateTime).label("first_at"),
        sa.func.min(items.c.on, type_=sa.Date).label("first_on"),
    ).group_by(items.c.section)
    found = {
        Section(row.section): SectionCount(row.cases, row.first_at, row.first_on)
        for row in session.connection().execute(query)
    }
    rest = _open_cases(session, books, owner) - sum(each.cases for each in found.values())
    if rest > 0:
        found[Section.NOTHING_PLANNED] = SectionCount(rest)
    return found


def _open_cases(session: Session, books: Sequence[PortfolioToday], owner: str | None) -> int:
    """The owner's cases, and those of others on which they have a task in person: counted apart, because one condition
    for both would look at every open case."""
    case = table_of(CollectionsCase)
    total = session.scalar(sa.select(sa.func.count()).select_from(case).where(*chosen(books, owner))) or 0
    if owner is None:
        return total
    others = (*chosen(books, None), case.c.owner != owner, has_task_of(owner))
    return total + (session.scalar(sa.select(sa.func.count()).select_from(case).where(*others)) or 0)


def in_sections(
    books: Sequence[PortfolioToday], owner: str | None, sections: Sequence[Section], now: datetime
) -> Condition:
    """A condition on the case table, for lists that have an order of their own."""
    case, items = table_of(CollectionsCase), all_items(books, owner, now)
    if Section.NOTHING_PLANNED in sections:
        return case.c.id.not_in(sa.select(items.c.case_id))
    numbers = [int(section) for section in sections]
    return case.c.id.in_(sa.select(items.c.case_id).where(items.c.section.in_(numbers)))


def has_overdue_claim(books: Sequence[PortfolioToday]) -> Condition:
    """Cases with a claim of payment for which no payment was found by the day of its hold, while the work to look for
    it is not done. The hold may have ended by then: collection goes on against somebody who may have paid."""
    case, claim, hold, task = (
        table_of(each) for each in (CollectionsCase, PaymentClaim, CaseHold, StrategyTask)
    )
    is_open = sa.exists().where(
        task.c.case_id == claim.c.case_id, task.c.step == DeskStep.CLAIM, task.c.done_at.is_(None)
    )
    claimed = (
        sa.select(claim.c.case_id)
        .join(hold, hold.c.id == claim.c.hold_id)
        .where(claim.c.found_at.is_(None), is_open)
    )

    def past_its_day(book: PortfolioToday) -> Condition:
        return case.c.id.in_(
            claimed.where(claim.c.portfolio_id == book.portfolio_id, hold.c.until <= book.today)
        )

    return in_any(books, past_its_day)
