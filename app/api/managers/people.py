"""Figures of people against the same mix of cases, and outcomes by support need."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import Day, PortfolioCode
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid
from app.reporting.people.measures import MEASURES, Measure
from app.reporting.people.parity import Days, Group, Outcome, ParityRow, Share
from app.reporting.people.queries import outcome_parity, work_of_period
from app.reporting.people.rules import PersonFigure, TeamFigure, compare_people

router = api_router("/portfolios/{code}/people", tags=["figures"])

MAX_DAYS = 366


class PersonShape(Shape):
    person: str
    cases: int
    ratio: float | None = Field(description="Observed over what the team gets with the same cases.")
    estimate: float | None = Field(description="Drawn toward the team; null below 50 cases.")
    low: float | None = Field(description="Of the 95 % interval of the estimate.")
    high: float | None
    above_median: float | None = Field(description="Chance of being above the team's median.")

    @classmethod
    def of(cls, found: PersonFigure) -> Self:
        return cls(
            person=found.person,
            cases=found.cases,
            ratio=found.ratio if found.is_estimated else None,
            estimate=found.shrunk,
            low=found.low,
            high=found.high,
            above_median=found.above_median,
        )


class MeasureShape(Shape):
    measure: Measure
    formula: str
    team_rate: float | None
    people: list[PersonShape] = Field(description="In the order of names.")

    @classmethod
    def of(cls, measure: Measure, team: TeamFigure) -> Self:
        people = [PersonShape.of(each) for each in team.people]
        return cls(measure=measure, formula=MEASURES[measure].formula, team_rate=team.rate, people=people)


class OutcomeShape(Shape):
    outcome: Outcome
    group: Group
    shown: bool = Field(description="False where a cell of fewer than ten people is left out.")
    count: int | None = None
    of: int | None = None
    median_days: float | None = None

    @classmethod
    def of_cell(cls, row: ParityRow, group: Group) -> Self:
        cell = row.cells[group]
        if isinstance(cell, Share):
            return cls(outcome=row.outcome, group=group, shown=True, count=cell.count, of=cell.of)
        if isinstance(cell, Days):
            return cls(outcome=row.outcome, group=group, shown=True, of=cell.cases, median_days=cell.median)
        return cls(outcome=row.outcome, group=group, shown=False)


class PeopleShape(Shape):
    measures: list[MeasureShape]
    outcomes: list[OutcomeShape]


@router.get("", summary="Get figures of people")
def get_people(
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    first_on: Annotated[Day, Query(alias="from")],
    last_on: Annotated[Day, Query(alias="to", description="At most 366 days after `from`.")],
) -> PeopleShape:
    """Each person of a portfolio against the same mix of bucket and past due; nobody is ranked."""
    portfolio = get_portfolio(session, code)
    if not 0 <= (last_on - first_on).days <= MAX_DAYS:
        raise Invalid(f"Ask for a period of at most {MAX_DAYS} days, first day first.", "to")
    work = work_of_period(session, portfolio, first_on, last_on)
    parity = outcome_parity(session, portfolio, first_on, last_on)
    return PeopleShape(
        measures=[MeasureShape.of(measure, compare_people(work[measure])) for measure in Measure],
        outcomes=[OutcomeShape.of_cell(row, group) for row in parity for group in Group],
    )
