"""Write rows of a frame into a table in bulk, and read a query into a frame. Speed lives here."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.book.feeds.columns import FIRST_DATE, LAST_DATE
from app.core.database.engine import table_of
from app.core.database.rows import Query, StoredColumn
from app.core.errors import DeskError
from app.core.types import JsonObject

SLICE = 20_000
"""Rows that become Python objects at a time, on SQLite."""


class Taken(Exception):
    """A row of the batch has a reference that is in the table already, or has to be looked up for another reason."""


DAY_0 = (FIRST_DATE - date(1970, 1, 1)).days


def new_ids(session: Session, model: type[SQLModel], number: int) -> pl.Series:
    """Reserve ids for new rows. On SQLite the transaction holds the only write lock, so they stay free."""
    name = table_of(model).name
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql(f'SELECT coalesce(max(id), 0) FROM "{name}"').scalar_one()  # noqa: S608
        return pl.int_range(last + 1, last + 1 + number, dtype=pl.Int64, eager=True)
    sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar_one()
    numbers = sa.text("SELECT nextval(cast(:sequence AS regclass)) FROM generate_series(1, :number)")
    found = connection.execute(numbers, {"sequence": sequence, "number": number}).scalars().all()
    return pl.Series(found, dtype=pl.Int64)


def polars_type(column: StoredColumn) -> type[pl.DataType]:
    if isinstance(column.type, sa.Date):
        return pl.Date
    if isinstance(column.type, sa.Boolean):
        return pl.Boolean
    return pl.Int64 if isinstance(column.type, sa.Integer) else pl.String


def among_texts(
    session: Session, column: sa.ColumnElement[str], values: Sequence[str]
) -> sa.ColumnElement[bool]:
    """`column` is one of many values, which go over as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        array = sa.bindparam(None, list(values), type_=sa.ARRAY(sa.String))
        return column.bool_op("=")(sa.func.any(array))
    each = sa.func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(sa.select(each.c.value))


def fetch(session: Session, query: Query, schema: JsonObject) -> pl.DataFrame:
    result = session.connection().execute(query, execution_options={"yield_per": SLICE})
    parts = [pl.DataFrame(list(map(tuple, part)), schema, orient="row") for part in result.partitions(SLICE)]
    return pl.concat(parts, rechunk=True) if parts else pl.DataFrame(schema=schema)


def write(session: Session, model: type[SQLModel], rows: pl.DataFrame) -> None:
    """Insert rows whose columns are the table's. Raises Taken for a reference that is there already."""
    if rows.is_empty():
        return
    table = table_of(model)
    names = ", ".join(f'"{name}"' for name in rows.columns)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        copy_rows(session, f'"{table.name}" ({names})', rows)
        return
    marks = ", ".join("?" * rows.width)
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our models
    try:
        for part in as_sqlite(rows).iter_slices(SLICE):
            connection.exec_driver_sql(insert, part.rows())
    except sa.exc.IntegrityError as error:
        if "UNIQUE" in str(error.orig):
            raise Taken from None
        raise


def as_sqlite(rows: pl.DataFrame) -> pl.DataFrame:
    """Dates and instants as the text SQLAlchemy keeps there."""
    written = _written_dates()
    dates = [
        written.gather(rows[name].cast(pl.Int32) - DAY_0).alias(name)
        for name in rows.select(pl.selectors.date()).columns
    ]
    return rows.with_columns(*dates, pl.selectors.datetime().dt.strftime("%Y-%m-%d %H:%M:%S.%6f"))


@cache
def _written_dates() -> pl.Series:
    """The ISO text of each date a feed may have, in order: looking one up is faster than writing it."""
    return pl.date_range(FIRST_DATE, LAST_DATE, eager=True).cast(pl.String)


def copy_rows(session: Session, target: str, rows: pl.DataFrame) -> None:
    """COPY rows into a table on PostgreSQL. Its errors quote the row and are not passed on as they are."""
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.6f%z")
    cursor: psycopg.Cursor[Any] = session.connection().connection.cursor()  # type: ignore[assignment]
    try:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)".encode()) as copy:
            copy.write(text.getbuffer())
    except psycopg.errors.UniqueViolation:
        raise Taken from None
    except psycopg.OperationalError as error:
        raise sa.exc.OperationalError("COPY", None, error) from None
    except psycopg.Error as error:
        raise DeskError(f"The database refused rows: {error.diag.message_primary}") from None
    finally:
        cursor.close()
