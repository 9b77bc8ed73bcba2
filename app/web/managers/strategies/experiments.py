"""Champion against challenger: an experiment planned, started, shown and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Form
from pydantic import BaseModel
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions import strategies
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT
from app.core.text import sentence
from app.core.types import JsonObject
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.outreach.strategy import ladders, service
from app.outreach.strategy.experiments import (
    MOST_DAYS,
    EndReason,
    PrimaryFigure,
    StopTerms,
    sample_size,
    smaller_arm_share,
)
from app.outreach.strategy.models import Experiment, StopRule, StrategyVersion
from app.reporting.experiments import queries
from app.reporting.experiments.queries import PastRate
from app.reporting.experiments.rules import Comparison, Verdict
from app.reporting.experiments.safeguards import Guardrail
from app.reporting.experiments.service import last_day
from app.web.lookups import staff_names
from app.web.managers.strategies.words import letters_of
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/strategies")
VERDICTS: Mapping[Verdict, tuple[str, Tone]] = {
    Verdict.HARM: ("The challenger does harm: do not put it live", "bad"),
    Verdict.UNEVEN: ("The arms were not drawn as planned: trust no figure below", "bad"),
    Verdict.NOT_ENOUGH: ("Not enough cases yet: no result", "info"),
    Verdict.UNDECIDED: ("No difference so far", "info"),
    Verdict.NO_DIFFERENCE: ("No difference was found", "neutral"),
    Verdict.CHALLENGER: ("The challenger does better", "good"),
    Verdict.CHAMPION: ("The champion does better", "warn"),
}
PRIMARY_LABELS: Mapping[PrimaryFigure, str] = {
    PrimaryFigure.CURED: "Cured within 30 days",
    PrimaryFigure.RECOVERED: "Recovered per case within 30 days",
}
GUARDRAIL_LABELS: Mapping[Guardrail, str] = {
    Guardrail.COMPLAINTS: "Complaints",
    Guardrail.OPT_OUTS: "Opt-outs",
    Guardrail.HARDSHIP: "Hardship",
}
END_LABELS: Mapping[EndReason, str] = {
    EndReason.PERSON: "a person ended it, or put another version live",
    EndReason.LAST_DAY: "its last day was over",
    EndReason.COMPLAINTS: "customers of the challenger complained more",
    EndReason.OPT_OUTS: "customers of the challenger opted out more",
    EndReason.HARDSHIP: "customers of the challenger fell into hardship more",
}


class ExperimentForm(BaseModel):
    """An experiment as it was typed."""

    portfolio: str = ""
    challenger: str = ""
    share_percent: str = "50"
    baseline: str = ""
    difference: str = "5"
    primary_figure: PrimaryFigure = PrimaryFigure.CURED
    days: str = "180"


@dataclass
class SampleSizeHelp:
    """Number of cases an experiment takes, where the figures allow to compute it."""

    per_arm: int = 0
    total: int = 0
    months: float | None = None
    errors: dict[str, str] = field(default_factory=dict)


@router.get("/experiments/new")
def plan_experiment(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    challenger: str = "",
    share_percent: str = "50",
    baseline: str = "",
    difference: str = "5",
    primary_figure: PrimaryFigure = PrimaryFigure.CURED,
    days: str = "180",
) -> Response:
    """Show how many cases an experiment takes, before it is started."""
    typed = ExperimentForm(
        portfolio=portfolio, challenger=challenger, share_percent=share_percent, baseline=baseline,
        difference=difference, primary_figure=primary_figure, days=days,
    )  # fmt: skip
    return _plan_page(request, session, typed, {})


@router.post("/experiments")
def start_experiment(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ExperimentForm, Form()],
) -> Response:
    portfolio = get_portfolio(session, typed.portfolio)
    helped = _help(typed, 0)
    if helped.errors:
        return _plan_page(request, session, typed, helped.errors, status=422)
    try:
        experiment = strategies.start_experiment(
            session, portfolio, typed.challenger, int(typed.share_percent), letters_of(request), helped.per_arm,
            StopTerms(typed.primary_figure, int(typed.days)), by=staff.by, now=now,
        )  # fmt: skip
    except (Invalid, Conflict) as refused:
        errors = {refused.field or "": sentence(refused.message)}
        return _plan_page(request, session, typed, errors, status=refused.status)
    return redirect(
        request, f"/strategies/experiments/{experiment.id}", "The experiment runs from tonight on."
    )


@dataclass(frozen=True, slots=True)
class NewExperimentPage(Page):
    template = "managers/strategies/experiment_new.html"
    book: Portfolio
    live: StrategyVersion | None
    others: Sequence[StrategyVersion]
    other_options: Sequence[tuple[str, str]]
    primary_options: Sequence[tuple[str, str]]
    typed: ExperimentForm
    past: PastRate
    helped: SampleSizeHelp
    errors: Mapping[str, str]


def _plan_page(
    request: Request, session: Session, typed: ExperimentForm, errors: Mapping[str, str], *, status: int = 200
) -> Response:
    portfolio = get_portfolio(session, typed.portfolio)
    on = last_closed(session, portfolio)
    past = queries.past_cure_rate(session, portfolio, on) if on else queries.PastRate(0, 0, 0)
    if not typed.baseline and past.cases:
        typed = typed.model_copy(update={"baseline": f"{100 * past.cured / past.cases:.1f}"})
    helped = _help(typed, past.per_month)
    live = ladders.live_version(session, id_of(portfolio))
    others = [v for v in service.versions(session, id_of(portfolio)) if live is None or v.id != live.id]
    return page(
        request,
        NewExperimentPage(
            book=portfolio,
            live=live,
            others=others,
            other_options=[(v.ref, f"{v.ref} {v.name}") for v in others],
            primary_options=[(figure.value, label) for figure, label in PRIMARY_LABELS.items()],
            typed=typed,
            past=past,
            helped=helped,
            errors={**(helped.errors if typed.baseline else {}), **errors},
        ),
        status,
    )


def _help(typed: ExperimentForm, per_month: int) -> SampleSizeHelp:
    """Sample size for what was typed; percentages as `12.5`."""
    found = SampleSizeHelp()
    share = typed.share_percent.strip()
    if not (share.isascii() and share.isdigit() and 1 <= int(share[:4]) <= 99):
        found.errors["share_percent"] = "Write a whole number from 1 to 99."
    days = typed.days.strip()
    if not (days.isascii() and days.isdigit() and 1 <= int(days[:4]) <= MOST_DAYS):
        found.errors["days"] = f"Write a whole number from 1 to {MOST_DAYS}."
    baseline, difference = (_percent(text) for text in (typed.baseline, typed.difference))
    if baseline is None:
        found.errors["baseline"] = "Write a percentage such as 22.5."
    if difference is None:
        found.errors["difference"] = "Write percentage points such as 5."
    if found.errors or baseline is None or difference is None:
        return found
    try:
        found.per_arm = sample_size(baseline, difference)
    except ValueError as error:
        found.errors["difference"] = sentence(str(error))
        return found
    found.total = int(found.per_arm / smaller_arm_share(int(share)) + 0.999999)
    found.months = round(found.total / per_month, 1) if per_month else None
    return found


def _percent(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value / 100 if -100 < value < 100 else None


@dataclass(frozen=True, slots=True)
class ExperimentPage(Page):
    template = "managers/strategies/experiment.html"
    book: Portfolio
    experiment: Experiment
    champion: StrategyVersion
    challenger: StrategyVersion
    on: date | None
    result: Comparison | None
    verdict: tuple[str, Tone] | None
    chart: Mapping[str, object] | None
    rule: StopRule
    last_on: date
    primary_labels: Mapping[PrimaryFigure, str]
    guardrail_labels: Mapping[Guardrail, str]
    ended_because: str
    names: Mapping[str, str]
    may_change: bool


@router.get("/experiments/{experiment_id}")
def experiment_page(request: Request, experiment_id: RowId, staff: Manager, session: ReadSession) -> Response:
    experiment, portfolio = _experiment(session, experiment_id)
    on = last_closed(session, portfolio)
    result = queries.compare_arms(session, experiment, on) if on else None
    champion, challenger = (
        session.get_one(StrategyVersion, each) for each in (experiment.champion_id, experiment.challenger_id)
    )
    return page(
        request,
        ExperimentPage(
            book=portfolio,
            experiment=experiment,
            champion=champion,
            challenger=challenger,
            on=on,
            result=result,
            verdict=VERDICTS[result.verdict] if result else None,
            chart=_chart(result, champion, challenger) if result else None,
            rule=session.get_one(StopRule, experiment_id),
            last_on=last_day(session, portfolio, experiment),
            primary_labels=PRIMARY_LABELS,
            guardrail_labels=GUARDRAIL_LABELS,
            ended_because=END_LABELS[experiment.ended_because] if experiment.ended_because else "",
            names=staff_names(session),
            may_change=staff.role in MANAGEMENT,
        ),
    )


@router.post("/experiments/{experiment_id}/end")
def end_experiment(
    request: Request, experiment_id: RowId, staff: Manager, session: WriteSession, now: Now
) -> Response:
    experiment, portfolio = _experiment(session, experiment_id)
    strategies.end_experiment(session, portfolio, experiment, by=staff.by, now=now)
    said = "The experiment has ended: every customer goes by the live version. Results still come in for 30 days."
    return redirect(request, f"/strategies/experiments/{experiment_id}", said)


def _experiment(session: Session, experiment_id: int) -> tuple[Experiment, Portfolio]:
    experiment = session.get(Experiment, experiment_id)
    if experiment is None:
        raise NotFound(f"There is no experiment {experiment_id}. Choose one from the list.")
    return experiment, session.get_one(Portfolio, experiment.portfolio_id)


def _chart(result: Comparison, champion: StrategyVersion, challenger: StrategyVersion) -> JsonObject | None:
    """Cure rates with the ends of their intervals."""
    if not (result.champion.cases and result.challenger.cases):
        return None
    arms = [result.champion, result.challenger]
    return {
        "type": "bar",
        "labels": [f"Champion {champion.ref}", f"Challenger {challenger.ref}"],
        "unit": "percent",
        "series": [
            {"name": "95 % interval from", "values": [arm.cure_interval[0] for arm in arms]},
            {"name": "Cured within 30 days", "values": [arm.cure_rate for arm in arms]},
            {"name": "to", "values": [arm.cure_interval[1] for arm in arms]},
        ],
    }
