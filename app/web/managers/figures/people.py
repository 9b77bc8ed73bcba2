"""Figures of people against the same mix of cases: an agent sees their own, a manager the team; and outcome parity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import DAY
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.dates import add_months, month_start
from app.core.errors import Invalid
from app.core.staff.rules import MANAGEMENT
from app.core.types import JsonObject
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.people.measures import MEASURES, NOT_RECORDED, Measure, MeasureWords
from app.reporting.people.parity import FEWEST, Group, Outcome, ParityRow
from app.reporting.people.queries import outcome_parity, work_of_period
from app.reporting.people.rules import (
    FEWEST_CASES,
    Z998,
    PersonFigure,
    TeamFigure,
    compare_people,
)
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page

router = Router(prefix="/people")
MONTHS = 12
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.PLANS_KEPT: "Agreements kept",
    Outcome.COMPLAINTS: "Customers who complained",
    Outcome.TIME_TO_CLOSE: "Median days until a case closed",
}
GROUPS: Mapping[Group, str] = {Group.SUPPORT_NEED: "With a support need", Group.OTHERS: "All others"}


@dataclass(frozen=True, slots=True)
class MeasureBlock:
    """One measure as the page shows it."""

    measure: Measure
    words: MeasureWords
    team: TeamFigure
    shown: Sequence[PersonFigure]
    """In the order of names; an agent's own alone."""
    chart: JsonObject | None


@dataclass(frozen=True, slots=True)
class PeoplePage(Page):
    template = "managers/people.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    months: Sequence[date]
    month: date | None
    last_on: date | None
    blocks: Sequence[MeasureBlock]
    parity: Sequence[ParityRow]
    is_manager: bool
    names: Mapping[str, str]
    outcomes: Mapping[Outcome, str]
    groups: Mapping[Group, str]
    fewest: int
    fewest_in_cell: int
    not_recorded: Sequence[str]


@router.get("")
def people(
    request: Request, staff: CaseWorker, session: ReadSession, portfolio: str = "", month: str = ""
) -> Response:
    """`?month=2026-03`; the last month that is closed to its end if not given."""
    portfolios, chosen = choose_portfolio(session, portfolio)
    on = last_closed(session, chosen) if chosen else None
    is_manager = staff.role in MANAGEMENT
    names = staff_names(session)
    first: date | None = None
    last_on: date | None = None
    blocks: list[MeasureBlock] = []
    parity: Sequence[ParityRow] = []
    months: list[date] = []
    if chosen is not None and on is not None:
        newest = month_start(on)
        months = [add_months(newest, -n) for n in range(MONTHS)]
        first = _month(month) if month else month_start(month_start(on + DAY) - DAY)
        if first > newest:
            raise Invalid("No day of that month is closed yet. Choose an earlier one.", "month")
        last_on = min(on, add_months(first, 1) - DAY)
        work = work_of_period(session, chosen, first, last_on)
        teams = {measure: compare_people(cases) for measure, cases in work.items()}
        blocks = [_block(measure, teams[measure], staff.username, is_manager, names) for measure in Measure]
        parity = outcome_parity(session, chosen, first, last_on) if is_manager else []
    return page(
        request,
        PeoplePage(
            portfolio=chosen,
            portfolios=portfolios,
            months=months,
            month=first,
            last_on=last_on,
            blocks=blocks,
            parity=parity,
            is_manager=is_manager,
            names=names,
            outcomes=OUTCOMES,
            groups=GROUPS,
            fewest=FEWEST_CASES,
            fewest_in_cell=FEWEST,
            not_recorded=NOT_RECORDED,
        ),
    )


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Invalid("Write a month such as 2026-03.", "month") from None


def _block(
    measure: Measure, team: TeamFigure, username: str, is_manager: bool, names: Mapping[str, str]
) -> MeasureBlock:
    shown = [each for each in team.people if is_manager or each.person == username]
    return MeasureBlock(measure, MEASURES[measure], team, shown, _funnel(team, names) if is_manager else None)


def _funnel(team: TeamFigure, names: Mapping[str, str]) -> JsonObject | None:
    """Ratios from the fewest cases to the most, within the limits of chance."""
    ordered = sorted((each for each in team.people if each.is_estimated), key=lambda each: each.cases)
    if not ordered:
        return None
    wide, narrow = [each.limits(Z998) for each in ordered], [each.limits() for each in ordered]
    lines: dict[str, Sequence[float | None]] = {
        "Against the same mix": [each.ratio for each in ordered],
        "95 % limit, low": [low for low, _ in narrow],
        "95 % limit, high": [high for _, high in narrow],
        "99.8 % limit, low": [low for low, _ in wide],
        "99.8 % limit, high": [high for _, high in wide],
    }
    labels = [f"{names.get(each.person, each.person)} ({each.cases})" for each in ordered]
    return chart_spec("line", labels, "percent", lines)
