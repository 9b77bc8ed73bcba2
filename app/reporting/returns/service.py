"""Freezing a return: its cells and the things behind them are kept as they are known now."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.bulk import insert_rows
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import about_portfolio, lock_streams, portfolio_stream, record
from app.reporting.returns.events import ReturnFrozen
from app.reporting.returns.lines import COLUMNS, lines_of
from app.reporting.returns.models import FrozenCell, FrozenLine, FrozenReturn
from app.reporting.returns.queries import ask, sums_of_frozen
from app.reporting.returns.rules import Cell, cells_of


def freeze_return(
    session: Session,
    portfolio: Portfolio,
    name: str,
    on: date,
    months: int | None = None,
    *,
    by: Actor,
    now: datetime,
) -> FrozenReturn:
    """Keep a return of a closed day with every thing that it counts; one that was frozen before stays, and this is its
    next version. NotFound for an unknown return or a day that is not closed; Invalid for a period that it does not
    have."""
    asked, known = ask(session, portfolio, name, on, months)
    lock_streams(session, [portfolio_stream(asked.portfolio_id)])
    row = FrozenReturn(
        portfolio_id=asked.portfolio_id,
        kind=known.definition.kind,
        business_date=on,
        months=asked.period.months,
        version=_last_version(session, asked.portfolio_id, known.definition.kind, asked.period.months, on)
        + 1,
        definition=known.definition.version,
        frozen_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    lines, values = lines_of(asked, known.sheets)
    columns = [sa.literal(id_of(row), sa.BigInteger()), *(lines.c[column] for column in COLUMNS)]
    insert = sa.insert(table_of(FrozenLine)).from_select(("return_id", *COLUMNS), sa.select(*columns))
    session.execute(insert, values)
    # The cells are the sums of the lines that were kept: a list adds up to its cell by construction.
    cells = cells_of(known.definition, sums_of_frozen(session, id_of(row)))
    insert_rows(session, FrozenCell, [_kept(id_of(row), n, cell) for n, cell in enumerate(cells)])
    told = ReturnFrozen(
        id_of(row), name, str(on), asked.period.months, row.version, row.definition,
        {f"{cell.row} {cell.measure.value}": words for cell in cells if (words := _figure(cell))},
    )  # fmt: skip
    record(session, about_portfolio(asked.portfolio_id, told), by=by, now=now)
    return row


def _last_version(session: Session, portfolio_id: int, kind: str, months: int, on: date) -> int:
    query = sa.select(sa.func.coalesce(sa.func.max(FrozenReturn.version), 0)).where(
        col(FrozenReturn.portfolio_id) == portfolio_id,
        col(FrozenReturn.kind) == kind,
        col(FrozenReturn.business_date) == on,
        col(FrozenReturn.months) == months,
    )
    return int(session.scalar(query) or 0)


def _kept(return_id: int, position: int, cell: Cell) -> dict[str, object]:
    return {
        "return_id": return_id,
        "position": position,
        "section": cell.section,
        "row": cell.row,
        "title": cell.title,
        "measure": cell.measure,
        "heading": cell.heading,
        "number": cell.number,
        "out_of": cell.out_of,
        "per": cell.per,
        "missing": cell.missing,
        "behind": ",".join(cell.behind),
    }


def _figure(cell: Cell) -> str:
    """Its figure as the event has it; '' where there is none."""
    if cell.number is None:
        return ""
    return f"{cell.number} of {cell.out_of}" if cell.per else str(cell.number)
