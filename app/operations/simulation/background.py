"""Simulations that people follow: start one on a thread of its own, tell its state, delete it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import Clock
from app.core.database.engine import Busy, after_commit, exclusive
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.settings import Settings
from app.operations.simulation.models import SimulationRun
from app.operations.simulation.rules import RunStatus
from app.operations.simulation.service import TURN, begin, carry_out
from app.outreach.strategy.service import version_named

log = structlog.get_logger("desk.simulation")


class RunState(StrEnum):
    """State of a simulation. A simulation is interrupted when its process died; start it again."""

    WAITING = "waiting"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DONE = "done"

    @property
    def is_running(self) -> bool:
        return self in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class SimulationRunner:
    """Starts simulations for one application. `running` is shared by its requests: run id -> portfolio code."""

    engine: Engine
    settings: Settings
    clock: Clock
    running: dict[int, str]

    def start(
        self,
        session: Session,
        portfolio: Portfolio,
        first_on: date,
        last_on: date,
        candidate: str = "",
        *,
        by: Actor,
        now: datetime,
    ) -> SimulationRun:
        """Note a simulation, and begin it once the session is committed. `candidate` names a strategy version.
        Invalid, with its field, for days that cannot be simulated and a version that does not exist."""
        try:
            version = version_named(session, portfolio, candidate) if candidate else None
        except NotFound as missing:
            raise Invalid(missing.message, "candidate") from None
        run = begin(session, portfolio, first_on, last_on, version, by=by, now=now)
        run_id, code = id_of(run), portfolio.code

        def start() -> None:
            self.running[run_id] = code
            threading.Thread(
                target=self._work, args=(run_id,), name=f"simulation-{run_id}", daemon=True
            ).start()

        after_commit(session, start)
        return run

    def state_of(self, run: SimulationRun) -> RunState:
        if run.status in (RunStatus.DONE, RunStatus.FAILED) or self._is_running(run):
            return RunState(run.status.value)
        return RunState.INTERRUPTED

    def delete(self, session: Session, run: SimulationRun) -> None:
        """Delete a simulation with its result. Conflict while it runs."""
        if self.state_of(run).is_running:
            raise Conflict("This simulation is still running. Delete it when it is done.")
        session.delete(run)

    def _is_running(self, run: SimulationRun) -> bool:
        """Check whether a thread of this process, or another process that holds the lock, runs the simulation."""
        if run.id in self.running:
            return True
        try:
            with exclusive(self.engine, TURN, wait=False):
                return False
        except Busy:
            return True

    def _work(self, run_id: int) -> None:
        try:
            carry_out(self.engine, run_id, self.settings, self.clock)
        except Exception as error:
            log.error("simulation_broke", run=run_id, error=type(error).__name__)
        finally:
            self.running.pop(run_id, None)


def get_run(session: Session, run_id: int, portfolio_id: int | None = None) -> SimulationRun:
    """A simulation; with `portfolio_id`, only of that portfolio. NotFound otherwise."""
    run = session.get(SimulationRun, run_id)
    if run is None or portfolio_id not in (None, run.portfolio_id):
        raise NotFound(f"There is no simulation {run_id}.")
    return run
