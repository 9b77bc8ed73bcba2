"""Simulations of the next days on a copy of the portfolio, and the messages they would send."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import Form, Query
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.text import sentence
from app.http.context import Now, engine_of, ports_of, running_jobs, settings_of
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.operations.simulation.background import RunState, SimulationRunner, get_run
from app.operations.simulation.counts import LIST_HEADER
from app.operations.simulation.models import SimulationRun
from app.operations.simulation.rules import LONGEST_DAYS, MEASURE_WORDS, RunStatus
from app.outreach.strategy.ladders import load_ladders
from app.outreach.strategy.models import StrategyVersion
from app.outreach.strategy.service import versions
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.managers.simulation_result import (
    DECISION_WORDS,
    SIDES,
    charts_of,
    figures_of,
    rules_of,
    sides_of,
)
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/simulations")
DEFAULT_DAYS = 14
PAGE = 100
COLUMNS = [
    Column("Begun"),
    Column("Days"),
    Column("Beside the live strategy"),
    Column("By"),
    Column("Outcome"),
]
LIST_COLUMNS = [
    Column("When"),
    Column("Customer"),
    Column("Strategy"),
    Column("Channel"),
    Column("What"),
    Column("Step"),
    Column("Units", numeric=True),
    Column("Why not"),
]


@router.get("")
def simulations(request: Request, _staff: Manager, session: ReadSession, portfolio: str = "") -> Response:
    return _start_page(request, session, {"portfolio": portfolio})


@dataclass(frozen=True, slots=True)
class SimulationsPage(Page):
    template = "managers/simulations/list.html"
    books: Sequence[Portfolio]
    book: Portfolio | None
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    columns: Sequence[Column]
    longest: int
    names: Mapping[str, str]
    versions: Sequence[StrategyVersion]
    runs: Sequence[tuple[SimulationRun, RunOutcome]]
    closed: date | None
    live: str


def _start_page(
    request: Request,
    session: Session,
    typed: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    portfolios = list(session.scalars(select(Portfolio).order_by(col(Portfolio.code))))
    portfolio = next(
        (p for p in portfolios if p.code == typed["portfolio"]), portfolios[0] if portfolios else None
    )
    closed, live = None, ""
    saved: Sequence[StrategyVersion] = ()
    runs: list[tuple[SimulationRun, RunOutcome]] = []
    if portfolio is not None:
        closed = last_closed(session, portfolio)
        first_on = closed + timedelta(days=1) if closed else None
        last_on = first_on + timedelta(days=DEFAULT_DAYS - 1) if first_on else None
        defaults = {"first_on": str(first_on or ""), "last_on": str(last_on or ""), "candidate": ""}
        typed = {**defaults, **typed}
        saved = versions(session, id_of(portfolio))
        runs = [(run, _outcome(request, run)) for run in _runs(session, portfolio)]
        live = load_ladders(session, portfolio).live.ref
    return page(
        request,
        SimulationsPage(
            books=portfolios,
            book=portfolio,
            typed=typed,
            errors=errors or {},
            columns=COLUMNS,
            longest=LONGEST_DAYS,
            names=staff_names(session),
            versions=saved,
            runs=runs,
            closed=closed,
            live=live,
        ),
        status,
    )


def _runs(session: Session, portfolio: Portfolio) -> Sequence[SimulationRun]:
    query = select(SimulationRun).where(SimulationRun.portfolio_id == portfolio.id)
    return session.scalars(query.order_by(col(SimulationRun.id).desc())).all()


@router.post("")
def start(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    first_on: Annotated[str, Form(max_length=10)] = "",
    last_on: Annotated[str, Form(max_length=10)] = "",
    candidate: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    typed = {"portfolio": portfolio, "first_on": first_on, "last_on": last_on, "candidate": candidate}
    book = get_portfolio(session, portfolio)
    try:
        first, last = _day(first_on, "first_on"), _day(last_on, "last_on")
        run = runner_of(request).start(session, book, first, last, candidate, by=staff.by, now=now)
    except Invalid as refused:
        errors = {refused.field or "": sentence(refused.message)}
        return _start_page(request, session, typed, errors=errors, status=422)
    return redirect(request, f"/simulations/{run.id}")


def runner_of(request: Request) -> SimulationRunner:
    return SimulationRunner(
        engine_of(request),
        settings_of(request),
        ports_of(request).clock,
        running_jobs(request, "simulations"),
    )


def _day(text: str, field: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Give a day.", field) from None
    if not 1990 <= found.year <= 2199:
        raise Invalid(
            "That day is out of range. Choose one from 1990 to 2199.",
            field,
        )
    return found


@router.post("/{run_id}/delete")
def delete(request: Request, run_id: RowId, _staff: Manager, session: WriteSession) -> Response:
    run, portfolio = _run(session, run_id)
    try:
        runner_of(request).delete(session, run)
    except Conflict as refused:
        return redirect(request, f"/simulations/{run_id}", refused.message, "warn")
    return redirect(request, f"/simulations?portfolio={portfolio.code}", "The simulation is deleted.", "info")


@dataclass(frozen=True, slots=True)
class RunOutcome:
    words: str
    tone: Tone
    running: bool = False


OUTCOMES = {
    RunState.WAITING: RunOutcome("Waiting for another to end", "info", running=True),
    RunState.RUNNING: RunOutcome("Running", "info", running=True),
    RunState.INTERRUPTED: RunOutcome("Interrupted", "warn"),
    RunState.FAILED: RunOutcome("Failed", "bad"),
    RunState.DONE: RunOutcome("Done", "good"),
}


def _outcome(request: Request, run: SimulationRun) -> RunOutcome:
    return OUTCOMES[runner_of(request).state_of(run)]


def _run(session: Session, run_id: int) -> tuple[SimulationRun, Portfolio]:
    run = get_run(session, run_id)
    return run, session.get_one(Portfolio, run.portfolio_id)


@dataclass(frozen=True, slots=True)
class SimulationPage(Page):
    template = "managers/simulations/run.html"
    run: SimulationRun
    book: Portfolio
    outcome: RunOutcome
    names: Mapping[str, str]
    result: Mapping[str, object] | None
    figures: Sequence[Mapping[str, object]]
    sides: Sequence[tuple[str, Mapping[str, object]]]
    rules: Sequence[Mapping[str, object]]
    charts: Sequence[tuple[str, Mapping[str, object]]]
    measure_words: Mapping[str, str]
    channel_words: Mapping[str, str]
    decision_words: Mapping[str, tuple[str, Tone]]


@router.get("/{run_id}")
def simulation(request: Request, run_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    run, portfolio = _run(session, run_id)
    outcome = _outcome(request, run)
    result = json.loads(run.result) if run.status is RunStatus.DONE else None
    return page(
        request,
        SimulationPage(
            run=run,
            book=portfolio,
            outcome=outcome,
            names=staff_names(session),
            result=result,
            figures=figures_of(result) if result else [],
            sides=sides_of(result) if result else [],
            rules=rules_of(result) if result else [],
            charts=charts_of(request, result) if result else [],
            measure_words=MEASURE_WORDS,
            channel_words=CHANNEL_LABELS,
            decision_words=DECISION_WORDS,
        ),
    )


@dataclass(frozen=True, slots=True)
class SimulationProgress(Page):
    template = "managers/simulations/_progress.html"
    run: SimulationRun
    outcome: RunOutcome


@router.get("/{run_id}/progress")
def progress(request: Request, run_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    """The part of the page that changes, for its script."""
    run, _ = _run(session, run_id)
    return page(request, SimulationProgress(run=run, outcome=_outcome(request, run)))


@dataclass(frozen=True, slots=True)
class SimulatedContactsPage(Page):
    template = "managers/simulations/contacts.html"
    run: SimulationRun
    book: Portfolio
    wanted: Mapping[str, str]
    days: Sequence[str]
    sides: Mapping[str, str]
    channel_words: Mapping[str, str]
    decision_words: Mapping[str, tuple[str, Tone]]
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, str]]
    start: int
    following: int | None


@router.get("/{run_id}/contacts")
def contacts(
    request: Request,
    run_id: RowId,
    _staff: Manager,
    session: ReadSession,
    side: str = "",
    channel: str = "",
    decision: str = "",
    day: str = "",
    rule: str = "",
    start: Annotated[int, Query(ge=0, le=10**9)] = 0,
    format: str = "",
) -> Response:
    """List every contact of the run, filtered; `start` is the first row shown."""
    run, portfolio = _run(session, run_id)
    if run.status is not RunStatus.DONE:
        raise NotFound("This simulation has no list.")
    wanted = {"side": side, "channel": channel, "decision": decision, "day": day, "why": rule}
    rows = _matching(_listed(run), wanted)
    if format == "csv":
        lines = ([row[name] for name in LIST_HEADER] for row in rows)
        return csv_download(
            f"simulation-{portfolio.code}-{run.first_on}-{run.last_on}.csv", LIST_HEADER, lines
        )
    shown = list(itertools.islice(rows, start, start + PAGE + 1))
    days = sorted({row["day"] for row in _listed(run)})
    return page(
        request,
        SimulatedContactsPage(
            run=run,
            book=portfolio,
            wanted=wanted,
            days=days,
            sides=SIDES if run.candidate else {"live": "Live"},
            channel_words=CHANNEL_LABELS,
            decision_words=DECISION_WORDS,
            columns=LIST_COLUMNS,
            rows=shown[:PAGE],
            start=start,
            following=start + PAGE if len(shown) > PAGE else None,
        ),
    )


def _listed(run: SimulationRun) -> Iterator[dict[str, str]]:
    with gzip.open(io.BytesIO(run.contacts), "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _matching(rows: Iterable[dict[str, str]], wanted: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for row in rows:
        if all(
            not value or row[name] == value or (name == "why" and value in row["why"].split("; "))
            for name, value in wanted.items()
        ):
            yield row
