"""The standing of every account of a portfolio at the end of a day: the rows behind figures of accounts."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT
from app.book.delinquency.models import AccountState, ReAge
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account, Entry, Position
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.database.engine import table_of
from app.core.database.rows import Expression
from app.reporting.kpis.family import Days, Shape
from app.reporting.kpis.models import NEVER, AccountStanding, StandingSum


def standing_on(shape: Shape, days: Days) -> sa.Subquery:
    """One row an account that figures count at the end of the day (`counted_on`), for any day and with everything
    folded so far: account_id, customer_id, bucket, past_due_minor, oldest_due_on (None = current) and balance_minor.
    Pooled, a row has no account, and of balances the sum of those above 0."""
    if shape.from_wide_rows:
        wide = _wide_rows(shape)
        columns: list[Expression] = [
            wide.c[name] for name in ("account_id", "customer_id", "slice_id", "bucket", "oldest_due_on")
        ]
        if shape.is_pooled:
            columns += [wide.c.accounts, wide.c.positive_minor.label("balance_minor")]
        else:
            columns += [wide.c.past_due_minor, wide.c.balance_minor]
        return sa.select(*columns).where(_counted(wide, shape, days, days.on)).subquery("standing")
    return _standing_then(days, days.on)


def _standing_then(days: Days, on: sa.ColumnElement[date]) -> sa.Subquery:
    """`standing_on` from history, at the end of any of the days."""
    account, state = table_of(Account), table_of(AccountState)
    spells, since = spells_on(days.portfolio_id, on), moved_since(days.portfolio_id, on)
    balance = sa.func.coalesce(state.c.balance_minor, 0) - sa.func.coalesce(since.c.moved, 0)
    return (
        sa.select(
            account.c.id.label("account_id"),
            account.c.customer_id,
            sa.func.coalesce(spells.c.bucket, CURRENT).label("bucket"),
            sa.func.coalesce(spells.c.past_due_minor, 0).label("past_due_minor"),
            spells.c.oldest_due_on,
            balance.label("balance_minor"),
        )
        .select_from(account)
        .outerjoin(state, state.c.account_id == account.c.id)
        .outerjoin(since, since.c.account_id == account.c.id)
        .outerjoin(spells, spells.c.account_id == account.c.id)
        .where(account.c.portfolio_id == days.portfolio_id, counted_on(on))
        .subquery("standing")
    )


def number_of(shape: Shape, source: sa.Subquery) -> sa.ColumnElement[int]:
    """How many accounts a row of `standing_on` or `flow_on` is."""
    return source.c.accounts if shape.is_pooled else sa.literal(1)


def _wide_rows(shape: Shape) -> sa.FromClause:
    """The wide rows; pooled, one row for all accounts that stand alike, in the same words."""
    if not shape.is_pooled:
        return table_of(AccountStanding)
    kept = table_of(StandingSum)
    names = (
        "portfolio_id", "bucket", "then_on", "then_bucket", "status", "opened_on",
        "accounts", "positive_minor", "balance_minor", "then_balance_minor",
    )  # fmt: skip
    never = sa.literal(NEVER, sa.Date())
    days = (
        sa.func.nullif(kept.c[name], never).label(name)
        for name in ("oldest_due_on", "ended_on", "known_from")
    )
    nobody = sa.null().label("account_id"), sa.null().label("customer_id")
    its_slice = sa.func.nullif(kept.c.slice_id, 0).label("slice_id")
    return sa.select(*(kept.c[name] for name in names), *days, its_slice, *nobody).subquery("wide")


def flow_on(shape: Shape, days: Days) -> sa.Subquery:
    """One row an account that was counted at the last month end, `then`, and had not ended by then: account_id,
    customer_id, then_bucket, then_balance_minor, is_re_aged (1 = since then), and `now`: its bucket at the end of the
    day, or the status by which it ended since. Where a creditor reports how accounts stand, only those that it had
    reported by then. Pooled, a row has no account, and does not say whether it was re-aged."""
    on, then_on = days.on, days.month_end
    made = table_of(ReAge)
    re_aged = sa.select(made.c.account_id).where(
        made.c.portfolio_id == days.portfolio_id, made.c.on.between(days.month_start, on)
    )

    def is_re_aged(account_id: sa.ColumnElement[int]) -> sa.Label[int]:
        return sa.case((account_id.in_(re_aged), 1), else_=0).label("is_re_aged")

    if shape.from_wide_rows:
        wide = _wide_rows(shape)
        is_kept = wide.c.then_on == then_on
        known = (wide.c.known_from <= then_on,) if shape.is_reported else ()
        balance = sa.case((is_kept, wide.c.then_balance_minor), else_=wide.c.balance_minor)
        return (
            sa.select(
                wide.c.account_id,
                wide.c.customer_id,
                wide.c.slice_id,
                wide.c.accounts if shape.is_pooled else is_re_aged(wide.c.account_id),
                sa.case((is_kept, wide.c.then_bucket), else_=wide.c.bucket).label("then_bucket"),
                balance.label("then_balance_minor"),
                sa.case((wide.c.ended_on <= on, wide.c.status), else_=wide.c.bucket).label("now"),
            )
            .where(
                _counted(wide, shape, days, then_on),
                sa.or_(wide.c.ended_on.is_(None), wide.c.ended_on > then_on),
                *known,
            )
            .subquery("flow")
        )
    account, position = table_of(Account), table_of(Position)
    then, now = _standing_then(days, then_on), spells_on(days.portfolio_id, on)
    bucket = sa.func.coalesce(now.c.bucket, CURRENT)
    query = (
        sa.select(
            then.c.account_id,
            then.c.customer_id,
            is_re_aged(then.c.account_id),
            then.c.bucket.label("then_bucket"),
            then.c.balance_minor.label("then_balance_minor"),
            sa.case((account.c.ended_on <= on, sa.cast(account.c.status, sa.String)), else_=bucket).label(
                "now"
            ),
        )
        .select_from(then)
        .join(account, account.c.id == then.c.account_id)
        .outerjoin(now, now.c.account_id == then.c.account_id)
        .where(sa.or_(account.c.ended_on.is_(None), account.c.ended_on > then_on))
    )
    if shape.is_reported:
        query = query.where(
            sa.exists().where(position.c.account_id == account.c.id, position.c.as_of <= then_on)
        )
    return query.subquery("flow")


def _counted(
    wide: sa.FromClause, shape: Shape, days: Days, on: sa.ColumnElement[date]
) -> sa.ColumnElement[bool]:
    """`counted_on`, of wide rows."""
    charged_off = wide.c.status == AccountStatus.CHARGED_OFF.value
    came_so = wide.c.ended_on.is_(None) if not shape.works_charged_off else sa.false()
    is_out = sa.and_(
        charged_off, sa.or_(came_so, sa.and_(wide.c.ended_on.is_not(None), wide.c.ended_on <= on))
    )
    return sa.and_(wide.c.portfolio_id == days.portfolio_id, wide.c.opened_on <= on, sa.not_(is_out))


def moved_since(portfolio_id: int | sa.ColumnElement[int], on: date | sa.ColumnElement[date]) -> sa.Subquery:
    """By account, the sum of its entries between the end of `on` and its state, without those that came after its fold.
    Few accounts, for a recent day."""
    entry, state = table_of(Entry), table_of(AccountState)
    return (
        sa.select(
            entry.c.account_id, sa.cast(sa.func.sum(entry.c.amount_minor), sa.BigInteger).label("moved")
        )
        .join(state, state.c.account_id == entry.c.account_id)
        .where(
            entry.c.portfolio_id == portfolio_id,
            entry.c.effective_on > on,
            entry.c.effective_on <= state.c.folded_through,
            entry.c.posted_on <= state.c.folded_through,
        )
        .group_by(entry.c.account_id)
        .subquery("since")
    )


def counted_on(on: date | sa.ColumnElement[date]) -> sa.ColumnElement[bool]:
    """Select the accounts that the overdue rates of `on` count: opened by then and not charged off by then.

    In a third-party collector's portfolio, accounts that the creditor charged off before they came count too: the
    collector was given them to work.
    """
    account, portfolio = table_of(Account), table_of(Portfolio)
    a_collectors = account.c.portfolio_id.in_(
        sa.select(portfolio.c.id).where(portfolio.c.collector == CollectorKind.THIRD_PARTY)
    )
    came_so = sa.and_(account.c.ended_on.is_(None), sa.not_(a_collectors))
    ended_here = sa.and_(account.c.ended_on.is_not(None), account.c.ended_on <= on)
    charged_off = sa.and_(account.c.status == AccountStatus.CHARGED_OFF, sa.or_(came_so, ended_here))
    return sa.and_(account.c.opened_on <= on, sa.not_(charged_off))


def positive(amount: Expression) -> sa.ColumnElement[int]:
    """The amount, or 0 where it is not above 0."""
    return sa.case((amount > 0, amount), else_=0)
