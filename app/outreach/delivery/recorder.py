"""What came of calls is written down by a thread of its own: all that was answered since the last time together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog
from sqlmodel import Session

from app.core.actor import SYSTEM
from app.core.db import retrying, transaction
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.delivery.couriers import Shift
from app.outreach.delivery.dispatcher import Answer
from app.outreach.delivery.moves import finish
from app.outreach.outbox.bulk import Answered, accept
from app.outreach.outbox.channel_stops import stop_channel
from app.outreach.outbox.claims import locked_rows
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Accepted, Misconfigured, OutboxStatus, Outcome

log = structlog.get_logger("desk.delivery")


class Settled(NamedTuple):
    """Attempts that are over."""

    row_ids: Sequence[int]
    statuses: Sequence[OutboxStatus]
    """Where they ended that could be settled."""
    is_last: bool
    """A person must act before anything else can be sent."""


class Settling:
    def __init__(self, shift: Shift, tell: Callable[[Settled], None]) -> None:
        """`tell` is called in this stage's thread."""
        self.shift, self.tell = shift, tell
        self._answers: queue.SimpleQueue[Sequence[Answer] | None] = queue.SimpleQueue()
        """None: there are no more."""
        # Not of a pool: those take no work any more once the interpreter ends, and what was sent must be written down.
        self._thread = threading.Thread(target=self._run, name=f"desk-{shift.destination.value}-finish")

    def start(self) -> None:
        """Before anything is committed that is to be settled."""
        if self._thread.ident is None:
            self._thread.start()

    def take(self, answers: Sequence[Answer]) -> None:
        """From any thread."""
        self._answers.put(answers)

    def end(self) -> None:
        """When everything that was taken is settled."""
        if self._thread.ident is not None:
            self._answers.put(None)
            self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            taken = [self._answers.get()]
            while not self._answers.empty():
                taken.append(self._answers.get())
            more = None not in taken
            answers = [each for some in taken if some is not None for each in some]
            if answers:
                self._settle_and_tell(answers)

    def _settle_and_tell(self, answers: Sequence[Answer]) -> None:
        is_last = any(isinstance(outcome, Misconfigured) for _, outcome in answers)
        statuses: Sequence[OutboxStatus] = ()
        try:
            statuses = self._settle(answers)
        finally:
            self.tell(Settled([attempt.claimed.row_id for attempt, _ in answers], statuses, is_last))

    def _settle(self, answers: Sequence[Answer]) -> list[OutboxStatus]:
        """What was sent must be written down, so this insists."""
        try:
            return self._settle_together(answers)
        except Exception as error:
            log.error("not_settled_together", rows=len(answers), error=type(error).__name__)
            return [status for each in answers for status in self._settle_alone(each)]

    def _settle_alone(self, answer: Answer) -> list[OutboxStatus]:
        try:
            return self._settle_together([answer])
        except Exception as error:  # it stays `sending` and becomes `unknown` when its lease is over
            log.error("not_settled", row=answer[0].claimed.row_id, error=type(error).__name__)
            return []

    def _settle_together(self, answers: Sequence[Answer]) -> list[OutboxStatus]:
        return retrying(partial(self._settle_once, answers), attempts=8)

    def _settle_once(self, answers: Sequence[Answer]) -> list[OutboxStatus]:
        shift, now = self.shift, self.shift.clock.now()
        with transaction(shift.engine) as session:
            heads = lock_customers(session, {attempt.row.customer_id for attempt, _ in answers})
            taken = [
                Answered(attempt.claimed.row_id, attempt.row.attempt_id, outcome.provider_ref)
                for attempt, outcome in answers
                if isinstance(outcome, Accepted) and not outcome.simulated
            ]
            sent = accept(session, taken, now=now)
            settled = [(attempt.row, outcome) for attempt, outcome in answers if attempt.row.id in sent]
            others = _settle_others(
                session, [each for each in answers if each[0].row.id not in sent], now=now
            )
            shift.courier.settled(session, settled + others, heads, now=now)
            for _, outcome in others:
                if isinstance(outcome, Misconfigured):
                    stop_channel(session, shift.destination, outcome.reason, by=SYSTEM, now=now)
            return [OutboxStatus.SENT] * len(settled) + [row.status for row, _ in others]


def _settle_others(
    session: Session, answers: Sequence[Answer], *, now: datetime
) -> list[tuple[OutboxMessage, Outcome]]:
    """What was not taken, or does not stand any more where it was left."""
    found = {attempt.claimed.row_id: (attempt, outcome) for attempt, outcome in answers}
    settled = []
    for row in locked_rows(session, [attempt.claimed for attempt, _ in answers]) if answers else ():
        attempt, outcome = found[id_of(row)]
        if row.attempt_id != attempt.row.attempt_id:
            log.error("attempt_superseded", key=row.key)
        elif finish(row, outcome, now=now):
            settled.append((row, outcome))
    return settled
