"""Bulk: reading and writing thousands of rows at once, and the SQL in which SQLite and PostgreSQL differ for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.schema import SchemaItem
from sqlmodel import Session, SQLModel

from app.core.database.engine import table_of, transaction

T = TypeVar("T")


def upsert(on: Session | str, table: sa.Table | type[SQLModel]) -> Any:
    """The own INSERT of a session's dialect, or of one named: it has `on_conflict_do_nothing` and
    `on_conflict_do_update`."""
    target = table if isinstance(table, sa.Table) else table_of(table)
    dialect = on if isinstance(on, str) else on.get_bind().dialect.name
    return postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)


def among(
    session: Session, column: sa.ColumnElement[Any], ids: Iterable[int | str]
) -> sa.ColumnElement[bool]:
    """`column IN ids` with the ids as one parameter, so that thousands of them cost nothing to compile."""
    dialect = session.get_bind().dialect.name
    given = sa.bindparam("listed", listed(dialect, ids), sa.Text, unique=True)
    return column.in_(_elements(dialect, column.type.python_type is int, "listed").bindparams(given))


def among_named(dialect: str, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`among` of a statement that is built once for a dialect: execute it with `{name: listed(dialect, ids)}`."""
    return column.in_(_elements(dialect, column.type.python_type is int, name))


def listed(dialect: str, ids: Iterable[int | str]) -> str:
    """Spell ids as the parameter of `among_named`."""
    return array_text(ids) if dialect == "postgresql" else orjson.dumps(list(ids)).decode()


@cache
def _elements(dialect: str, are_numbers: bool, name: str) -> sa.TextClause:
    """The elements of the list that is the parameter `name`. Text: from constructs it costs each statement that has it
    ten times as much."""
    if dialect == "postgresql":
        # Unfolded, or every row of a small table would be compared with each of them.
        elements = f"SELECT unnest(CAST(:{name} AS {'BIGINT' if are_numbers else 'TEXT'}[]))"
    else:
        elements = f"SELECT value FROM json_each(:{name})"  # noqa: S608 - a name of ours
    return sa.text(elements).bindparams(sa.bindparam(name, type_=sa.Text))


def scratch_table(name: str, *columns: SchemaItem) -> sa.Table:
    """A table for `scratch`. Build it once: a statement on a table built anew is compiled anew."""
    return sa.Table(name, sa.MetaData(), *columns, prefixes=["TEMPORARY"])


@contextmanager
def scratch(session: Session, table: sa.Table) -> Iterator[None]:
    """Have a temporary table in this session: a step of a night finds once what it then writes to several tables. Gone
    afterwards, and with a transaction that fails."""
    connection = session.connection()
    table.create(connection, checkfirst=False)
    yield
    table.drop(connection, checkfirst=False)


def array_text(values: Iterable[int | str | None]) -> str:
    """Spell an array for PostgreSQL. Its driver looks at each value for characters to quote, and takes longer over
    thousands of them than the database."""
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


def instant_speller(session: Session) -> Callable[[datetime], str]:
    """Return a function that writes an aware instant as this session's database does, for rows of `bulk_write`."""
    # SQLite keeps UTC without saying so.
    zone = "+00" if session.get_bind().dialect.name == "postgresql" else ""

    @lru_cache(maxsize=100)
    def spelled(at: datetime) -> str:
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + zone

    return spelled


def new_ids(session: Session, model: type[SQLModel], number: int) -> list[int]:
    """Reserve ids for new rows. On SQLite the transaction holds the only write lock, so they stay free."""
    name = table_of(model).name
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql(f'SELECT coalesce(max(id), 0) FROM "{name}"').scalar_one()  # noqa: S608
        return list(range(last + 1, last + 1 + number))
    drawn = sa.text(
        "SELECT nextval(own.sequence) FROM generate_series(1, :number), "
        "(SELECT CAST(pg_get_serial_sequence(:name, 'id') AS regclass) AS sequence OFFSET 0) AS own"
    )
    return list(connection.execute(drawn, {"name": name, "number": number}).scalars())


def refresh_statistics(engine: Engine, *models: type[SQLModel]) -> None:
    """Tell the planner what these tables hold now. After a great many rows were written at once, it would otherwise
    plan for the near-empty table it last saw, until the database refreshes its statistics by itself."""
    with transaction(engine) as session:
        if engine.dialect.name == "sqlite":
            # A sample is as good: reading every index of twelve million entries each night takes a minute.
            session.connection().exec_driver_sql("PRAGMA analysis_limit=1000")
        for model in models:
            session.connection().exec_driver_sql(f'ANALYZE "{table_of(model).name}"')


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, so that no statement meets a driver's limit on parameters."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
