"""One wide row an account: how it stood at the end of the last night and of the month before, for scans without joins.

Derived from states, spells and entries. A night writes only the rows of accounts that it folded, or whose members or
end changed; `rebuild_standings` writes all of them anew, and both give the same (`tests/reporting/kpis`).

Beside them stand the sums of accounts that stand alike (`StandingSum`): a night takes the old rows of the accounts that
changed away from them and adds the new ones, so that its figures are read from some thousand rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import CURRENT, DAY
from app.book.delinquency.models import AccountState, Spell
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account, Entry, Position
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import DelinquencySource
from app.core.database.bulk import scratch, scratch_table, upsert
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Expression, Query
from app.core.dates import month_start
from app.core.ids import id_of
from app.reporting.kpis.models import NEVER, AccountSlice, AccountStanding, StandingNight, StandingSum
from app.reporting.kpis.standing import moved_since, positive

ACTIVE = AccountStatus.ACTIVE.value
_COLUMNS = (
    "account_id",
    "portfolio_id",
    "customer_id",
    "slice_id",
    "opened_on",
    "status",
    "ended_on",
    "known_from",
    "bucket",
    "oldest_due_on",
    "past_due_minor",
    "balance_minor",
    "then_on",
    "then_bucket",
    "then_balance_minor",
)


def standing_through(session: Session, portfolio: Portfolio) -> date | None:
    """The day at whose end the wide rows of a portfolio stand."""
    night = session.get(StandingNight, id_of(portfolio))
    return night.through if night else None


def refresh_standings(session: Session, portfolio: Portfolio, on: date, restated_from: date | None) -> int:
    """Bring the wide rows to the end of `on`, the night that was just folded; return how many were written."""
    before = standing_through(session, portfolio)
    if before is None or before > on:
        return rebuild_standings(session, portfolio, on)
    then_on = month_start(on) - DAY
    reaches_back = restated_from is not None and restated_from <= then_on
    connection = session.connection()
    statements = _night(
        connection.dialect.name,
        is_reported=portfolio.source is DelinquencySource.REPORTED,
        reaches_back=reaches_back,
    )
    given = {
        OWN.key: id_of(portfolio),
        BEFORE.key: before,
        ON.key: on,
        THEN.key: then_on,
        NEWEST.key: _newest(session, portfolio),
    }
    with scratch(session, _fresh_table()):
        connection.execute(statements.fresh, given)
        for each in statements.sums:
            connection.execute(each)
        written: int = connection.execute(statements.rows).rowcount
    _note_night(session, portfolio, on)
    return written


# Parameters that are named as columns would be written to them.
OWN, NEWEST = (sa.bindparam(name, type_=BigId) for name in ("own_portfolio", "newest_account"))
BEFORE, ON, THEN = (sa.bindparam(name, type_=sa.Date()) for name in ("night_before", "night", "month_end"))


@cache
def _fresh_table() -> sa.Table:
    wide = table_of(AccountStanding)
    return scratch_table("fresh_standing", *(sa.Column(name, wide.c[name].type) for name in _COLUMNS))


@dataclass(frozen=True, slots=True)
class _Night:
    """The statements of a night. They are built once; the portfolio and its days are parameters."""

    fresh: sa.Insert
    """Finds the new rows of the accounts that changed."""
    sums: tuple[sa.Insert, sa.Delete]
    """Moves these accounts from the sums of their old rows to those of the new ones."""
    rows: sa.Insert
    """Writes the new rows."""


@cache
def _night(dialect: str, *, is_reported: bool, reaches_back: bool) -> _Night:
    fresh, wide = _fresh_table(), table_of(AccountStanding)
    rows = _refreshed(is_reported, reaches_back, _changed().subquery("changed"))
    old = sa.select(wide).join(fresh, fresh.c.account_id == wide.c.account_id).subquery("old")
    return _Night(
        sa.insert(fresh).from_select(_COLUMNS, rows),
        _to_sums(dialect, _alike(fresh, 1), _alike(old, -1)),
        _to_rows(dialect, sa.select(fresh).where(sa.true())),
    )


def rebuild_standings(session: Session, portfolio: Portfolio, on: date) -> int:
    """Write all wide rows of a portfolio anew, as of the end of `on`, its last folded day."""
    wide, sums = table_of(AccountStanding), table_of(StandingSum)
    for table in (wide, sums):
        session.connection().execute(sa.delete(table).where(table.c.portfolio_id == portfolio.id))
    connection = session.connection()
    dialect, rows = connection.dialect.name, _anew(portfolio, month_start(on) - DAY)
    written: int = connection.execute(_to_rows(dialect, rows)).rowcount
    for each in _to_sums(dialect, _alike(wide, 1).where(wide.c.portfolio_id == portfolio.id)):
        connection.execute(each)
    _note_night(session, portfolio, on)
    return written


def _to_rows(dialect: str, rows: Query) -> sa.Insert:
    """Write wide rows in the place of the old ones of their accounts."""
    insert = upsert(dialect, AccountStanding).from_select(_COLUMNS, rows)
    excluded = {name: insert.excluded[name] for name in _COLUMNS if name != "account_id"}
    write: sa.Insert = insert.on_conflict_do_update(index_elements=["account_id"], set_=excluded)
    return write.execution_options(preserve_rowcount=True)


def _note_night(session: Session, portfolio: Portfolio, on: date) -> None:
    night = session.get(StandingNight, id_of(portfolio))
    if night is None:
        session.add(StandingNight(portfolio_id=id_of(portfolio), through=on))
    else:
        night.through = on
    session.flush()


_SUMS = ("accounts", "balance_minor", "positive_minor", "then_balance_minor")
_SAME = tuple(column.name for column in table_of(StandingSum).primary_key)
"""What accounts that stand alike have in common."""


def _alike(row: sa.FromClause, sign: int) -> Query:
    """Wide rows in the words of the sums, each as one account to be added or taken away.

    A day before the month end is taken for the month end: figures ask of a day only whether it lies behind that, or
    behind the night. Otherwise accounts would be told apart by a thousand days on which they were opened.
    """
    never = sa.literal(NEVER, sa.Date())

    def since(day: Expression) -> Expression:
        return sa.case((day.is_(None), never), (day < row.c.then_on, row.c.then_on), else_=day)

    words: dict[str, Expression] = {
        "slice_id": sa.func.coalesce(row.c.slice_id, 0),
        "oldest_due_on": sa.func.coalesce(row.c.oldest_due_on, never),
        **{name: since(row.c[name]) for name in ("opened_on", "ended_on", "known_from")},
    }
    amounts = (sa.literal(1), row.c.balance_minor, positive(row.c.balance_minor), row.c.then_balance_minor)
    return sa.select(
        *(words.get(name, row.c[name]).label(name) for name in _SAME),
        *((sign * amount).label(name) for name, amount in zip(_SUMS, amounts, strict=True)),
    )


def _summed(*parts: Query) -> Query:
    """The sums of all parts; those that are nothing are left out."""
    rows = sa.union_all(*parts).subquery("alike")
    sums = [sa.cast(sa.func.sum(rows.c[name]), sa.BigInteger).label(name) for name in _SUMS]
    same = [rows.c[name] for name in _SAME]
    return sa.select(*same, *sums).group_by(*same).having(sa.or_(*(each.element != 0 for each in sums)))


def _to_sums(dialect: str, *parts: Query) -> tuple[sa.Insert, sa.Delete]:
    """Add rows to the sums, and delete the sums of no account."""
    sums = table_of(StandingSum)
    insert = upsert(dialect, StandingSum).from_select((*_SAME, *_SUMS), _summed(*parts))
    added = {name: sums.c[name] + insert.excluded[name] for name in _SUMS}
    return (
        insert.on_conflict_do_update(index_elements=list(_SAME), set_=added),
        sa.delete(sums).where(sums.c.accounts == 0),
    )


def standing_accounts(session: Session, portfolio: Portfolio) -> int:
    """How many accounts have a wide row."""
    kept = table_of(StandingSum)
    return (
        session.scalar(sa.select(sa.func.sum(kept.c.accounts)).where(kept.c.portfolio_id == portfolio.id))
        or 0
    )


def wrong_sums(session: Session, portfolio: Portfolio) -> int:
    """How many sums are not those of the wide rows."""
    wide, kept = table_of(AccountStanding), table_of(StandingSum)
    rows = _alike(wide, 1).where(wide.c.portfolio_id == portfolio.id)
    less = sa.select(*(kept.c[name] for name in _SAME), *((-kept.c[name]).label(name) for name in _SUMS))
    wrong = _summed(rows, less.where(kept.c.portfolio_id == portfolio.id)).subquery("wrong")
    return session.scalar(sa.select(sa.func.count()).select_from(wrong)) or 0


def _newest(session: Session, portfolio: Portfolio) -> int:
    """The last account that has a wide row; a number, so that the planner knows that few come after it."""
    wide = table_of(AccountStanding)
    found = sa.select(sa.func.max(wide.c.account_id)).where(wide.c.portfolio_id == portfolio.id)
    return session.scalar(found) or 0


def _changed() -> sa.CompoundSelect[tuple[int]]:
    """Accounts whose wide row may be another: folded since, of other members since, or ended or reopened since."""
    state, kept, account, wide = (
        table_of(each) for each in (AccountState, AccountSlice, Account, AccountStanding)
    )
    folded = sa.select(state.c.account_id).where(state.c.portfolio_id == OWN, state.c.folded_through > BEFORE)
    moved = sa.select(kept.c.account_id).where(
        kept.c.portfolio_id == OWN,
        kept.c.to_on.is_(None),
        kept.c.from_on >= BEFORE,
        kept.c.from_on <= ON,
    )
    new = sa.select(account.c.id).where(account.c.portfolio_id == OWN, account.c.id > NEWEST)
    both = sa.select(account.c.id).join(wide, wide.c.account_id == account.c.id)
    differ = sa.or_(
        account.c.ended_on.is_distinct_from(wide.c.ended_on),
        sa.cast(account.c.status, sa.String) != wide.c.status,
    )
    ended = both.where(account.c.portfolio_id == OWN, account.c.ended_on.is_not(None), differ)
    reopened = both.where(wide.c.portfolio_id == OWN, wide.c.status != ACTIVE, differ)
    return sa.union(folded, moved, new, ended, reopened)


def _refreshed(is_reported: bool, reaches_back: bool, changed: sa.Subquery) -> Query:
    """The rows of these accounts that are other than before. How one stood at the month end is kept from its old row,
    which an account that did not change since the month end still has as its present; it is read from history for a
    new account, and where changes reach back behind the month end."""
    account, state, old = table_of(Account), table_of(AccountState), table_of(AccountStanding).alias("old")
    spell, entry = table_of(Spell), table_of(Entry)
    bucket_then = (
        sa.select(spell.c.bucket)
        .where(
            spell.c.account_id == account.c.id,
            spell.c.from_on <= THEN,
            sa.or_(spell.c.to_on.is_(None), spell.c.to_on > THEN),
        )
        .scalar_subquery()
    )
    since = (
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0), sa.BigInteger))
        .where(
            entry.c.account_id == account.c.id,
            entry.c.effective_on > THEN,
            entry.c.effective_on <= state.c.folded_through,
            entry.c.posted_on <= state.c.folded_through,
        )
        .scalar_subquery()
    )
    has_old = sa.false() if reaches_back else old.c.account_id.is_not(None)
    is_of_month = sa.and_(has_old, old.c.then_on == THEN)
    then_bucket = sa.case(
        (is_of_month, old.c.then_bucket),
        (has_old, old.c.bucket),
        else_=sa.func.coalesce(bucket_then, CURRENT),
    )
    then_balance = sa.case(
        (is_of_month, old.c.then_balance_minor),
        (has_old, old.c.balance_minor),
        else_=sa.func.coalesce(state.c.balance_minor - since, 0),
    )
    columns = _columns(is_reported, THEN, then_bucket, then_balance)
    rows = _joined(sa.select(*columns), changed, old).where(account.c.portfolio_id == OWN)
    if reaches_back:
        return rows
    present = zip(_COLUMNS, columns, strict=True)
    differs = (value.is_distinct_from(old.c[name]) for name, value in present if not name.startswith("then_"))
    return rows.where(sa.or_(old.c.account_id.is_(None), *differs))


def _joined(query: Query, changed: sa.Subquery, old: sa.FromClause) -> Query:
    account, state, kept = table_of(Account), table_of(AccountState), table_of(AccountSlice)
    return (
        query.select_from(changed)
        .join(account, account.c.id == changed.c.account_id)
        .outerjoin(state, state.c.account_id == account.c.id)
        .outerjoin(kept, sa.and_(kept.c.account_id == account.c.id, kept.c.to_on.is_(None)))
        .outerjoin(old, old.c.account_id == account.c.id)
    )


def _columns(
    is_reported: bool, then_on: Expression, then_bucket: Expression, then_balance: Expression
) -> tuple[Expression, ...]:
    account, state, kept, position = (
        table_of(each) for each in (Account, AccountState, AccountSlice, Position)
    )
    known: Expression = sa.cast(sa.null(), sa.Date())
    if is_reported:
        first = sa.select(sa.func.min(position.c.as_of)).where(position.c.account_id == account.c.id)
        known = first.scalar_subquery()
    return (
        account.c.id,
        account.c.portfolio_id,
        account.c.customer_id,
        kept.c.slice_id,
        account.c.opened_on,
        account.c.status,
        account.c.ended_on,
        known,
        sa.func.coalesce(state.c.bucket, CURRENT),
        state.c.oldest_due_on,
        sa.func.coalesce(state.c.past_due_minor, 0),
        sa.func.coalesce(state.c.balance_minor, 0),
        then_on,
        then_bucket,
        then_balance,
    )


def _anew(portfolio: Portfolio, then_on: date) -> Query:
    account, state, kept = table_of(Account), table_of(AccountState), table_of(AccountSlice)
    then, since = spells_on(id_of(portfolio), then_on), moved_since(id_of(portfolio), then_on)
    balance = sa.func.coalesce(state.c.balance_minor, 0) - sa.func.coalesce(since.c.moved, 0)
    is_reported = portfolio.source is DelinquencySource.REPORTED
    bucket, month_end = sa.func.coalesce(then.c.bucket, CURRENT), sa.literal(then_on, sa.Date())
    return (
        sa.select(*_columns(is_reported, month_end, bucket, balance))
        .select_from(account)
        .outerjoin(state, state.c.account_id == account.c.id)
        .outerjoin(kept, sa.and_(kept.c.account_id == account.c.id, kept.c.to_on.is_(None)))
        .outerjoin(since, since.c.account_id == account.c.id)
        .outerjoin(then, then.c.account_id == account.c.id)
        .where(account.c.portfolio_id == portfolio.id)
    )
