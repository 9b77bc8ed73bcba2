"""Whether an account was late again, or lost, within some days after one that brought it current."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.delinquency.models import Spell
from app.core.database.engine import table_of
from app.core.database.rows import Expression
from app.reporting.kpis.definitions.outcomes.rules import LOST
from app.reporting.kpis.family import days_between


def late_again(account_id: Expression, since: Expression, within: int, days: int) -> sa.ColumnElement[bool]:
    """It reached so many days past due within `within` days after the day `since`, in a spell that began later."""
    spell = table_of(Spell).alias("later")
    stayed = sa.or_(spell.c.to_on.is_(None), days_between(spell.c.oldest_due_on, spell.c.to_on) > days)
    return sa.exists().where(
        spell.c.account_id == account_id,
        spell.c.from_on > since,
        days_between(since, spell.c.from_on) <= within,
        days_between(since, spell.c.oldest_due_on) + days <= within,
        stayed,
    )


def lost_after(
    status: Expression, ended_on: Expression, since: Expression, within: int
) -> sa.ColumnElement[bool]:
    """It was charged off or sold within `within` days after the day `since`."""
    return sa.and_(status.in_(LOST), ended_on > since, days_between(since, ended_on) <= within)
