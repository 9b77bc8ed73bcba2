"""Recovery: of what was past due, or fell past due, how much was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import Movement, Spell
from app.book.delinquency.queries import spell_selects_on, spells_on
from app.book.ledger.models import Account
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.reporting.kpis.definitions.sql import not_looked_up
from app.reporting.kpis.family import Days, Family, Rows, Shape, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

Window = Callable[[Days], tuple[sa.ColumnElement[date], sa.ColumnElement[date]]]
"""The first day of a window, and the day before it."""


def _rows(window: Window) -> Callable[[Shape, Days], Rows]:
    """Movements of the window, and what each account had past due the night before it.

    The bucket is that of the account the night before the window: a payment counts where the debt stood, not where
    it brought the account.
    """

    def rows(shape: Shape, days: Days) -> Rows:
        first_on, before = window(days)
        movement, account = table_of(Movement), table_of(Account)
        start = spells_on(days.portfolio_id, before)
        stood_in = _bucket_of(movement.c.account_id, before) if shape.for_list else start.c.bucket
        is_paid, fell = (movement.c.kind == kind for kind in (MovementKind.PAID, MovementKind.FELL_PAST_DUE))
        moved = (
            sa.select(
                *thing(
                    Thing.MOVEMENT, movement.c.id, movement.c.on, movement.c.account_id, account.c.customer_id
                ),
                sa.func.coalesce(stood_in, CURRENT).label("bucket"),
                sa.case((is_paid, movement.c.amount_minor), else_=0).label("paid"),
                sa.case((fell, movement.c.amount_minor), else_=0).label("payable"),
            )
            .select_from(movement)
            .outerjoin(account, account.c.id == movement.c.account_id)
            .where(
                movement.c.portfolio_id == days.portfolio_id,
                _on(movement, shape).between(first_on, days.on),
                movement.c.kind.in_([MovementKind.PAID, MovementKind.FELL_PAST_DUE]),
            )
        )
        if not shape.for_list:
            moved = moved.outerjoin(start, start.c.account_id == movement.c.account_id)
            return sa.union_all(moved, past_due(spells_on(days.portfolio_id, before), before))
        # Each by itself: a list reads the largest of each by an index.
        stood = (each.subquery("spells") for each in spell_selects_on(days.portfolio_id, before))
        return sa.union_all(moved, *(past_due(each, before) for each in stood))

    def past_due(begun: sa.Subquery, before: sa.ColumnElement[date]) -> Query:
        account = table_of(Account)
        return (
            sa.select(
                *thing(Thing.ACCOUNT, begun.c.account_id, before, begun.c.account_id, account.c.customer_id),
                begun.c.bucket,
                sa.literal(0).label("paid"),
                begun.c.past_due_minor.label("payable"),
            )
            .select_from(begun)
            .outerjoin(account, account.c.id == begun.c.account_id)
        )

    return rows


def _on(movement: sa.Table, shape: Shape) -> sa.ColumnElement[date]:
    """The day of a movement. A list goes through movements by their amount, and leaves out those of other days."""
    return not_looked_up(movement.c.on) if shape.for_list else movement.c.on


def _bucket_of(account_id: sa.ColumnElement[int], on: sa.ColumnElement[date]) -> Expression:
    """The bucket of an account that was past due at the end of a day."""
    spell = table_of(Spell)
    is_then = sa.or_(spell.c.to_on.is_(None), spell.c.to_on > on)
    return (
        sa.select(spell.c.bucket)
        .where(spell.c.account_id == account_id, spell.c.from_on <= on, is_then)
        .scalar_subquery()
    )


def _definition(name: str, title: str, window: str, start: str) -> Definition:
    return Definition(
        name,
        title,
        Unit.MONEY,
        Seed.RECOVERY,
        f"payments that went to unpaid dues {window}",
        f"past due at {start}",
        "paid",
        "payable",
        more_is_better=True,
    )


ABOUT = "Its bucket is that of the night before the window: a payment counts where the debt stood before it."
MONTH = Family(
    "recovery_month",
    "Recovery, month to date",
    (
        _definition(
            "recovery_rate",
            "Recovery rate, month to date",
            "this month",
            "the start of the month + what fell past due in it",
        ),
    ),
    _rows(lambda days: (days.month_start, days.month_end)),
    (Dimension.BUCKET,),
    ABOUT,
    is_folded=True,
    is_sparse=True,
)
THIRTY_DAYS = Family(
    "recovery_30d",
    "Recovery, 30 days",
    (
        _definition(
            "recovery_rate_30d",
            "Recovery rate, 30 days",
            "in the last 30 days",
            "their start + what fell past due in them",
        ),
    ),
    _rows(lambda days: (days.before(29), days.before(30))),
    (Dimension.BUCKET,),
    ABOUT,
    is_folded=True,
    is_sparse=True,
)
