"""Re-aged accounts: how many were past due or lost again 3, 6 and 12 months later."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.delinquency.models import ReAge
from app.book.ledger.models import Account
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.again import late_again, lost_after
from app.reporting.kpis.definitions.outcomes.rules import HORIZONS, RE_AGE_COHORT, RE_DEFAULT_DAYS
from app.reporting.kpis.family import Days, Family, Shape, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit


def _rows(_shape: Shape, days: Days) -> Query:
    """Re-ages that are old enough for one horizon at least; a re-age counts in each horizon whose cohort it is in."""
    made, account = table_of(ReAge), table_of(Account)
    measures = []
    for within in HORIZONS:
        is_in = sa.and_(made.c.on > days.before(within + RE_AGE_COHORT), made.c.on <= days.before(within))
        failed = sa.or_(
            late_again(made.c.account_id, made.c.on, within, RE_DEFAULT_DAYS),
            lost_after(account.c.status, account.c.ended_on, made.c.on, within),
        )
        measures.append(sa.case((is_in, 1), else_=0).label(f"re_aged_{within}"))
        measures.append(sa.case((sa.and_(is_in, failed), 1), else_=0).label(f"failed_{within}"))
    first, last = min(HORIZONS), max(HORIZONS)
    return (
        sa.select(*thing(Thing.RE_AGE, made.c.id, made.c.on, account.c.id, account.c.customer_id), *measures)
        .select_from(made)
        .join(account, account.c.id == made.c.account_id)
        .where(
            made.c.portfolio_id == days.portfolio_id,
            made.c.on <= days.before(first),
            made.c.on > days.before(last + RE_AGE_COHORT),
        )
    )


RE_AGES = Family(
    "re_ages",
    "Re-aged accounts",
    tuple(
        Definition(
            f"re_default_rate_{words.split()[0]}m",
            f"Re-default of re-aged accounts within {words}",
            Unit.RE_AGES,
            Seed.REPAYMENT,
            f"re-ages after which the account was {RE_DEFAULT_DAYS} or more days past due, charged off or sold within "
            f"{within} days",
            f"re-ages of the {RE_AGE_COHORT} days that ended {within} days before",
            f"failed_{within}",
            f"re_aged_{within}",
            more_is_better=False,
        )
        for within, words in HORIZONS.items()
    ),
    _rows,
    about="A re-age that was taken back is not counted.",
)
