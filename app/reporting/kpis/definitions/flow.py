"""Flow between buckets since the last month end: roll rates, the roll-rate matrix, cures. And what is repaid within 30
days of falling past due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT, bucket_labels
from app.book.delinquency.models import Spell
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.reporting.kpis.family import Days, Family, Rows, Shape, counted_account, thing, together
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit
from app.reporting.kpis.standing import flow_on, number_of

ARROW = ">"
"""Between the two buckets of a cell of the matrix: `1-29>current`."""
LOST = frozenset({AccountStatus.CHARGED_OFF, AccountStatus.SOLD})
"""Ends by which an account is not cured, although nothing of it is past due any more."""


def _flow_rows(shape: Shape, days: Days) -> Rows:
    """Every account of `flow_on` since the last month end: its bucket then and now, and its balance then. An account
    that ended since stands in its end (`charged_off`, `paid`, ...), not in a bucket.

    Pooled rows do not say which accounts were re-aged: these few are looked up, and counted as that alone.
    """
    flow = flow_on(shape, days)
    counts = _counts(flow, number_of(shape, flow), shape.edges)
    if not shape.is_pooled:
        return _flow_select(flow, days, counts | _re_aged(flow))
    singly = flow_on(replace(shape, is_pooled=False), days)
    few = _flow_select(singly, days, dict.fromkeys(counts, sa.literal(0)) | _re_aged(singly))
    nobody = dict.fromkeys(_re_aged(singly), sa.literal(0))
    return together([_flow_select(flow, days, counts | nobody), few.where(singly.c.is_re_aged == 1)])


def _flow_select(flow: sa.Subquery, days: Days, counts: Mapping[str, Expression]) -> Query:
    then, to = flow.c.then_bucket, flow.c.now
    return sa.select(
        *counted_account(flow, days.month_end),
        then.label("bucket"),
        (then + ARROW + to).label("move"),
        *(count.label(name) for name, count in counts.items()),
    )


def _counts(flow: sa.Subquery, number: Expression, edges: Sequence[int]) -> dict[str, Expression]:
    then, to, balance = flow.c.then_bucket, flow.c.now, flow.c.then_balance_minor
    labels = bucket_labels(edges)
    rank = {label: n for n, label in enumerate(labels)} | {each.value: len(labels) for each in LOST}
    is_late = then != CURRENT
    conditions = {
        "late": is_late,
        "worse": sa.and_(is_late, _ranked(to, rank) > _ranked(then, rank)),
        "cured": sa.and_(is_late, to.in_([CURRENT, AccountStatus.PAID.value])),
        "charged_off": to == AccountStatus.CHARGED_OFF.value,
    }
    counts: dict[str, Expression] = {"accounts": number, "balance": balance}
    for name, condition in conditions.items():
        counts[name] = sa.case((condition, number), else_=0)
        counts[f"{name}_balance"] = sa.case((condition, balance), else_=0)
    return counts


def _re_aged(flow: sa.Subquery) -> dict[str, Expression]:
    condition = sa.and_(flow.c.then_bucket != CURRENT, flow.c.is_re_aged == 1)
    return {
        "re_aged": sa.case((condition, 1), else_=0),
        "re_aged_balance": sa.case((condition, flow.c.then_balance_minor), else_=0),
    }


def _ranked(bucket: Expression, rank: dict[str, int]) -> sa.ColumnElement[int]:
    """The place of a bucket, from current to the worst; -1 for an end that is no loss."""
    return sa.case(rank, value=bucket, else_=-1)


def _flow(name: str, title: str, counted: str, columns: tuple[str, str], *, good: bool) -> Definition:
    is_money = columns[1].endswith("balance")
    what = "balance then of accounts" if is_money else "accounts"
    return Definition(
        name,
        title,
        Unit.MONEY if is_money else Unit.ACCOUNTS,
        Seed.REPAYMENT,
        f"{what} {counted}",
        f"{what} past due at the last month end before this month",
        *columns,
        more_is_better=good,
    )


_WORSE = "past due at the last month end that stand in a worse bucket now, were charged off or sold since"
_CURED = "past due at the last month end that are current now or paid off"
_RE_AGED = "past due at the last month end that were re-aged since"

FLOW = Family(
    "flow",
    "Roll rates and cures",
    (
        _flow("roll_rate", "Roll rate, by accounts", _WORSE, ("worse", "late"), good=False),
        _flow(
            "roll_rate_balance",
            "Roll rate, by balance",
            _WORSE,
            ("worse_balance", "late_balance"),
            good=False,
        ),
        _flow("cure_rate", "Cure rate, by accounts", _CURED, ("cured", "late"), good=True),
        _flow(
            "cure_rate_balance", "Cure rate, by balance", _CURED, ("cured_balance", "late_balance"), good=True
        ),
        _flow("re_aged_rate", "Re-aged, by accounts", _RE_AGED, ("re_aged", "late"), good=False),
        _flow(
            "re_aged_rate_balance",
            "Re-aged, by balance",
            _RE_AGED,
            ("re_aged_balance", "late_balance"),
            good=False,
        ),
        Definition(
            "charge_off_rate",
            "Charge-off rate, month to date",
            Unit.MONEY,
            Seed.RECOVERY,
            "balance at the last month end of accounts charged off since",
            "balance at the last month end before this month of all accounts",
            "charged_off_balance",
            "balance",
            more_is_better=False,
        ),
        Definition(
            "roll_matrix",
            "Roll-rate matrix, accounts",
            Unit.ACCOUNTS,
            Seed.REPAYMENT,
            "accounts by their bucket at the last month end before this month and their bucket now",
            "the same accounts",
            "accounts",
            "accounts",
            more_is_better=True,
            is_tile=False,
        ),
        Definition(
            "roll_matrix_balance",
            "Roll-rate matrix, balance then",
            Unit.MONEY,
            Seed.REPAYMENT,
            "balance at the last month end of these accounts",
            "the same balance",
            "balance",
            "balance",
            more_is_better=True,
            is_tile=False,
        ),
    ),
    _flow_rows,
    (Dimension.BUCKET, Dimension.MOVE),
    "Its bucket is that of the last month end; `move` is a cell of the matrix, such as `1-29>current`.",
    is_folded=True,
    is_pooled=True,
)


def _repayment_rows(_shape: Shape, days: Days) -> Query:
    """Accounts that went past due on the day 30 days before the day, having been current the day before."""
    fell_on = days.before(30)
    spell, before, after, account = (
        table_of(Spell),
        table_of(Spell).alias("before"),
        table_of(Spell).alias("after"),
        table_of(Account),
    )
    ended = table_of(Spell).alias("ended")
    went_on = sa.exists().where(after.c.account_id == ended.c.account_id, after.c.from_on == ended.c.to_on)
    lost = sa.and_(account.c.status.in_(LOST), account.c.ended_on == ended.c.to_on)
    cleared = sa.exists().where(
        ended.c.account_id == spell.c.account_id,
        ended.c.to_on > fell_on,
        ended.c.to_on <= days.on,
        ~went_on,
        ~lost,
    )
    was_late = sa.exists().where(
        before.c.account_id == spell.c.account_id, before.c.to_on == fell_on, before.c.from_on < fell_on
    )
    return (
        sa.select(
            *thing(Thing.ACCOUNT, spell.c.account_id, fell_on, spell.c.account_id, account.c.customer_id),
            sa.literal(1).label("fell"),
            sa.case((cleared, 1), else_=0).label("cleared"),
        )
        .select_from(spell)
        .join(account, account.c.id == spell.c.account_id)
        .where(spell.c.portfolio_id == days.portfolio_id, spell.c.from_on == fell_on, ~was_late)
    )


REPAYMENT = Family(
    "repayment",
    "Overdue repayment",
    (
        Definition(
            "overdue_repayment_rate",
            "Overdue repayment rate, 30 days",
            Unit.ACCOUNTS,
            Seed.REPAYMENT,
            "accounts that went past due 30 days before and cleared all of it within these 30 days",
            "accounts that went past due then",
            "cleared",
            "fell",
            more_is_better=True,
        ),
    ),
    _repayment_rows,
    about="An account that was charged off or sold meanwhile has not cleared. Its bucket is that of the day.",
)
