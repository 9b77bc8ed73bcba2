"""Scores of the question how satisfied customers are, and the answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.deps import ApiManager, Page, ReadSession, api_router
from app.api.fields import Cursor, Day, Limit
from app.api.shapes import Shape, covered
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import case_reference
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import FEWEST, AskedAfter, Scores
from app.casework.support_needs.sight import sight_over
from app.core.dates import month_start
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import Line
from app.core.vocabulary import Channel
from app.http.cursors import decode_cursor, encode_cursor
from app.reporting.satisfaction.queries import Asked, answers, satisfaction_report

router = api_router("/satisfaction", tags=["figures"])

First = Annotated[Day, Query(description="A day of the first month in which they were asked.")]
Last = Annotated[Day, Query(description="A day of the last month.")]
Code = Annotated[Line, Query(max_length=40, description="Portfolio code.")]
MOST_MONTHS = 36


class ScoreShape(Shape):
    """Answers of one cell. Scores are null where there is no answer, or of a person where there are too few."""

    member: str
    sent: int
    answers: int
    mean: float | None = Field(description="Mean score, from 1 to 5.")
    low: float | None = Field(description="Low end of the 95 % interval of the mean.")
    high: float | None
    counts: list[int] | None = Field(description="Answers with the scores 1 to 5.")
    response_rate: float | None

    @classmethod
    def of(cls, member: str, cell: Scores, *, fewest: int = 0) -> Self:
        told = cell.answers >= fewest
        low, high = cell.interval if cell.interval and told else (None, None)
        return cls(
            member=member,
            sent=cell.sent,
            answers=cell.answers,
            mean=cell.mean if told else None,
            low=low,
            high=high,
            counts=list(cell.counts) if told else None,
            response_rate=cell.response_rate,
        )


class SatisfactionShape(Shape):
    total: ScoreShape
    months: list[ScoreShape]
    after: list[ScoreShape]
    reasons: list[ScoreShape]
    people: list[ScoreShape] = Field(
        description=f"By username, in the order of names; scores from {FEWEST} answers on."
    )


class AnswerShape(Shape):
    """An answer. It names no colleague: a score of one customer says little about a person."""

    id: int
    case: str
    after: AskedAfter
    reason: str
    channel: Channel
    asked_on: date
    answered_on: date | None
    score: int | None
    comment: str

    @classmethod
    def of(cls, survey: Survey) -> Self:
        return cls(
            id=id_of(survey),
            case=case_reference(survey.case_id),
            after=survey.after,
            reason=survey.reason,
            channel=survey.channel,
            asked_on=survey.asked_on,
            answered_on=survey.answered_on,
            score=survey.score,
            comment=survey.comment,
        )


@router.get("", summary="Scores of the question about satisfaction")
def get_satisfaction(
    _caller: ApiManager,
    session: ReadSession,
    portfolio: Code,
    first: First,
    last: Last,
    after: AskedAfter | None = None,
    channel: Channel | None = None,
    reason: Annotated[Line, Query(max_length=60)] = "",
) -> SatisfactionShape:
    """Questions asked and answered in these days, the mean score and its interval, by agent, reason and month."""
    book = get_portfolio(session, portfolio)
    found = satisfaction_report(session, book, _asked(first, last, after, channel, reason))
    return SatisfactionShape(
        total=ScoreShape.of("", found.total),
        months=[ScoreShape.of(*each) for each in found.by_month.items()],
        after=[ScoreShape.of(*each) for each in found.by_after.items()],
        reasons=[ScoreShape.of(*each) for each in found.by_reason.items()],
        people=[ScoreShape.of(name, cell, fewest=FEWEST) for name, cell in found.by_person.items()],
    )


@router.get("/answers", summary="Answers to the question about satisfaction")
def get_answers(
    caller: ApiManager,
    session: ReadSession,
    portfolio: Code,
    first: First,
    last: Last,
    after: AskedAfter | None = None,
    channel: Channel | None = None,
    reason: Annotated[Line, Query(max_length=60)] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AnswerShape]:
    """Answers in these days with their scores and comments, the latest first."""
    book = get_portfolio(session, portfolio)
    asked = _asked(first, last, after, channel, reason)
    seen = decode_cursor(cursor, 1, int)
    rows = answers(session, book, asked, before=int(seen[0]) if seen else None, limit=limit + 1)
    shown = rows[:limit]
    following = encode_cursor(id_of(shown[-1])) if len(rows) > limit else None
    sight = sight_over(session, {each.customer_id for each in shown}, caller.role, caller.by)
    return Page(items=[covered(AnswerShape.of(each), sight) for each in shown], next_cursor=following)


def _asked(first: date, last: date, after: AskedAfter | None, channel: Channel | None, reason: str) -> Asked:
    begin, end = month_start(first), month_start(last)
    if end < begin:
        raise Invalid("The last month is before the first.", "last")
    if (end.year - begin.year) * 12 + end.month - begin.month >= MOST_MONTHS:
        raise Invalid(f"Ask for at most {MOST_MONTHS} months at a time.", "first")
    return Asked(begin, end, after, channel, reason)
