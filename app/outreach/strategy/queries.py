"""Strategy reads: versions that were live, tasks, experiments and their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome
from app.core.database.engine import table_of
from app.outreach.strategy.experiments import WITHIN_DAYS, Arm, ArmResult, Comparison, compare
from app.outreach.strategy.models import Experiment, LiveStrategy, Participant, StrategyTask, StrategyVersion

SPAN_OF_A_RATE = 14
"""Days from which on a number of new cases is told as one a month."""
CURES = (CaseOutcome.CURED, CaseOutcome.PAID)


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


@dataclass(frozen=True, slots=True)
class PastRate:
    """Outcomes of earlier cases, for planning an experiment: opened in the year before, their 30 days over."""

    cases: int
    cured: int
    per_month: int
    """New cases in 30 days; 0 while too few days have been lived to say."""


def past_cure_rate(session: Session, portfolio: Portfolio, on: date) -> PastRate:
    """Cases opened from a year to 30 days before `on`, and how many of them were cured within 30 days.

    The first night of a portfolio opens its whole backlog at once: it says nothing about a usual month and is left out.
    """
    case = table_of(CollectionsCase)
    first = max(on - timedelta(days=365), first_day(session, portfolio) or on)
    query = sa.select(case.c.opened_on, case.c.closed_on, case.c.outcome).where(
        case.c.portfolio_id == portfolio.id,
        case.c.opened_on > first,
        case.c.opened_on <= on - timedelta(days=WITHIN_DAYS),
    )
    cases = cured = 0
    for opened_on, closed_on, outcome in session.connection().execute(query):
        cases += 1
        cured += _cured(opened_on, closed_on, outcome)
    span = (on - timedelta(days=WITHIN_DAYS) - first).days
    return PastRate(cases, cured, cases * 30 // span if span >= SPAN_OF_A_RATE else 0)


def _cured(since: date, closed_on: date | None, outcome: CaseOutcome | None) -> bool:
    return outcome in CURES and closed_on is not None and closed_on <= since + timedelta(days=WITHIN_DAYS)


def compare_arms(session: Session, experiment: Experiment, on: date) -> Comparison:
    """Results of all who took part, by the arm they were given, regardless of the letters sent (intention to treat).

    Counted are those who joined at least 30 days before `on`, the last closed day.
    """
    tallies = {arm: _Tally() for arm in Arm}
    ripe = on - timedelta(days=WITHIN_DAYS)
    who, case = table_of(Participant), table_of(CollectionsCase)
    query = (
        sa.select(who.c.customer_id, who.c.arm, who.c.since, case.c.closed_on, case.c.outcome)
        .join(case, case.c.id == who.c.case_id)
        .where(who.c.experiment_id == experiment.id)
    )
    paid = _paid(session, experiment, ripe)
    for customer_id, arm, since, closed_on, outcome in session.connection().execute(query):
        tally = tallies[arm]
        tally.joined += 1
        if since <= ripe:
            tally.cases += 1
            tally.cured += _cured(since, closed_on, outcome)
            recovered = paid.get(customer_id, 0)
            tally.recovered += recovered
            tally.squares += recovered**2
    results = {
        arm: ArmResult(t.joined, t.cases, t.cured, t.recovered, t.squares) for arm, t in tallies.items()
    }
    return compare(results[Arm.CHAMPION], results[Arm.CHALLENGER], experiment.cases_wanted)


@dataclass
class _Tally:
    joined: int = 0
    cases: int = 0
    cured: int = 0
    recovered: int = 0
    squares: int = 0


def _paid(session: Session, experiment: Experiment, ripe: date) -> dict[int, int]:
    """customer id -> payments in the 30 days after they joined, those that were taken back left out."""
    who, account, entry = table_of(Participant), table_of(Account), table_of(Entry)
    reversal = entry.alias("reversal")
    query = (
        sa.select(who.c.customer_id, who.c.since, entry.c.effective_on, -entry.c.amount_minor)
        .join(account, account.c.customer_id == who.c.customer_id)
        .join(entry, entry.c.account_id == account.c.id)
        .where(
            who.c.experiment_id == experiment.id,
            who.c.since <= ripe,
            entry.c.kind.in_(MONEY_IN),
            entry.c.effective_on > who.c.since,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
    )
    found: dict[int, int] = {}
    for customer_id, since, paid_on, amount in session.connection().execute(query):
        if paid_on <= since + timedelta(days=WITHIN_DAYS):
            found[customer_id] = found.get(customer_id, 0) + int(amount)
    return found
