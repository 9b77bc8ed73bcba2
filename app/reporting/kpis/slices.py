"""The members of each account, day by day, kept as history so that a past day's slice never moves.

A night looks only at accounts that can have changed: new ones, those of customers with an open case, those that had
members of a case until now, and after a load of an accounts file those whose product is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.feeds.models import FeedLoad
from app.book.ledger.models import Account
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.database.bulk import upsert
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Query
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
    night = _night(
        connection.dialect.name,
        has_challenger=ladders.challenger is not None,
        accounts_loaded=_accounts_loaded_since(session, id_of(portfolio), on),
    )
    given = {
        PORTFOLIO_ID.key: id_of(portfolio),
        ON.key: on,
        LIVE.key: ladders.live.ref,
        CHALLENGER.key: ladders.challenger.ref if ladders.challenger else "",
        EXPERIMENT_ID.key: ladders.experiment_id,
    }
    connection.execute(night.combinations, given)
    written = connection.execute(night.changes, given).rowcount
    connection.execute(night.ends, given)
    return written


# A parameter that is named as a column would be written to it.
PORTFOLIO_ID, ON = sa.bindparam("own_portfolio", type_=BigId), sa.bindparam("night", type_=sa.Date())
LIVE, CHALLENGER = (sa.bindparam(name, type_=sa.String()) for name in ("live", "challenger"))
EXPERIMENT_ID = sa.bindparam("own_experiment", type_=BigId)


@dataclass(frozen=True, slots=True)
class _Night:
    """The statements of a night. They are built once; the portfolio, its day and its strategies are parameters."""

    combinations: sa.Insert
    """Adds the combinations of members that are new."""
    changes: sa.Insert
    """Adds a row for each account that has other members than before."""
    ends: sa.Update
    """Ends the rows before."""


@cache
def _night(dialect: str, *, has_challenger: bool, accounts_loaded: bool) -> _Night:
    wanted = _members(has_challenger, accounts_loaded).cte("wanted")
    known, kept = table_of(KpiSlice), table_of(AccountSlice)
    names = ("portfolio_id", *KEPT)
    combinations = sa.select(*(wanted.c[name] for name in names)).distinct().where(sa.true())
    same = sa.and_(*(known.c[name] == wanted.c[name] for name in names))
    changed = (
        sa.select(
            wanted.c.account_id,
            sa.case((kept.c.account_id.is_(None), sa.literal(BEGINNING, sa.Date())), else_=ON).label(
                "from_on"
            ),
            wanted.c.portfolio_id,
            known.c.id.label("slice_id"),
        )
        .select_from(wanted)
        .join(known, same)
        .outerjoin(kept, sa.and_(kept.c.account_id == wanted.c.account_id, kept.c.to_on.is_(None)))
        .where(sa.or_(kept.c.account_id.is_(None), kept.c.slice_id != known.c.id))
    )
    columns = ("account_id", "from_on", "portfolio_id", "slice_id")
    insert = upsert(dialect, AccountSlice).from_select(columns, changed)
    again = insert.on_conflict_do_update(
        index_elements=["account_id", "from_on"], set_={"slice_id": insert.excluded.slice_id}
    )
    later = kept.alias("later")
    newer = sa.exists().where(later.c.account_id == kept.c.account_id, later.c.from_on == ON)
    return _Night(
        combinations=upsert(dialect, KpiSlice).from_select(names, combinations).on_conflict_do_nothing(),
        changes=again.execution_options(preserve_rowcount=True),
        ends=sa.update(kept)
        .where(kept.c.portfolio_id == PORTFOLIO_ID, kept.c.to_on.is_(None), kept.c.from_on < ON, newer)
        .values(to_on=ON),
    )


def _members(has_challenger: bool, accounts_loaded: bool) -> Query:
    """The members, as of now, of the accounts that can have changed since the night before."""
    account, case, staff, who = (table_of(m) for m in (Account, CollectionsCase, User, Participant))
    has_case = case.c.id.is_not(None)
    takes_part = who.c.arm.is_not(None)
    strategy = sa.case((who.c.arm == "challenger", CHALLENGER), else_=LIVE) if has_challenger else LIVE
    return (
        sa.select(
            account.c.id.label("account_id"),
            account.c.portfolio_id,
            account.c.product,
            sa.func.coalesce(case.c.owner, "").label("agent"),
            sa.func.coalesce(staff.c.team, "").label("team"),
            sa.case((has_case, strategy), else_="").label("strategy"),
            sa.case(
                (takes_part, sa.cast(EXPERIMENT_ID, sa.String) + " " + sa.cast(who.c.arm, sa.String)),
                else_="",
            ).label("arm"),
            month_of(sa.func.coalesce(account.c.placed_on, account.c.opened_on)).label("placement"),
            sa.func.coalesce(case.c.segment, "").label("segment"),
        )
        .select_from(account)
        .outerjoin(
            case, sa.and_(case.c.customer_id == account.c.customer_id, case.c.status == CaseStatus.OPEN)
        )
        .outerjoin(staff, staff.c.username == case.c.owner)
        .outerjoin(
            who,
            sa.and_(who.c.customer_id == account.c.customer_id, who.c.experiment_id == EXPERIMENT_ID),
        )
        .where(account.c.portfolio_id == PORTFOLIO_ID, account.c.id.in_(_candidates(accounts_loaded)))
    )


def _candidates(accounts_loaded: bool) -> sa.CompoundSelect[tuple[int]]:
    account, case, kept, known = (table_of(m) for m in (Account, CollectionsCase, AccountSlice, KpiSlice))
    newest = sa.select(sa.func.coalesce(sa.func.max(kept.c.account_id), 0)).where(
        kept.c.portfolio_id == PORTFOLIO_ID, kept.c.to_on.is_(None)
    )
    new = sa.select(account.c.id).where(
        account.c.portfolio_id == PORTFOLIO_ID, account.c.id > newest.scalar_subquery()
    )
    in_case = (
        sa.select(account.c.id)
        .join(case, case.c.customer_id == account.c.customer_id)
        .where(case.c.portfolio_id == PORTFOLIO_ID, case.c.status == CaseStatus.OPEN)
    )
    had_case = (
        sa.select(kept.c.account_id)
        .join(known, known.c.id == kept.c.slice_id)
        .where(
            kept.c.portfolio_id == PORTFOLIO_ID,
            kept.c.to_on.is_(None),
            sa.or_(*(known.c[name] != "" for name in _OF_A_CASE)),
        )
    )
    candidates = [new, in_case, had_case]
    if accounts_loaded:
        candidates.append(
            sa.select(account.c.id)
            .join(kept, sa.and_(kept.c.account_id == account.c.id, kept.c.to_on.is_(None)))
            .join(known, known.c.id == kept.c.slice_id)
            .where(account.c.portfolio_id == PORTFOLIO_ID, known.c.product != account.c.product)
        )
    return sa.union(*candidates)


def _accounts_loaded_since(session: Session, portfolio_id: int, on: date) -> bool:
    """An accounts file was loaded since the last night began."""
    begun: datetime | None = session.scalar(
        sa.select(sa.func.max(DailyRun.started_at)).where(
            col(DailyRun.portfolio_id) == portfolio_id, col(DailyRun.business_date) < on
        )
    )
    loaded = sa.select(sa.func.max(FeedLoad.started_at)).where(
        col(FeedLoad.portfolio_id) == portfolio_id, col(FeedLoad.kind) == FeedKind.ACCOUNTS
    )
    last: datetime | None = session.scalar(loaded)
    return last is not None and (begun is None or last >= begun)
