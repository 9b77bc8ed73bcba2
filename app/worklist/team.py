"""The team: each person's open cases, overdue tasks and capacity, and whether they are absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.days import days_now
from app.casework.assignment.models import StaffAbsence
from app.casework.assignment.queries import abilities, absences_from, open_loads
from app.casework.assignment.rules import Abilities, is_absent
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import CASEWORK
from app.outreach.strategy.models import StrategyTask


@dataclass(frozen=True, slots=True)
class PlannedAbsence:
    row: StaffAbsence
    cover: str
    """User name."""


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A person who works cases, as they stand now."""

    user: User
    can: Abilities
    cases: int
    """Open cases that they work, those that they cover among them."""
    covered: int
    """Those of them that are an absent colleague's."""
    overdue_tasks: int
    absences: Sequence[PlannedAbsence]
    """That last today or come later."""
    todays: frozenset[date]
    """The present day of each portfolio; cases of a portfolio are covered by its own calendar."""

    @property
    def away(self) -> PlannedAbsence | None:
        """The absence that lasts today, in any portfolio."""
        lasting = (
            each
            for each in self.absences
            if any(is_absent(each.row.first_on, each.row.last_on, today) for today in self.todays)
        )
        return next(lasting, None)

    @property
    def over_by(self) -> int:
        """Cases beyond the capacity."""
        return 0 if self.can.most_cases is None else max(0, self.cases - self.can.most_cases)

    @property
    def is_full(self) -> bool:
        return self.can.most_cases is not None and self.cases >= self.can.most_cases


@dataclass(frozen=True, slots=True)
class Team:
    members: Sequence[TeamMember]
    unassigned: int
    """Open cases without an owner: nobody had room, or there is no agent."""


def team_at(session: Session, now: datetime) -> Team:
    """Active people who work cases, by team and name. What is overdue or lasts today goes by the portfolios' days."""
    days = days_now(session, now)
    todays = frozenset(days.values()) or frozenset({now.date()})
    can, loads = abilities(session), open_loads(session)
    covered, overdue = _covered(session), _overdue_tasks(session, days)
    absences: dict[int, list[PlannedAbsence]] = {}
    for row, _, cover in absences_from(session, min(todays)):
        absences.setdefault(row.user_id, []).append(PlannedAbsence(row, cover))
    people = select(User).where(col(User.active).is_(True), col(User.role).in_(CASEWORK))
    members = [
        TeamMember(
            user=user,
            can=can[id_of(user)],
            cases=loads.get(user.username, 0),
            covered=covered.get(user.username, 0),
            overdue_tasks=overdue.get(user.username, 0),
            absences=absences.get(id_of(user), []),
            todays=todays,
        )
        for user in session.scalars(people.order_by(User.team, User.display_name, User.username))
    ]
    return Team(members, loads.get("", 0))


def _covered(session: Session) -> dict[str, int]:
    case = table_of(CollectionsCase)
    query = (
        sa.select(case.c.owner, sa.func.count())
        .where(case.c.covered_for != "", case.c.status == CaseStatus.OPEN)
        .group_by(case.c.owner)
    )
    return {owner: n for owner, n in session.connection().execute(query)}


def _overdue_tasks(session: Session, days: Mapping[int, date]) -> dict[str, int]:
    """Tasks due before the present day of their portfolio and not done, by the person who is to do them: the one named,
    or the case's owner. `days`: portfolio -> its present day."""
    case, task = table_of(CollectionsCase), table_of(StrategyTask)
    is_own = sa.or_(task.c.for_username == "", task.c.for_username == case.c.covered_for)
    whose = sa.case((is_own, case.c.owner), else_=task.c.for_username)
    query = (
        sa.select(whose, sa.func.count())
        .join(case, case.c.id == task.c.case_id)
        .where(task.c.done_at.is_(None), task.c.due_on < _today(case.c.portfolio_id, days.items()))
        .group_by(whose)
    )
    return {owner: n for owner, n in session.connection().execute(query)}


def _today(portfolio_id: sa.ColumnElement[int], days: Iterable[tuple[int, date]]) -> sa.ColumnElement[date]:
    """The present day of a row's portfolio; where there is none, nothing is overdue."""
    whens = [(portfolio_id == number, sa.literal(day, sa.Date)) for number, day in days]
    never = sa.literal(date.min, sa.Date)
    return sa.case(*whens, else_=never) if whens else never
