"""Tasks for people: of a step of the strategy, or for a named colleague (an answer, a hand-over)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record, record_many
from app.outreach.strategy.events import TaskCreated, TaskDone
from app.outreach.strategy.models import StrategyTask

LONGEST_TASK = 300
OUTLIVES_CASE = (
    DeskStep.UNTOLD_END, DeskStep.OVER_PLAN, DeskStep.CANCELLED_PLAN, DeskStep.RESTORED_PLAN,
    DeskStep.COMPLAINT_LETTER,
)  # fmt: skip
"""Steps whose tasks are to be done also when their case is closed: somebody is to know that an agreement ended, or
has the answer to a complaint to send again."""


def give_task(
    session: Session,
    case: CollectionsCase,
    step: str,
    text: str,
    *,
    to: str,
    due_on: date,
    now: datetime,
    number: int = 0,
) -> StrategyTask:
    """Give a colleague (`to`, a user name) a task on a case. What brings it is on record by itself, so no event is
    written here. `number` tells tasks of one step apart; 0 = the next one. The caller
    holds the customer's lock."""
    if not number:
        latest = sa.select(sa.func.max(col(StrategyTask.occurrence))).where(
            col(StrategyTask.case_id) == case.id, col(StrategyTask.step) == step
        )
        number = (session.scalar(latest) or 0) + 1
    task = StrategyTask(
        case_id=id_of(case),
        step=step,
        occurrence=number,
        text=text[:LONGEST_TASK],
        for_username=to,
        due_on=due_on,
        created_at=now,
    )
    session.add(task)
    session.flush()
    return task


def add_task(
    session: Session,
    case: CollectionsCase,
    step: str,
    text: str,
    due_on: date,
    *,
    plan_id: int | None = None,
    by: Actor,
    now: datetime,
) -> StrategyTask:
    """Put work on a case for its owner, as the next occurrence of `step`. The caller holds the customer's lock."""
    [task] = add_tasks(session, step, [NewTask(case, text, due_on, plan_id)], by=by, now=now)
    return task


class NewTask(NamedTuple):
    """Work on a case for its owner, of a set that `add_tasks` puts down."""

    case: CollectionsCase
    text: str
    due_on: date
    plan_id: int | None = None


def add_tasks(
    session: Session, step: str, tasks: Sequence[NewTask], *, by: Actor, now: datetime
) -> list[StrategyTask]:
    """Put work on cases for their owners, each as the next occurrence of `step`. One task a case; the caller holds the
    customers' locks."""
    if not tasks:
        return []
    table = table_of(StrategyTask)
    last = (
        sa.select(table.c.case_id, sa.func.max(table.c.occurrence))
        .where(among(session, table.c.case_id, [id_of(each.case) for each in tasks]), table.c.step == step)
        .group_by(table.c.case_id)
    )
    taken: dict[int, int] = {case_id: number for case_id, number in session.execute(last)}
    rows, told = [], []
    for case, said, due_on, plan_id in tasks:
        text = clean_text(said[:LONGEST_TASK], "text", one_line=True)
        number = taken.get(id_of(case), 0) + 1
        rows.append(
            StrategyTask(
                case_id=id_of(case),
                step=step,
                occurrence=number,
                plan_id=plan_id,
                text=text,
                due_on=due_on,
                created_at=now,
            )
        )
        created = TaskCreated(step, text, due_on)
        told.append(about_customer(case.customer_id, created, case_id=id_of(case)))
    session.add_all(rows)
    session.flush()
    record_many(session, told, by=by, now=now)
    return rows


def finish_task(session: Session, task: StrategyTask, customer_id: int, *, by: Actor, now: datetime) -> None:
    """Record that a person did the task."""
    if task.done_at is not None:
        raise Conflict(f"Task {task.id} is done already.")
    task.done_at, task.done_by = now, by
    session.flush()
    event = about_customer(customer_id, TaskDone(task.text, task.step), case_id=task.case_id)
    record(session, event, by=by, now=now)


def finish_tasks(session: Session, customer_id: int, step: str, *, by: Actor, now: datetime) -> None:
    """Record that the open tasks of a step are done, on any case of the customer."""
    query = (
        select(StrategyTask)
        .join(CollectionsCase, col(CollectionsCase.id) == StrategyTask.case_id)
        .where(
            CollectionsCase.customer_id == customer_id,
            StrategyTask.step == step,
            col(StrategyTask.done_at).is_(None),
        )
    )
    for task in session.scalars(query).all():
        finish_task(session, task, customer_id, by=by, now=now)


def drop_tasks(session: Session, portfolio_id: int, *, now: datetime) -> None:
    """End the open tasks of closed cases, but for those to tell what became of an agreement. The closing of the case is
    on record, so no event is written here."""
    case, task = table_of(CollectionsCase), table_of(StrategyTask)
    closed = sa.select(case.c.id).where(
        case.c.id == task.c.case_id, case.c.portfolio_id == portfolio_id, case.c.status == CaseStatus.CLOSED
    )
    ended = sa.update(task).where(
        task.c.done_at.is_(None), task.c.step.not_in(OUTLIVES_CASE), sa.exists(closed)
    )
    session.connection().execute(ended.values(done_at=now, done_by="system"))
