"""A family of key figures: one select of the things that its figures count.

Nothing else decides a figure. Its numerator is the sum of one column of that select, its denominator the sum of
another; a slice of it is the same sum over the things of one member; the list behind it is the select's own rows. So a
list adds up to its figure by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.book.delinquency.service import edges_of
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.core.ids import id_of
from app.reporting.kpis.rules import Definition, Dimension, Statistic, Thing

EDGE_COLUMNS = ("kind", "thing_id", "on", "account_id", "customer_id")
"""Columns that every family's rows begin with: the kind and id of the thing, the day it belongs to (may be empty), the
account by whose history it is sliced, and the customer."""

SLICE = "slice_id"
"""A column by which rows may bring the combination of members of their account with them, as wide rows do."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The accounts whose figures are asked for: those of one portfolio."""

    portfolio: Portfolio
    standing_through: date | None = None
    """The day for which accounts are read from their wide rows; any other day is read from history. Both give the
    same; the rows are faster."""

    @property
    def portfolio_id(self) -> int:
        return id_of(self.portfolio)

    @property
    def edges(self) -> tuple[int, ...]:
        """Edges of its buckets, in days past due."""
        return edges_of(self.portfolio)

    @property
    def works_charged_off(self) -> bool:
        """Accounts that their creditor charged off before they came are worked here, and count."""
        return self.portfolio.collector is CollectorKind.THIRD_PARTY


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that are sums over the rows of one select.

    `rows(scope, on)` yields, for the end of `on`, the columns of `EDGE_COLUMNS`, one column for each dimension in
    `own` (text; the thing itself says its member), and the measures: whole numbers, or minor units of money.
    """

    name: str
    title: str
    definitions: tuple[Definition, ...]
    rows: Callable[[Scope, date], Query]
    own: tuple[Dimension, ...] = ()
    """Dimensions of which the thing itself says its member, over that of its account."""
    about: str = ""
    """A sentence for readers that holds for all its figures."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns that are summed, each once."""
        named = (name for each in self.definitions for name in (each.numerator, each.denominator))
        return tuple(dict.fromkeys(named))

    @property
    def spread(self) -> str | None:
        """The measure of which a median is asked for, if any."""
        return next((each.numerator for each in self.definitions if each.statistic is Statistic.MEDIAN), None)


def thing(
    kind: Thing,
    thing_id: sa.ColumnElement[int],
    on: sa.ColumnElement[date] | date | None,
    account_id: sa.ColumnElement[int],
    customer_id: sa.ColumnElement[int],
) -> tuple[Expression, ...]:
    """The columns of `EDGE_COLUMNS`, labelled."""
    day = on if isinstance(on, sa.ColumnElement) else sa.literal(on, sa.Date())
    return (
        sa.literal_column(f"'{kind.value}'", sa.String()).label("kind"),
        thing_id.label("thing_id"),
        sa.cast(day, sa.Date()).label("on") if on is None else day.label("on"),
        account_id.label("account_id"),
        customer_id.label("customer_id"),
    )


def counted_account(source: sa.Subquery, on: date) -> tuple[Expression, ...]:
    """The columns of `EDGE_COLUMNS` of an account of `source`, and its combination of members if it has it."""
    its_slice = (source.c[SLICE],) if SLICE in source.c else ()
    return (
        *thing(Thing.ACCOUNT, source.c.account_id, on, source.c.account_id, source.c.customer_id),
        *its_slice,
    )


def first_account(customer_id: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The account by which things of a customer are sliced: the first of theirs. A customer belongs to one
    portfolio."""
    account = table_of(Account)
    return sa.select(sa.func.min(account.c.id)).where(account.c.customer_id == customer_id).scalar_subquery()


def agent_of(by: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The username of an author; '' for a program, a feed, a customer or the desk itself."""
    return sa.case((sa.func.substr(by, 1, 5) == "user:", sa.func.substr(by, 6)), else_="")


def days_between(first: Expression, last: Expression) -> sa.ColumnElement[int]:
    """The days from one date to another, as a whole number on both databases."""
    return _DaysBetween(first, last)


class _DaysBetween(FunctionElement[int]):
    type = sa.Integer()
    inherit_cache = True


@compiles(_DaysBetween, "postgresql")
def _by_subtraction(element: _DaysBetween, compiler: SQLCompiler, **options: object) -> str:
    first, last = element.clauses
    return f"({compiler.process(last, **options)} - {compiler.process(first, **options)})"


@compiles(_DaysBetween, "sqlite")
def _by_julian_day(element: _DaysBetween, compiler: SQLCompiler, **options: object) -> str:
    first, last = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(julianday({last}) - julianday({first}) AS INTEGER)"
