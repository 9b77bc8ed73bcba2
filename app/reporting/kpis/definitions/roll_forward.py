"""Roll-forward by bucket: how the amount past due in each bucket of the last month end became that of now.

Everything that happened to an account counts in the bucket in which it stood at the month end. What is left of it moves
out of there, and into the bucket in which it stands now.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import Movement
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.reporting.kpis.definitions.outcomes.rules import LOST, ROLL_FORWARD_PREFIX
from app.reporting.kpis.family import Days, Family, Rows, Shape, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

LINES = {
    "opening": ("At the start", "past due at the last month end before this month"),
    "fell": ("Newly late", "what fell past due this month"),
    "moved_in": ("Moved in", "past due now of accounts that stood in another bucket then"),
    "moved_out": ("Moved out", "past due now of accounts that stand in another bucket now"),
    "cured": ("Cured", "payments toward unpaid dues this month on accounts that are current now"),
    "paid": ("Paid", "payments toward unpaid dues this month on accounts that are not"),
    "adjusted": ("Adjusted", "credits, waivers, re-ages and ends of accounts this month"),
    "closing": ("Now", "past due at the end of the day"),
}
"""Columns, their titles and words: opening + fell + moved in - moved out - cured - paid - adjusted = closing."""


def _rows(_shape: Shape, days: Days) -> Rows:
    account = table_of(Account)
    begun, now = _then_and_now(days)
    stays = begun.c.bucket == now.c.bucket
    left = sa.func.coalesce(now.c.past_due_minor, 0)
    stood = (
        sa.select(
            *thing(
                Thing.ACCOUNT, begun.c.account_id, days.month_end, begun.c.account_id, account.c.customer_id
            ),
            *_lines(
                begun.c.bucket,
                opening=begun.c.past_due_minor,
                moved_out=sa.case((stays, 0), else_=left),
                closing=sa.case((stays, left), else_=0),
            ),
        )
        .select_from(begun)
        .join(account, account.c.id == begun.c.account_id)
        .outerjoin(now, now.c.account_id == begun.c.account_id)
    )
    return sa.union_all(stood, *_arrivals(days, account), _moved(days, account))


def _arrivals(days: Days, account: sa.Table) -> tuple[Query, Query]:
    """Accounts that stand in another bucket than at the month end: what comes in where they stand, and what goes out of
    `current` for those that were not past due then."""
    begun, now = _then_and_now(days)
    then, left = sa.func.coalesce(begun.c.bucket, CURRENT), now.c.past_due_minor

    def came(lines: list[Expression], where: sa.ColumnElement[bool]) -> Query:
        edge = thing(Thing.ACCOUNT, now.c.account_id, days.on, now.c.account_id, account.c.customer_id)
        return (
            sa.select(*edge, *lines)
            .select_from(now)
            .join(account, account.c.id == now.c.account_id)
            .outerjoin(begun, begun.c.account_id == now.c.account_id)
            .where(where)
        )

    arrived = came(_lines(now.c.bucket, moved_in=left, closing=left), then != now.c.bucket)
    return arrived, came(_lines(sa.literal(CURRENT), moved_out=left), begun.c.account_id.is_(None))


def _moved(days: Days, account: sa.Table) -> Query:
    """The movements of the month, each in the bucket in which its account stood at the month end."""
    movement = table_of(Movement)
    begun, now = _then_and_now(days)
    is_lost = sa.and_(
        account.c.status.in_(LOST), account.c.ended_on.is_not(None), account.c.ended_on <= days.on
    )
    is_current = sa.and_(now.c.account_id.is_(None), ~is_lost)
    is_paid = movement.c.kind == MovementKind.PAID

    def amount(where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.case((where, movement.c.amount_minor), else_=0)

    lines = _lines(
        sa.func.coalesce(begun.c.bucket, CURRENT),
        fell=amount(movement.c.kind == MovementKind.FELL_PAST_DUE),
        cured=amount(sa.and_(is_paid, is_current)),
        paid=amount(sa.and_(is_paid, ~is_current)),
        adjusted=amount(movement.c.kind == MovementKind.ADJUSTED),
    )
    edge = thing(Thing.MOVEMENT, movement.c.id, movement.c.on, movement.c.account_id, account.c.customer_id)
    return (
        sa.select(*edge, *lines)
        .select_from(movement)
        .join(account, account.c.id == movement.c.account_id)
        .outerjoin(begun, begun.c.account_id == movement.c.account_id)
        .outerjoin(now, now.c.account_id == movement.c.account_id)
        .where(movement.c.portfolio_id == days.portfolio_id, movement.c.on.between(days.month_start, days.on))
    )


def _then_and_now(days: Days) -> tuple[sa.FromClause, sa.FromClause]:
    """The spells of accounts past due at the last month end, and at the end of the day."""
    begun, now = spells_on(days.portfolio_id, days.month_end), spells_on(days.portfolio_id, days.on)
    return begun.alias("begun"), now.alias("now")


def _lines(bucket: Expression, **amounts: Expression) -> list[Expression]:
    """The bucket of a row and its measures; those that are not given are 0."""
    lines = (sa.cast(amounts.get(line, sa.literal(0)), sa.BigInteger).label(line) for line in LINES)
    return [bucket.label(Dimension.BUCKET), *lines]


ROLL_FORWARD = Family(
    "roll_forward",
    "Roll-forward by bucket",
    tuple(
        Definition(
            f"{ROLL_FORWARD_PREFIX}{line}",
            f"Roll-forward: {title.lower()}",
            Unit.MONEY,
            Seed.REPAYMENT,
            words,
            "the same",
            line,
            line,
            more_is_better=False,
            is_tile=False,
        )
        for line, (title, words) in LINES.items()
    ),
    _rows,
    (Dimension.BUCKET,),
    "Its bucket is that of the last month end; `current` are accounts that were not past due then. In each bucket: "
    "past due at the start + fell past due + moved in - moved out - paid - adjusted = past due now. Computed when "
    "asked for, of any closed day, and not stored.",
)
