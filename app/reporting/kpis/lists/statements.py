"""Statements of the list behind a figure: its page, its sum, and the number of its things up to a limit.

A figure is the sum of a column over all rows of its family. A list wants the largest few of the rows in which that
column is not 0: each select of the family is told so, in words by which the database can read an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import col

from app.book.ledger.models import Account, Customer
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Expression, Query
from app.reporting.kpis.family import SLICE, Days, Family, Rows, Shape, columns_of, counted_in, together
from app.reporting.kpis.measuring import STATEMENTS, with_members_of
from app.reporting.kpis.models import KpiSlice
from app.reporting.kpis.rules import Dimension
from app.reporting.kpis.slices import KEPT

COUNTED_TO = 1000
"""Things are counted so far, where a page need not know all."""
AMOUNT, ID = (sa.bindparam(name, type_=BigId) for name in ("after_amount", "after_id"))
KIND, MEMBER = (sa.bindparam(name, type_=sa.String()) for name in ("after_kind", "asked_member"))
LIMIT = sa.bindparam("shown_things", type_=sa.Integer())
_EDGE = ("kind", "thing_id", "on", "account_id")


@dataclass(frozen=True, slots=True)
class ListStatements:
    """They are built once; the day, the member, the place and the length of a page are parameters."""

    shown: Query
    """Rows of the list with names."""
    total: Query
    """How many things, and their sum."""
    number: Query
    """The same of one more thing than `COUNTED_TO` at most."""
    days: Days


@lru_cache(maxsize=STATEMENTS)
def list_statements(
    family: Family, shape: Shape, measure: str, dimension: Dimension | None, *, goes_on: bool, is_page: bool
) -> ListStatements | None:
    """The statements of one side of a figure, sliced by the dimension. `goes_on`: after the place in `AMOUNT`, `KIND`
    and `ID`. `is_page`: `LIMIT` things. None for a measure that nothing has."""
    days = Days()
    parts = [
        _Part(columns_of(query, _EDGE, amount.label("amount")), amount)
        for query, amount in _of_member(family, shape, days, measure, dimension)
    ]
    if not parts:
        return None
    listed = [part.in_order(goes_on=goes_on, is_page=is_page) for part in parts]
    return ListStatements(
        _named(_stacked(listed), is_page=is_page),
        _added(_stacked([part.query for part in parts])),
        _added(_stacked([part.query.limit(COUNTED_TO + 1) for part in parts]), COUNTED_TO + 1),
        days,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Things of one select, and their amount as it stands in there."""

    query: Query
    amount: Expression

    def in_order(self, *, goes_on: bool, is_page: bool) -> Query:
        """The things in the order of the list: the largest first, of equal ones the newest, which an index that ends
        with the id gives from its end. A kind is mostly the same in all of a select, which then need not be told apart
        by it."""
        kind, thing_id = (_bare(self.query.selected_columns[name]) for name in ("kind", "thing_id"))
        listed = self.query
        if goes_on:
            behind = sa.or_(kind > KIND, sa.and_(kind == KIND, thing_id < ID))
            after = sa.or_(self.amount < AMOUNT, sa.and_(self.amount == AMOUNT, behind))
            listed = listed.where(self.amount <= AMOUNT, after)
        if not is_page:
            return listed
        by_amount = () if isinstance(self.amount, sa.BindParameter) else (self.amount.desc(),)
        by_kind = () if getattr(kind, "is_literal", False) else (kind,)
        return listed.order_by(*by_amount, *by_kind, thing_id.desc()).limit(LIMIT)


def _bare(column: Expression) -> Expression:
    return column.element if isinstance(column, sa.Label) else column


def _of_member(
    family: Family, shape: Shape, days: Days, measure: str, dimension: Dimension | None
) -> Sequence[tuple[Query, Expression]]:
    """The selects with things of the member only. It is asked for in each of them where its rows say it, and otherwise
    of all that they give together."""
    found = list(counted_in(family.rows(shape, days), measure))
    if dimension is None or not found:
        return found
    if dimension in family.own:
        return [
            (q.where(_bare(q.selected_columns[dimension.value]) == MEMBER), amount) for q, amount in found
        ]
    first = found[0][0].selected_columns
    if dimension in KEPT and SLICE in first:
        known = table_of(KpiSlice)
        ids = sa.select(known.c.id).where(
            known.c.portfolio_id == days.portfolio_id, known.c[dimension.value] == MEMBER
        )
        return [(q.where(_bare(q.selected_columns[SLICE]).in_(ids)), amount) for q, amount in found]
    names = (*_EDGE, *(name for name in (SLICE, *(each.value for each in family.own)) if name in first))
    rows = together([columns_of(query, names, amount.label("amount")) for query, amount in found])
    sliced = with_members_of(rows.subquery("things"), family, shape, days, texts=True)
    things = sliced.rows.c
    query = sa.select(*(things[name] for name in _EDGE)).select_from(sliced.source)
    return [(query.where(sliced.members[dimension] == MEMBER), things.amount)]


def _stacked(queries: Sequence[Query]) -> Rows:
    """One below the other; each keeps its order and its limit."""
    if len(queries) == 1:
        return queries[0]
    return together([sa.select(query.subquery()) for query in queries])


def _named(rows: Rows, *, is_page: bool) -> Query:
    """With the names of accounts and customers, which are looked up for what is shown."""
    things = rows.subquery("things")
    order = (things.c.amount.desc(), things.c.kind, things.c.thing_id.desc())
    first = sa.select(things).order_by(*order)
    shown = (first.limit(LIMIT) if is_page else first).subquery("shown")
    return (
        sa.select(
            shown.c.kind, shown.c.thing_id, sa.type_coerce(shown.c.on, sa.Date), shown.c.account_id,
            col(Account.reference), col(Account.customer_id), col(Customer.full_name), shown.c.amount,
        )
        .join(Account, col(Account.id) == shown.c.account_id)
        .join(Customer, col(Customer.id) == col(Account.customer_id))
        .order_by(shown.c.amount.desc(), shown.c.kind, shown.c.thing_id.desc())
    )  # fmt: skip


def _added(rows: Rows, most: int | None = None) -> Query:
    things = sa.select(rows.subquery("things")).limit(most).subquery("added")
    return sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(things.c.amount), 0)).select_from(things)
