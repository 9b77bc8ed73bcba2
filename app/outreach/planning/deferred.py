"""Deferred letters: kept until the gate would clear them, because they wait longer than a night plans ahead."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TypeGuard

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.contacts.rules import CaseStep
from app.core.database.bulk import among, upsert
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import CaseRow
from app.outreach.planning.models import DeferredLetter
from app.policy.answers import Answer, WaitUntil

Figures = Mapping[str, date | int | str]
"""Dates, amounts in minor units, and words that are no date: a reference, or what a template compares."""


def defer_letter(
    session: Session,
    portfolio_id: int,
    case: CaseRow,
    answer: Answer,
    *,
    step: CaseStep,
    letter: str,
    channel: Channel | None,
    figures: Figures,
) -> None:
    """Keep the letter if this answer makes it wait. `channel` None = e-mail or post, whichever reaches the customer by
    then."""
    if not isinstance(answer, WaitUntil):
        return
    row = {
        **dict(zip(CaseStep._fields, step.values, strict=True)),
        "portfolio_id": portfolio_id,
        "customer_id": case.customer_id,
        "letter": letter,
        "channel": _text(channel),
        "figures": json.dumps({n: v.isoformat() if isinstance(v, date) else v for n, v in figures.items()}),
        "until": answer.at,
    }
    session.execute(upsert(session, DeferredLetter).values(**row).on_conflict_do_nothing())


def figures_of(row: DeferredLetter) -> dict[str, date | int | str]:
    kept: dict[str, str | int] = json.loads(row.figures)
    return {name: date.fromisoformat(value) if _is_day(value) else value for name, value in kept.items()}


def _is_day(value: str | int) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII) is not None


def forget_deferred(session: Session, ids: Collection[int]) -> None:
    """Delete letters that are asked for again, or that are not true any more."""
    session.execute(sa.delete(DeferredLetter).where(col(DeferredLetter.id).in_(ids)))


def due_letters(session: Session, portfolio_id: int, before: datetime) -> list[list[int]]:
    """Ids of letters whose wait is over by then; within each list, of different customers."""
    row = table_of(DeferredLetter)
    query = sa.select(row.c.id, row.c.customer_id).where(
        row.c.portfolio_id == portfolio_id, row.c.until <= before
    )
    rounds: list[dict[int, int]] = []
    for number, customer_id in session.execute(query.order_by(row.c.id)):
        free = next((each for each in rounds if customer_id not in each), None)
        if free is None:
            rounds.append(free := {})
        free[customer_id] = number
    return [list(each.values()) for each in rounds]


def read_deferred(session: Session, ids: Collection[int]) -> Sequence[DeferredLetter]:
    """These letters, locked."""
    query = select(DeferredLetter).where(col(DeferredLetter.id).in_(ids)).order_by(col(DeferredLetter.id))
    return session.scalars(query.with_for_update()).all()


def deferred_of(session: Session, steps: Iterable[tuple[CaseStep, Channel | None]]) -> list[int]:
    """Ids of the letters that are kept for these steps and channels."""
    return [id_of(row) for row in _kept(session, {(step, _text(channel)) for step, channel in steps})]


def deferred_steps(session: Session, steps: Iterable[CaseStep]) -> set[CaseStep]:
    """Those of these steps whose letter by e-mail or post, whichever reaches the customer, is kept already."""
    return {row.case_step for row in _kept(session, {(step, "") for step in steps})}


def waiting_channels(session: Session, step: CaseStep) -> set[Channel]:
    """The channels by which letters of this step are kept; that of one by e-mail or post is e-mail."""
    rows = session.scalars(select(DeferredLetter).where(DeferredLetter.case_id == step.case_id))
    return {Channel(row.channel or Channel.EMAIL) for row in rows if row.case_step == step}


def _kept(session: Session, wanted: Collection[tuple[CaseStep, str]]) -> list[DeferredLetter]:
    cases = {step.case_id for step, _ in wanted}
    rows = session.scalars(
        select(DeferredLetter).where(among(session, table_of(DeferredLetter).c.case_id, cases))
    )
    return [row for row in rows if (row.case_step, row.channel) in wanted]


def _text(channel: Channel | None) -> str:
    return channel.value if channel else ""
