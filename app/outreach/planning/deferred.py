"""Letters of an occasion that have to wait longer than a night plans ahead: kept until they may be written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.bulk import upsert
from app.core.db import table_of
from app.core.vocabulary import Channel
from app.outreach.gate.case_facts import CaseRow
from app.outreach.outbox.models import WaitingLetter
from app.policy.answers import Answer, WaitUntil

Figures = Mapping[str, date | int]
"""Dates, and amounts in minor units."""


def keep_waiting(
    session: Session,
    portfolio_id: int,
    case: CaseRow,
    answer: Answer,
    *,
    step: str,
    letter: str,
    channel: Channel | None,
    figures: Figures,
    plan_id: int | None,
) -> None:
    """Remember the letter if this answer makes it wait. `channel` None = whichever the customer has by then."""
    if not isinstance(answer, WaitUntil):
        return
    row = WaitingLetter(
        key=waiting_key(case.id, step, channel),
        portfolio_id=portfolio_id,
        customer_id=case.customer_id,
        case_id=case.id,
        step=step,
        letter=letter,
        channel=channel.value if channel else "",
        figures=json.dumps({n: v.isoformat() if isinstance(v, date) else v for n, v in figures.items()}),
        plan_id=plan_id,
        until=answer.at,
    )
    session.execute(upsert(session, WaitingLetter).values(**row.model_dump()).on_conflict_do_nothing())


def waiting_key(case_id: int, step: str, channel: Channel | None) -> str:
    return f"{case_id}:{step}:{channel.value if channel else ''}"


def figures_of(row: WaitingLetter) -> dict[str, date | int]:
    kept: dict[str, str | int] = json.loads(row.figures)
    return {n: date.fromisoformat(v) if isinstance(v, str) else v for n, v in kept.items()}


def forget_waiting(session: Session, keys: Sequence[str]) -> None:
    """It was asked for again, or is not true any more."""
    session.execute(sa.delete(WaitingLetter).where(col(WaitingLetter.key).in_(keys)))


def waiting_letters(session: Session, portfolio_id: int, before: datetime) -> list[list[str]]:
    """Keys of letters whose wait is over by then; within each list, of different customers."""
    row = table_of(WaitingLetter)
    query = sa.select(row.c.key, row.c.customer_id).where(
        row.c.portfolio_id == portfolio_id, row.c.until <= before
    )
    rounds: list[dict[int, str]] = []
    for key, customer_id in session.execute(query.order_by(row.c.key)):
        free = next((each for each in rounds if customer_id not in each), None)
        if free is None:
            rounds.append(free := {})
        free[customer_id] = key
    return [list(each.values()) for each in rounds]


def read_waiting(session: Session, keys: Sequence[str]) -> Sequence[WaitingLetter]:
    query = select(WaitingLetter).where(col(WaitingLetter.key).in_(keys)).order_by(col(WaitingLetter.key))
    return session.scalars(query.with_for_update()).all()
