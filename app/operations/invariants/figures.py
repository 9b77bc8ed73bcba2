"""Invariant of the key figures: the ledger alone gives what is stored."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.operations.invariants.delinquency import last_day
from app.reporting.kpis.family import Scope
from app.reporting.kpis.proof.checking import check_accounts, check_day
from app.reporting.kpis.wide import wrong_sums

ALL_UP_TO = 2000
"""Accounts of a portfolio that are all counted again each night; of a larger one, a sample is."""
SAMPLE = 200
"""Accounts of the sample: others each night."""


def figures_match_ledger(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """The figures of the last day, counted again by folding accounts from their ledger in plain Python. Of a large
    portfolio a sample of accounts; `desk kpis --check` counts all of them."""
    on, scope = last_day(session, portfolio), Scope(portfolio)
    if on is None:
        return
    if wrong := wrong_sums(session, portfolio):
        yield f"{portfolio.code} {on}: {wrong} sums of accounts that stand alike are not those of their rows"
    highest = session.scalar(
        sa.select(sa.func.max(Account.id)).where(col(Account.portfolio_id) == portfolio.id)
    )
    lowest = session.scalar(
        sa.select(sa.func.min(Account.id)).where(col(Account.portfolio_id) == portfolio.id)
    )
    if highest is None or lowest is None:
        return
    span = highest - lowest + 1
    if span <= ALL_UP_TO:
        yield from (f"{portfolio.code} {on}: {each}" for each in check_day(session, scope, on))
        return
    step = -(-span // SAMPLE)
    ids = list(range(lowest + on.toordinal() % step, highest + 1, step))
    own = sa.select(col(Account.id)).where(
        col(Account.id).in_(ids), col(Account.portfolio_id) == id_of(portfolio)
    )
    yield from check_accounts(session, scope, on, list(session.scalars(own)))
