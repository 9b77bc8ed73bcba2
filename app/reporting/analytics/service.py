"""Exporting analytics: the files of a portfolio brought up to its last closed day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.database.engine import exclusive, reading
from app.core.database.rows import Query
from app.core.ids import id_of
from app.reporting.analytics.facts import SELECTS, Span
from app.reporting.analytics.files import Folder, Rows, require_arrow
from app.reporting.analytics.schema import Table

BATCH = 20_000
"""Rows in memory at a time."""
BEFORE_ALL = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of one portfolio after an export: the day they hold, and the rows that were written of each table."""

    portfolio: str
    through: date
    rows: dict[str, int]


def export_analytics(engine: Engine, portfolio: Portfolio, to: Path, *, wait: bool = True) -> Exported | None:
    """Bring the files of a portfolio under `to` up to its last closed day: tables by day from the day after the last
    export (or from the first day on), all others whole. None where no day was closed yet, or none since the last
    export. May be killed and run again at any moment.

    Invalid without pyarrow or where the folder cannot be written; Conflict for a folder of other files; Busy if
    another process writes analytics files and `wait` is False.
    """
    require_arrow()
    with exclusive(engine, "analytics", wait=wait):
        folder = Folder(to)
        before = folder.through(portfolio.code)
        with reading(engine) as session:
            portfolio = session.get_one(Portfolio, id_of(portfolio))
            through = last_closed(session, portfolio)
            if through is None or through == before:
                return None
            rows = {
                table.name: _export(session, folder, table, Span(portfolio, _after(table, before), through))
                for table in SELECTS
            }
        folder.note_through(portfolio.code, through)
        return Exported(portfolio.code, through, rows)


def _after(table: Table, before: date | None) -> date:
    return BEFORE_ALL if before is None else before - timedelta(days=table.settles_in)


def _export(session: Session, folder: Folder, table: Table, span: Span) -> int:
    batches, code = _batches(session, SELECTS[table](span)), span.portfolio.code
    if table.by_day:
        return folder.replace_days(table, code, batches, span.after, span.through)
    return folder.replace(table, code, batches)


def _batches(session: Session, query: Query) -> Iterator[Rows]:
    result = session.connection().execute(query, execution_options={"yield_per": BATCH})
    yield from result.partitions()
