"""Lines: the things that the rows of a return count, as one select.

A line has the columns of a figure's thing (`kind`, `thing_id`, `on`, `account_id`, `customer_id`), the row that it is
counted in, and how much of it: `number`, `balance_minor` and `past_due_minor`. A thing stands at most once in a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.database.rows import Expression, Query
from app.core.ids import id_of
from app.reporting.kpis.family import Days, Scope, Shape, thing
from app.reporting.kpis.rules import Thing
from app.reporting.kpis.wide import standing_through
from app.reporting.returns.rules import Measure, Period, ReturnDefinition

COLUMNS = (
    "row", "kind", "thing_id", "on", "account_id", "customer_id", "number", "balance_minor", "past_due_minor",
)  # fmt: skip
AMOUNT_COLUMNS = {
    Measure.NUMBER: "number",
    Measure.BALANCE: "balance_minor",
    Measure.PAST_DUE: "past_due_minor",
}
"""Column of a line that a measure sums."""


@dataclass(frozen=True)
class Asked:
    """A return of a portfolio and a period, and what its selects need."""

    session: Session
    portfolio: Portfolio
    definition: ReturnDefinition
    period: Period

    @property
    def portfolio_id(self) -> int:
        return id_of(self.portfolio)

    @cached_property
    def days(self) -> Days:
        return Days()

    @cached_property
    def shape(self) -> Shape:
        scope = Scope(self.portfolio, standing_through(self.session, self.portfolio))
        return scope.shape(self.period.on)


Sheet = Callable[[Asked], Query]
"""A select of lines, for one or several rows of a return."""


def line(
    row: str | sa.ColumnElement[str],
    kind: Thing,
    thing_id: Expression,
    on: Expression,
    account_id: Expression,
    customer_id: Expression,
    *,
    balance: Expression | None = None,
    past_due: Expression | None = None,
) -> tuple[Expression, ...]:
    """The columns of a line, labelled."""
    named = sa.literal(row, sa.String()) if isinstance(row, str) else row
    nothing = sa.literal(0)
    return (
        named.label("row"),
        *thing(kind, thing_id, on, account_id, customer_id),
        sa.literal(1).label("number"),
        sa.cast(nothing if balance is None else balance, sa.BigInteger).label("balance_minor"),
        sa.cast(nothing if past_due is None else past_due, sa.BigInteger).label("past_due_minor"),
    )


def lines_of(asked: Asked, sheets: tuple[Sheet, ...]) -> tuple[sa.Subquery, dict[str, object]]:
    """All lines of a return as they are known now, and the parameters of the select."""
    both = sa.union_all(*(sheet(asked) for sheet in sheets)).subquery("lines")
    return both, asked.days.values(asked.portfolio, asked.period.on)
