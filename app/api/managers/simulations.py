"""Simulations: a strategy tried on a copy of the portfolio, beside the live one."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field
from sqlmodel import col, select

from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Day, Limit, PortfolioCode, RowId, after, page_of
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.core.ids import id_of
from app.core.text import Line
from app.core.types import JsonObject
from app.http.context import Now, engine_of, ports_of, running_jobs, settings_of
from app.operations.simulation.background import RunState, SimulationRunner, get_run
from app.operations.simulation.models import SimulationRun

router = api_router("/portfolios/{code}/simulations", tags=["strategies"])


class SimulationShape(Shape):
    """A simulation and how far it is."""

    id: int
    first_on: date
    last_on: date
    candidate: str = Field(description="Version tried beside the live one; '' = the live one alone.")
    state: RunState
    percent: int
    failure: str
    by: str
    started_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, runner: SimulationRunner, run: SimulationRun) -> Self:
        own = {name: getattr(run, name) for name in SimulationShape.model_fields if name != "state"}
        return cls(**own, state=runner.state_of(run))


class SimulationResult(SimulationShape):
    result: JsonObject | None = Field(
        default=None, description="As `desk simulate --json` prints it; null until the state is `done`."
    )


class NewSimulation(Input):
    first_on: Annotated[Day, Field(description="First business date that is closed on the copy.")]
    last_on: Annotated[Day, Field(description="Last business date that is closed on the copy.")]
    candidate: Annotated[Line, Field(max_length=60, examples=["early@1"])] = ""


def _runner(request: Request) -> SimulationRunner:
    return SimulationRunner(
        engine_of(request),
        settings_of(request),
        ports_of(request).clock,
        running_jobs(request, "simulations"),
    )


@router.get("", summary="List simulations")
def list_simulations(
    request: Request,
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[SimulationShape]:
    """Simulations that are kept, oldest first; without their results."""
    portfolio, runner = get_portfolio(session, code), _runner(request)
    query = select(SimulationRun).where(
        SimulationRun.portfolio_id == portfolio.id, col(SimulationRun.id) > after(cursor)
    )
    rows = session.scalars(query.order_by(col(SimulationRun.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda run: id_of(run))
    return Page(items=[SimulationShape.of(runner, run) for run in shown], next_cursor=next_cursor)


@router.get("/{run_id}", summary="Follow a simulation")
def get_simulation(
    request: Request, code: PortfolioCode, run_id: RowId, _caller: ApiManager, session: ReadSession
) -> SimulationResult:
    """Its state, and its result once it is done."""
    run = get_run(session, run_id, id_of(get_portfolio(session, code)))
    shape = SimulationResult.of(_runner(request), run)
    shape.result = json.loads(run.result) if shape.state is RunState.DONE else None
    return shape


@router.post("", status_code=201, summary="Start a simulation")
def post_simulation(
    request: Request,
    code: PortfolioCode,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewSimulation,
) -> SimulationShape:
    """Close the days to come on a copy of the portfolio; nothing can leave. It runs for minutes: follow it by its id.
    Simulations take turns, because each keeps two cores busy."""
    runner = _runner(request)
    run = runner.start(
        session, get_portfolio(session, code), body.first_on, body.last_on, body.candidate,
        by=caller.by, now=now,
    )  # fmt: skip
    return SimulationShape.of(runner, run)


@router.post("/{run_id}/deletion", summary="Delete a simulation")
def post_simulation_deletion(
    request: Request, code: PortfolioCode, run_id: RowId, _caller: ApiManager, session: OnceSession
) -> SimulationShape:
    """Delete it with its result. Refused while it runs."""
    runner = _runner(request)
    run = get_run(session, run_id, id_of(get_portfolio(session, code)))
    shape = SimulationShape.of(runner, run)
    runner.delete(session, run)
    return shape
