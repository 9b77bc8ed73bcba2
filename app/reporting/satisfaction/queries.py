"""Satisfaction questions of some months: how many left, which scores came, and the answers themselves.

A question belongs to the month in which it was asked, so that scores and response rate are of the same questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import HIGHEST, LOWEST, AskedAfter, Scores
from app.core.database.engine import table_of
from app.core.dates import add_months
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.reporting.kpis.definitions.sql import month_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions that are meant: of months, first and last, and of one kind where that is named."""

    first: date
    """First day of the first month."""
    last: date
    """First day of the last month."""
    after: AskedAfter | None = None
    channel: Channel | None = None
    reason: str = ""

    def where(self, portfolio: Portfolio) -> list[sa.ColumnElement[bool]]:
        survey = table_of(Survey)
        found = [
            survey.c.portfolio_id == id_of(portfolio),
            survey.c.contact_id.is_not(None),
            survey.c.asked_on >= self.first,
            survey.c.asked_on < add_months(self.last, 1),
        ]
        if self.after is not None:
            found.append(survey.c.after == self.after)
        if self.channel is not None:
            found.append(survey.c.channel == self.channel)
        if self.reason:
            found.append(survey.c.reason == self.reason)
        return found


@dataclass(frozen=True, slots=True)
class SatisfactionReport:
    """Scores in each direction, by member. A person's are of what they closed."""

    total: Scores
    by_month: Mapping[str, Scores]
    """`2026-03`; months without a question are left out."""
    by_after: Mapping[str, Scores]
    by_reason: Mapping[str, Scores]
    by_person: Mapping[str, Scores]
    """Username; without those that no person closed."""


def satisfaction_report(session: Session, portfolio: Portfolio, asked: Asked) -> SatisfactionReport:
    """All scores of these questions, from one statement."""
    survey, message = table_of(Survey), table_of(OutboxMessage)
    month = month_of(survey.c.asked_on)
    query = (
        sa.select(month, survey.c.after, survey.c.reason, survey.c.agent, survey.c.score, sa.func.count())
        .select_from(survey)
        .join(message, message.c.contact_id == survey.c.contact_id)
        .where(*asked.where(portfolio), sa.or_(message.c.status.in_(LEFT), survey.c.score.is_not(None)))
        .group_by(month, survey.c.after, survey.c.reason, survey.c.agent, survey.c.score)
    )
    rows = [(*row[:4], _cell(row[4], row[5])) for row in session.execute(query)]

    def by(member: Callable[[Sequence[object]], str]) -> dict[str, Scores]:
        cells: dict[str, Scores] = {}
        for row in rows:
            name = member(row)
            cells[name] = cells.get(name, Scores(0)) + row[4]
        return dict(sorted(cells.items()))

    total = by(lambda _: "").get("", Scores(0))
    people = by(lambda row: str(row[3]))
    people.pop("", None)
    return SatisfactionReport(
        total,
        by_month=by(lambda row: str(row[0])),
        by_after=by(lambda row: AskedAfter(str(row[1])).value),
        by_reason=by(lambda row: str(row[2])),
        by_person=people,
    )


def _cell(score: int | None, number: int) -> Scores:
    counts = tuple(number if score == each else 0 for each in range(LOWEST, HIGHEST + 1))
    return Scores(number, counts)


def answers(
    session: Session,
    portfolio: Portfolio,
    asked: Asked,
    *,
    scores: Sequence[int] = (),
    with_comment: bool = False,
    before: int | None = None,
    limit: int | None = None,
) -> list[Survey]:
    """Answers to these questions, the newest question first; those with an id below `before`."""
    query = select(Survey).where(*asked.where(portfolio), col(Survey.answered_at).is_not(None))
    if scores:
        query = query.where(col(Survey.score).in_(scores))
    if with_comment:
        query = query.where(col(Survey.comment) != "")
    if before is not None:
        query = query.where(col(Survey.id) < before)
    return list(session.scalars(query.order_by(col(Survey.id).desc()).limit(limit)))


def refused_questions(session: Session, portfolio: Portfolio, asked: Asked) -> int:
    """Questions of these months that the gate refused."""
    query = select(sa.func.count()).where(
        Survey.portfolio_id == id_of(portfolio),
        col(Survey.contact_id).is_(None),
        col(Survey.asked_on).between(asked.first, add_months(asked.last, 1) - timedelta(days=1)),
    )
    return session.scalar(query) or 0
