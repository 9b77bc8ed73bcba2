"""The cells of a return as they are known now or as they were frozen, and the things behind a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.days import is_closed
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.reporting.kpis.rules import Thing
from app.reporting.returns.definitions.catalog import Known, return_named
from app.reporting.returns.lines import AMOUNT_COLUMNS, COLUMNS, Asked, lines_of
from app.reporting.returns.models import FrozenCell, FrozenLine, FrozenReturn
from app.reporting.returns.rules import Cell, Measure, Period, ReturnDefinition, cells_of


def period_of(definition: ReturnDefinition, on: date, months: int | None) -> Period:
    """The period that is asked for; the usual length where none is given. Invalid for a length that the return does not
    have."""
    chosen = definition.months[0] if months is None else months
    if chosen not in definition.months:
        if definition.months == (0,):
            raise Invalid(
                f"{definition.title} is about the end of a day and has no period. Leave the months out.",
                "months",
            )
        lengths = " or ".join(map(str, definition.months))
        raise Invalid(f"{definition.title} is asked for {lengths} months.", "months")
    return Period(on, chosen)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A return of a period as it is known now."""

    asked: Asked
    cells: Sequence[Cell]


def draw_up(session: Session, portfolio: Portfolio, name: str, on: date, months: int | None = None) -> Drawn:
    """Compute the cells of a return. NotFound for an unknown return or a day that is not closed; Invalid for a period
    that it does not have."""
    asked, known = ask(session, portfolio, name, on, months)
    lines, values = lines_of(asked, known.sheets)
    return Drawn(asked, cells_of(known.definition, _summed(session, sa.select(lines).subquery(), values)))


def ask(
    session: Session, portfolio: Portfolio, name: str, on: date, months: int | None
) -> tuple[Asked, Known]:
    """What is asked for; errors as `draw_up`."""
    known = return_named(name)
    period = period_of(known.definition, on, months)
    if not is_closed(session, portfolio, on):
        raise NotFound(f"{portfolio.code} has not closed {on}. Choose a day that is closed.")
    return Asked(session, portfolio, known.definition, period), known


def sums_of_frozen(session: Session, return_id: int) -> dict[tuple[str, Measure], int]:
    """The sums of the lines of a frozen return."""
    own = table_of(FrozenLine)
    return _summed(session, sa.select(own).where(own.c.return_id == return_id).subquery(), {})


def _summed(
    session: Session, lines: sa.Subquery, values: Mapping[str, object]
) -> dict[tuple[str, Measure], int]:
    sums = [sa.func.sum(lines.c[name]) for name in AMOUNT_COLUMNS.values()]
    query = sa.select(lines.c.row, *sums).group_by(lines.c.row)
    return {
        (row, measure): int(amount)
        for row, *amounts in session.execute(query, dict(values))
        for measure, amount in zip(AMOUNT_COLUMNS, amounts, strict=True)
    }


# --- frozen -------------------------------------------------------------------------------------------------


def frozen_returns(session: Session, portfolio_id: int) -> Sequence[FrozenReturn]:
    """Those of a portfolio, the newest first."""
    query = select(FrozenReturn).where(FrozenReturn.portfolio_id == portfolio_id)
    return session.scalars(query.order_by(col(FrozenReturn.id).desc())).all()


def frozen_return(session: Session, return_id: int) -> FrozenReturn:
    """NotFound if there is none."""
    row = session.get(FrozenReturn, return_id)
    if row is None:
        raise NotFound("There is no frozen return of this number. Choose one from the list.")
    return row


def frozen_cells(session: Session, row: FrozenReturn) -> list[Cell]:
    """Its cells as they were frozen."""
    query = select(FrozenCell).where(FrozenCell.return_id == id_of(row)).order_by(col(FrozenCell.position))
    return [
        Cell(
            each.section, each.row, each.title, each.measure, each.heading, each.number, each.out_of, each.per,
            each.missing, tuple(filter(None, each.behind.split(","))),
        )
        for each in session.scalars(query)
    ]  # fmt: skip


# --- the things behind a cell -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineBehind:
    """A thing that a cell counts, and how much of it: a number, or minor units."""

    row: str
    kind: Thing
    thing_id: int
    on: date | None
    account_id: int
    account_ref: str
    customer_id: int
    name: str
    balance_minor: int
    past_due_minor: int
    amount: int

    @property
    def place(self) -> tuple[int, str, str, int]:
        """Its place in the list."""
        return self.amount, self.row, self.kind.value, self.thing_id


@dataclass(frozen=True, slots=True)
class Listed:
    """The lines behind a cell: as they are known now, or those that were frozen with it."""

    lines: sa.Subquery
    values: Mapping[str, object]
    measure: Measure

    @property
    def amount(self) -> sa.ColumnElement[int]:
        return self.lines.c[AMOUNT_COLUMNS[self.measure]]


def cell_named(cells: Sequence[Cell], row: str, measure: str) -> Cell:
    """The cell of a row and column. NotFound for a cell that the return has not, or that counts nothing itself."""
    found = next((each for each in cells if (each.row, each.measure.value) == (row, measure)), None)
    if found is None:
        raise NotFound("This return has no cell of this row and column. Open its list from the return.")
    if not found.behind:
        raise NotFound(f"{found.title}: this cell has no list. {found.missing}".strip())
    return found


def lines_now(asked: Asked, known: Known, cell: Cell) -> Listed:
    """The things that a cell counts, as they are known now."""
    lines, values = lines_of(asked, known.sheets)
    return Listed(
        sa.select(lines).where(lines.c.row.in_(cell.behind)).subquery("behind"), values, cell.measure
    )


def lines_then(row: FrozenReturn, cell: Cell) -> Listed:
    """The things that a frozen cell counted."""
    own = table_of(FrozenLine)
    query = sa.select(*(own.c[name] for name in COLUMNS)).where(
        own.c.return_id == id_of(row), own.c.row.in_(cell.behind)
    )
    return Listed(query.subquery("behind"), {}, cell.measure)


def things_listed(
    session: Session,
    listed: Listed,
    *,
    after: tuple[int, str, str, int] | None = None,
    limit: int | None = None,
) -> list[LineBehind]:
    """The largest first; `after` = `LineBehind.place` of the last one seen."""
    lines, amount = listed.lines, listed.amount
    kind = sa.cast(lines.c.kind, sa.String)
    query = (
        sa.select(
            lines.c.row, kind, lines.c.thing_id, lines.c.on, lines.c.account_id, col(Account.reference),
            lines.c.customer_id, col(Customer.full_name), lines.c.balance_minor, lines.c.past_due_minor, amount,
        )
        .join(Account, col(Account.id) == lines.c.account_id)
        .join(Customer, col(Customer.id) == lines.c.customer_id)
        .where(amount != 0)
        .order_by(amount.desc(), lines.c.row, kind, lines.c.thing_id)
        .limit(limit)
    )  # fmt: skip
    if after is not None:
        last, *place = after
        behind = sa.tuple_(lines.c.row, kind, lines.c.thing_id) > sa.tuple_(*map(sa.literal, place))
        query = query.where(sa.or_(amount < last, sa.and_(amount == last, behind)))
    return [
        LineBehind(row, Thing(kind_), *others)
        for row, kind_, *others in session.execute(query, dict(listed.values))
    ]


def total_listed(session: Session, listed: Listed) -> tuple[int, int]:
    """(how many things, their sum): what `things_listed` lists, and what the cell says."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(listed.amount), 0)).where(
        listed.amount != 0
    )
    number, total = session.execute(query.select_from(listed.lines), dict(listed.values)).one()
    return int(number), int(total)
