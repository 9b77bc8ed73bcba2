"""Claim, send outside the transaction, settle. Written so that a process may die between any two lines.

queued -> claimed (a lease; given back when it runs out) -> sending (committed before the call, with an attempt
id) -> sent, or failed, undelivered, withheld, unknown. A row found in `sending` with its lease over is `unknown`:
it may have left, so it is never sent again by itself. Only a destination that is idempotent by contract
(the legal desk) goes back to the queue instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.cases.models import case_reference
from app.cases.rules import CaseStatus
from app.clock import Clock, local_date
from app.compliance.facts import address_of
from app.compliance.record import Asked, Decided, decided, record_decisions
from app.compliance.rules import Answer, Clearance, Contact, Suppression, WaitUntil
from app.compliance.suppression import suppress
from app.compliance.versions import keep_pack
from app.db import retrying, table_of, transaction, upsert
from app.delinquency.service import standing_on
from app.errors import Conflict
from app.ledger.models import Portfolio
from app.outreach.folders import STALE_AFTER, Folder, open_folders
from app.outreach.models import ChannelStop, OutboxMessage
from app.outreach.rules import (
    TRANSITIONS,
    Accepted,
    Destination,
    Dispatch,
    Misconfigured,
    OutboxStatus,
    Outcome,
    Sender,
    TryLater,
    Uncertain,
    Undeliverable,
    to_ask,
)
from app.outreach.service import Stationery, confirmed_plan, message_context
from app.plans.models import Plan
from app.plans.rules import LIVE, PlanStatus
from app.timeline.rules import Channel, Kind, Purpose
from app.timeline.service import NewEvent, customer_stream, lock_customers, record

log = structlog.get_logger("desk.delivery")

MAX_ATTEMPTS = 8
SET_ASIDE_FOR = timedelta(minutes=10)


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


class Courier(Protocol):
    """How one destination is served."""

    @property
    def repeatable(self) -> bool:
        """The receiver recognises a repetition, so an attempt that was cut off may be made again."""
        ...

    def prepare(
        self, session: Session, row: OutboxMessage, *, now: datetime
    ) -> Callable[[], Outcome] | Withhold | Postpone:
        """Judge the row once more, under lock, and say what to call. Must not send anything itself."""
        ...

    def settled(self, session: Session, row: OutboxMessage, outcome: Outcome, *, now: datetime) -> None:
        """Put the outcome on record, in the transaction that settles the row."""
        ...


def deliver_due(
    engine: Engine,
    couriers: Mapping[Destination, Courier],
    *,
    worker: str,
    clock: Clock,
    batch: int = 50,
    lease: timedelta = timedelta(minutes=5),
) -> dict[str, int]:
    """Send what is due now; returns how many rows ended in which status. Safe to run in many processes."""
    counts: dict[str, int] = {}
    with transaction(engine) as session:
        recover(session, couriers, now=clock.now())
    retrying(partial(_withhold_stale, engine, clock))
    while True:
        with transaction(engine) as session:
            claimed = _claim(
                session, list(couriers), worker=worker, now=clock.now(), batch=batch, lease=lease
            )
        for row_id in claimed:
            status = _deliver_one(engine, couriers, row_id, worker=worker, clock=clock, lease=lease)
            if status is not None:
                counts[status.value] = counts.get(status.value, 0) + 1
        if len(claimed) < batch:
            return counts


def recover(session: Session, couriers: Mapping[Destination, Courier], *, now: datetime) -> None:
    """What a dead worker left behind: claims go back to the queue, attempts become unknown (or are repeated)."""
    query = (
        select(OutboxMessage)
        .where(
            col(OutboxMessage.status).in_((OutboxStatus.CLAIMED, OutboxStatus.SENDING)),
            col(OutboxMessage.lease_until) < now,
        )
        .order_by(col(OutboxMessage.id))
        .with_for_update(skip_locked=True)
    )
    for row in session.scalars(query):
        courier = couriers.get(row.destination)
        if row.status is OutboxStatus.CLAIMED or (courier is not None and courier.repeatable):
            move(row, OutboxStatus.QUEUED)
            row.claimed_by = ""
        else:
            move(row, OutboxStatus.UNKNOWN)
            row.settled_at = now
            row.error = "the worker stopped while sending; it may or may not have left"
            record(session, _event(row, Kind.CONTACT_UNKNOWN, {"error": row.error}), by="system", now=now)


def _withhold_stale(engine: Engine, clock: Clock) -> None:
    with transaction(engine) as session:
        withhold_stale(session, now=clock.now())


def withhold_stale(session: Session, *, now: datetime, at_most: int = 1000) -> int:
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
    record_decisions(session, told, by="system", now=now)
    return len(rows)


def _too_old(row: OutboxMessage) -> Withhold:
    return Withhold(f"its business date {row.business_date} is too long ago", {})


def _claim(
    session: Session,
    destinations: list[Destination],
    *,
    worker: str,
    now: datetime,
    batch: int,
    lease: timedelta,
) -> list[int]:
    stopped = sa.select(col(ChannelStop.destination))
    query = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.status == OutboxStatus.QUEUED,
            col(OutboxMessage.not_before) <= now,
            col(OutboxMessage.destination).in_(destinations),
            col(OutboxMessage.destination).not_in(stopped),
        )
        .order_by(col(OutboxMessage.not_before), col(OutboxMessage.id))
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    ids = [i for i in session.scalars(query) if i is not None]
    if ids:
        table = table_of(OutboxMessage)
        session.execute(
            sa.update(table)
            .where(table.c.id.in_(ids))
            .values(status=OutboxStatus.CLAIMED, claimed_by=worker, lease_until=now + lease)
        )
    return ids


def _deliver_one(
    engine: Engine,
    couriers: Mapping[Destination, Courier],
    row_id: int,
    *,
    worker: str,
    clock: Clock,
    lease: timedelta,
) -> OutboxStatus | None:
    """One row through judging, sending and settling. None if another worker has it by now."""
    attempt_id = uuid.uuid4().hex

    def prepare() -> OutboxStatus | Callable[[], Outcome] | None:
        with transaction(engine) as session:
            row = _locked(session, row_id)
            if row.status is not OutboxStatus.CLAIMED or row.claimed_by != worker:
                return None
            return _prepare(session, row, couriers[row.destination], attempt_id, now=clock.now(), lease=lease)

    def settled(outcome: Outcome) -> OutboxStatus | None:
        with transaction(engine) as session:
            row = _locked(session, row_id)
            if row.attempt_id != attempt_id:
                log.error("attempt_superseded", key=row.key)
                return None
            settle(session, row, couriers[row.destination], outcome, now=clock.now())
            return row.status

    try:
        prepared = retrying(prepare)
    except Exception as error:  # one broken row must not hold up the others
        log.error("not_prepared", row=row_id, error=type(error).__name__)
        return _set_aside(engine, row_id, worker, type(error).__name__, now=clock.now())
    if not callable(prepared):
        return prepared
    # Nothing is locked while the provider is called. What was sent must be written down, so settling insists.
    try:
        outcome = prepared()
    except Exception as error:  # a sender must not raise; if one does, nobody knows how far it got
        outcome = Uncertain(f"the sender failed: {type(error).__name__}")
    return retrying(lambda: settled(outcome), attempts=8)


def _prepare(
    session: Session,
    row: OutboxMessage,
    courier: Courier,
    attempt_id: str,
    *,
    now: datetime,
    lease: timedelta,
) -> OutboxStatus | Callable[[], Outcome]:
    """The call to make, the row being `sending` from the moment this is committed; or where the row went instead."""
    if session.get(ChannelStop, row.destination) is not None:  # since the batch was claimed
        requeue(row, row.not_before)
        return row.status
    # The attempt id is set before the courier prepares, because the dispatch carries it.
    row.attempt_id = attempt_id
    call = courier.prepare(session, row, now=now)
    if isinstance(call, Withhold):
        _withhold(session, row, call, now=now)
        return row.status
    if isinstance(call, Postpone):
        row.error = call.reason[:500]
        requeue(row, call.until)
        return row.status
    move(row, OutboxStatus.SENDING)
    row.attempts += 1
    row.lease_until = now + lease
    return call


def _set_aside(engine: Engine, row_id: int, worker: str, why: str, *, now: datetime) -> OutboxStatus | None:
    """A row that could not even be prepared: tried again later, and withheld when that does not help."""
    with transaction(engine) as session:
        row = _locked(session, row_id)
        if row.status is not OutboxStatus.CLAIMED or row.claimed_by != worker:
            return None
        row.attempts += 1
        row.error = f"could not be prepared: {why}"
        if row.attempts >= MAX_ATTEMPTS:
            _withhold(session, row, Withhold(row.error, {}), now=now)
        else:
            requeue(row, now + SET_ASIDE_FOR)
        return row.status


def _locked(session: Session, row_id: int) -> OutboxMessage:
    """The row under the customer's lock, always taken in this order: customer first, then the message."""
    lock_customers(
        session, [session.scalars(select(OutboxMessage.customer_id).where(OutboxMessage.id == row_id)).one()]
    )
    return session.get_one(OutboxMessage, row_id, with_for_update=True)


def move(row: OutboxMessage, to: OutboxStatus) -> None:
    """Change the status along the transition table; Conflict for any other move."""
    if to not in TRANSITIONS[row.status]:
        raise Conflict(f"a message that is {row.status.value} cannot become {to.value}")
    row.status = to


def settle(
    session: Session, row: OutboxMessage, courier: Courier, outcome: Outcome, *, now: datetime
) -> None:
    row.settled_at = now
    if row.status is OutboxStatus.UNKNOWN and not isinstance(outcome, (Accepted, Uncertain)):
        # The lease ran out while the provider was slow; now it is certain that nothing left.
        move(row, OutboxStatus.FAILED)
        row.error = outcome.reason[:500]
        courier.settled(session, row, outcome, now=now)
        return
    match outcome:
        case Accepted(provider_ref=reference):
            move(row, OutboxStatus.SENT)
            row.provider_ref, row.sent_at, row.error = reference[:120], now, ""
        case Undeliverable(reason=reason):
            move(row, OutboxStatus.UNDELIVERED)
            row.error = reason[:500]
        case Uncertain(reason=reason):
            if row.status is OutboxStatus.SENDING:
                move(row, OutboxStatus.UNKNOWN)
            row.error = reason[:500]
        case TryLater(reason=reason, after_seconds=seconds):
            row.error = reason[:500]
            if row.attempts >= MAX_ATTEMPTS:
                move(row, OutboxStatus.FAILED)
            else:
                requeue(row, now + timedelta(seconds=seconds))
        case Misconfigured(reason=reason):
            row.error = reason[:500]
            requeue(row, now)
            stop_channel(session, row.destination, reason, by="system", now=now)
    courier.settled(session, row, outcome, now=now)


def requeue(row: OutboxMessage, at: datetime) -> None:
    move(row, OutboxStatus.QUEUED)
    row.not_before, row.claimed_by = at, ""


def _withhold(session: Session, row: OutboxMessage, why: Withhold, *, now: datetime) -> None:
    record_decisions(session, [withhold(row, why, now=now)], by="system", now=now)


def withhold(row: OutboxMessage, why: Withhold, *, now: datetime) -> Decided | NewEvent:
    """Never to be sent, and what goes on record of it (`record_decisions`)."""
    move(row, OutboxStatus.WITHHELD)
    row.error, row.settled_at = why.reason[:500], now
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


def stop_channel(session: Session, destination: Destination, reason: str, *, by: str, now: datetime) -> None:
    """Send nothing more to this destination until somebody starts it again; queued messages stay queued."""
    values = {"reason": reason[:500], "at": now, "by": by}
    statement = upsert(session, ChannelStop).values(destination=destination, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["destination"], set_=values))
    data = {"destination": destination.value, "reason": reason}
    record(session, NewEvent("outbox", Kind.CHANNEL_STOPPED, data), by=by, now=now)
    log.error("channel_stopped", destination=destination.value, by=by)


def start_channel(session: Session, destination: Destination, *, by: str, now: datetime) -> None:
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

    sender: Sender
    stationery: Stationery
    repeatable: bool = False

    def prepare(
        self, session: Session, row: OutboxMessage, *, now: datetime
    ) -> Callable[[], Outcome] | Withhold | Postpone:
        portfolio = session.get_one(Portfolio, row.portfolio_id)
        [found] = judge(session, portfolio, [row], now=now)
        if not isinstance(found, Folder):
            return found
        dispatch = self._dispatch(row, portfolio, found)
        return lambda: self.sender.send(dispatch)

    def _dispatch(self, row: OutboxMessage, portfolio: Portfolio, folder: Folder) -> Dispatch:
        channel = Channel(row.destination.value)
        return Dispatch(
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
            unsubscribe_url=self.stationery.unsubscribe_url(row.customer_id, channel),
            status_callback_url=f"{self.stationery.public_url}/hooks/twilio/status",
            context=message_context(row),
        )

    def settled(self, session: Session, row: OutboxMessage, outcome: Outcome, *, now: datetime) -> None:
        event = settled_event(row, outcome)
        if event is not None:
            record(session, event, by="system", now=now)
        if isinstance(outcome, Undeliverable) and outcome.no_such_address:
            channel = Channel(row.destination.value)
            suppress(
                session,
                channel,
                row.address,
                Suppression.REFUSED,
                detail=row.error[:300],
                by="system",
                now=now,
            )


def settled_event(row: OutboxMessage, outcome: Outcome) -> NewEvent | None:
    """What goes on record of a message's outcome; None where it will be tried again."""
    match outcome:
        case Accepted():
            data = {
                "to": row.address,
                "provider_ref": row.provider_ref,
                "template_version": row.template_version,
            }
            return _event(row, Kind.CONTACT_SENT, data)
        case Uncertain():
            return _event(row, Kind.CONTACT_UNKNOWN, {"error": row.error})
        case _ if row.status in (OutboxStatus.UNDELIVERED, OutboxStatus.FAILED):
            return _event(row, Kind.CONTACT_FAILED, {"error": row.error})
        case _:
            return None


def judge(
    session: Session, portfolio: Portfolio, rows: Sequence[OutboxMessage], *, now: datetime
) -> list[Folder | Withhold | Postpone]:
    """What stands in the way of each of these messages, all of different customers; its folder where nothing does
    and it may leave now. The customers are locked until the transaction ends."""
    today = local_date(now, portfolio.timezone)
    fresh = [row for row in rows if today - row.business_date <= STALE_AFTER]
    cases = [row.case_id for row in fresh]
    messages = {row.id for row in fresh if row.id is not None}
    opened = open_folders(session, portfolio, cases, now=now, skip_messages=messages) if fresh else []
    folders = {folder.case.id: folder for folder in opened}
    planned = set(
        session.scalars(select(Plan.case_id).where(col(Plan.case_id).in_(cases), col(Plan.status).in_(LIVE)))
    )
    accounts = [account.id for folder in opened for account in folder.accounts]
    standings = standing_on(session, portfolio, accounts, today)
    verdicts: list[Folder | Withhold | Postpone] = []
    for row in rows:
        folder = folders.get(row.case_id)
        if folder is None:
            verdicts.append(_too_old(row))
            continue
        owed = [standings[account.id] for account in folder.accounts]
        due = sum(to_ask(each.past_due, each.balance) for each in owed)
        changed = _no_longer_true(session, folder, row, due, planned=row.case_id in planned)
        verdicts.append(Withhold(changed, {}) if changed else _ask_gate(session, folder, row, now))
    return verdicts


def _no_longer_true(
    session: Session, folder: Folder, row: OutboxMessage, due_minor: int, *, planned: bool
) -> str:
    """Why the message would now say something false or unwelcome; '' = it still holds."""
    if address_of(folder.customer, Channel(row.destination.value)) != row.address:
        return "the customer's address has changed since it was written"
    if row.purpose is Purpose.CONFIRMATION and not _plan_stands(session, row):
        return "the plan it confirms has ended"
    if row.purpose is not Purpose.REMINDER:
        return ""
    if folder.case.status is not CaseStatus.OPEN:
        return "the case was closed since it was written"
    if planned:
        return "a promise or plan was made since it was written"
    if due_minor < row.past_due_minor:
        return "a payment came since it was written"
    return ""


def _plan_stands(session: Session, row: OutboxMessage) -> bool:
    plan_id = confirmed_plan(row.key)
    plan = session.get(Plan, plan_id) if plan_id is not None else None
    return plan is not None and plan.status in (*LIVE, PlanStatus.KEPT)


def _ask_gate(
    session: Session, folder: Folder, row: OutboxMessage, now: datetime
) -> Folder | Withhold | Postpone:
    channel = Channel(row.destination.value)
    # Its words are as they were when the gate was asked about them: their blocks are not asked again.
    contact = Contact(channel, row.purpose, row.address, letter=row.letter, language=row.language)
    asked = Asked(contact, folder.facts, now)
    answer = asked.answer(folder.pack)
    if isinstance(answer, WaitUntil):
        return Postpone(answer.at, "; ".join(reason.rule for reason in answer.reasons))
    if not isinstance(answer, Clearance):
        keep_pack(session, folder.pack, now=now)
        rules = ", ".join(reason.rule for reason in answer.reasons)
        return Withhold(f"the gate refused it: {rules}", {}, (asked, answer))
    return folder


def note_delivery_status(
    session: Session, provider_ref: str, status: OutboxStatus, detail: str, *, now: datetime
) -> bool:
    """A provider reports what became of a message. False if we do not know it; repeats change nothing."""
    row = session.scalar(
        select(OutboxMessage).where(OutboxMessage.provider_ref == provider_ref).with_for_update()
    )
    if row is None or not provider_ref:
        return False
    if status in TRANSITIONS[row.status]:
        move(row, status)
        row.error, row.settled_at = detail[:500], now
        kind = Kind.CONTACT_DELIVERED if status is OutboxStatus.DELIVERED else Kind.CONTACT_FAILED
        record(session, _event(row, kind, {"detail": detail}), by="system", now=now)
    return True


def resolve_unknown(session: Session, row: OutboxMessage, *, was_sent: bool, by: str, now: datetime) -> None:
    """A person found out what became of an unknown message. It is never sent again, whatever they say."""
    move(row, OutboxStatus.SENT if was_sent else OutboxStatus.FAILED)
    row.settled_at = now
    if was_sent:
        row.sent_at = now
    kind = Kind.CONTACT_SENT if was_sent else Kind.CONTACT_FAILED
    record(session, _event(row, kind, {"to": row.address, "resolved_by": by}), by=by, now=now)
