"""A family of key figures: one select of the things that its figures count.

Nothing else decides a figure. Its numerator is the sum of one column of that select, its denominator the sum of
another; a slice of it is the same sum over the things of one member; the list behind it is the select's own rows. So a
list adds up to its figure by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.book.delinquency.service import edges_of
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.core.clock import local_instant
from app.core.database.engine import BigId, UtcDateTime, table_of
from app.core.database.rows import Expression, Query, QueryStack
from app.core.dates import month_start
from app.core.ids import id_of
from app.reporting.kpis.rules import Definition, Dimension, Statistic, Thing

EDGE_COLUMNS = ("kind", "thing_id", "on", "account_id", "customer_id")
"""Columns that every family's rows begin with: the kind and id of the thing, the day it belongs to (may be empty), the
account by whose history it is sliced, and the customer."""

T = TypeVar("T")

Rows = Query | QueryStack
"""The select of a family: one, or several whose rows stand together (UNION ALL)."""

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

    def shape(self, on: date) -> Shape:
        """The shape of the selects that give its figures of `on`."""
        return Shape(
            edges=edges_of(self.portfolio),
            works_charged_off=self.portfolio.collector is CollectorKind.THIRD_PARTY,
            is_reported=self.portfolio.source is DelinquencySource.REPORTED,
            from_wide_rows=self.standing_through == on,
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text of a family's select depends on. One select serves all portfolios of a shape on all days."""

    edges: tuple[int, ...]
    """Edges of the buckets, in days past due."""
    works_charged_off: bool
    """Accounts that their creditor charged off before they came are worked here, and count."""
    is_reported: bool
    """The creditor reports how accounts stand."""
    from_wide_rows: bool
    is_pooled: bool = False
    """Wide rows that no measure tells apart are one row, with their number and the sums of their amounts."""
    for_list: bool = False
    """A few things are shown: what they say of themselves may be looked up one by one, and is not where nobody asks."""


class Days:
    """The parameters of a family's select: the portfolio, the day at whose end it is measured, and times around it.

    Building a select costs ten times as much as running it on a small portfolio, so it is built once and given its
    days each time: `session.execute(select, days.values(portfolio, on))`.
    """

    def __init__(self) -> None:
        self._reckoned: dict[str, Callable[[Portfolio, date], object]] = {}

    @property
    def portfolio_id(self) -> sa.ColumnElement[int]:
        return self._parameter("portfolio_id", BigId, lambda portfolio, _: id_of(portfolio))

    @property
    def on(self) -> sa.ColumnElement[date]:
        """The day that is measured."""
        return self._parameter("on", sa.Date(), lambda _, on: on)

    def before(self, days: int) -> sa.ColumnElement[date]:
        """The day so many days before."""
        return self._parameter(f"on_less_{days}", sa.Date(), lambda _, on: on - timedelta(days=days))

    @property
    def month_start(self) -> sa.ColumnElement[date]:
        return self._parameter("month_start", sa.Date(), lambda _, on: month_start(on))

    @property
    def month_end(self) -> sa.ColumnElement[date]:
        """The last month end before the month of the day."""
        return self._parameter("month_end", sa.Date(), lambda _, on: month_end_before(on))

    def window(self, days: int) -> tuple[sa.ColumnElement[datetime], sa.ColumnElement[datetime]]:
        """The instants between which the last `days` days up to the end of the day lie where the portfolio is."""

        def midnight(name: str, ahead: int) -> sa.ColumnElement[datetime]:
            return self._parameter(
                name,
                UtcDateTime(),
                lambda portfolio, on: local_instant(on + timedelta(days=ahead), 0, 0, portfolio.timezone),
            )

        return midnight(f"begin_of_{days}", 1 - days), midnight("end_of_day", 1)

    def local_day(self, at: Expression) -> sa.ColumnElement[date]:
        """The day of an instant of the last year where the portfolio is, whatever its clocks did meanwhile."""
        return _LocalDay(
            at,
            self._parameter("zone", sa.String(), lambda portfolio, _: portfolio.timezone),
            self._parameter("clocks_changed", UtcDateTime(), lambda portfolio, on: clocks(portfolio, on)[0]),
            self._parameter("clock_before", sa.String(), lambda portfolio, on: clocks(portfolio, on)[1]),
            self._parameter("clock_after", sa.String(), lambda portfolio, on: clocks(portfolio, on)[2]),
        )

    def values(self, portfolio: Portfolio, on: date) -> dict[str, object]:
        """The value of each parameter that was asked for."""
        return {name: reckon(portfolio, on) for name, reckon in self._reckoned.items()}

    def _parameter(
        self, name: str, kind: sa.types.TypeEngine[T], reckon: Callable[[Portfolio, date], object]
    ) -> sa.ColumnElement[T]:
        self._reckoned[name] = reckon
        return sa.bindparam(name, type_=kind)


LOCAL_DAYS = 60
"""Days before the one that is measured whose instants `Days.local_day` can tell: clocks change once in them at most."""


@lru_cache(maxsize=256)
def _clocks(zone_name: str, on: date) -> tuple[datetime, str, str]:
    zone = ZoneInfo(zone_name)
    first = local_instant(on - timedelta(days=LOCAL_DAYS), 0, 0, zone_name)
    last = local_instant(on + timedelta(days=1), 0, 0, zone_name)

    def minutes(at: datetime) -> int:
        offset = at.astimezone(zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds()) // 60

    before, after = minutes(first), minutes(last)
    low, high = first, last
    while before != after and high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if minutes(middle) == before else (low, middle)
    return high.replace(microsecond=0), f"{before:+d} minutes", f"{after:+d} minutes"


def clocks(portfolio: Portfolio, on: date) -> tuple[datetime, str, str]:
    """When the portfolio's clocks changed in the days up to `on`, and what is added to UTC before and after it. Without
    a change both are the same."""
    return _clocks(portfolio.timezone, on)


def month_end_before(on: date) -> date:
    """The last month end before the month of `on`."""
    return month_start(on) - timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Figures that are sums over the rows of one select.

    `rows(shape, days)` yields, for the end of `days.on`, the columns of `EDGE_COLUMNS`, one column for each dimension
    in `own` (text; the thing itself says its member), and the measures: whole numbers, or minor units of money.
    """

    name: str
    title: str
    definitions: tuple[Definition, ...]
    rows: Callable[[Shape, Days], Rows]
    own: tuple[Dimension, ...] = ()
    """Dimensions of which the thing itself says its member, over that of its account."""
    about: str = ""
    """A sentence for readers that holds for all its figures."""
    is_folded: bool = False
    """Its rows come from the fold alone: a night changes them and restates the days they touch, and nothing else does.
    So the figure of a day that is stored is the sum of its list at any hour (`proof/checking.py` compares both)."""

    is_pooled: bool = False
    """Its rows may be pooled (`Shape.is_pooled`) where only sums are asked for."""

    is_sparse: bool = False
    """Its things are few beside the accounts of a portfolio: the wide row of each is looked up."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns that are summed, each once."""
        named = (name for each in self.definitions for name in (each.numerator, each.denominator))
        return tuple(dict.fromkeys(named))

    @property
    def spread(self) -> str | None:
        """The measure of which a median is asked for, if any."""
        return next((each.numerator for each in self.definitions if each.statistic is Statistic.MEDIAN), None)


def selects_of(rows: Rows) -> tuple[Query, ...]:
    """The selects whose rows stand together."""
    return tuple(rows.selects) if isinstance(rows, sa.CompoundSelect) else (rows,)  # type: ignore[arg-type]


def together(selects: Sequence[Query]) -> Rows:
    return selects[0] if len(selects) == 1 else sa.union_all(*selects)


def only(rows: Rows, names: Sequence[str]) -> Rows:
    """The same things with these columns only. A database leaves out a join of which nothing is read, and does not look
    for one beneath a UNION."""
    return together([columns_of(each, names) for each in selects_of(rows)])


def columns_of(query: Query, names: Sequence[str], *more: Expression) -> Query:
    """A select with these of its columns, and with more. Where it joins, it names the table it joins to
    (`select_from`), for its columns may not."""
    return query.with_only_columns(*(query.selected_columns[name] for name in names), *more)


def counted_in(rows: Rows, measure: str) -> Iterator[tuple[Query, Expression]]:
    """The selects with those of their rows only whose measure is not 0, and what the measure is there.

    A measure is mostly `CASE WHEN condition THEN amount ELSE 0 END`. Where it is not 0 the condition holds, and said so
    it lets the database find the rows by an index; the sum of a figure needs all rows, a list only these.
    """
    for query in selects_of(rows):
        conditions, amount = _parted(query.selected_columns[measure])
        if _is_nothing(amount):
            continue
        if not isinstance(amount, sa.BindParameter):
            conditions.append(amount != 0)
        yield query.where(*conditions), amount


def _parted(measure: Expression) -> tuple[list[sa.ColumnElement[bool]], Expression]:
    """The conditions under which a measure is not 0, and the amount that it then is."""
    if isinstance(measure, sa.Label):
        return _parted(measure.element)
    if isinstance(measure, sa.Case) and measure.value is None and len(measure.whens) == 1:
        [(condition, amount)] = measure.whens
        if measure.else_ is not None and _is_nothing(measure.else_):
            inner, amount = _parted(amount)
            return [condition, *inner], amount
    return [], measure


def _is_nothing(amount: Expression) -> bool:
    return isinstance(amount, sa.BindParameter) and amount.value == 0


def thing(
    kind: Thing,
    thing_id: sa.ColumnElement[int],
    on: sa.ColumnElement[date],
    account_id: sa.ColumnElement[int],
    customer_id: sa.ColumnElement[int],
) -> tuple[Expression, ...]:
    """The columns of `EDGE_COLUMNS`, labelled."""
    return (
        sa.literal_column(f"'{kind.value}'", sa.String()).label("kind"),
        thing_id.label("thing_id"),
        on.label("on"),
        account_id.label("account_id"),
        customer_id.label("customer_id"),
    )


def counted_account(source: sa.Subquery, on: sa.ColumnElement[date]) -> tuple[Expression, ...]:
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


class _LocalDay(FunctionElement[date]):
    type = sa.Date()
    inherit_cache = True


@compiles(_LocalDay, "postgresql")
def _by_zone(element: _LocalDay, compiler: SQLCompiler, **options: object) -> str:
    at, zone, *_ = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(timezone({zone}, {at}) AS DATE)"


@compiles(_LocalDay, "sqlite")
def _by_offset(element: _LocalDay, compiler: SQLCompiler, **options: object) -> str:
    at, _, changed, before, after = (compiler.process(each, **options) for each in element.clauses)
    return f"date({at}, CASE WHEN {at} < {changed} THEN {before} ELSE {after} END)"


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
