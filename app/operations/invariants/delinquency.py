"""Invariants of delinquency: the roll-forward, states, movements and spells agree, also when folded again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.facts import MovementKind
from app.book.delinquency.loading import pack
from app.book.delinquency.models import AccountState, Movement, Spell
from app.book.delinquency.queries import roll_forward
from app.book.delinquency.service import refold_from_nothing
from app.book.ledger.models import LedgerChange
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.database.engine import table_of
from app.core.dates import month_start


def last_day(session: Session, portfolio: Portfolio) -> date | None:
    query = select(sa.func.max(DailyRun.business_date)).where(DailyRun.portfolio_id == portfolio.id)
    return session.scalar(query)


def roll_forward_closes(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Past due at the start + fell past due - paid - adjusted = past due at the end, month to date."""
    assert portfolio.id is not None
    last = last_day(session, portfolio)
    if last is not None:
        rolled = roll_forward(session, portfolio.id, month_start(last), last)
        if not rolled.closes:
            yield f"{portfolio.code} {last}: {rolled}"


def states_match_movements(
    session: Session, portfolio: Portfolio, *only: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The past-due amount of an account is what fell past due less what was paid and adjusted."""
    movement, state = table_of(Movement), table_of(AccountState)
    signed = sa.case(
        (movement.c.kind == MovementKind.FELL_PAST_DUE, movement.c.amount_minor),
        else_=-movement.c.amount_minor,
    )
    total = (
        sa.select(sa.func.coalesce(sa.func.sum(signed), 0))
        .where(movement.c.account_id == state.c.account_id)
        .scalar_subquery()
    )
    query = sa.select(state.c.account_id, state.c.past_due_minor, total).where(
        state.c.portfolio_id == portfolio.id, *only, state.c.past_due_minor != total
    )
    for account_id, past_due, summed in session.connection().execute(query.limit(20)):
        yield f"account {account_id}: past due {past_due}, movements sum to {summed}"


def states_match_spells(
    session: Session, portfolio: Portfolio, *only: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The open spell says what the state says."""
    query = (
        sa.select(col(AccountState.account_id), col(AccountState.past_due_minor), col(Spell.past_due_minor))
        .outerjoin(
            Spell, sa.and_(col(Spell.account_id) == AccountState.account_id, col(Spell.to_on).is_(None))
        )
        .where(
            col(AccountState.portfolio_id) == portfolio.id,
            *only,
            col(AccountState.past_due_minor) != sa.func.coalesce(Spell.past_due_minor, 0),
        )
    )
    for account_id, state, spell in session.execute(query.limit(20)):
        yield f"account {account_id}: state says {state}, open spell says {spell}"


def refolding_gives_the_same(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Folding everything from nothing gives the state that the nights arrived at step by step."""
    state, change = table_of(AccountState), table_of(LedgerChange)
    settled = sa.and_(
        state.c.portfolio_id == portfolio.id,
        ~sa.exists().where(change.c.account_id == state.c.account_id),
    )
    days = sa.select(state.c.folded_through).where(settled).distinct().order_by(state.c.folded_through)
    columns = (
        state.c.account_id, state.c.balance_minor, state.c.dues, state.c.minimums, state.c.prepaid_minor,
    )  # fmt: skip
    for through in session.scalars(days).all():
        folded = sa.select(*columns).where(settled, state.c.folded_through == through)
        rows = {row[0]: tuple(row[1:]) for row in session.connection().execute(folded).all()}
        for fresh in refold_from_nothing(session, portfolio, sorted(rows), through):
            found = (
                fresh.balance, pack(fresh.state.dues), pack(fresh.state.minimums), fresh.state.prepaid,
            )  # fmt: skip
            if found != rows[fresh.account_id]:
                known = rows[fresh.account_id]
                yield f"account {fresh.account_id} at {through}: {known} refolds to {found}"
