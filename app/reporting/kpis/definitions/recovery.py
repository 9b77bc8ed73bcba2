"""Recovery: of what was past due, or fell past due, how much was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT, DAY
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import Movement
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.dates import month_start
from app.reporting.kpis.family import Family, Scope, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit


def _thirty_days(on: date) -> date:
    return on - timedelta(days=29)


def _rows(first_of: Callable[[date], date]) -> Callable[[Scope, date], Query]:
    """Movements of the window that begins on `first_of(on)`, and what each account had past due the night before it.

    The bucket is that of the account the night before the window: a payment counts where the debt stood, not where
    it brought the account.
    """

    def rows(scope: Scope, on: date) -> Query:
        first_on = first_of(on)
        movement, account = table_of(Movement), table_of(Account)
        start = spells_on(scope.portfolio_id, first_on - DAY)
        is_paid, fell = (movement.c.kind == kind for kind in (MovementKind.PAID, MovementKind.FELL_PAST_DUE))
        moved = (
            sa.select(
                *thing(
                    Thing.MOVEMENT, movement.c.id, movement.c.on, movement.c.account_id, account.c.customer_id
                ),
                sa.func.coalesce(start.c.bucket, CURRENT).label("bucket"),
                sa.case((is_paid, movement.c.amount_minor), else_=0).label("paid"),
                sa.case((fell, movement.c.amount_minor), else_=0).label("payable"),
            )
            .join(account, account.c.id == movement.c.account_id)
            .outerjoin(start, start.c.account_id == movement.c.account_id)
            .where(
                movement.c.portfolio_id == scope.portfolio_id,
                movement.c.on.between(first_on, on),
                movement.c.kind.in_([MovementKind.PAID, MovementKind.FELL_PAST_DUE]),
            )
        )
        begun = spells_on(scope.portfolio_id, first_on - DAY)
        past_due = sa.select(
            *thing(
                Thing.ACCOUNT, begun.c.account_id, first_on - DAY, begun.c.account_id, account.c.customer_id
            ),
            begun.c.bucket,
            sa.literal(0).label("paid"),
            begun.c.past_due_minor.label("payable"),
        ).join(account, account.c.id == begun.c.account_id)
        both = sa.union_all(moved, past_due).subquery("recovery")
        return sa.select(*both.c)

    return rows


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
    _rows(month_start),
    (Dimension.BUCKET,),
    ABOUT,
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
    _rows(_thirty_days),
    (Dimension.BUCKET,),
    ABOUT,
)
