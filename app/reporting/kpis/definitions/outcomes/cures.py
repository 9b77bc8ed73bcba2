"""Cure persistence: of the accounts that became current, how many stayed so for 3, 6 and 12 months."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.delinquency.models import ReAge, Spell
from app.book.ledger.models import Account
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.again import late_again, lost_after
from app.reporting.kpis.definitions.outcomes.rules import CURE_FAILED_DAYS, HORIZONS
from app.reporting.kpis.family import Days, Family, Shape, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit


def _rows(_shape: Shape, days: Days) -> Query:
    """Accounts that became current on one of the days that the horizons look back to, other than by a re-age or by
    their end."""
    spell, next_one, account = table_of(Spell), table_of(Spell).alias("next"), table_of(Account)
    made = table_of(ReAge)
    measures = []
    for within in HORIZONS:
        is_then = spell.c.to_on == days.before(within)
        failed = sa.or_(
            late_again(spell.c.account_id, spell.c.to_on, within, CURE_FAILED_DAYS),
            lost_after(account.c.status, account.c.ended_on, spell.c.to_on, within),
        )
        measures.append(sa.case((is_then, 1), else_=0).label(f"cured_{within}"))
        measures.append(sa.case((sa.and_(is_then, ~failed), 1), else_=0).label(f"held_{within}"))
    goes_on = sa.exists().where(
        next_one.c.account_id == spell.c.account_id, next_one.c.from_on == spell.c.to_on
    )
    is_re_aged = sa.exists().where(made.c.account_id == spell.c.account_id, made.c.on == spell.c.to_on)
    ended = account.c.ended_on.is_not_distinct_from(spell.c.to_on)
    return (
        sa.select(
            *thing(Thing.CURE, spell.c.id, spell.c.to_on, spell.c.account_id, account.c.customer_id),
            *measures,
        )
        .select_from(spell)
        .join(account, account.c.id == spell.c.account_id)
        .where(
            spell.c.portfolio_id == days.portfolio_id,
            spell.c.to_on.in_([days.before(within) for within in HORIZONS]),
            ~goes_on,
            ~is_re_aged,
            ~ended,
        )
    )


CURES = Family(
    "cures",
    "Cure persistence",
    tuple(
        Definition(
            f"cure_persistence_{words.split()[0]}m",
            f"Cures that lasted {words}",
            Unit.ACCOUNTS,
            Seed.REPAYMENT,
            f"accounts that became current {within} days before and were neither {CURE_FAILED_DAYS} days past due "
            "again nor charged off or sold within these days",
            f"accounts that became current {within} days before",
            f"held_{within}",
            f"cured_{within}",
            more_is_better=True,
        )
        for within, words in HORIZONS.items()
    ),
    _rows,
    about="A re-age is no cure, nor is the end of an account. The figure of a day is of the cures of one day; a trend "
    "shows them together.",
)
