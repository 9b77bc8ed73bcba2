"""Measuring: one grouped statement a family gives all its figures and all their slices."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.delinquency.days import CURRENT
from app.book.delinquency.queries import spells_on
from app.book.portfolios.models import Portfolio
from app.core.database.engine import reading, table_of
from app.core.database.rows import Expression, Query
from app.core.ids import id_of
from app.reporting.kpis.family import SLICE, Days, Family, Scope, Shape, only, selects_of
from app.reporting.kpis.models import AccountSlice, AccountStanding, KpiSlice
from app.reporting.kpis.rules import Definition, Dimension, Figure, Statistic, median_pair
from app.reporting.kpis.slices import KEPT, valid_on


@dataclass(frozen=True, slots=True)
class SliceKey:
    """A slice: one member of one dimension. Without a dimension it is the whole portfolio."""

    dimension: Dimension | None = None
    member: str = ""


WHOLE = SliceKey()

STATEMENTS = 128
"""Selects that are kept: those of all families for several shapes of portfolios."""


@dataclass(slots=True)
class Sums:
    """A family's measures summed over the things of one slice."""

    totals: list[int]
    spread: Counter[int] = field(default_factory=Counter)
    """How many things have each amount of the measure of which a median is asked for."""


Measured = dict[SliceKey, Sums]


Combinations = Mapping[int, Mapping[Dimension, str]]
"""The kept members of each combination of members, by its number."""


@dataclass(frozen=True, slots=True)
class SlicedRows:
    """The rows of a family joined to the members of their accounts on a day."""

    source: sa.FromClause
    rows: sa.Subquery
    members: Mapping[Dimension, Expression]
    """The member of each row, by the dimensions that have one."""
    slice_id: Expression
    days: Days

    def of(self, key: SliceKey) -> sa.ColumnElement[bool]:
        """Select the rows of one slice. Raises KeyError for a dimension by which the family is not sliced."""
        return sa.true() if key.dimension is None else self.members[key.dimension] == key.member


@lru_cache(maxsize=STATEMENTS)
def sliced_rows(family: Family, shape: Shape, *, with_members: bool = False) -> SlicedRows:
    """The accounts and measures of a family's rows at the end of a day with their members. `with_members` joins the
    texts of the kept members; without it a row has the number of its combination only."""
    days = Days()
    whole = family.rows(shape, days)
    has_slice = (SLICE,) if SLICE in selects_of(whole)[0].selected_columns else ()
    account = () if shape.is_pooled else ("account_id",)
    names = (*account, *has_slice, *(each.value for each in family.own), *family.measures)
    return with_members_of(only(whole, names).subquery("things"), family, shape, days, texts=with_members)


def with_members_of(
    rows: sa.Subquery, family: Family, shape: Shape, days: Days, *, texts: bool
) -> SlicedRows:
    """Rows that have the account, the dimensions and the combination of a family's rows, joined to their members."""
    source: sa.FromClause = rows
    members: dict[Dimension, Expression] = {each: rows.c[each.value] for each in family.own}
    if SLICE in rows.c:
        slice_id: Expression = rows.c[SLICE]
    elif shape.from_wide_rows:
        stands = table_of(AccountStanding)
        slice_id = stands.c.slice_id
        source = rows.outerjoin(stands, stands.c.account_id == rows.c.account_id)
        members.setdefault(Dimension.BUCKET, sa.func.coalesce(stands.c.bucket, CURRENT))
    else:
        kept = table_of(AccountSlice)
        slice_id = kept.c.slice_id
        source = rows.outerjoin(kept, sa.and_(kept.c.account_id == rows.c.account_id, valid_on(days.on)))
    if Dimension.BUCKET not in members:
        spells = spells_on(days.portfolio_id, days.on)
        source = source.outerjoin(spells, spells.c.account_id == rows.c.account_id)
        members[Dimension.BUCKET] = sa.func.coalesce(spells.c.bucket, CURRENT)
    if texts:
        known = table_of(KpiSlice)
        source = source.outerjoin(known, known.c.id == slice_id)
        members = {each: known.c[each.value] for each in KEPT} | members
    return SlicedRows(source, rows, members, slice_id, days)


@lru_cache(maxsize=STATEMENTS)
def _sums(family: Family, shape: Shape) -> tuple[Query, SlicedRows]:
    """The sums of the family's measures by combination and member, and the amount and number of its spread."""
    sliced = sliced_rows(family, replace(shape, is_pooled=family.is_pooled and shape.from_wide_rows))
    groups = [sliced.slice_id, *sliced.members.values()]
    spread = sliced.rows.c[family.spread] if family.spread else sa.literal(0)
    by = [*groups, spread] if family.spread else groups
    sums = [sa.func.sum(sliced.rows.c[name]) for name in family.measures]
    return sa.select(*groups, spread, sa.func.count(), *sums).select_from(sliced.source).group_by(*by), sliced


def measure(
    session: Session, family: Family, scope: Scope, on: date, combinations: Combinations | None = None
) -> Measured:
    """The sums of the family's measures at the end of `on`, of the whole portfolio and of every slice that has a
    thing in it."""
    query, sliced = _sums(family, scope.shape(on))
    own = tuple(sliced.members)
    if combinations is None:
        combinations = _combinations(session, scope)
    found: Measured = defaultdict(lambda: Sums([0] * len(family.measures)))
    with _looking_up(session, family.is_sparse and scope.standing_through == on):
        rows = session.execute(query, sliced.days.values(scope.portfolio, on)).all()
    for slice_id, *cells in rows:
        its_own = {each: str(cells[n]) for n, each in enumerate(own)}
        amount, number, *amounts = cells[len(own) :]
        keys = [
            SliceKey(each, member) for each, member in ({**combinations.get(slice_id, {}), **its_own}).items()
        ]
        for key in (WHOLE, *keys):
            sums_of = found[key]
            for n, minor in enumerate(amounts):
                sums_of.totals[n] += int(minor or 0)
            if family.spread:
                sums_of.spread[int(amount)] += number
    found[WHOLE]  # the whole has figures even where nothing is counted
    return dict(found)


@contextmanager
def _looking_up(session: Session, is_sparse: bool) -> Iterator[None]:
    """PostgreSQL takes each look-up of a row for a read of the disk, and would rather hash the wide rows of all
    accounts than look up those of a few."""
    switches = is_sparse and session.connection().dialect.name == "postgresql"
    if switches:
        session.execute(sa.text("SET LOCAL enable_hashjoin = off"))
    yield
    if switches:
        session.execute(sa.text("SET LOCAL enable_hashjoin = on"))


def figures_of(family: Family, measured: Measured) -> Iterator[tuple[SliceKey, Figure]]:
    """Each figure of each slice. A slice in which it counts nothing is left out, the whole portfolio never is."""
    places = {name: n for n, name in enumerate(family.measures)}
    for key, sums in measured.items():
        for each in family.definitions:
            figure = _figure(each, sums, places)
            if key == WHOLE or figure.numerator or figure.denominator:
                yield key, figure


def _figure(definition: Definition, sums: Sums, places: Mapping[str, int]) -> Figure:
    if definition.statistic is Statistic.MEDIAN:
        return Figure(definition.name, *median_pair(sums.spread))
    numerator, denominator = (
        sums.totals[places[definition.numerator]],
        sums.totals[places[definition.denominator]],
    )
    return Figure(definition.name, numerator, denominator)


def measured_figures(
    session: Session, families: Sequence[Family], scope: Scope, on: date, *, beside: Engine | None = None
) -> dict[tuple[str, str, str], Figure]:
    """Figures at the end of `on` by (name, dimension, member); both empty for the whole portfolio. `beside` measures
    every other family in a session of its own, which sees what is committed."""
    combinations = _combinations(session, scope)
    waiting, measured = deque(families), dict[str, Measured]()

    def work(own: Session, own_scope: Scope) -> None:
        with suppress(IndexError):
            while True:
                family = waiting.popleft()
                measured[family.name] = measure(own, family, own_scope, on, combinations)

    def work_beside(engine: Engine) -> None:
        with reading(engine) as own:
            work(own, replace(scope, portfolio=own.get_one(Portfolio, scope.portfolio_id)))

    if beside is None:
        work(session, scope)
    else:
        with ThreadPoolExecutor(1) as pool:
            helper = pool.submit(work_beside, beside)
            work(session, scope)
            helper.result()
    return {
        (figure.kpi, key.dimension.value if key.dimension else "", key.member): figure
        for family in families
        for key, figure in figures_of(family, measured[family.name])
    }


def _combinations(session: Session, scope: Scope) -> Combinations:
    """The kept members of each combination of the portfolio."""
    query = select(KpiSlice).where(col(KpiSlice.portfolio_id) == scope.portfolio_id)
    return {
        id_of(each): {dimension: getattr(each, dimension.value) for dimension in KEPT}
        for each in session.scalars(query)
    }
