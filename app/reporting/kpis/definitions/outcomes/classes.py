"""Supervisory classes: accounts past due by the class that each named scheme gives them."""

from __future__ import annotations

import sqlalchemy as sa

from app.core.database.rows import Expression, Query
from app.reporting.kpis.definitions.outcomes.schemes import Scheme, schemes
from app.reporting.kpis.family import Days, Family, Shape, counted_account
from app.reporting.kpis.rules import Definition, Dimension, Seed, Unit
from app.reporting.kpis.standing import number_of, positive, standing_on


def _rows(shape: Shape, days: Days) -> Query:
    """Counted accounts that are past due, with their class in every scheme."""
    stands = standing_on(shape, days)
    classes = [_class_of(scheme, stands.c.oldest_due_on, days) for scheme in schemes().values()]
    return sa.select(
        *counted_account(stands, days.on),
        stands.c.bucket,
        *classes,
        number_of(shape, stands).label("accounts"),
        positive(stands.c.balance_minor).label("balance"),
    ).where(stands.c.oldest_due_on.is_not(None))


def _class_of(scheme: Scheme, oldest_due_on: Expression, days: Days) -> sa.ColumnElement[str]:
    first, *worse = scheme.classes
    return sa.case(
        *((oldest_due_on <= days.before(each.from_day), each.name) for each in reversed(worse)),
        else_=first.name,
    ).label(scheme.dimension.value)


def _definition(name: str, title: str, unit: Unit, what: str, column: str) -> Definition:
    words = f"{what} past due, by the class of each scheme"
    return Definition(
        name,
        title,
        unit,
        Seed.REPAYMENT,
        words,
        "the same",
        column,
        column,
        more_is_better=False,
        is_tile=False,
        scheme="\n".join(each.label for each in schemes().values()),
        version=max(each.version for each in schemes().values()),
    )


CLASSES = Family(
    "supervisory_classes",
    "Supervisory classes",
    (
        _definition(
            "supervisory_class_accounts",
            "Supervisory classes, accounts",
            Unit.ACCOUNTS,
            "accounts",
            "accounts",
        ),
        _definition(
            "supervisory_class_balance",
            "Supervisory classes, balance",
            Unit.MONEY,
            "positive balance of accounts",
            "balance",
        ),
    ),
    _rows,
    (Dimension.BUCKET, *schemes()),
    "A dimension is a scheme, its members are the classes. Days past due as the overdue rates count them.",
    is_folded=True,
    is_pooled=True,
)
