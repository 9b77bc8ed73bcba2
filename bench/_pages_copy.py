"""Copies the SQLite database of a book into an empty PostgreSQL one: rows by COPY, indexes when they are in.

Filling PostgreSQL by the product's own commands takes ten times as long, and each database would have a book of its own
to measure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

AT_ONCE = 20_000


def copy_book(source: str, target: str) -> int:
    """Fill `target`, whose tables exist, with the rows of `source`; both are URLs. Returns the number of rows."""
    from app.core.migration.schema import metadata

    rows = 0
    path = sa.make_url(source).database or ""
    with (
        sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book,
        psycopg.connect(target, autocommit=True) as server,
    ):
        # As in a restore: no trigger runs and no foreign key is asked, for the rows were checked where they come from.
        server.execute("SET session_replication_role = replica")
        server.execute("SET TimeZone = 'UTC'")  # SQLite keeps instants as UTC without saying so
        server.execute("SET maintenance_work_mem = '512MB'")
        tables = metadata().sorted_tables
        with (
            server.transaction()
        ):  # tables emptied in the transaction that fills them need no log of their rows
            names = sql.SQL(", ").join(sql.Identifier(table.name) for table in tables)
            server.execute(sql.SQL("TRUNCATE {}").format(names))
            indexes = _drop_indexes(server)
            for table in tables:
                rows += _copy_table(book, server, table)
            for definition in indexes:
                server.execute(definition)
            for table in tables:
                _advance_ids(server, table)
        server.execute("VACUUM ANALYZE")
    return rows


def _drop_indexes(server: psycopg.Connection[Any]) -> list[bytes]:
    """Drop every index that no constraint needs, and return the statements that make them again."""
    found = server.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
    ).fetchall()
    for name, _ in found:
        server.execute(f"DROP INDEX {name}".encode())
    return [definition.encode() for _, definition in found]


def _copy_table(book: sqlite3.Connection, server: psycopg.Connection[Any], table: sa.Table) -> int:
    columns = [column.name for column in table.columns if column.computed is None]
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    rows = 0
    with server.cursor() as cursor, cursor.copy(into) as copy:
        for row in _rows(book, table.name, columns):
            copy.write_row(row)
            rows += 1
    return rows


def _rows(book: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    named = ", ".join(f'"{name}"' for name in columns)
    cursor = book.execute(f'SELECT {named} FROM "{table}"')  # noqa: S608 - names of our own schema
    while found := cursor.fetchmany(AT_ONCE):
        yield from found


def _advance_ids(server: psycopg.Connection[Any], table: sa.Table) -> None:
    """Let the next id that the database gives follow the greatest one that came."""
    for column in table.primary_key.columns:
        counter = server.execute(
            "SELECT pg_get_serial_sequence(%s, %s)", (f'"{table.name}"', column.name)
        ).fetchone()
        if counter and counter[0]:
            greatest = sql.SQL("SELECT setval(%s, coalesce(max({}), 0) + 1, false) FROM {}")
            server.execute(
                greatest.format(sql.Identifier(column.name), sql.Identifier(table.name)), (counter[0],)
            )
