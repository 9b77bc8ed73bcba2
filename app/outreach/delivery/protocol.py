"""What becomes of a message in the outbox, one verb for each move, and the judgement at the moment of delivery.

queued -> claimed (a lease; given back when it runs out) -> sending (committed before the call, with an attempt
id) -> sent, or failed, undelivered, withheld, unknown. A row found in `sending` with its lease over is `unknown`:
it may have left, so it is never sent again by itself. Only a destination that is idempotent by contract
(the legal desk) goes back to the queue instead. `sending.py` makes these moves for many rows at a time.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import clean_text
from app.casework.plans.models import Plan
from app.casework.plans.offers import offers_that_stand
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.core.actor import SYSTEM, Actor
from app.core.bulk import among, upsert
from app.core.clock import Clock, local_date
from app.core.db import table_of
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.rules import Kind
from app.core.timeline.service import Heads, NewEvent, customer_stream, lock_customers, record, record_many
from app.core.vocabulary import Channel, Purpose
from app.outreach.delivery.failures import heed
from app.outreach.gate.case_facts import STALE_AFTER, Folder, open_folders
from app.outreach.gate.decisions import Asked, Decided, decided, record_decisions
from app.outreach.gate.facts import address_of
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.catalog import heading
from app.outreach.letters.earlier import written_on, wrote_before
from app.outreach.outbox.models import ChannelStop, OutboxMessage, SendingPace
from app.outreach.outbox.rules import (
    ANSWER_LETTER,
    MAX_ATTEMPTS,
    TRANSITIONS,
    Accepted,
    AsyncSender,
    Destination,
    Dispatch,
    Failure,
    Misconfigured,
    NotCalled,
    OutboxStatus,
    Outcome,
    Pace,
    Sender,
    TryLater,
    Uncertain,
    Undeliverable,
    purpose_of_answer,
    retry_wait,
)
from app.outreach.planning.event_letters import CLOSING
from app.outreach.planning.service import Stationery, confirmed_plan, message_context, offered_plan
from app.policy.rules import Answer, Clearance, Contact, WaitUntil

log = structlog.get_logger("desk.delivery")

MOVED = "the customer's address has changed since it was written"
"""Why a message is withheld that goes to its reader's new address instead (`fallback.py`)."""
SET_ASIDE_FOR = timedelta(minutes=10)
AT_MOST = 1000
"""Rows that one transaction of tidying up takes."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """Do not send it, ever; `data` goes on record."""

    reason: str
    data: Mapping[str, object]
    asked: tuple[Asked, Answer] | None = None
    """The question to the gate and its answer, where it was the gate that said no."""


@dataclass(frozen=True, slots=True)
class Postpone:
    until: datetime
    reason: str
    asked: tuple[Asked, Answer] | None = None
    """The question to the gate and its answer, where it was the gate that wants it to wait."""


Call = Callable[[], Outcome] | Callable[[], Awaitable[Outcome]]
"""The call to the provider: a coroutine function, or else one that is called in a thread of its own."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A claimed message that may leave, as far as was seen without a lock. It is committed as `sending` only while
    case and customer are still as in the folder."""

    row: OutboxMessage
    """As it was read, with the id of the attempt that is to come; in no session."""
    call: Call
    not_after: datetime
    folder: Folder


class Courier(Protocol):
    """How one destination is served."""

    @property
    def repeatable(self) -> bool:
        """The receiver recognises a repetition, so an attempt that was cut off may be made again."""
        ...

    @property
    def in_flight(self) -> int:
        """How many calls may be made at once."""
        ...

    @property
    def pace(self) -> Pace | None:
        """What each line may hand over in a second; None = as much as it can."""
        ...

    @property
    def lines(self) -> tuple[str, ...]:
        """Our own numbers or names that messages leave from."""
        ...

    def line(self, row: OutboxMessage) -> str:
        """Which of them this message leaves from."""
        ...

    def foresee(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Foreseen | None]:
        """Judge the rows, all of different customers and in no session, without a lock and writing nothing. None where
        something stands in the way, or always: then `prepare` decides."""
        ...

    def prepare(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Call | Withhold | Postpone]:
        """Judge the rows, all of different customers, once more, under lock, and say what to call for each. Must not
        send anything itself."""
        ...

    def settled(
        self,
        session: Session,
        settled: Sequence[tuple[OutboxMessage, Outcome]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        """Put the outcomes on record, in the transaction that settles the rows. `heads` are those of the customers'
        streams, as they were locked."""
        ...

    async def hang_up(self) -> None:
        """No more calls from the running event loop for now: what it keeps open is closed."""
        ...


@dataclass(frozen=True, slots=True)
class Shift:
    """One worker at one destination, as long as something is due to it."""

    engine: Engine
    destination: Destination
    courier: Courier
    worker: str
    clock: Clock
    batch: int
    """Rows that are claimed together."""
    lease: timedelta


# --- claiming and tidying up ----------------------------------------------------------------------------------


class Claimed(NamedTuple):
    row_id: int
    customer_id: int


def claim_of(row: OutboxMessage) -> Claimed:
    return Claimed(id_of(row), row.customer_id)


def claim(
    session: Session,
    destination: Destination,
    *,
    worker: str,
    batch: int,
    lease: timedelta,
    portfolio_id: int | None = None,
    now: datetime,
) -> list[Claimed]:
    """Take the rows that are due longest, of one portfolio if it is named, for this worker alone; none while the
    channel is stopped."""
    if is_stopped(session, destination):
        return []
    message = table_of(OutboxMessage)
    query = (
        sa.select(message.c.id, message.c.customer_id)
        .where(
            message.c.status == OutboxStatus.QUEUED,
            message.c.not_before <= now,
            message.c.destination == destination,
            *([] if portfolio_id is None else [message.c.portfolio_id == portfolio_id]),
        )
        .order_by(message.c.not_before, message.c.id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    claimed = [Claimed(*row) for row in session.connection().execute(query)]
    _update(
        session,
        [row.row_id for row in claimed],
        status=OutboxStatus.CLAIMED,
        claimed_by=worker,
        lease_until=now + lease,
    )
    return claimed


def give_back(session: Session, row_ids: Sequence[int], *, worker: str) -> None:
    """Claims that this worker does not get round to."""
    table = table_of(OutboxMessage)
    mine = (table.c.status == OutboxStatus.CLAIMED, table.c.claimed_by == worker)
    _update(session, row_ids, *mine, status=OutboxStatus.QUEUED, claimed_by="")


def _update(
    session: Session, row_ids: Sequence[int], *where: sa.ColumnElement[bool], **values: object
) -> None:
    table = table_of(OutboxMessage)
    if row_ids:
        rows = sa.update(table).where(among(session, table.c.id, row_ids), *where)
        session.connection().execute(rows.values(**values))


def locked_rows(session: Session, claimed: Sequence[Claimed]) -> list[OutboxMessage]:
    """The rows in id order, under their customers' lock. Locks are always taken in this order: customers, then
    messages."""
    lock_customers(session, {row.customer_id for row in claimed})
    query = (
        select(OutboxMessage)
        .where(among(session, table_of(OutboxMessage).c.id, [row.row_id for row in claimed]))
        .order_by(col(OutboxMessage.id))
        .with_for_update()
    )
    return list(session.scalars(query))


def recover(session: Session, couriers: Mapping[Destination, Courier], *, now: datetime) -> None:
    """What a dead worker left behind: claims go back to the queue, attempts become unknown (or are repeated)."""
    message = table_of(OutboxMessage)
    left = (
        message.c.status.in_((OutboxStatus.CLAIMED, OutboxStatus.SENDING)),
        message.c.lease_until < now,
    )
    query = sa.select(message.c.id, message.c.customer_id).where(*left).order_by(message.c.id).limit(AT_MOST)
    found = [Claimed(*row) for row in session.connection().execute(query)]
    if not found:
        return
    lost: list[NewEvent] = []
    for row in locked_rows(session, found):
        if row.status not in (OutboxStatus.CLAIMED, OutboxStatus.SENDING):
            continue  # somebody was quicker
        if row.lease_until is None or row.lease_until >= now:
            continue
        courier = couriers.get(row.destination)
        if row.status is OutboxStatus.CLAIMED or (courier is not None and courier.repeatable):
            requeue(row, row.not_before)
        else:
            move(row, OutboxStatus.UNKNOWN)
            row.settled_at = now
            row.error = "the worker stopped while sending; it may or may not have left"
            lost.append(_event(row, Kind.CONTACT_UNKNOWN, {"error": row.error}))
    record_many(session, lost, by=SYSTEM, now=now)


def withhold_stale(session: Session, *, now: datetime, at_most: int = AT_MOST) -> int:
    """Take from the queue what waited too long, also where its channel is stopped: its words are no longer true, and
    it must not stand in the way of others for ever. Returns how many."""
    query = (
        select(OutboxMessage, col(Portfolio.timezone))
        .join(Portfolio, col(Portfolio.id) == OutboxMessage.portfolio_id)
        .where(
            OutboxMessage.status == OutboxStatus.QUEUED,
            OutboxMessage.destination != Destination.LEGAL_DESK,
            # A day more, because today is not the same day everywhere.
            col(OutboxMessage.business_date) < now.date() - STALE_AFTER + timedelta(days=1),
        )
        .order_by(col(OutboxMessage.customer_id), col(OutboxMessage.id))
        .limit(at_most)
        .with_for_update(of=OutboxMessage, skip_locked=True)
    )
    rows = [
        row for row, zone in session.execute(query) if local_date(now, zone) - row.business_date > STALE_AFTER
    ]
    told = [withhold(row, _too_old(row), now=now) for row in rows]
    record_decisions(session, told, by=SYSTEM, now=now)
    return len(rows)


def _too_old(row: OutboxMessage) -> Withhold:
    return Withhold(f"its business date {row.business_date} is too long ago", {})


# --- pace -----------------------------------------------------------------------------------------------------


def admit(session: Session, courier: Courier, rows: Sequence[OutboxMessage], *, now: datetime) -> set[int]:
    """Ids of those that their lines may hand over now, and takes it into account for every worker."""
    pace = courier.pace
    if pace is None:
        return {id_of(row) for row in rows}
    by_line: dict[str, list[OutboxMessage]] = {}
    for row in rows:
        by_line.setdefault(f"{row.destination.value}:{courier.line(row)}"[:160], []).append(row)
    admitted = set()
    for line, theirs in sorted(by_line.items()):
        unknown = upsert(session, SendingPace).values(line=line, caught_up_at=now)
        session.execute(unknown.on_conflict_do_nothing())
        kept = session.get_one(SendingPace, line, with_for_update=True)
        for row in theirs:
            caught_up_at = pace.admit(kept.caught_up_at, pace.units(row.text), now)
            if caught_up_at is None:
                break
            kept.caught_up_at = caught_up_at
            admitted.add(id_of(row))
    return admitted


# --- one row's moves ------------------------------------------------------------------------------------------


def new_attempt_id(row: OutboxMessage) -> str:
    """Nobody can guess it, and the row is found by it: callbacks bring it back."""
    return f"{row.id}-{secrets.token_hex(9)}"


def set_aside(session: Session, row: OutboxMessage, why: str, *, now: datetime) -> None:
    """A row that could not even be prepared: tried again later, and withheld when that does not help."""
    row.attempts += 1
    row.error = f"could not be prepared: {why}"
    if row.attempts >= MAX_ATTEMPTS:
        record_decisions(session, [withhold(row, Withhold(row.error, {}), now=now)], by=SYSTEM, now=now)
    else:
        requeue(row, now + SET_ASIDE_FOR)


def move(row: OutboxMessage, to: OutboxStatus) -> None:
    """Change the status along the transition table; Conflict for any other move."""
    if to not in TRANSITIONS[row.status]:
        raise Conflict(f"a message that is {row.status.value} cannot become {to.value}")
    row.status = to


def settle(row: OutboxMessage, outcome: Outcome, *, now: datetime) -> bool:
    """Write down what came of the attempt. False if that was known already: the provider's report was quicker than
    its answer."""
    if row.status in REPORTED:
        if isinstance(outcome, Accepted):
            row.provider_ref = row.provider_ref or outcome.provider_ref[:120]
        else:
            log.warning("answer_contradicts_report", key=row.key, answer=type(outcome).__name__)
        return False
    if row.status is not OutboxStatus.SENDING and not isinstance(outcome, Accepted):
        # The lease ran out while the provider was slow. What was unknown is certain now: nothing left.
        if row.status is OutboxStatus.UNKNOWN and not isinstance(outcome, Uncertain):
            move(row, OutboxStatus.FAILED)
            row.error, row.settled_at = outcome.reason[:500], now
            return True
        return False
    row.settled_at = now
    match outcome:
        case Accepted(provider_ref=reference, simulated=simulated):
            move(row, OutboxStatus.SENT)
            row.provider_ref, row.sent_at, row.error = reference[:120], now, ""
            row.simulated = simulated
        case Undeliverable(reason=reason):
            cannot_arrive(row, OutboxStatus.UNDELIVERED, reason, now=now)
        case Uncertain(reason=reason):
            move(row, OutboxStatus.UNKNOWN)
            row.error = reason[:500]
        case TryLater(reason=reason, after_seconds=seconds):
            row.error = reason[:500]
            _try_again(row, now + retry_wait(seconds, row.attempts))
        case Misconfigured(reason=reason):
            row.error = reason[:500]
            requeue(row, row.not_before)
        case NotCalled(reason=reason):
            row.error = reason[:500]
            row.attempts -= 1
            requeue(row, row.not_before)
    return True


REPORTED = (OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED)
"""The provider has told that it took the message."""


def _try_again(row: OutboxMessage, at: datetime) -> None:
    """At the end of its window at the latest: the gate then says when the next one opens."""
    if row.attempts >= MAX_ATTEMPTS:
        move(row, OutboxStatus.FAILED)
    else:
        requeue(row, min(at, row.not_after) if row.not_after else at)


def cannot_arrive(row: OutboxMessage, status: OutboxStatus, why: str, *, now: datetime) -> None:
    """It can never arrive where it was sent to; its step may go on by another channel (`fallback.py`)."""
    move(row, status)
    row.error, row.settled_at = why[:500], now
    if row.purpose is not Purpose.CONFIRMATION and row.destination is not Destination.LEGAL_DESK:
        row.fallback_at = now


def requeue(row: OutboxMessage, at: datetime) -> None:
    move(row, OutboxStatus.QUEUED)
    row.not_before, row.claimed_by = at, ""


def withhold(row: OutboxMessage, why: Withhold, *, now: datetime) -> Decided | NewEvent:
    """Never to be sent, and what goes on record of it (`record_decisions`)."""
    move(row, OutboxStatus.WITHHELD)
    row.error, row.settled_at = why.reason[:500], now
    # What the gate refuses is owed all the same if it is a notice: a hold may have come in between.
    is_owed = row.purpose is Purpose.NOTICE and why.asked is not None
    if row.destination is not Destination.LEGAL_DESK and (why.reason == MOVED or is_owed):
        row.fallback_at = now
    if why.asked is not None:
        asked, answer = why.asked
        return decided(
            row.case_id,
            row.customer_id,
            asked,
            answer,
            kind=Kind.CONTACT_WITHHELD,
            key=row.key,
            letter=row.letter,
            reason=why.reason,
        )
    return _event(row, Kind.CONTACT_WITHHELD, {"reason": why.reason, **why.data})


def cancel_message(session: Session, row: OutboxMessage, reason: str, *, by: Actor, now: datetime) -> None:
    """A person takes back a message that waits to leave. Conflict once it is on its way; the row is locked."""
    reason = clean_text(reason, "reason", at_most=300)
    if row.status is not OutboxStatus.QUEUED:
        raise Conflict("This message is not waiting any more, so it cannot be cancelled")
    told = withhold(row, Withhold(f"cancelled: {reason}", {}), now=now)
    record_decisions(session, [told], by=by, now=now)


def postponed(row: OutboxMessage, why: Postpone) -> list[Decided]:
    """What goes on record of a message that has to wait (`record_decisions`)."""
    if why.asked is None:
        return []
    asked, answer = why.asked
    return [decided(row.case_id, row.customer_id, asked, answer, key=row.key, letter=row.letter)]


# --- the kill switch ------------------------------------------------------------------------------------------


def is_stopped(session: Session, destination: Destination) -> bool:
    query = sa.select(sa.literal(1)).where(col(ChannelStop.destination) == destination)
    return session.connection().execute(query).first() is not None


def stop_channel(
    session: Session, destination: Destination, reason: str, *, by: Actor, now: datetime
) -> None:
    """Send nothing more to this destination until somebody starts it again; queued messages stay queued. What stopped
    it first stays the reason."""
    if is_stopped(session, destination):
        return
    values = {"reason": reason[:500], "at": now, "by": by}
    statement = upsert(session, ChannelStop).values(destination=destination, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["destination"], set_=values))
    data = {"destination": destination.value, "reason": reason}
    record(session, NewEvent("outbox", Kind.CHANNEL_STOPPED, data), by=by, now=now)
    log.error("channel_stopped", destination=destination.value, by=by)


def start_channel(session: Session, destination: Destination, *, by: Actor, now: datetime) -> None:
    """Send to this destination again."""
    session.execute(sa.delete(ChannelStop).where(col(ChannelStop.destination) == destination))
    data = {"destination": destination.value}
    record(session, NewEvent("outbox", Kind.CHANNEL_STARTED, data), by=by, now=now)


def _event(row: OutboxMessage, kind: Kind, data: Mapping[str, object]) -> NewEvent:
    channel = None if row.destination is Destination.LEGAL_DESK else Channel(row.destination.value)
    return NewEvent(
        customer_stream(row.customer_id),
        kind,
        {"key": row.key, "letter": row.letter, **data},
        customer_id=row.customer_id,
        case_id=row.case_id,
        channel=channel,
    )


# --- contacts with cardholders --------------------------------------------------------------------------------


@dataclass(frozen=True)
class ContactCourier:
    """Serves sms, email and post: asks the gate again at the moment of delivery."""

    sender: Sender | AsyncSender
    stationery: Stationery
    in_flight: int = 1
    pace: Pace | None = None
    lines: tuple[str, ...] = ("",)
    """Our own numbers to send from: each customer's number always hears from the same one."""
    repeatable: bool = False

    def line(self, row: OutboxMessage) -> str:
        return self.lines[zlib.crc32(row.address.encode()) % len(self.lines)]

    def foresee(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Foreseen | None]:
        found: list[Foreseen | None] = []
        for row, portfolio, verdict in _judged(session, rows, self.stationery, now=now, lock=False):
            if isinstance(verdict, Cleared):
                call = self._call(row, portfolio, verdict)
                found.append(Foreseen(row, call, verdict.clearance.not_after, verdict.folder))
            else:
                found.append(None)
        return found

    def prepare(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Call | Withhold | Postpone]:
        return [
            self._call(row, portfolio, verdict) if isinstance(verdict, Cleared) else verdict
            for row, portfolio, verdict in _judged(session, rows, self.stationery, now=now, lock=True)
        ]

    def _call(self, row: OutboxMessage, portfolio: Portfolio, cleared: Cleared) -> Call:
        row.not_after = cleared.clearance.not_after
        dispatch = dispatch_of(row, portfolio, cleared.folder, self.stationery, self.line(row))
        return partial(self.sender.send, dispatch)

    def settled(
        self,
        session: Session,
        settled: Sequence[tuple[OutboxMessage, Outcome]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        record_settled(session, settled, heads, now=now)

    async def hang_up(self) -> None:
        if isinstance(self.sender, AsyncSender):
            await self.sender.hang_up()


def dispatch_of(
    row: OutboxMessage, portfolio: Portfolio, folder: Folder, stationery: Stationery, line: str = ""
) -> Dispatch:
    """What an adapter gets of a row that carries its attempt id already."""
    channel = Channel(row.destination.value)
    dispatch = Dispatch(
        key=row.key,
        attempt_id=row.attempt_id,
        channel=channel,
        to=row.address,
        recipient_name=folder.customer.full_name,
        language=row.language,
        letter=row.letter,
        text=row.text,
        business_date=row.business_date,
        sender_name=portfolio.agency or portfolio.creditor,
        subject=row.subject,
        html=row.html,
        reference=case_reference(row.case_id),
        unsubscribe_url=stationery.unsubscribe_url(
            row.customer_id, channel, folder.customer.link_number, on=row.business_date
        ),
        status_callback_url=f"{stationery.public_url}/hooks/twilio/status?attempt={row.attempt_id}",
        line=line,
        not_after=row.not_after,
        context=message_context(row),
    )
    if not row.enclosed:
        return dispatch
    paper = replace(
        dispatch,
        channel=Channel.POST,
        to=address_of(folder.customer, Channel.POST) or folder.customer.country,
        text=row.enclosed,
        subject=heading(row.enclosed),
        html="",
    )
    return replace(dispatch, enclosed=paper)


def record_settled(
    session: Session,
    settled: Sequence[tuple[OutboxMessage, Outcome]],
    heads: Heads | None = None,
    *,
    now: datetime,
) -> None:
    """What came of attempts goes on record, with what it says about the addresses."""
    told = [settled_event(row, outcome) for row, outcome in settled]
    record_many(session, [event for event in told if event is not None], by=SYSTEM, now=now, locked=heads)
    for row, outcome in settled:
        heed(session, row, outcome, now=now)


def settled_event(row: OutboxMessage, outcome: Outcome) -> NewEvent | None:
    """What goes on record of a message's outcome; None where it will be tried again."""
    match outcome:
        case Accepted(provider_ref=reference, simulated=simulated):
            data = {
                "to": row.address,
                "provider_ref": reference[:120],
                "template_version": row.template_version,
            }
            return _event(row, Kind.CONTACT_SIMULATED if simulated else Kind.CONTACT_SENT, data)
        case Uncertain():
            return _event(row, Kind.CONTACT_UNKNOWN, {"error": row.error})
        case _ if row.status in (OutboxStatus.UNDELIVERED, OutboxStatus.FAILED):
            return _event(row, Kind.CONTACT_FAILED, {"error": row.error})
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Cleared:
    """It may leave now."""

    folder: Folder
    clearance: Clearance


def _judged(
    session: Session, rows: Sequence[OutboxMessage], stationery: Stationery, *, now: datetime, lock: bool
) -> Iterator[tuple[OutboxMessage, Portfolio, Cleared | Withhold | Postpone]]:
    """`judge` for messages of any portfolio, in the order of the rows."""
    portfolios = {i: session.get_one(Portfolio, i) for i in {row.portfolio_id for row in rows}}
    verdicts: dict[int | None, Cleared | Withhold | Postpone] = {}
    for portfolio_id, portfolio in portfolios.items():
        theirs = [row for row in rows if row.portfolio_id == portfolio_id]
        found = judge(session, portfolio, theirs, stationery, now=now, lock=lock)
        verdicts.update((row.id, verdict) for row, verdict in zip(theirs, found, strict=True))
    for row in rows:
        yield row, portfolios[row.portfolio_id], verdicts[row.id]


def judge(
    session: Session,
    portfolio: Portfolio,
    rows: Sequence[OutboxMessage],
    stationery: Stationery,
    *,
    now: datetime,
    lock: bool = True,
) -> list[Cleared | Withhold | Postpone]:
    """What stands in the way of each of these messages, all of different customers, or that nothing does. The customers
    are locked until the transaction ends; without `lock` nothing is written, and no answer goes on record."""
    today = local_date(now, portfolio.timezone)
    fresh = [row for row in rows if today - row.business_date <= STALE_AFTER]
    cases = [row.case_id for row in fresh]
    messages = {row.id for row in fresh if row.id is not None}
    opened = (
        open_folders(session, portfolio, cases, now=now, skip_messages=messages, lock=lock, as_of=today)
        if fresh
        else []
    )
    folders = {folder.case.id: folder for folder in opened}
    plan = table_of(Plan)
    query = sa.select(plan.c.case_id).where(among(session, plan.c.case_id, cases), plan.c.status.in_(LIVE))
    planned = set(session.connection().execute(query).scalars())
    following = [row.case_id for row in fresh if row.letter in stationery.follow_ups]
    written = written_on(session, following)
    verdicts: list[Cleared | Withhold | Postpone] = []
    for row in rows:
        folder = folders.get(row.case_id)
        if folder is None:
            verdicts.append(_too_old(row))
            continue
        changed = _no_longer_true(
            session,
            folder,
            row,
            planned=row.case_id in planned,
            small_debt_minor=portfolio.small_debt_minor,
            today=today,
        )
        if not changed and row.letter in stationery.follow_ups:
            # What we wrote may have come back since.
            stem = row.key.rpartition(":")[0]
            arrived = wrote_before(written, row.case_id, folder.oldest_due_on, stem)
            changed = (
                "" if arrived else "it says that we wrote before, and no earlier letter of this case arrived"
            )
        verdict = Withhold(changed, {}) if changed else _ask_gate(folder, row, now)
        if lock and not isinstance(verdict, Cleared):
            keep_pack(session, folder.pack, now=now)
        verdicts.append(verdict)
    return verdicts


def _no_longer_true(
    session: Session,
    folder: Folder,
    row: OutboxMessage,
    *,
    planned: bool,
    small_debt_minor: int,
    today: date,
) -> str:
    """Why the message would now say something false or unwelcome; '' = it still holds."""
    if address_of(folder.customer, Channel(row.destination.value)) != row.address:
        return MOVED
    if row.purpose is Purpose.CONFIRMATION and not _plan_stands(session, row):
        return "the plan it confirms has ended"
    if not _still_offered(session, row, today):
        return "the plan it offers is no longer on offer"
    if row.letter == ANSWER_LETTER and purpose_of_answer(folder.facts.holds) is not row.purpose:
        return "whether they dispute the debt has changed since it was written"
    if row.letter == "paid_in_full" and any(account.balance_minor > 0 for account in folder.accounts):
        return "something is owed again"
    if row.letter in CLOSING.values() and not _still_closed_so(session, row):
        return "the end of the case that it tells was undone"
    if row.purpose is not Purpose.REMINDER:
        return ""
    if folder.case.status is not CaseStatus.OPEN:
        return "the case was closed since it was written"
    if planned:
        return "a promise or plan was made since it was written"
    if folder.to_ask < row.past_due_minor:
        return "a payment came since it was written"
    if row.letter != ANSWER_LETTER and folder.to_ask <= 0:
        return "nothing is past due and owed"
    if folder.to_ask < small_debt_minor:
        return "less is past due than this portfolio works"
    return ""


def _plan_stands(session: Session, row: OutboxMessage) -> bool:
    plan_id = confirmed_plan(row.key)
    if plan_id is None:  # it answers something else than a plan
        return True
    plan = session.get(Plan, plan_id)
    return plan is not None and plan.status in (*LIVE, PlanStatus.KEPT)


def _still_closed_so(session: Session, row: OutboxMessage) -> bool:
    """Whether the case is closed with the outcome that the letter tells."""
    case = session.get(CollectionsCase, row.case_id) if row.case_id else None
    return case is not None and case.outcome is not None and CLOSING.get(case.outcome) == row.letter


def _still_offered(session: Session, row: OutboxMessage, today: date) -> bool:
    plan_id = offered_plan(row.key)
    if plan_id is None:
        return True
    plan = session.get(Plan, plan_id)
    if plan is None:
        return False
    if plan.status is PlanStatus.OFFERED:
        return offers_that_stand(session, [plan], today) != []
    # A settlement that was said yes to is still to be had in writing.
    return plan.kind is PlanKind.SETTLEMENT and plan.status in LIVE


def _ask_gate(folder: Folder, row: OutboxMessage, now: datetime) -> Cleared | Withhold | Postpone:
    channel = Channel(row.destination.value)
    # Its words are as they were when the gate was asked about them: their blocks are not asked again.
    contact = Contact(channel, row.purpose, row.address, letter=row.letter, language=row.language)
    asked = Asked(contact, folder.facts, now)
    answer = asked.answer(folder.pack)
    if isinstance(answer, Clearance):
        return Cleared(folder, answer)
    rules = ", ".join(reason.rule for reason in answer.reasons)
    if isinstance(answer, WaitUntil):
        return Postpone(answer.at, rules, (asked, answer))
    return Withhold(f"the gate refused it: {rules}", {}, (asked, answer))


# --- what the provider or a person says later -----------------------------------------------------------------


def note_status(
    session: Session,
    status: OutboxStatus,
    detail: str = "",
    *,
    attempt_id: str = "",
    provider_ref: str = "",
    failure: Failure | None = None,
    known_by: str = "the provider's report",
    now: datetime,
) -> bool:
    """A provider reports on a message, named by our attempt or by its own reference: SENT = it has it and no more is
    known, or what became of it. May come before the answer to the call was written down, or when nobody knew whether
    the call got through. `failure`: why it did not arrive; it has the consequences of the same answer to a call. False
    if we do not know the message; repeats change nothing."""
    row = _reported_row(session, attempt_id, provider_ref)
    if row is None:
        return False
    if row.provider_ref and provider_ref and row.provider_ref != provider_ref:
        log.error("two_messages_for_one_attempt", key=row.key)
        return True
    row.provider_ref = row.provider_ref or provider_ref[:120]
    if row.status not in REPORTED and OutboxStatus.SENT in TRANSITIONS[row.status]:
        prove_sent(session, row, known_by, now=now)
    if status is OutboxStatus.SENT or status not in TRANSITIONS[row.status]:
        return True
    if status is OutboxStatus.DELIVERED:
        move(row, status)
        row.error, row.settled_at = detail[:500], now
    else:
        cannot_arrive(row, status, detail, now=now)
    kind = Kind.CONTACT_DELIVERED if status is OutboxStatus.DELIVERED else Kind.CONTACT_FAILED
    record(session, _event(row, kind, {"detail": detail}), by=SYSTEM, now=now)
    if failure is not None and status is not OutboxStatus.DELIVERED:
        heed(session, row, failure, now=now)
        if isinstance(failure, Misconfigured) and not _started_since(session, row):
            stop_channel(session, row.destination, failure.reason, by=SYSTEM, now=now)
    return True


def _started_since(session: Session, row: OutboxMessage) -> bool:
    """Has a person started the channel again since this message left? Then what it met is mended, and reports that
    come late must not stop it once more."""
    event = table_of(Event)
    last = sa.select(event.c.at).where(
        event.c.stream == "outbox",
        event.c.kind == Kind.CHANNEL_STARTED,
        event.c.data.contains(f'"destination":"{row.destination.value}"'),
        event.c.at >= (row.sent_at or row.created_at),
    )
    return session.execute(last.limit(1)).first() is not None


def _reported_row(session: Session, attempt_id: str, provider_ref: str) -> OutboxMessage | None:
    """The row under lock, by the attempt if it is still the last one, else by the provider's reference."""
    message = table_of(OutboxMessage)
    query = sa.select(message.c.id, message.c.customer_id)
    number = attempt_id.partition("-")[0]
    named = []
    if number.isascii() and number.isdigit() and len(number) < 19:
        named.append(query.where(message.c.id == int(number), message.c.attempt_id == attempt_id))
    if provider_ref:
        named.append(query.where(message.c.provider_ref == provider_ref))
    for each in named:
        found = session.execute(each).first()
        if found is not None:
            [row] = locked_rows(session, [Claimed(*found)])
            return row
    return None


def prove_sent(session: Session, row: OutboxMessage, source: str, *, now: datetime) -> None:
    """The provider has the message, whatever we believed. It counts from when it was handed over."""
    move(row, OutboxStatus.SENT)
    row.sent_at, row.settled_at, row.error, row.claimed_by = row.attempted_at or now, now, "", ""
    data = {
        "to": row.address,
        "provider_ref": row.provider_ref,
        "template_version": row.template_version,
        "known_by": source,
    }
    event = replace(_event(row, Kind.CONTACT_SENT, data), at=row.sent_at)
    record(session, event, by=SYSTEM, now=now)


def resolve_unknown(
    session: Session, row: OutboxMessage, *, was_sent: bool, by: Actor, now: datetime
) -> None:
    """A person found out what became of an unknown message. It is never sent again, whatever they say."""
    move(row, OutboxStatus.SENT if was_sent else OutboxStatus.FAILED)
    row.settled_at = now
    if was_sent:
        row.sent_at = row.attempted_at or now
    kind = Kind.CONTACT_SENT if was_sent else Kind.CONTACT_FAILED
    event = replace(_event(row, kind, {"to": row.address, "resolved_by": by}), at=row.sent_at)
    record(session, event, by=by, now=now)
