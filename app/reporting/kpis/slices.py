"""The members of each account, day by day, kept as history so that a past day's slice never moves.

A night looks only at accounts that can have changed: new ones, those of customers with an open case, those that had
members of a case until now, and after a load of an accounts file those whose product is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.feeds.models import FeedLoad
from app.book.ledger.models import Account
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.database.bulk import among_named, listed, scratch, scratch_table, upsert
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Expression, Query, QueryStack
from app.core.ids import id_of
from app.core.staff.models import User
from app.outreach.strategy.ladders import load_ladders
from app.outreach.strategy.models import Participant
from app.reporting.kpis.definitions.sql import month_of
from app.reporting.kpis.models import AccountSlice, KpiSlice
from app.reporting.kpis.rules import Dimension

BEGINNING = date(1900, 1, 1)
"""From when the first row of an account counts."""
KEPT: tuple[Dimension, ...] = (
    Dimension.PRODUCT,
    Dimension.AGENT,
    Dimension.TEAM,
    Dimension.STRATEGY,
    Dimension.ARM,
    Dimension.PLACEMENT,
    Dimension.SEGMENT,
)
"""Dimensions whose members are an account's, with a history. A bucket comes from the spells, a channel from the thing
itself."""
_OF_A_CASE = ("agent", "team", "strategy", "arm", "segment")


def valid_on(on: date | sa.ColumnElement[date]) -> sa.ColumnElement[bool]:
    """The row of an account that counts at the end of `on`."""
    kept = table_of(AccountSlice)
    return sa.and_(kept.c.from_on <= on, sa.or_(kept.c.to_on.is_(None), kept.c.to_on > on))


def refresh_slices(session: Session, portfolio: Portfolio, on: date) -> int:
    """Bring the members of the accounts up to the end of `on`; return how many accounts got other ones. May run any
    number of times for a day."""
    connection = session.connection()
    ladders = load_ladders(session, portfolio)
    dialect = connection.dialect.name
    statements = _night(dialect, accounts_changed=_accounts_changed_since(session, id_of(portfolio), on))
    given = {
        PORTFOLIO_ID.key: id_of(portfolio),
        ON.key: on,
        LIVE.key: ladders.live.ref,
        CHALLENGER.key: (ladders.challenger or ladders.live).ref,
        EXPERIMENT_ID.key: ladders.experiment_id,
        NEWEST.key: _newest_account(session, id_of(portfolio)),
        CASE_SLICES: listed(dialect, _slices_of_cases(session, id_of(portfolio))),
    }
    with scratch(session, _others_table()):
        written = connection.execute(statements.others, given).rowcount
        if written:
            for each in (statements.combinations, statements.changes, statements.ends):
                connection.execute(each, given)
    return written


def _newest_account(session: Session, portfolio_id: int) -> int:
    """The last account that has members; a number, so that the planner knows that few come after it."""
    kept = table_of(AccountSlice)
    return (
        session.scalar(
            sa.select(sa.func.coalesce(sa.func.max(kept.c.account_id), 0)).where(
                kept.c.portfolio_id == portfolio_id, kept.c.to_on.is_(None)
            )
        )
        or 0
    )


def _slices_of_cases(session: Session, portfolio_id: int) -> Sequence[int]:
    """The combinations with a member of a case."""
    known = table_of(KpiSlice)
    has_case = sa.or_(*(known.c[name] != "" for name in _OF_A_CASE))
    return session.scalars(sa.select(known.c.id).where(known.c.portfolio_id == portfolio_id, has_case)).all()


# A parameter that is named as a column would be written to it.
PORTFOLIO_ID, ON = sa.bindparam("own_portfolio", type_=BigId), sa.bindparam("night", type_=sa.Date())
LIVE, CHALLENGER = (sa.bindparam(name, type_=sa.String()) for name in ("live", "challenger"))
EXPERIMENT_ID, NEWEST = (sa.bindparam(name, type_=BigId) for name in ("own_experiment", "newest_account"))
CASE_SLICES = "slices_of_cases"
_OTHERS = "other_members"
"""Temporary: the accounts that have other members than the night before, with these members."""


@cache
def _others_table() -> sa.Table:
    account = sa.Column("account_id", BigId, primary_key=True, autoincrement=False)
    members = (sa.Column(each.value, sa.String()) for each in KEPT)
    return scratch_table(_OTHERS, account, sa.Column("portfolio_id", BigId), *members)


@dataclass(frozen=True, slots=True)
class _Night:
    """The statements of a night. They are built once; the portfolio, its day and its strategies are parameters."""

    others: sa.Insert
    """Finds the accounts that have other members than before."""
    combinations: sa.Insert
    """Adds the combinations of members that are new."""
    changes: sa.Insert
    """Adds a row for each of these accounts."""
    ends: sa.Update
    """Ends the rows before."""


@cache
def _night(dialect: str, *, accounts_changed: bool) -> _Night:
    wanted = _members(dialect, accounts_changed).subquery("wanted")
    known, kept = table_of(KpiSlice), table_of(AccountSlice)
    other = _others_table()
    is_open = sa.and_(kept.c.account_id == wanted.c.account_id, kept.c.to_on.is_(None))
    differs = sa.or_(known.c.id.is_(None), *(known.c[name] != wanted.c[name] for name in KEPT))
    others = (
        sa.select(*(wanted.c[each.name] for each in other.c))
        .select_from(wanted)
        .outerjoin(kept, is_open)
        .outerjoin(known, known.c.id == kept.c.slice_id)
        .where(differs)
    )
    members = [other.c[name] for name in ("portfolio_id", *KEPT)]
    combinations = sa.select(*members).distinct().where(sa.true())
    had_none = ~sa.exists().where(kept.c.account_id == other.c.account_id)
    changed = (
        sa.select(
            other.c.account_id,
            sa.case((had_none, sa.literal(BEGINNING, sa.Date())), else_=ON).label("from_on"),
            other.c.portfolio_id,
            known.c.id,
        )
        .select_from(other)
        .join(known, sa.and_(*(known.c[each.name] == each for each in members)))
        .where(sa.true())
    )
    insert = upsert(dialect, AccountSlice).from_select(
        ("account_id", "from_on", "portfolio_id", "slice_id"), changed
    )
    later = kept.alias("later")
    newer = sa.exists().where(later.c.account_id == kept.c.account_id, later.c.from_on == ON)
    of_others = kept.c.account_id.in_(sa.select(other.c.account_id))
    return _Night(
        others=sa.insert(other)
        .from_select([each.name for each in other.c], others)
        .execution_options(preserve_rowcount=True),
        combinations=upsert(dialect, KpiSlice)
        .from_select([each.name for each in members], combinations)
        .on_conflict_do_nothing(),
        changes=insert.on_conflict_do_update(
            index_elements=["account_id", "from_on"], set_={"slice_id": insert.excluded.slice_id}
        ),
        ends=sa.update(kept)
        .where(of_others, kept.c.to_on.is_(None), kept.c.from_on < ON, newer)
        .values(to_on=ON),
    )


def _members(dialect: str, accounts_changed: bool) -> Query:
    """The members, as of now, of the accounts that can have changed since the night before."""
    account, case, staff, who = (table_of(m) for m in (Account, CollectionsCase, User, Participant))
    of_case = (
        sa.select(
            *_of_account(account),
            LIVE.label("strategy"),
            case.c.owner.label("agent"),
            sa.func.coalesce(staff.c.team, "").label("team"),
            case.c.segment,
        )
        .select_from(case)
        .join(account, account.c.customer_id == case.c.customer_id)
        .outerjoin(staff, staff.c.username == case.c.owner)
        .where(
            case.c.portfolio_id == PORTFOLIO_ID,
            case.c.status == CaseStatus.OPEN,
            account.c.portfolio_id == PORTFOLIO_ID,
        )
        .cte("of_case")
    )
    without = sa.except_(
        sa.select(_without_case(dialect, accounts_changed).subquery("others").c.id),
        sa.select(of_case.c.account_id),
    )
    nothing = (sa.literal("").label(name) for name in ("strategy", "agent", "team", "segment"))
    other = sa.select(*_of_account(account), *nothing).where(
        account.c.portfolio_id == PORTFOLIO_ID, account.c.id.in_(without)
    )
    # Within the select: a driver of SQLite counts what an INSERT writes only if its text begins so.
    found = sa.union_all(sa.select(of_case), other).add_cte(of_case, nest_here=True).subquery("found")
    is_tried = sa.and_(found.c.strategy != "", who.c.arm == "challenger")
    arm = sa.cast(EXPERIMENT_ID, sa.String) + " " + sa.cast(who.c.arm, sa.String)
    return sa.select(
        found.c.account_id,
        found.c.portfolio_id,
        found.c.product,
        found.c.agent,
        found.c.team,
        sa.case((is_tried, CHALLENGER), else_=found.c.strategy).label("strategy"),
        sa.case((who.c.arm.is_not(None), arm), else_="").label("arm"),
        found.c.placement,
        found.c.segment,
    ).outerjoin_from(
        found,
        who,
        sa.and_(who.c.customer_id == found.c.customer_id, who.c.experiment_id == EXPERIMENT_ID),
    )


def _of_account(account: sa.Table) -> tuple[Expression, ...]:
    return (
        account.c.id.label("account_id"),
        account.c.customer_id,
        account.c.portfolio_id,
        account.c.product,
        month_of(sa.func.coalesce(account.c.placed_on, account.c.opened_on)).label("placement"),
    )


def _without_case(dialect: str, accounts_changed: bool) -> QueryStack:
    """Accounts that may have other members without a case: new ones, those that had members of a case until now, and
    those whose product is another. Some have a case all the same."""
    account, kept, known = (table_of(m) for m in (Account, AccountSlice, KpiSlice))
    new = sa.select(account.c.id).where(account.c.portfolio_id == PORTFOLIO_ID, account.c.id > NEWEST)
    had_case = sa.select(kept.c.account_id).where(
        kept.c.portfolio_id == PORTFOLIO_ID,
        kept.c.to_on.is_(None),
        among_named(dialect, kept.c.slice_id, CASE_SLICES),
    )
    found = [new, had_case]
    if accounts_changed:
        found.append(
            sa.select(account.c.id)
            .join(kept, sa.and_(kept.c.account_id == account.c.id, kept.c.to_on.is_(None)))
            .join(known, known.c.id == kept.c.slice_id)
            .where(account.c.portfolio_id == PORTFOLIO_ID, known.c.product != account.c.product)
        )
    return sa.union_all(*found)


def _accounts_changed_since(session: Session, portfolio_id: int, on: date) -> bool:
    """An accounts file changed accounts since the last night began, or may still."""
    begun = (
        sa.select(sa.func.max(DailyRun.started_at))
        .where(col(DailyRun.portfolio_id) == portfolio_id, col(DailyRun.business_date) < on)
        .scalar_subquery()
    )
    changed = sa.and_(col(FeedLoad.updated) > 0, sa.or_(begun.is_(None), col(FeedLoad.finished_at) >= begun))
    load = sa.select(col(FeedLoad.id)).where(
        col(FeedLoad.portfolio_id) == portfolio_id,
        col(FeedLoad.kind) == FeedKind.ACCOUNTS,
        sa.or_(changed, col(FeedLoad.finished_at).is_(None)),
    )
    return session.scalar(load.limit(1)) is not None
