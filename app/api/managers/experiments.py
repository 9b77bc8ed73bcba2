"""Experiments: a challenger strategy for a share of the customers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.strategies import end_experiment, experiment_of, start_experiment
from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import PortfolioCode, RowId
from app.api.shapes import Shape
from app.book.portfolios.days import last_closed
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import exponent, to_decimal_string
from app.core.text import Line
from app.http.context import Now, ports_of
from app.outreach.strategy.experiments import MOST_DAYS, EndReason, PrimaryFigure, StopTerms
from app.outreach.strategy.models import Experiment, StopRule, StrategyVersion
from app.reporting.experiments.arms import Difference
from app.reporting.experiments.control import control_result
from app.reporting.experiments.queries import compare_arms
from app.reporting.experiments.rules import ArmResult, Comparison, Verdict
from app.reporting.experiments.safeguards import Guardrail

router = api_router("/portfolios/{code}/experiments", tags=["strategies"])


class ExperimentShape(Shape):
    """A challenger beside the live version."""

    id: int
    champion: str = Field(examples=["standard@3"])
    challenger: str = Field(examples=["early@1"])
    share_percent: int
    cases_wanted: int = Field(description="Cases planned for each arm; 0 = not given.")
    started_at: datetime
    by: str
    ended_at: datetime | None
    ended_by: str
    ended_because: EndReason | None
    primary_figure: PrimaryFigure = Field(description="The one figure that decides, fixed before the start.")
    days: int = Field(description="After which it ends by itself, fixed before the start.")

    @classmethod
    def of(cls, session: Session, row: Experiment) -> Self:
        champion, challenger = (
            session.get_one(StrategyVersion, each).ref for each in (row.champion_id, row.challenger_id)
        )
        rule = session.get_one(StopRule, row.id)
        return cls(
            id=id_of(row),
            champion=champion,
            challenger=challenger,
            share_percent=row.share_percent,
            cases_wanted=row.cases_wanted,
            started_at=row.started_at,
            by=row.by,
            ended_at=row.ended_at,
            ended_by=row.ended_by,
            ended_because=row.ended_because,
            primary_figure=rule.primary_figure,
            days=rule.days,
        )


@router.get("", summary="List experiments")
def list_experiments(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> Page[ExperimentShape]:
    """Experiments of one portfolio, the latest first."""
    portfolio = get_portfolio(session, code)
    query = select(Experiment).where(Experiment.portfolio_id == portfolio.id)
    rows = session.scalars(query.order_by(col(Experiment.id).desc())).all()
    return Page(items=[ExperimentShape.of(session, row) for row in rows])


class ArmShape(Shape):
    """One arm, whatever its customers were then sent."""

    joined: int
    cases: int = Field(description="Of them, who joined at least 30 days ago.")
    cured: int = Field(description="Cured within 30 days.")
    recovered: str = Field(description="Paid within 30 days, in the currency of the portfolio.")

    @classmethod
    def of(cls, arm: ArmResult, currency: str) -> Self:
        recovered = to_decimal_string(arm.recovered.y, currency)
        return cls(joined=arm.joined, cases=arm.cases, cured=arm.cured.y, recovered=recovered)


class DifferenceShape(Shape):
    """Challenger less champion, with an interval that holds on every day at once, at 95 %."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, found: Difference | None, unit: int = 1) -> Self | None:
        """`unit`: the units of `found` in one of the answer's. None below two cases an arm."""
        if found is None:
            return None
        return cls(value=found.value / unit, low=found.low / unit, high=found.high / unit)


class GuardrailShape(Shape):
    """Incidents that stop a challenger which shows more of them."""

    guardrail: Guardrail
    champion: int
    challenger: int
    is_harmful: bool


class ExperimentResultShape(Shape):
    """An experiment at the end of a closed day."""

    business_date: date
    verdict: Verdict
    primary_figure: PrimaryFigure
    champion: ArmShape
    challenger: ArmShape
    cured: DifferenceShape | None = Field(description="Of the share cured.")
    recovered: DifferenceShape | None = Field(description="Of the amount recovered per case.")
    cases_wanted: int
    is_uneven: bool = Field(description="The arms were not drawn as planned: trust no figure.")
    guardrails: list[GuardrailShape]

    @classmethod
    def of(cls, found: Comparison, on: date, currency: str) -> Self:
        return cls(
            business_date=on,
            verdict=found.verdict,
            primary_figure=found.primary,
            champion=ArmShape.of(found.champion, currency),
            challenger=ArmShape.of(found.challenger, currency),
            cured=DifferenceShape.of(found.cured),
            recovered=DifferenceShape.of(found.recovered, 10 ** exponent(currency)),
            cases_wanted=found.wanted,
            is_uneven=found.ratio.is_uneven,
            guardrails=[
                GuardrailShape(
                    guardrail=each.guardrail,
                    champion=each.champion,
                    challenger=each.challenger,
                    is_harmful=each.is_harmful,
                )
                for each in found.guardrails
            ],
        )


@router.get("/{experiment_id}/result", summary="Get an experiment's result")
def get_experiment_result(
    code: PortfolioCode, experiment_id: RowId, _caller: ApiManager, session: ReadSession
) -> ExperimentResultShape:
    """Both arms at the end of the last closed day, as the experiment's page shows them."""
    portfolio = get_portfolio(session, code)
    experiment = experiment_of(session, portfolio, experiment_id)
    on = last_closed(session, portfolio)
    if on is None:
        raise NotFound("No business day of this portfolio is closed yet.")
    return ExperimentResultShape.of(compare_arms(session, experiment, on), on, portfolio.currency)


class NewExperiment(Input):
    challenger: Annotated[Line, Field(min_length=1, max_length=60, examples=["early@1"])]
    share_percent: Annotated[int, Field(ge=1, le=99)]
    cases_wanted: Annotated[int, Field(ge=0, le=10_000_000, description="Cases in each arm.")] = 0
    primary_figure: PrimaryFigure = PrimaryFigure.CURED
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="After which it ends by itself.")] = 180


@router.post("", status_code=201, summary="Start an experiment")
def post_experiment(
    request: Request,
    code: PortfolioCode,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewExperiment,
) -> ExperimentShape:
    """Give a share of the customers the challenger instead of the live version, from the next night on."""
    portfolio = get_portfolio(session, code)
    letters = ports_of(request).catalog.letters
    experiment = start_experiment(
        session, portfolio, body.challenger, body.share_percent, letters, body.cases_wanted,
        StopTerms(body.primary_figure, body.days), by=caller.by, now=now,
    )  # fmt: skip
    return ExperimentShape.of(session, experiment)


@router.post("/{experiment_id}/end", summary="End an experiment")
def post_experiment_end(
    code: PortfolioCode, experiment_id: RowId, caller: ApiManager, session: OnceSession, now: Now
) -> ExperimentShape:
    """All cases go by the live version again; results still come in for 30 days."""
    portfolio = get_portfolio(session, code)
    experiment = experiment_of(session, portfolio, experiment_id)
    end_experiment(session, portfolio, experiment, by=caller.by, now=now)
    return ExperimentShape.of(session, experiment)


# --- the control share --------------------------------------------------------------------------------------

control = api_router("/portfolios/{code}/control-share", tags=["strategies"])


class ControlShape(Shape):
    """The incremental cash of ordinary reminders, by the cases that wait for them."""

    share_percent: int = Field(description="Of new cases; 0 = off.")
    days: int
    reminded: int = Field(description="Cases that were reminded at once and whose days are over.")
    waited: int
    gross: str = Field(description="Paid by those who were reminded at once.")
    incremental: str | None = Field(description="Of it, what the reminders added; null below 100 cases.")
    low: str | None = Field(description="Of its interval, which holds on every day at once.")
    high: str | None


@control.get("", summary="Get what reminders add")
def get_control(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> ControlShape:
    """Gross and incremental cash at the end of the last closed day."""
    portfolio = get_portfolio(session, code)
    on = last_closed(session, portfolio)
    if on is None:
        raise NotFound("No business day of this portfolio is closed yet.")
    found = control_result(session, portfolio, on)
    added = found.incremental or (None, None, None)
    middle, low, high = (
        None if each is None else to_decimal_string(round(each), portfolio.currency) for each in added
    )
    return ControlShape(
        share_percent=portfolio.control_share_percent,
        days=portfolio.control_days,
        reminded=found.reminded.n,
        waited=found.control.n,
        gross=to_decimal_string(found.gross_minor, portfolio.currency),
        incremental=middle,
        low=low,
        high=high,
    )
