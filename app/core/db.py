"""Engine, sessions, column types and the few places where SQLite and PostgreSQL differ.

SQLite is the embedded default (WAL, one writer, `BEGIN IMMEDIATE`); PostgreSQL is what several machines share.
Everything above this file is written once for both.
"""

from __future__ import annotations

import fcntl
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from pydantic import ConfigDict
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel

from app.core.errors import Invalid

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


class Row(SQLModel):
    """Base of every table: unlike plain SQLModel tables it validates what is assigned to it."""

    model_config = ConfigDict(validate_assignment=True)  # type: ignore[assignment]


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


def _postgres_engine(url: str) -> Engine:
    engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _plan_for_ssd(connection: Any, _record: Any) -> None:
        # The default is a turning disk's: a few hundred accounts of a night would be found by reading the whole ledger.
        with connection.cursor() as cursor:
            cursor.execute("SET random_page_cost = 1.1")
        connection.commit()

    return engine


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
        raise Invalid("DESK_DATABASE_URL is not a database URL like postgresql://user@host/name") from None
    if not url.startswith("sqlite"):
        return _postgres_engine(url)
    database = sa.make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        # SQLite gives its log the mode of the database. What is there already keeps the mode that it has.
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True
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
        # A reader that upgrades to a writer can fail with "database is locked" whatever the timeout,
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
    """A session for reading only; takes no write lock on SQLite and is never committed."""
    with Session(engine.execution_options(desk_read=True)) as session:
        yield session


T = TypeVar("T")


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


def refresh_statistics(engine: Engine, *models: type[SQLModel]) -> None:
    """Let the planner know what is in these tables now. After a great many rows were written at once it would
    otherwise plan for the near-empty table it last saw, until the database gets round to it by itself."""
    with transaction(engine) as session:
        if engine.dialect.name == "sqlite":
            # A sample is as good: reading every index of twelve million entries each night takes a minute.
            session.connection().exec_driver_sql("PRAGMA analysis_limit=1000")
        for model in models:
            session.connection().exec_driver_sql(f'ANALYZE "{table_of(model).name}"')


def private(path: str, flags: int) -> int:
    """For `open(..., opener=private)`: a file that only its owner reads."""
    return os.open(path, flags, 0o600)


class Trouble(StrEnum):
    """What a database says of itself. The value is for people: what is wrong, and what to do."""

    FULL = "The disk of the database is full. Make room; the desk goes on by itself."
    READ_ONLY = (
        "The database can only be read. Look at the rights of its file, or whether the server is a standby."
    )
    CORRUPT = "The database file is damaged. Stop the desk and restore a backup."
    UNREADABLE = "The database file cannot be opened or read. Look at its disk and its rights."
    AWAY = "The database server does not answer."
    BUSY = "The database is busy. Try again in a few seconds."


_SAID: tuple[tuple[str, Trouble], ...] = (
    ("disk is full", Trouble.FULL),
    ("no space left", Trouble.FULL),
    ("readonly database", Trouble.READ_ONLY),
    ("read-only", Trouble.READ_ONLY),
    ("malformed", Trouble.CORRUPT),
    ("not a database", Trouble.CORRUPT),
    ("disk i/o error", Trouble.UNREADABLE),
    ("unable to open", Trouble.UNREADABLE),
    ("connection", Trouble.AWAY),
)
_STATES = {
    "53100": Trouble.FULL,
    "25006": Trouble.READ_ONLY,
    "XX001": Trouble.CORRUPT,
    "XX002": Trouble.CORRUPT,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """What is wrong with the database, None where it is the statement that was."""
    if isinstance(error, sa.exc.TimeoutError):
        return Trouble.BUSY
    if not isinstance(error, sa.exc.DatabaseError):
        return None
    if found := _STATES.get(getattr(error.orig, "sqlstate", None) or ""):
        return found
    said = str(error.orig).lower()
    found = next((trouble for words, trouble in _SAID if words in said), None)
    if isinstance(error, sa.exc.OperationalError):
        return found or Trouble.BUSY
    return found if found in {Trouble.CORRUPT, Trouble.READ_ONLY, Trouble.FULL} else None


def write_trouble(engine: Engine) -> Trouble | None:
    """Why nothing can be written now: tried with a write that changes nothing. A lock that somebody else holds is no
    trouble, those who want to write wait for it."""
    try:
        with engine.execution_options(desk_read=True).connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout=1000")
                try:
                    version = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
                    connection.exec_driver_sql(
                        f"PRAGMA user_version={int(version)}"
                    )  # writes the page all the same
                    connection.commit()
                finally:
                    connection.rollback()
                    connection.exec_driver_sql("PRAGMA busy_timeout=30000")
            else:
                if connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on":
                    return Trouble.READ_ONLY
                connection.exec_driver_sql("SELECT pg_current_xact_id()")
                connection.commit()
    except sa.exc.SQLAlchemyError as error:
        trouble = trouble_of(error) or Trouble.UNREADABLE
        return None if trouble is Trouble.BUSY else trouble
    return None


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


def upsert(session: Session, table: sa.Table | type[SQLModel]) -> Any:
    """The dialect's own INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    target = table if isinstance(table, sa.Table) else table_of(table)
    dialect = session.get_bind().dialect.name
    return postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)


def table_of(model: type[SQLModel]) -> sa.Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]


def among(
    session: Session, column: sa.ColumnElement[Any], ids: Iterable[int | str]
) -> sa.ColumnElement[bool]:
    """`column IN ids` with the ids as one parameter, so that thousands of them cost nothing to compile."""
    if session.get_bind().dialect.name == "postgresql":
        kind = sa.BigInteger if column.type.python_type is int else sa.Text
        given = sa.bindparam(None, array_text(ids), sa.Text)
        # Unfolded, or every row of a small table would be compared with each of them.
        return column.in_(sa.select(sa.func.unnest(sa.cast(given, postgresql.ARRAY(kind)))))
    listed = sa.func.json_each(orjson.dumps(list(ids)).decode()).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def array_text(values: Iterable[int | str | None]) -> str:
    """PostgreSQL's spelling of an array: its driver looks at each value for what may need quoting, and takes longer
    over thousands of them than the database."""
    return "{" + ",".join([_ELEMENT[type(value)](value) for value in values]) + "}"


_ELEMENT: Mapping[type, Callable[[Any], str]] = {
    int: str,
    str: lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
    type(None): lambda _: "NULL",
}


def insert_rows(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many plain dictionaries in one round trip a batch; no ORM objects are made."""
    if rows:
        session.execute(sa.insert(table_of(model)), list(rows))


def bulk_write(
    session: Session,
    model: type[SQLModel],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    replace_on: str | None = None,
) -> None:
    """Write many rows past SQLAlchemy's per-row work; with `replace_on`, a row whose key exists replaces it.

    Values are as the database spells them: ISO text for dates, an enum's value, integers, text, None.
    PostgreSQL: COPY (into a temporary table first, where rows may exist); SQLite: one prepared statement.
    """
    if not rows:
        return
    table = table_of(model).name
    names = ", ".join(f'"{name}"' for name in columns)
    rest = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != replace_on)
    conflict = f' ON CONFLICT ("{replace_on}") DO UPDATE SET {rest}' if replace_on else ""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        insert = f'INSERT INTO "{table}" ({names}) VALUES ({marks}){conflict}'  # noqa: S608 - names of our models
        connection.exec_driver_sql(insert, list(map(tuple, rows)))
        return
    target = f'"{table}"'
    if replace_on:
        target = f'"bulk_{table}"'
        connection.exec_driver_sql(
            f'CREATE TEMP TABLE IF NOT EXISTS {target} (LIKE "{table}") ON COMMIT DELETE ROWS'
        )
        connection.exec_driver_sql(f"TRUNCATE {target}")
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    if replace_on:
        move = f'INSERT INTO "{table}" ({names}) SELECT {names} FROM {target}{conflict}'  # noqa: S608
        connection.exec_driver_sql(move)


def storable(text: str) -> str:
    """Text of strangers as every database takes it: without NUL, and with `?` for half a character."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def chunked(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most `size` items, so that no statement meets a driver's limit on parameters."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
