"""Moves: what can become of a message in the outbox, one verb for each, along its transition table.

queued -> claimed (a lease; given back when it runs out) -> sending (committed before the request, with an attempt
id) -> sent, or failed, undelivered, withheld, unknown. A row found in `sending` with its lease over is `unknown`:
it may have left, so it is never sent again by itself. Only a destination that is idempotent by contract (the legal
desk) goes back to the queue instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from app.core.actor import SYSTEM, Actor
from app.core.errors import Conflict
from app.core.text import clean_text
from app.core.timeline.rules import Kind
from app.core.timeline.service import Heads, NewEvent, customer_stream, record_many
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.decisions import DecisionEntry, ReviewRequest, decision_entry, record_decisions
from app.outreach.gate.suppression import apply_refusal
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    MAX_ATTEMPTS,
    MOVED,
    TRANSITIONS,
    Accepted,
    Destination,
    Misconfigured,
    NotCalled,
    OutboxStatus,
    Outcome,
    TryLater,
    Uncertain,
    Undeliverable,
    retry_wait,
)
from app.policy.answers import Answer

log = structlog.get_logger("desk.delivery")

SET_ASIDE_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Withhold:
    """Do not send it, ever; `data` goes on record."""

    reason: str
    data: Mapping[str, object]
    asked: tuple[ReviewRequest, Answer] | None = None
    """The question to the gate and its answer, where it was the gate that said no."""


@dataclass(frozen=True, slots=True)
class Postpone:
    until: datetime
    reason: str
    asked: tuple[ReviewRequest, Answer] | None = None
    """The question to the gate and its answer, where it was the gate that wants it to wait."""


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


def finish(row: OutboxMessage, outcome: Outcome, *, now: datetime) -> bool:
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


def withhold(row: OutboxMessage, why: Withhold, *, now: datetime) -> DecisionEntry | NewEvent:
    """Never to be sent, and what goes on record of it (`record_decisions`)."""
    move(row, OutboxStatus.WITHHELD)
    row.error, row.settled_at = why.reason[:500], now
    # What the gate refuses is owed all the same if it is a notice: a hold may have come in between.
    is_owed = row.purpose is Purpose.NOTICE and why.asked is not None
    if row.destination is not Destination.LEGAL_DESK and (why.reason == MOVED or is_owed):
        row.fallback_at = now
    if why.asked is not None:
        asked, answer = why.asked
        return decision_entry(
            row.case_id,
            row.customer_id,
            asked,
            answer,
            kind=Kind.CONTACT_WITHHELD,
            key=row.key,
            letter=row.letter,
            reason=why.reason,
        )
    return message_event(row, Kind.CONTACT_WITHHELD, {"reason": why.reason, **why.data})


def cancel_message(session: Session, row: OutboxMessage, reason: str, *, by: Actor, now: datetime) -> None:
    """A person takes back a message that waits to leave. Conflict once it is on its way; the row is locked."""
    reason = clean_text(reason, "reason", at_most=300)
    if row.status is not OutboxStatus.QUEUED:
        raise Conflict("This message is not waiting any more, so it cannot be cancelled")
    told = withhold(row, Withhold(f"cancelled: {reason}", {}), now=now)
    record_decisions(session, [told], by=by, now=now)


def postponed(row: OutboxMessage, why: Postpone) -> list[DecisionEntry]:
    """What goes on record of a message that has to wait (`record_decisions`)."""
    if why.asked is None:
        return []
    asked, answer = why.asked
    return [decision_entry(row.case_id, row.customer_id, asked, answer, key=row.key, letter=row.letter)]


def record_results(
    session: Session,
    settled: Sequence[tuple[OutboxMessage, Outcome]],
    heads: Heads | None = None,
    *,
    now: datetime,
) -> None:
    """What came of attempts goes on record, with what it says about the addresses."""
    told = [result_event(row, outcome) for row, outcome in settled]
    record_many(session, [event for event in told if event is not None], by=SYSTEM, now=now, locked=heads)
    for row, outcome in settled:
        apply_refusal(session, row, outcome, now=now)


def result_event(row: OutboxMessage, outcome: Outcome) -> NewEvent | None:
    """What goes on record of a message's outcome; None where it will be tried again."""
    match outcome:
        case Accepted(provider_ref=reference, simulated=simulated):
            data = {
                "to": row.address,
                "provider_ref": reference[:120],
                "template_version": row.template_version,
            }
            return message_event(row, Kind.CONTACT_SIMULATED if simulated else Kind.CONTACT_SENT, data)
        case Uncertain():
            return message_event(row, Kind.CONTACT_UNKNOWN, {"error": row.error})
        case _ if row.status in (OutboxStatus.UNDELIVERED, OutboxStatus.FAILED):
            return message_event(row, Kind.CONTACT_FAILED, {"error": row.error})
        case _:
            return None


def message_event(row: OutboxMessage, kind: Kind, data: Mapping[str, object]) -> NewEvent:
    channel = None if row.destination is Destination.LEGAL_DESK else Channel(row.destination.value)
    return NewEvent(
        customer_stream(row.customer_id),
        kind,
        {"key": row.key, "letter": row.letter, **data},
        customer_id=row.customer_id,
        case_id=row.case_id,
        channel=channel,
    )
