"""The standing control share: customers whose ordinary reminders wait a while, to see what they add.

Only messages and calls that remind wait, and only for the days of the portfolio's setting. Notices and other letters
that the law or an agreement asks for go their way, and so do tasks and what a person sends by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.database.bulk import among, upsert
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import Purpose
from app.outreach.strategy.models import ControlCase
from app.outreach.strategy.rules import Action, Ladder, NothingDue, Situation, Step, StepDue

WAITS = "the customer is in the control share: ordinary reminders wait"


def is_ordinary(step: Step) -> bool:
    """True for a message or a call that reminds, which nothing but the strategy asks for."""
    return step.action in (Action.MESSAGE, Action.CALL) and step.purpose is Purpose.REMINDER


def is_drawn(portfolio_id: int, strategy: str, customer_id: int, share_percent: int) -> bool:
    """By SHA-256 over portfolio, strategy and customer: the same every time, whatever experiment runs."""
    digest = hashlib.sha256(f"control:{portfolio_id}:{strategy}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * 100 >> 64 < share_percent


@lru_cache(maxsize=64)
def without_ordinary(ladder: Ladder) -> Ladder:
    """The ladder that is left while ordinary reminders wait. The legal step is not on it: no letter was sent yet."""
    kept = (step for step in ladder.steps if not is_ordinary(step) and step.action is not Action.LEGAL)
    return replace(ladder, steps=tuple(kept))


def waits_until(answer: NothingDue, until: date) -> NothingDue:
    """The answer of the ladder that is left, no later than the day on which the wait is over."""
    return NothingDue(WAITS, until if answer.until is None else min(answer.until, until))


def may_join(
    ladder: Ladder, situation: Situation, occurrence: int, answer: StepDue | NothingDue, days: int
) -> bool:
    """True for a case whose first step is due and is an ordinary reminder, if the wait ends well before the legal step:
    both sides of the comparison begin on the same night."""
    if not isinstance(answer, StepDue) or not is_ordinary(answer.step):
        return False
    if situation.step_day or occurrence != 1:
        return False
    return ladder.legal is None or situation.days_past_due + days < ladder.legal.day


@dataclass(frozen=True, slots=True)
class JoiningCase:
    """A case that joins the comparison tonight."""

    case_id: int
    customer_id: int
    past_due_minor: int
    is_control: bool


def drawn_until(portfolio: Portfolio, customer_id: int, on: date) -> date | None:
    """Until when the case of this customer waits if it joins on `on`; None on the other side."""
    share = portfolio.control_share_percent
    if not is_drawn(id_of(portfolio), portfolio.strategy, customer_id, share):
        return None
    return on + timedelta(days=portfolio.control_days)


def note_compared(
    session: Session, portfolio: Portfolio, joining: Sequence[JoiningCase], *, on: date
) -> None:
    """Record both sides of the comparison."""
    rows = [
        {
            "case_id": each.case_id,
            "portfolio_id": id_of(portfolio),
            "customer_id": each.customer_id,
            "strategy": portfolio.strategy,
            "is_control": each.is_control,
            "since": on,
            "until": on + timedelta(days=portfolio.control_days),
            "past_due_minor": each.past_due_minor,
        }
        for each in joining
    ]
    if rows:
        session.execute(upsert(session, ControlCase).on_conflict_do_nothing(), rows)


def compared_cases(
    session: Session, portfolio: Portfolio, case_ids: Sequence[int]
) -> Mapping[int, date | None]:
    """Cases of these that joined before -> until when they wait; None for the other side. Empty while the setting is
    off: a share that is taken back lets everybody go."""
    if not portfolio.control_share_percent:
        return {}
    row = table_of(ControlCase)
    query = sa.select(row.c.case_id, row.c.is_control, row.c.until).where(
        among(session, row.c.case_id, list(case_ids))
    )
    found: dict[int, date | None] = {}
    for case_id, is_control, until in session.connection().execute(query):
        found[case_id] = until if is_control else None
    return found


def waiting_cases(
    session: Session, portfolio: Portfolio, case_ids: Sequence[int], *, on: date
) -> dict[int, date]:
    """Cases of these whose ordinary reminders wait on `on`, and until when."""
    compared = compared_cases(session, portfolio, case_ids)
    return {case_id: until for case_id, until in compared.items() if until is not None and on < until}
