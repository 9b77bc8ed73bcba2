"""Overdue rates: how much of the portfolio is so many days past due."""

from __future__ import annotations

import sqlalchemy as sa

from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.family import Days, Family, Shape, counted_account
from app.reporting.kpis.rules import OVERDUE_DAYS, Definition, Dimension, Seed, Unit
from app.reporting.kpis.standing import number_of, positive, standing_on

_LATE = sorted({*OVERDUE_DAYS, *(each.classified_from for each in schemes().values())})


def _rows(shape: Shape, days: Days) -> Query:
    """Every counted account; a day past due is counted where its balance and one account stand."""
    stands = standing_on(shape, days)
    balance = positive(stands.c.balance_minor)
    number = number_of(shape, stands)
    measures = [number.label("accounts"), balance.label("balance")]
    for late in _LATE:
        is_late = stands.c.oldest_due_on <= days.before(late)
        if late in OVERDUE_DAYS:
            measures.append(sa.case((is_late, number), else_=0).label(f"accounts_{late}"))
        measures.append(sa.case((is_late, balance), else_=0).label(f"balance_{late}"))
    return sa.select(
        *counted_account(stands, days.on),
        stands.c.bucket,
        *measures,
    )


OVERDUE = Family(
    "overdue",
    "Overdue rates",
    (
        *(
            Definition(
                f"overdue_rate_balance_{days}",
                f"Overdue rate by balance, {days}+ days",
                Unit.MONEY,
                Seed.REPAYMENT,
                f"positive balance of accounts {days} or more days past due",
                "positive balance of all accounts not charged off",
                f"balance_{days}",
                "balance",
                more_is_better=False,
            )
            for days in OVERDUE_DAYS
        ),
        *(
            Definition(
                f"overdue_rate_accounts_{days}",
                f"Overdue rate by accounts, {days}+ days",
                Unit.ACCOUNTS,
                Seed.REPAYMENT,
                f"accounts {days} or more days past due",
                "all accounts not charged off",
                f"accounts_{days}",
                "accounts",
                more_is_better=False,
            )
            for days in OVERDUE_DAYS
        ),
        *(
            Definition(
                f"classified_rate_{dimension.value}",
                f"Classified, {scheme.title}",
                Unit.MONEY,
                Seed.REPAYMENT,
                f"positive balance of accounts {scheme.classified_from} or more days past due: "
                f"{', '.join(scheme.classified)}",
                "positive balance of all accounts not charged off",
                f"balance_{scheme.classified_from}",
                "balance",
                more_is_better=False,
                scheme=scheme.label,
                version=scheme.version,
            )
            for dimension, scheme in schemes().items()
        ),
    ),
    _rows,
    (Dimension.BUCKET,),
    "Days past due count from the due date of the oldest unpaid due; paused days do not count.",
    is_folded=True,
    is_pooled=True,
)
