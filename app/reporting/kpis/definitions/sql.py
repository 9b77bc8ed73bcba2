"""Expressions that both databases understand, for the selects of families."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.core.database.rows import Expression


def month_of(on: Expression) -> sa.ColumnElement[str]:
    """`2026-03` of a date."""
    return sa.func.substr(sa.cast(on, sa.String), 1, 7)


def json_text(column: sa.ColumnElement[str], *path: str | int) -> sa.ColumnElement[str]:
    """The text at a place of a JSON document that is kept as text; NULL where there is none."""
    return _JsonText(
        column,
        sa.literal_column(_quoted("$" + "".join(map(_step, path)))),
        sa.literal_column(_quoted("{" + ",".join(map(str, path)) + "}")),
    )


def not_looked_up(day: Expression) -> sa.ColumnElement[date]:
    """A day by which SQLite shall not find rows: unlike PostgreSQL it does not reckon that a page needs few of them, in
    another order."""
    return _NotLookedUp(day)


def _step(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _NotLookedUp(FunctionElement[date]):
    type = sa.Date()
    inherit_cache = True


@compiles(_NotLookedUp)
def _as_it_is(element: _NotLookedUp, compiler: SQLCompiler, **options: object) -> str:
    [day] = element.clauses
    return compiler.process(day, **options)


@compiles(_NotLookedUp, "sqlite")
def _by_sign(element: _NotLookedUp, compiler: SQLCompiler, **options: object) -> str:
    [day] = element.clauses
    return "+" + compiler.process(day, **options)


class _JsonText(FunctionElement[str]):
    type = sa.String()
    inherit_cache = True


@compiles(_JsonText, "postgresql")
def _by_path(element: _JsonText, compiler: SQLCompiler, **options: object) -> str:
    column, _, path = (compiler.process(each, **options) for each in element.clauses)
    return f"(CAST({column} AS json) #>> {path})"


@compiles(_JsonText, "sqlite")
def _by_extract(element: _JsonText, compiler: SQLCompiler, **options: object) -> str:
    column, path, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"json_extract({column}, {path})"
