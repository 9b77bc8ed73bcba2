"""Watch the clock of a worker.

A worker whose clock has jumped closes days that have not been and writes to people at night. So before each tick its
clock is held against clocks that do not jump with it.

| held against | catches |
|---|---|
| PostgreSQL's clock; with SQLite, that of the file system | a process or a machine whose clock is not the database's |
| the time that has passed since the last look, suspension counted | a clock that is set while the worker runs |
| with SQLite, what a worker of the same boot noted and the time since | one that was set before the worker started |
| the newest heartbeat | a clock that went back, or was ahead before |

A clock that nothing contradicts is believed: a machine that was off for a month catches up. `desk jobs --trust-clock`
believes the clock as it is, for an operator who has looked at it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core.clock import Clock, SystemClock
from app.core.database.engine import private

TOLERANCE = timedelta(minutes=5)
"""Between two clocks. Machines without a time service are seconds apart; five minutes decide about no business day."""


class ClockWatch:
    """The clock readings of one worker. Use it from any thread."""

    def __init__(self, engine: Engine, clock: Clock, *, trusted: bool = False) -> None:
        self._engine, self._clock = engine, clock
        self._is_real = isinstance(clock, SystemClock)
        self._seen: tuple[datetime, float] | None = None
        self._note = _note_of(engine)
        if not trusted and self._is_real:
            self._seen = _read(self._note)
        self._ignore_heartbeats = trusted

    def trouble(self) -> str | None:
        """The reason why the clock cannot be trusted now, for people; None where nothing contradicts it. A clock of
        tests or of a simulation is always believed."""
        if not self._is_real:
            return None
        now, running = self._clock.now(), _running()
        database = database_time(self._engine)
        if apart := _difference(now, database):
            return apart
        # PostgreSQL's clock decides: where it agrees, this machine's was put right.
        decides = database is not None and self._engine.dialect.name == "postgresql"
        if self._seen is not None and not decides:
            expected = self._seen[0] + timedelta(seconds=running - self._seen[1])
            if _apart(now, expected):
                return f"The clock says {_words(now)}; by the time that has passed it is {_words(expected)}."
        newest = None if self._ignore_heartbeats else _newest_heartbeat(self._engine)
        if newest is not None and newest - now > TOLERANCE:
            return f"The clock says {_words(now)}, but a worker was alive at {_words(newest)}."
        self._seen = now, running
        _write(self._note, now, running)
        return None


def clock_apart(engine: Engine, clock: Clock) -> str | None:
    """In words, where the clock and that of the database are apart. The clock of tests and simulations never is."""
    return _difference(clock.now(), database_time(engine)) if isinstance(clock, SystemClock) else None


def _difference(now: datetime, database: datetime | None) -> str | None:
    if database is None or not _apart(now, database):
        return None
    return f"The clock says {_words(now)}, that of the database {_words(database)}."


def database_time(engine: Engine) -> datetime | None:
    """The time where the database is; None for one in memory, or where it cannot be asked now."""
    try:
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                found = connection.execute(sa.text("SELECT clock_timestamp()")).scalar()
            return found.astimezone(UTC) if isinstance(found, datetime) else None
        folder = _folder(engine)
        if folder is None:
            return None
        with tempfile.NamedTemporaryFile(prefix=".desk-clock-", dir=folder) as file:
            file.write(b"\0")
            file.flush()
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except (OSError, sa.exc.SQLAlchemyError):
        return None


def _apart(one: datetime, other: datetime) -> bool:
    return abs(one - other) > TOLERANCE


def _words(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _running() -> float:
    """Seconds that this machine has run, suspension counted where the system tells it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _newest_heartbeat(engine: Engine) -> datetime | None:
    from app.outreach.outbox.models import Heartbeat  # the watch is floor, the table is not

    try:
        with engine.execution_options(desk_read=True).connect() as connection:
            return connection.execute(sa.select(sa.func.max(Heartbeat.at))).scalar()
    except sa.exc.SQLAlchemyError:
        return None


# --- the note beside a SQLite database ----------------------------------------------------------------------------


def _folder(engine: Engine) -> Path | None:
    database = engine.url.database
    return Path(database).parent if database and database != ":memory:" else None


def _note_of(engine: Engine) -> Path | None:
    if engine.dialect.name != "sqlite" or _folder(engine) is None:
        return None
    return Path(f"{engine.url.database}.clock")


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _read(note: Path | None) -> tuple[datetime, float] | None:
    """The note of a worker of the same boot: an instant, and how long the machine had run then."""
    try:
        said = json.loads(note.read_text("ascii")) if note is not None else {}
        if said and said["boot"] and said["boot"] == _boot():
            return datetime.fromisoformat(said["at"]), float(said["running"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _write(note: Path | None, now: datetime, running: float) -> None:
    if note is None:
        return
    text = json.dumps({"boot": _boot(), "at": now.isoformat(), "running": running})
    try:
        with open(note, "w", encoding="ascii", opener=private) as file:
            file.write(text)
    except OSError:
        return  # a full disk; the ticks say so
