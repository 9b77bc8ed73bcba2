"""Doubts about a call report that a person has to clear up: a call logged twice, a promise of far too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.actions.results.report import CallReport
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.cases.models import CollectionsCase
from app.casework.plans.rules import is_unusual_promise
from app.casework.results.effects import OptOut
from app.casework.results.queries import result_named
from app.casework.results.rules import CALLED_AGAIN_WITHIN
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.errors import Conflict
from app.core.money import with_code
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream


class DoubtKind(StrEnum):
    AGAIN = "again"
    """The same person logged the same result on this case minutes ago."""
    COLLEAGUE = "colleague"
    """Another person logged a call to this customer minutes ago."""
    AMOUNT = "amount"
    """Far more is promised than is past due."""


@dataclass(frozen=True, slots=True)
class Doubt:
    kind: DoubtKind
    answer: str
    """Value of the box to tick; it names the amount or the call, so a tick for another one does not count."""
    by: str = ""
    at: datetime | None = None
    amount_minor: int = 0
    past_due_minor: int = 0


class Unsure(Conflict):
    """The report is unusual and was not confirmed."""

    def __init__(self, doubts: Sequence[Doubt], currency: str) -> None:
        said = " ".join(_sentence(doubt, currency) for doubt in doubts)
        super().__init__(f"{said} Send it again with sure = true if it is right.", "sure")
        self.doubts = doubts


def _sentence(doubt: Doubt, currency: str) -> str:
    if doubt.kind is DoubtKind.AMOUNT:
        amount, due = (with_code(n, currency) for n in (doubt.amount_minor, doubt.past_due_minor))
        return f"{amount} is promised and {due} is past due."
    who = "You" if doubt.kind is DoubtKind.AGAIN else doubt.by
    what = "the same result" if doubt.kind is DoubtKind.AGAIN else "a call to this customer"
    return f"{who} logged {what} at {doubt.at:%H:%M} UTC."


def doubts_about(
    session: Session, portfolio: Portfolio, case: CollectionsCase, call: CallReport, *, by: Actor, now: datetime
) -> list[Doubt]:  # fmt: skip
    """Doubts about a report, from the calls of the last minutes and the figures of this moment."""
    found = []
    query = (
        select(Event)
        .where(
            Event.stream == customer_stream(case.customer_id),
            Event.kind == (CallLogged.KIND if call.is_call else ContactLogged.KIND),
            col(Event.at) > now - CALLED_AGAIN_WITHIN,
        )
        .order_by(col(Event.seq).desc())
    )
    for event in () if _must_not_wait(session, portfolio, call, by) else session.scalars(query.limit(20)):
        logged = _logged(call, event.data)
        if logged is None:
            continue
        same = (logged.result, logged.direction) == (call.result, call.direction)
        if event.by == by and same and event.case_id == case.id:
            found.append(Doubt(DoubtKind.AGAIN, f"again:{event.id}", event.by, event.at))
            break
        if event.by != by:
            found.append(Doubt(DoubtKind.COLLEAGUE, f"call:{event.id}", event.by, event.at))
            break
    if call.due_on is not None:
        owes = debt_now(session, portfolio, case.customer_id, local_date(now, portfolio.timezone))
        amount, due = call.amount_minor, owes.past_due
        # A promise where nothing is past due, or of more than is owed, is refused, not asked about.
        if due and amount <= owes.debt and is_unusual_promise(amount, due):
            doubt = Doubt(DoubtKind.AMOUNT, f"amount:{amount}", amount_minor=amount, past_due_minor=due)
            found.append(doubt)
    return found


def _logged(call: CallReport, data: str) -> CallLogged | ContactLogged | None:
    """The event of the same way; None = of another one."""
    if call.is_call:
        return CallLogged.from_json(data)
    logged = ContactLogged.from_json(data)
    return logged if logged.way is call.way else None


def _must_not_wait(session: Session, portfolio: Portfolio, call: CallReport, by: Actor) -> bool:
    """Whether a program reports a stop. It may drop a question, and a stop that is told twice harms nobody."""
    if by.kind is not ActorKind.TOKEN:
        return False
    code = result_named(session, portfolio, call.result)
    return code.rests_number or code.hold is not None or code.effect(OptOut) is not None
