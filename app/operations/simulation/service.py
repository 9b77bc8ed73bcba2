"""Simulation: a strategy on a copy of the portfolio. Its contacts and their times stand beside those of the live
strategy.

Nothing can leave, because nothing here knows how: this package lies below the adapters and cannot import them, the
days are closed on a copy in a file of its own, and messages that may leave only change their row there.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.clock import Clock
from app.core.database.engine import exclusive, make_engine, reading, table_of, transaction
from app.core.errors import DeskError, Invalid
from app.core.ids import id_of
from app.core.settings import Settings
from app.operations.simulation.counts import LIST_HEADER
from app.operations.simulation.models import SimulationRun
from app.operations.simulation.processes import Progress, in_processes
from app.operations.simulation.rules import LONGEST_DAYS, RunStatus, StrategyResult, Tariff
from app.operations.simulation.run import SimulationPlan, simulation_catalog
from app.operations.simulation.snapshot import copy_portfolio
from app.outreach.strategy.models import StrategyVersion
from app.outreach.strategy.service import understand, version_named

PREFIX = "desk-simulation-"
COPYING = 0.1
"""Share of the whole that copying is taken to be, for the progress."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a simulation. `candidate` is None where the live strategy was run alone."""

    portfolio: str
    prices_in: str
    first_on: date
    last_on: date
    live: StrategyResult
    candidate: StrategyResult | None
    contacts: bytes = field(repr=False)
    """The list of contacts: CSV, gzipped."""

    def as_json(self) -> dict[str, object]:
        """All but the list of contacts."""
        found: dict[str, object] = json.loads(json.dumps(asdict(replace(self, contacts=b"")), default=str))
        del found["contacts"]
        return found


def tariff_of(settings: Settings) -> Tariff:
    return Tariff(
        currency=settings.price_currency,
        sms_segment=settings.price_sms_segment,
        email=settings.price_email,
        letter=settings.price_letter,
        letter_page=settings.price_letter_page,
        call_minutes=settings.call_minutes,
        sms_segments_per_second=settings.sms_segments_per_second,
        emails_per_second=settings.emails_per_second,
        letters_per_day=settings.letters_per_day,
    )


def check_days(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> None:
    """Check the days of a simulation: Invalid for days that are closed, out of order or too many."""
    closed = last_closed(session, portfolio)
    if closed is not None and first_on <= closed:
        raise Invalid(f"{closed} is closed already. Begin the simulation after it.", "first_on")
    if last_on < first_on:
        raise Invalid("The last day lies before the first. Choose a later one.", "last_on")
    if (last_on - first_on).days >= LONGEST_DAYS:
        raise Invalid(
            f"A simulation covers at most {LONGEST_DAYS} days. Choose an earlier last day.", "last_on"
        )


def simulate(
    engine: Engine,
    portfolio_code: str,
    first_on: date,
    last_on: date,
    settings: Settings,
    candidate: str = "",
    code: str = "",
    *,
    progress: Progress,
    run: Callable[[Mapping[str, SimulationPlan], Progress], dict[str, StrategyResult]] | None = None,
) -> Comparison:
    """Simulate the days from `first_on` to `last_on` on a copy, under the live strategy and, if TOML is given as
    `candidate`, under that one, as a version of `code` or else of the live strategy's. The database is only read.

    NotFound, Invalid or BadStrategy before anything is copied; DeskError if a process of it dies.
    """
    public_url = settings.public_url.rstrip("/")
    with reading(engine) as session:
        portfolio = get_portfolio(session, portfolio_code)
        check_days(session, portfolio, first_on, last_on)
        if candidate:
            letters = simulation_catalog(public_url, settings.register_number).letters
            understand(portfolio, portfolio.strategy, candidate, letters)
    with _folder() as folder:
        copy = folder / "live.db"
        target = make_engine(f"sqlite:///{copy}", durable=False)
        copy_portfolio(engine, id_of(portfolio), target, lambda share: progress(COPYING * share))
        target.dispose()  # which also folds SQLite's log into the file
        texts = {"live": "", "candidate": candidate} if candidate else {"live": ""}
        if candidate:
            shutil.copyfile(copy, folder / "candidate.db")
        plans = {
            name: SimulationPlan(
                name, folder / f"{name}.db", portfolio_code, first_on, last_on, settings.night_hour,
                public_url, settings.register_number, tariff_of(settings), text, code, folder / f"{name}.csv.gz",
                settings.sender_address, settings.supervisory_authority,
            )
            for name, text in texts.items()
        }  # fmt: skip
        sides = (run or in_processes)(plans, lambda share: progress(COPYING + (1 - COPYING) * share))
        header = gzip.compress((",".join(LIST_HEADER) + "\r\n").encode())
        # Gzip files may be put one behind the other.
        contacts = header + b"".join(plan.listing.read_bytes() for plan in plans.values())
    return Comparison(
        portfolio_code, settings.price_currency, first_on, last_on, sides["live"], sides.get("candidate"),
        contacts,
    )  # fmt: skip


@contextmanager
def _folder() -> Iterator[Path]:
    """A private folder, removed afterwards. One that a killed process left is gone with the next simulation:
    its lock is free."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_left(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        with (folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield folder


def _remove_if_left(folder: Path) -> None:
    try:
        with (folder / "lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # another process uses it, or it is not ours


# --- runs that a page follows ---------------------------------------------------------------------------------------

KEPT = 20
"""Finished runs of a portfolio that are kept, the newest."""
TURN = "simulation"
"""Name of the lock that makes simulations take turns: each keeps two cores busy."""


def begin(
    session: Session,
    portfolio: Portfolio,
    first_on: date,
    last_on: date,
    candidate: StrategyVersion | None,
    *,
    by: Actor,
    now: datetime,
) -> SimulationRun:
    """Note a simulation about to start, and forget the oldest. Invalid for days that cannot be simulated."""
    check_days(session, portfolio, first_on, last_on)
    run = SimulationRun(
        portfolio_id=id_of(portfolio),
        first_on=first_on,
        last_on=last_on,
        candidate=candidate.ref if candidate else "",
        by=by,
        started_at=now,
    )
    session.add(run)
    session.flush()
    table = table_of(SimulationRun)
    newest = (
        sa.select(table.c.id)
        .where(table.c.portfolio_id == portfolio.id, table.c.finished_at.is_not(None))
        .order_by(table.c.id.desc())
        .limit(KEPT)
    )
    kept = list(session.scalars(newest))
    session.execute(
        sa.delete(table).where(
            table.c.portfolio_id == portfolio.id, table.c.finished_at.is_not(None), table.c.id.not_in(kept)
        )
    )
    return run


def carry_out(engine: Engine, run_id: int, settings: Settings, clock: Clock) -> None:
    """Run a noted simulation when its turn comes, and keep its result or its failure."""
    with exclusive(engine, TURN, wait=True):
        with transaction(engine) as session:
            run = session.get_one(SimulationRun, run_id)
            run.status = RunStatus.RUNNING
            portfolio = session.get_one(Portfolio, run.portfolio_id)
            candidate = version_named(session, portfolio, run.candidate) if run.candidate else None
            text, code = (candidate.text, candidate.code) if candidate else ("", "")
        try:
            found = simulate(
                engine, portfolio.code, run.first_on, run.last_on, settings, text, code,
                progress=_noting(engine, run_id),
            )  # fmt: skip
        except Exception as error:
            said = (
                error.message
                if isinstance(error, DeskError)
                else f"The simulation failed: {type(error).__name__}."
            )
            _end(engine, run_id, clock, status=RunStatus.FAILED, failure=said[:500])
            return
        result = json.dumps(found.as_json())
        _end(
            engine, run_id, clock, status=RunStatus.DONE, percent=100, result=result, contacts=found.contacts
        )


def _noting(engine: Engine, run_id: int) -> Progress:
    """Writes the share done to the run's row, a per cent at a time."""
    noted = 0

    def progress(share: float) -> None:
        nonlocal noted
        percent = min(99, int(100 * share))
        if percent > noted:
            noted = percent
            _update(engine, run_id, percent=percent)

    return progress


def _end(engine: Engine, run_id: int, clock: Clock, **values: object) -> None:
    _update(engine, run_id, finished_at=clock.now(), **values)


def _update(engine: Engine, run_id: int, **values: object) -> None:
    table = table_of(SimulationRun)
    with transaction(engine) as session:
        session.execute(sa.update(table).where(table.c.id == run_id).values(**values))
