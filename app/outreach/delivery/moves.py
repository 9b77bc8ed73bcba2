"""Moves: the changes of status a message can go through, one verb for each, along its transition table.

queued -> claimed (a lease; given back when it runs out) -> sending (committed before the request, with an attempt
id) -> sent, or failed, undelivered, withheld, unknown. A row found in `sending` with its lease over is `unknown`:
it may have left, so it is never sent again by itself. Only a destination that is idempotent by contract (the legal
desk) goes back to the queue instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import Heads, NewEvent, about_customer, record_many
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.decisions import DecisionEntry, ReviewRequest, decision_entry, record_decisions
from app.outreach.gate.events import ContactWithheld
from app.outreach.gate.suppression import apply_refusal
from app.outreach.outbox.claims import Claim, locked_rows
from app.outreach.outbox.dispatch import (
    Accepted,
    Misconfigured,
    NotDispatched,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)
from app.outreach.outbox.events import (
    ContactConsoleOnly,
    ContactFailed,
    ContactSent,
    ContactUnknown,
    RepresentativeLetter,
    to_representative,
)
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    MAX_ATTEMPTS,
    TO_ADVISERS,
    TO_ADVISERS_AGAIN,
    TO_CUSTOMERS,
    TOO_OLD,
    TRANSITIONS,
    WRITTEN_AGAIN,
    Destination,
    OutboxStatus,
    retry_wait,
    write_attempt_id,
)
from app.outreach.planning.in_writing.rules import LETTERS
from app.policy.answers import Answer, Refusals

log = structlog.get_logger("desk.delivery")
T = TypeVar("T")

SET_ASIDE_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Withhold:
    """Verdict: the message is never sent. `data` goes on record."""

    reason: str
    data: Mapping[str, object]
    asked: tuple[ReviewRequest, Answer] | None = None
    """The question to the gate and its answer, where the gate refused."""


@dataclass(frozen=True, slots=True)
class Postpone:
    """Verdict: the message waits, and is rechecked at `until`."""

    until: datetime
    reason: str
    asked: tuple[ReviewRequest, Answer] | None = None
    """The question to the gate and its answer, where the gate made it wait."""


def new_attempt_id(row: OutboxMessage) -> str:
    """Id of a new attempt to send. It cannot be guessed, and a provider's report brings it back."""
    return write_attempt_id(id_of(row), secrets.token_hex(9))


def apply_verdicts(
    rows: Sequence[OutboxMessage], verdicts: Iterable[T | Withhold | Postpone], *, now: datetime
) -> tuple[list[tuple[OutboxMessage, T]], list[DecisionEntry | NewEvent]]:
    """Withhold or postpone each row as its verdict says. Returns the other rows with what was found for them, and what
    the caller must put on record (`record_decisions`)."""
    cleared: list[tuple[OutboxMessage, T]] = []
    told: list[DecisionEntry | NewEvent] = []
    for row, verdict in zip(rows, verdicts, strict=True):
        if isinstance(verdict, Withhold):
            told.append(withhold(row, verdict, now=now))
        elif isinstance(verdict, Postpone):
            told += postponed(row, verdict)
            row.error = verdict.reason[:500]
            requeue(row, verdict.until)
        else:
            cleared.append((row, verdict))
    return cleared, told


def set_aside(
    engine: Engine, claim: Claim, error: Exception, *, worker: str, now: datetime
) -> list[OutboxStatus]:
    """Postpone a claimed row that could not be prepared; withhold it once it failed too often. Returns where it went,
    nothing if the worker has lost it."""
    with transaction(engine) as session:
        rows = locked_rows(session, [claim], held_by=worker)
        for row in rows:
            row.attempts += 1
            row.error = f"could not be prepared: {type(error).__name__}"
            if row.attempts >= MAX_ATTEMPTS:
                told = withhold(row, Withhold(row.error, {}), now=now)
                record_decisions(session, [told], by=SYSTEM, now=now)
            else:
                requeue(row, now + SET_ASIDE_FOR)
        return [row.status for row in rows]


def move(row: OutboxMessage, to: OutboxStatus) -> None:
    """Change the status along the transition table; Conflict for any other move."""
    if to not in TRANSITIONS[row.status]:
        raise Conflict(f"Message {row.id} is {row.status.value} and cannot become {to.value}.")
    row.status = to


def finish(row: OutboxMessage, result: SendResult, *, now: datetime) -> bool:
    """Move the message by the result of its attempt. False if its fate was known already: the provider's report was
    quicker than its answer."""
    if row.status in REPORTED:
        if isinstance(result, Accepted):
            row.provider_ref = row.provider_ref or result.provider_ref[:120]
        else:
            log.warning("result_contradicts_report", message=row.reference, result=type(result).__name__)
        return False
    if row.status is not OutboxStatus.SENDING and not isinstance(result, Accepted):
        # The lease ran out while the provider was slow. The unknown result is certain now: nothing left.
        if row.status is OutboxStatus.UNKNOWN and not isinstance(result, Uncertain):
            move(row, OutboxStatus.FAILED)
            row.error, row.finished_at = result.reason[:500], now
            give_up(row, now=now)
            return True
        return False
    row.finished_at = now
    match result:
        case Accepted(provider_ref=reference, console_only=console_only):
            move(row, OutboxStatus.SENT)
            row.provider_ref, row.sent_at, row.error = reference[:120], now, ""
            row.console_only = console_only
        case Undeliverable(reason=reason):
            cannot_arrive(row, OutboxStatus.UNDELIVERED, reason, now=now)
        case Uncertain(reason=reason):
            move(row, OutboxStatus.UNKNOWN)
            row.error = reason[:500]
        case TryLater(reason=reason, after_seconds=seconds):
            row.error = reason[:500]
            _try_again(row, now + retry_wait(seconds, row.attempts), now)
        case Misconfigured(reason=reason):
            row.error = reason[:500]
            requeue(row, row.not_before)
        case NotDispatched(reason=reason):
            row.error = reason[:500]
            row.attempts -= 1
            requeue(row, row.not_before)
    return True


REPORTED = (OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED)
"""The provider has reported that it took the message."""


def _try_again(row: OutboxMessage, at: datetime, now: datetime) -> None:
    """Try again at `at`, at the end of the message's window at the latest: the gate then says when the next opens."""
    if row.attempts >= MAX_ATTEMPTS:
        move(row, OutboxStatus.FAILED)
        give_up(row, now=now)
    else:
        requeue(row, min(at, row.not_after) if row.not_after else at)


def cannot_arrive(row: OutboxMessage, status: OutboxStatus, why: str, *, now: datetime) -> None:
    """Mark a message that can never arrive; its step may go on by another channel (`planning/fallback.py`)."""
    move(row, status)
    row.error, row.finished_at = why[:500], now
    is_owed = row.purpose is not Purpose.CONFIRMATION or row.letter in LETTERS
    if row.destination in TO_ADVISERS.values() or (row.destination in TO_CUSTOMERS and is_owed):
        row.fallback_at = now


def give_up(row: OutboxMessage, *, now: datetime) -> None:
    """Let another channel take the place of a failed message that its reader is to have in writing."""
    is_owed = row.destination in TO_CUSTOMERS and row.letter in LETTERS
    if is_owed or row.destination in TO_ADVISERS.values():
        row.fallback_at = now


def requeue(row: OutboxMessage, at: datetime) -> None:
    """Put the message back into the queue; it is due at `at`."""
    move(row, OutboxStatus.QUEUED)
    row.not_before, row.claimed_by = at, ""


def withhold(row: OutboxMessage, why: Withhold, *, now: datetime) -> DecisionEntry | NewEvent:
    """Withhold the message for ever; returns what goes on record (`record_decisions`)."""
    move(row, OutboxStatus.WITHHELD)
    row.error, row.finished_at = why.reason[:500], now
    if _is_written_again(row, why):
        row.fallback_at = now
    if why.asked is not None:
        asked, answer = why.asked
        return decision_entry(
            row.case_id,
            row.customer_id,
            asked,
            answer,
            withheld=True,
            message=id_of(row),
            letter=row.letter,
            reason=why.reason,
        )
    return message_event(
        row, ContactWithheld({"message": id_of(row), "letter": row.letter, "reason": why.reason, **why.data})
    )


def _is_written_again(row: OutboxMessage, why: Withhold) -> bool:
    """True if something else is written in the place of a message that is withheld."""
    answer = why.asked[1] if why.asked else None
    if why.reason.startswith(TOO_OLD):
        return row.letter in LETTERS or row.destination in TO_ADVISERS.values()
    if row.destination in TO_CUSTOMERS:
        # A notice that the gate refuses is owed all the same: a hold may have come in between. So is what its reader is
        # to have in writing, which may go by post.
        is_owed = answer is not None and (row.purpose is Purpose.NOTICE or row.letter in LETTERS)
        return why.reason in WRITTEN_AGAIN or is_owed
    is_closed = isinstance(answer, Refusals) and any(
        each.rule == "desk.suppressed" for each in answer.reasons
    )
    return row.destination in TO_ADVISERS.values() and (why.reason in TO_ADVISERS_AGAIN or is_closed)


def cancel_message(session: Session, row: OutboxMessage, reason: str, *, by: Actor, now: datetime) -> None:
    """Cancel a message that waits to leave, for a person. Conflict once it is on its way; the row is locked."""
    reason = clean_text(reason, "reason", at_most=300)
    if row.status is not OutboxStatus.QUEUED:
        raise Conflict(
            f"Message {row.id} is {row.status.value}. Only a message that is still queued can be cancelled."
        )
    told = withhold(row, Withhold(f"cancelled: {reason}", {}), now=now)
    record_decisions(session, [told], by=by, now=now)


def postponed(row: OutboxMessage, why: Postpone) -> list[DecisionEntry]:
    """The entries to record of a postponed message (`record_decisions`)."""
    if why.asked is None:
        return []
    asked, answer = why.asked
    return [
        decision_entry(row.case_id, row.customer_id, asked, answer, message=id_of(row), letter=row.letter)
    ]


def record_results(
    session: Session,
    finished: Sequence[tuple[OutboxMessage, SendResult]],
    heads: Heads | None = None,
    *,
    now: datetime,
) -> None:
    """Record the results of attempts, and suppress addresses that do not exist."""
    told = [result_event(row, result) for row, result in finished]
    record_many(session, [event for event in told if event is not None], by=SYSTEM, now=now, locked=heads)
    for row, result in finished:
        apply_refusal(session, row, result, now=now)


def result_event(row: OutboxMessage, result: SendResult) -> NewEvent | None:
    """The event of an attempt's result; None where the message will be tried again."""
    match result:
        case Accepted(provider_ref=reference, console_only=console_only):
            sent = ContactConsoleOnly if console_only else ContactSent
            payload = sent(id_of(row), row.letter, row.address, reference[:120], row.template_version)
            return message_event(row, payload)
        case Uncertain():
            return message_event(row, ContactUnknown(id_of(row), row.letter, row.error))
        case _ if row.status in (OutboxStatus.UNDELIVERED, OutboxStatus.FAILED):
            return message_event(row, ContactFailed(id_of(row), row.letter, row.error))
        case _:
            return None


def message_event(row: OutboxMessage, payload: Payload) -> NewEvent:
    """An event about this message, in its customer's stream."""
    if row.destination in TO_ADVISERS.values():
        if isinstance(payload, ContactWithheld):
            reason = str(payload.said.get("reason") or "")
            payload = RepresentativeLetter(
                row.recipient, row.letter, "withheld", detail=reason, message_id=id_of(row)
            )
        else:
            payload = to_representative(payload, row.recipient)
        return about_customer(row.customer_id, payload, case_id=row.case_id)
    channel = None if row.destination is Destination.LEGAL_DESK else Channel(row.destination.value)
    return about_customer(row.customer_id, payload, case_id=row.case_id, channel=channel)
