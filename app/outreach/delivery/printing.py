"""Printing: letters to customers and their advisers go out once a day, as one batch a portfolio, printed in one PDF. A
process may die between any two lines.

    making       its letters are rechecked at the gate and committed as `sending`, then the PDF is made out of sight
    publishing   the PDF is complete and on the disk: committed before it gets its name, and the point of no return
    published    it has its name, and its letters are `sent` as its manifest has them

A worker that dies while a batch is `making` leaves nothing visible. Its letters go back to the queue, for without the
commit to `publishing` the batch never gets a name. A worker that dies later leaves a batch that the next worker
publishes; giving it its name twice does nothing. So a letter is in one published batch at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.database.bulk import upsert
from app.core.database.engine import reading, retrying, table_of, together_or_alone, transaction
from app.core.ids import id_of
from app.core.timeline.service import NewEvent, record
from app.outreach.delivery.moves import (
    Postpone,
    Withhold,
    apply_verdicts,
    finish,
    move,
    record_results,
    requeue,
    set_aside,
)
from app.outreach.delivery.recheck import ClearedMessage, recheck
from app.outreach.delivery.representatives.recheck import recheck_letter
from app.outreach.delivery.representatives.statements import ClearedLetter
from app.outreach.delivery.representatives.transport import dispatch_to_representative
from app.outreach.delivery.transports import dispatch_of
from app.outreach.gate.decisions import record_decisions
from app.outreach.outbox.channel_stops import is_stopped, stop_channel
from app.outreach.outbox.claims import Claim, claim, locked_rows
from app.outreach.outbox.dispatch import (
    Accepted,
    Misconfigured,
    NotDispatched,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)
from app.outreach.outbox.events import PrintBatchEnded
from app.outreach.outbox.models import OutboxMessage, PrintBatch
from app.outreach.outbox.printing import BatchStatus, FinishedBatch, HandoffStatus, Piece, Press, PressDown
from app.outreach.outbox.rules import PRINTED, Destination, OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog

log = structlog.get_logger("desk.printing")

LEASE = timedelta(minutes=30)
"""Far longer than rechecking a set of letters takes, or making a day's batch."""
AT_ONCE = 200
"""Letters rechecked or finished in one transaction."""


def print_due(
    engine: Engine,
    press: Press,
    catalog: LetterCatalog,
    *,
    worker: str,
    clock: Clock,
    hour: int,
    handed_off: bool = False,
) -> dict[str, int]:
    """Print the batch of each portfolio whose `hour` has come today, and finish what a dead worker left. Where they are
    `handed_off`, published ones wait for the print service (`print_handoff.py`). Returns how many letters ended in
    which status. Safe to run in many processes."""
    counts: Counter[str] = Counter()
    for batch_id in _left_behind(engine, clock.now()):
        counts += _BatchRun(engine, press, catalog, worker, clock, batch_id, handed_off).finish()
    with reading(engine) as session:
        zones = {id_of(p): p.timezone for p in session.scalars(select(Portfolio))}
    for portfolio_id, zone in zones.items():
        local = clock.now().astimezone(ZoneInfo(zone))
        if local.hour >= hour:
            begun = retrying(partial(_begin, engine, portfolio_id, local.date(), clock))
            if begun is not None:
                counts += _BatchRun(engine, press, catalog, worker, clock, begun, handed_off).print()
    return dict(counts)


def _left_behind(engine: Engine, now: datetime) -> Sequence[int]:
    batch = table_of(PrintBatch)
    unfinished = batch.c.status.in_((BatchStatus.MAKING, BatchStatus.PUBLISHING))
    with reading(engine) as session:
        return session.scalars(
            sa.select(batch.c.id).where(unfinished, batch.c.lease_until < now).order_by(batch.c.id)
        ).all()


def _begin(engine: Engine, portfolio_id: int, on: date, clock: Clock) -> int | None:
    """The portfolio's batch of the day; None if there is one already, or nothing to print."""
    now = clock.now()
    message = table_of(OutboxMessage)
    due = sa.select(message.c.id).where(
        message.c.status == OutboxStatus.QUEUED,
        message.c.not_before <= now,
        message.c.destination.in_(PRINTED),
        message.c.portfolio_id == portfolio_id,
    )
    with transaction(engine) as session:
        if is_stopped(session, Destination.POST) or session.execute(due.limit(1)).first() is None:
            return None
        row = PrintBatch(portfolio_id=portfolio_id, printed_on=on, lease_until=now + LEASE, created_at=now)
        values = row.model_dump(exclude={"id"})
        made = upsert(session, PrintBatch).values(**values).on_conflict_do_nothing()
        return session.execute(made.returning(table_of(PrintBatch).c.id)).scalar()


@dataclass(frozen=True)
class _BatchRun:
    """One batch in the hands of one worker."""

    engine: Engine
    press: Press
    catalog: LetterCatalog
    worker: str
    clock: Clock
    batch_id: int
    handed_off: bool

    def print(self) -> Counter[str]:
        pieces: list[Piece] = []
        while claims := retrying(self._claim):
            pieces += self._cleared(claims)
        with reading(self.engine) as session:
            batch = session.get_one(PrintBatch, self.batch_id)
        if not pieces:
            return self._abandon(NotDispatched("nothing of it could leave"))
        try:
            made = self.press.make(batch.name, pieces, day=batch.printed_on)
        except PressDown as down:
            return self._abandon(down.outcome)
        if not retrying(partial(self._commit_to, made)):
            return self._abandon(NotDispatched("the channel was stopped"))
        return self._publish()

    def finish(self) -> Counter[str]:
        """Finish what a dead worker left behind."""
        with reading(self.engine) as session:
            status = session.get_one(PrintBatch, self.batch_id).status
        if status is BatchStatus.PUBLISHING:
            return self._publish()
        return self._abandon(NotDispatched("the worker stopped while the batch was being made"))

    # --- making -------------------------------------------------------------------------------

    def _claim(self) -> list[Claim]:
        with transaction(self.engine) as session:
            batch = session.get_one(PrintBatch, self.batch_id)
            for destination in PRINTED:
                claims = claim(
                    session, destination, worker=self.worker, batch=AT_ONCE, lease=LEASE,
                    portfolio_id=batch.portfolio_id, now=self.clock.now(),
                )  # fmt: skip
                if claims:
                    return claims
            return []

    def _cleared(self, claims: Sequence[Claim]) -> list[Piece]:
        """The letters of these that may leave now; they are committed as `sending`."""
        return [piece for some in together_or_alone(claims, self._recheck, self._set_aside) for piece in some]

    def _recheck(self, claims: Sequence[Claim]) -> list[Piece]:
        now = self.clock.now()
        with transaction(self.engine) as session:
            batch = self._locked(session, BatchStatus.MAKING)
            if batch is None:
                return []
            portfolio = session.get_one(Portfolio, batch.portfolio_id)
            rows = self._one_each(locked_rows(session, claims, held_by=self.worker))
            theirs = [row for row in rows if row.destination is Destination.POST]
            advisers = [row for row in rows if row.destination is not Destination.POST]
            verdicts: list[ClearedMessage | ClearedLetter | Withhold | Postpone] = []
            if theirs:
                verdicts += recheck(session, portfolio, theirs, self.catalog, now=now)
            verdicts += [recheck_letter(session, portfolio, row, now=now) for row in advisers]
            ready: list[tuple[OutboxMessage, ClearedMessage | ClearedLetter]]
            ready, told = apply_verdicts([*theirs, *advisers], verdicts, now=now)
            pieces = [self._piece(batch, portfolio, row, cleared, now) for row, cleared in ready]
            record_decisions(session, told, by=SYSTEM, now=now)
            return pieces

    def _one_each(self, rows: Sequence[OutboxMessage]) -> list[OutboxMessage]:
        """The first message of each customer: the next is rechecked when this one is on its way."""
        first = {row.customer_id: row for row in reversed(rows)}
        for row in rows:
            if first[row.customer_id] is not row:
                requeue(row, row.not_before)
        return [row for row in rows if first[row.customer_id] is row]

    def _piece(
        self,
        batch: PrintBatch,
        portfolio: Portfolio,
        row: OutboxMessage,
        cleared: ClearedMessage | ClearedLetter,
        now: datetime,
    ) -> Piece:
        move(row, OutboxStatus.SENDING)
        row.attempts += 1
        # No lease of its own: it is decided together with its batch.
        row.attempt_id, row.attempted_at, row.lease_until = batch.attempt_id, now, None
        row.not_after = cleared.clearance.not_after
        customer = cleared.contact_case.customer
        if isinstance(cleared, ClearedLetter):  # the postcode of an adviser is a line of their address
            return Piece(dispatch_to_representative(row, portfolio), customer.country, "")
        return Piece(
            dispatch_of(row, portfolio, cleared.contact_case, self.catalog),
            customer.country,
            customer.postcode,
        )

    def _set_aside(self, claim: Claim, error: Exception) -> None:
        log.error("not_prepared", row=claim.row_id, error=type(error).__name__)
        retrying(partial(set_aside, self.engine, claim, error, worker=self.worker, now=self.clock.now()))

    def _commit_to(self, made: FinishedBatch) -> bool:
        """From here on the batch can only be published. False if that must not be."""
        now = self.clock.now()
        with transaction(self.engine) as session:
            batch = self._locked(session, BatchStatus.MAKING)
            if batch is None:
                return False
            refused = [row for row in self._letters(session, batch) if row.reference in made.refused]
            self._finish(session, refused, lambda row: Undeliverable(made.refused[row.reference]))
            to_advisers = any(
                row.destination is not Destination.POST for row in self._letters(session, batch)
            )
            stops = PRINTED if to_advisers else (Destination.POST,)
            if any(is_stopped(session, each) for each in stops) or not made.letters:
                return False
            batch.status, batch.lease_until = BatchStatus.PUBLISHING, now + LEASE
            batch.letters, batch.pages, batch.sha256 = made.letters, made.pages, made.sha256
        return True

    # --- ending -------------------------------------------------------------------------------

    def _publish(self) -> Counter[str]:
        with reading(self.engine) as session:
            batch = session.get_one(PrintBatch, self.batch_id)
        try:
            there = self.press.publish(batch.name)
            manifest = self.press.manifest(batch.name) if there else {}
        except OSError as error:  # it has its letters still, and is published when its lease is over
            log.error("not_published", batch=self.batch_id, error=type(error).__name__)
            return Counter()

        def result(row: OutboxMessage) -> SendResult:
            if row.reference in manifest:
                return Accepted(f"{batch.name}#{manifest[row.reference]}")
            return Uncertain("it is not on the manifest" if there else "the print folder has no such batch")

        counts: Counter[str] = Counter()
        while finished := retrying(partial(self._finish_some, result)):
            counts += finished
        why = "" if there else "the print folder has no such batch"
        retrying(partial(self._close, BatchStatus.PUBLISHED if there else BatchStatus.LOST, why))
        return counts

    def _finish_some(self, result: Callable[[OutboxMessage], SendResult]) -> Counter[str]:
        with transaction(self.engine) as session:
            batch = self._locked(session, BatchStatus.PUBLISHING)
            if batch is None:
                return Counter()
            return self._finish(session, self._letters(session, batch, AT_ONCE), result)

    def _close(self, status: BatchStatus, error: str) -> None:
        with transaction(self.engine) as session:
            batch = self._locked(session, BatchStatus.PUBLISHING)
            if batch is not None:
                self._ended(session, batch, status, error)
                if self.handed_off and status is BatchStatus.PUBLISHED:
                    batch.handoff_status, batch.lease_until = HandoffStatus.WAITING, self.clock.now()

    def _abandon(self, why: TryLater | Misconfigured | NotDispatched) -> Counter[str]:
        """Withdraw a print file that nobody can see: its letters go back to the queue in the same transaction."""

        def work() -> tuple[str, Counter[str]]:
            with transaction(self.engine) as session:
                batch = self._locked(session, BatchStatus.MAKING)
                if batch is None:
                    return "", Counter()
                self._ended(session, batch, BatchStatus.ABANDONED, why.reason)
                counts = self._finish(session, self._letters(session, batch), lambda _: why)
                if isinstance(why, Misconfigured):
                    stop_channel(session, Destination.POST, why.reason, by=SYSTEM, now=self.clock.now())
                return batch.name, counts

        name, counts = retrying(work)
        if name:
            self.press.discard(name)
        return counts

    def _ended(self, session: Session, batch: PrintBatch, status: BatchStatus, error: str) -> None:
        now = self.clock.now()
        batch.status, batch.error, batch.ended_at = status, error[:500], now
        ended = PrintBatchEnded(
            batch.name, status.value, batch.sha256, batch.letters, batch.pages, batch.error
        )
        record(session, NewEvent("outbox", ended), by=SYSTEM, now=now)

    # --- its rows -----------------------------------------------------------------------------

    def _locked(self, session: Session, status: BatchStatus) -> PrintBatch | None:
        """The batch under lock, always taken before its customers'; None if another worker took it further."""
        batch = session.get_one(PrintBatch, self.batch_id, with_for_update=True)
        return batch if batch.status is status else None

    def _letters(
        self, session: Session, batch: PrintBatch, at_most: int | None = None
    ) -> list[OutboxMessage]:
        """Its letters that are not finished yet, under their customers' locks."""
        message = table_of(OutboxMessage)
        query = (
            sa.select(message.c.id, message.c.customer_id)
            .where(
                message.c.status == OutboxStatus.SENDING,
                message.c.destination.in_(PRINTED),
                message.c.attempt_id == batch.attempt_id,
            )
            .order_by(message.c.id)
            .limit(at_most)
        )
        return locked_rows(session, [Claim(*row) for row in session.execute(query)])

    def _finish(
        self,
        session: Session,
        rows: Sequence[OutboxMessage],
        result: Callable[[OutboxMessage], SendResult],
    ) -> Counter[str]:
        now = self.clock.now()
        finished = [(row, found) for row in rows if finish(row, found := result(row), now=now)]
        record_results(session, finished, now=now)
        return Counter(row.status.value for row, _ in finished)
