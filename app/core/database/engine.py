"""Database: engine, sessions, transactions, column types and named locks, on SQLite and PostgreSQL.

SQLite is the embedded default (WAL, one writer, `BEGIN IMMEDIATE`); several machines share a PostgreSQL. `bulk.py`
reads and writes thousands of rows; `health.py` finds faults of a database.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from pydantic import ConfigDict
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel

from app.core.errors import Invalid

log = structlog.get_logger("desk.db")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64-bit ids; SQLite only auto-increments a column declared INTEGER."""


def sorted_text(length: int) -> sa.String:
    """A text that sorts by its characters' numbers on both databases, so that an index finds its beginnings."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


class Row(SQLModel):
    """Base of every table: unlike plain SQLModel tables it validates what is assigned to it. Its validator is built at
    the first use."""

    model_config = ConfigDict(validate_assignment=True, defer_build=True)  # type: ignore[assignment]


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware instant. Naive values are refused; SQLite keeps UTC text and gives aware values back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(enum: type[StrEnum]) -> sa.Enum:
    """A string column checked against the enum's values, not a native PostgreSQL enum."""
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=enum.__name__.lower(),
        values_callable=lambda e: [member.value for member in e],
    )


MOST_CONNECTIONS = 15
"""Connections of one process. They are kept: one that is opened for a single request has prepared none of the
statements of a page, which costs as much as the page."""


def _kept() -> dict[str, Any]:
    """The pool: the connection that was used last is taken first, so that a quiet process keeps few of them warm."""
    return {"pool_size": MOST_CONNECTIONS, "max_overflow": 0, "pool_use_lifo": True}


def _postgres_engine(url: str) -> Engine:
    engine = sa.create_engine(url, hide_parameters=True, **_kept())

    @sa.event.listens_for(engine, "connect")
    def _plan_for_ssd(connection: Any, _record: Any) -> None:
        # The default is a turning disk's: a few hundred accounts of a night would be found by reading the whole ledger.
        with connection.cursor() as cursor:
            cursor.execute("SET random_page_cost = 1.1")
        connection.commit()

    engine.dialect.do_rollback = _end_unwritten  # type: ignore[assignment]
    _ask_after_rest(engine)
    return engine


RESTED_SECONDS = 1.0


def _ask_after_rest(engine: Engine) -> None:
    """Ask a connection that has rested whether it still stands, before it is used: the server may have gone since. One
    that was in use a moment ago is not asked, for each question is a wait, and a page takes its connection twice."""

    @sa.event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", math.inf) < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError from error


_IN_TRANSACTION = 2
"""PQTRANS_INTRANS of libpq: neither idle nor failed."""


def _end_unwritten(connection: Any) -> None:
    """Roll back, or commit where the transaction could not write: psycopg forgets at each rollback what it has
    prepared, and planning a page's statements anew costs eight times as much as running them."""
    if connection.read_only and connection.pgconn.transaction_status == _IN_TRANSACTION:
        connection.commit()
    else:
        connection.rollback()


def make_engine(url: str, *, durable: bool = True) -> Engine:
    """An engine for a `sqlite:///` or `postgresql://` URL, set up the way the product needs it.

    Statements' parameters are personal data and never show in error messages. `durable=False` trades safety
    against a power cut for speed, on SQLite only: for a database that can be built again.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    try:
        sa.make_url(url)
    except sa.exc.ArgumentError:
        # Not the text itself: it may hold a password.
        raise Invalid(
            "DESK_DATABASE_URL is not a database URL. Write it like postgresql://user@host/name."
        ) from None
    if not url.startswith("sqlite"):
        return _postgres_engine(url)
    database = sa.make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        # SQLite gives its log the mode of the database. What is there already keeps the mode that it has.
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    kept = _kept() if database and database != ":memory:" else {}
    engine = sa.create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True, **kept
    )

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        synchronous = "FULL" if durable else "OFF"
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "busy_timeout=30000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A reader that upgrades to a writer can fail with "database is locked" with any timeout,
        # so every transaction that may write takes the write lock at once.
        reading = connection.get_execution_options().get("desk_read", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One session, one transaction: committed at the end of the block, rolled back on any error."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading only: it takes no write lock on SQLite, and PostgreSQL refuses to write."""
    with open_reading(engine) as session:
        yield session


def open_reading(engine: Engine) -> Session:
    """`reading` for a caller that closes the session itself. It takes a connection with its first statement."""
    return Session(_reader(engine))


def only_reads(session: Session) -> bool:
    """Tell whether this is a session of `reading`, `open_reading` or `asking`."""
    return bool(session.get_bind().get_execution_options().get("desk_read", False))


def asking(engine: Engine) -> AbstractContextManager[Session]:
    """`reading` for a single statement: PostgreSQL is spared the beginning and the end of a transaction, two waits for
    it. SQLite begins one in its own process."""
    return Session(_asker(engine))


@lru_cache(maxsize=8)
def _asker(engine: Engine) -> Engine:
    if engine.dialect.name != "postgresql":
        return _reader(engine)
    return engine.execution_options(desk_read=True, isolation_level="AUTOCOMMIT")


@lru_cache(maxsize=8)
def _reader(engine: Engine) -> Engine:
    """The same engine, for reading; making it anew would cost each request as much as a statement."""
    return engine.execution_options(desk_read=True, postgresql_readonly=True)


T = TypeVar("T")


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Run `act` once the session's transaction is committed; not at all if it is rolled back."""

    def committed(_session: object) -> None:
        act()

    sa.event.listen(session, "after_commit", committed, once=True)


def retrying(work: Callable[[], T], *, attempts: int = 5) -> T:
    """Run `work`, a whole transaction, again if the database gave it up for another one: a deadlock or a
    serialisation failure on PostgreSQL, a lock that was not had in time on SQLite."""
    for attempt in range(attempts):
        try:
            return work()
        except sa.exc.OperationalError as error:
            code = getattr(error.orig, "sqlstate", None)
            if (code not in GIVEN_UP and "locked" not in str(error.orig)) or attempt == attempts - 1:
                raise
            time.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")


GIVEN_UP = frozenset({"40001", "40P01"})
"""SQLSTATE of serialisation failure and deadlock."""


Item = TypeVar("Item")


def together_or_alone(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], T],
    gave_up: Callable[[Item, Exception], None],
    *,
    attempts: int = 5,
) -> Iterator[T]:
    """Do `work`, a whole transaction, for all the items; if that fails, for each alone, so that one broken row does not
    hold up the others. Yields what `work` returns; `gave_up` is told of each item that fails alone."""
    try:
        result = retrying(partial(work, items), attempts=attempts)
    except Exception as error:
        log.error("batch_failed", items=len(items), error=type(error).__name__)
    else:
        yield result
        return
    for item in items:
        try:
            result = retrying(partial(work, [item]), attempts=attempts)
        except Exception as error:
            gave_up(item, error)
        else:
            yield result


def private(path: str, flags: int) -> int:
    """Open a file that only its owner reads: `open(..., opener=private)`."""
    return os.open(path, flags, 0o600)


class Busy(Exception):
    """Another process holds the named lock."""


@contextmanager
def exclusive(engine: Engine, name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock `name` across transactions and processes; released by the system if the holder dies.

    PostgreSQL: a session-level advisory lock. SQLite: flock on a file beside the database.
    Raises Busy when it is taken and `wait` is False.
    """
    if engine.dialect.name == "postgresql":
        key = zlib.crc32(name.encode())
        with engine.connect() as connection:
            verb = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
            got = connection.execute(sa.text(f"SELECT {verb}(7305, :key)"), {"key": key - 2**31}).scalar()
            connection.commit()
            if not wait and not got:
                raise Busy(name)
            try:
                yield
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(7305, :key)"), {"key": key - 2**31})
                connection.commit()
        return
    database = sa.make_url(str(engine.url)).database or ":memory:"
    if database == ":memory:":
        yield
        return
    with open(f"{database}.{name.replace('/', '_')}.lock", "w", opener=private) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy(name) from None
        yield


def table_of(model: type[SQLModel]) -> sa.Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]


def storable(text: str) -> str:
    """Return text of strangers as every database takes it: without NUL, and with `?` for half a character."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
