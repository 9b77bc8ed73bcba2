"""Reads of cases and their call tasks, for pages and programs."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import CallTask, CollectionsCase, case_reference
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def get_case(session: Session, case_id: int, *, lock: bool = False) -> CollectionsCase:
    """The case; with `lock`, as it is once no other transaction is changing it. NotFound where there is none."""
    case = locked_row(session, CollectionsCase, case_id) if lock else session.get(CollectionsCase, case_id)
    if case is None:
        raise NotFound(f"There is no case {case_reference(case_id)}.")
    return case


def next_calls(session: Session, case_ids: Sequence[int]) -> dict[int, CallTask]:
    """Case id -> the call that is due first."""
    query = select(CallTask).where(col(CallTask.case_id).in_(case_ids), col(CallTask.done_at).is_(None))
    tasks: dict[int, CallTask] = {}
    for task in session.scalars(query.order_by(col(CallTask.due_on), col(CallTask.id))):
        tasks.setdefault(task.case_id, task)
    return tasks


def cases_of(session: Session, customer_id: int) -> list[CollectionsCase]:
    """A customer's cases, the latest first."""
    query = select(CollectionsCase).where(CollectionsCase.customer_id == customer_id)
    return list(session.scalars(query.order_by(col(CollectionsCase.id).desc())))


def customers_of(session: Session, case_ids: Sequence[int]) -> dict[int, int]:
    """Case -> its customer."""
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id, case.c.customer_id).where(among(session, case.c.id, case_ids))
    return {case_id: customer_id for case_id, customer_id in session.connection().execute(query)}
