"""Test for a creditor's `minimum_due` that repeats what was unpaid before: then each unpaid month would count
again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Entry, Statement
from app.book.ledger.rules import PAYS_DUES
from app.core.database.bulk import among
from app.core.database.engine import table_of

SAMPLE = 2_000
"""The latest statements of a portfolio whose accounts are looked at after each load, however few rows it brought."""
FEWEST = 2
"""One pair of statements that looks so may be a coincidence."""


class Asked(NamedTuple):
    """A statement as far as this question goes; amounts in minor units."""

    account_id: int
    balance: int
    minimum: int
    came: int
    """Credits from its closing to the next one's, that day included."""


def arrears_in_minimums(statements: Iterable[Asked]) -> tuple[int, int]:
    """(how many minimums grew by the unpaid former one, how many there were to judge).

    `statements` by account and closing date. Judged are those that follow a minimum of which something is unpaid. A
    minimum of its own cycle moves with the balance; one that repeats arrears is the unpaid rest and a cycle's minimum.
    """
    grew = judged = 0
    for _, group in groupby(statements, key=attrgetter("account_id")):
        theirs = list(group)
        own = min((each.minimum for each in theirs if each.minimum > 0), default=0)
        for before, after in pairwise(theirs):
            unpaid = before.minimum - before.came
            if unpaid <= 0 or before.balance <= 0 or after.minimum <= 0:
                continue
            judged += 1
            with_arrears = unpaid + own
            by_itself = max(own, before.minimum * after.balance // before.balance)
            nearer = abs(after.minimum - with_arrears) < abs(after.minimum - by_itself)
            grew += nearer and after.minimum > before.minimum
    return grew, judged


def beyond_balance(statements: Sequence[Asked]) -> int:
    """Count the accounts whose unpaid minimums add up to more than their last statement's balance."""
    found = 0
    for _, group in groupby(statements, key=attrgetter("account_id")):
        unpaid = 0
        for each in group:
            unpaid = max(0, unpaid + each.minimum - each.came)
        found += unpaid > max(0, each.balance)
    return found


def warning_of(statements: Sequence[Asked]) -> str:
    """Return the warning about these statements; '' = nothing looks wrong."""
    grew, judged = arrears_in_minimums(statements)
    if grew >= FEWEST and 2 * grew >= judged:
        return (
            f"minimum_due seems to include arrears: {grew} of {judged} minimums that follow an unpaid one are higher by"
            " what was unpaid. A minimum is to be that of its own cycle, otherwise past due counts the same debt again."
        )
    if not any(each.came for each in statements):
        return ""  # the payments are still to be loaded
    if beyond := beyond_balance(statements):
        accounts = len({each.account_id for each in statements})
        return (
            f"On {beyond} of {accounts} accounts the unpaid minimums add up to more than the balance; the difference is"
            " owed by nobody and asked of nobody. Check that minimum_due leaves arrears out and that all payments are"
            " loaded."
        )
    return ""


def look_at(session: Session, portfolio_id: int) -> str:
    """The warning about a portfolio's latest statements; '' = nothing looks wrong."""
    statement, entry = table_of(Statement), table_of(Entry)
    latest = (
        sa.select(statement.c.account_id)
        .where(statement.c.portfolio_id == portfolio_id)
        .order_by(statement.c.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    ids = list(session.execute(sa.select(latest.c.account_id).distinct()).scalars())
    following = sa.func.lead(statement.c.closing_on).over(
        partition_by=statement.c.account_id, order_by=(statement.c.closing_on, statement.c.id)
    )
    asked = (
        sa.select(
            statement.c.id, statement.c.account_id, statement.c.closing_on, statement.c.balance_minor,
            statement.c.minimum_due_minor, following.label("next_on"),
        )
        .where(among(session, statement.c.account_id, ids))
        .subquery()
    )  # fmt: skip
    came = (
        sa.select(sa.func.coalesce(-sa.func.sum(entry.c.amount_minor), 0))
        .where(
            entry.c.account_id == asked.c.account_id,
            entry.c.effective_on > asked.c.closing_on,
            sa.or_(asked.c.next_on.is_(None), entry.c.effective_on <= asked.c.next_on),
            entry.c.kind.in_(PAYS_DUES),
        )
        .scalar_subquery()
    )
    query = sa.select(asked.c.account_id, asked.c.balance_minor, asked.c.minimum_due_minor, came).order_by(
        asked.c.account_id, asked.c.closing_on, asked.c.id
    )
    rows = session.connection().execute(query)
    return warning_of(
        [Asked(account_id, balance, minimum, int(paid)) for account_id, balance, minimum, paid in rows]
    )
