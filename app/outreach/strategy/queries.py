"""Strategy reads: versions that were live, tasks and experiments."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.core.database.engine import table_of
from app.outreach.strategy.models import Experiment, LiveStrategy, StrategyTask, StrategyVersion


def live_history(session: Session, portfolio_id: int) -> Sequence[tuple[LiveStrategy, StrategyVersion]]:
    """The versions that were live, newest first."""
    query = (
        select(LiveStrategy, StrategyVersion)
        .join(StrategyVersion, col(StrategyVersion.id) == LiveStrategy.version_id)
        .where(LiveStrategy.portfolio_id == portfolio_id)
        .order_by(col(LiveStrategy.id).desc())
    )
    return [(live, version) for live, version in session.execute(query)]


def experiments(session: Session, portfolio_id: int) -> Sequence[Experiment]:
    """Newest first."""
    query = select(Experiment).where(Experiment.portfolio_id == portfolio_id)
    return session.scalars(query.order_by(col(Experiment.id).desc())).all()


def has_task_of(username: str) -> sa.ColumnElement[bool]:
    """A condition on the case table: a task on it is for this person and not done."""
    task = table_of(StrategyTask)
    theirs = sa.select(task.c.case_id).where(
        task.c.done_at.is_(None), task.c.for_username != "", task.c.for_username == username
    )
    return table_of(CollectionsCase).c.id.in_(theirs)


def has_task(username: str = "") -> sa.ColumnElement[bool]:
    """A condition on the case table: a person was asked to do something that is not done, whoever works the case or
    this person."""
    task = table_of(StrategyTask)
    asked = sa.select(task.c.case_id).where(task.c.done_at.is_(None), task.c.for_username.in_(("", username)))
    return table_of(CollectionsCase).c.id.in_(asked)


def next_tasks(
    session: Session, case_ids: Sequence[int], username: str | None = ""
) -> dict[int, StrategyTask]:
    """By case, the open task that is due first, for whoever works the case or for this person; None = for anybody."""
    query = select(StrategyTask).where(
        col(StrategyTask.case_id).in_(case_ids), col(StrategyTask.done_at).is_(None)
    )
    if username is not None:
        query = query.where(col(StrategyTask.for_username).in_(("", username)))
    order = (col(StrategyTask.due_on).desc(), col(StrategyTask.id).desc())
    return {task.case_id: task for task in session.scalars(query.order_by(*order))}


def open_tasks(session: Session, case_id: int) -> Sequence[StrategyTask]:
    query = select(StrategyTask).where(StrategyTask.case_id == case_id, col(StrategyTask.done_at).is_(None))
    return session.scalars(query.order_by(col(StrategyTask.id))).all()
