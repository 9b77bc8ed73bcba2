"""Record bounces: the message has bounced, the address is closed, the channel is opted out.

A notice is read in a process of its own, for a stranger's bytes may hold up any parser or make it raise. A notice that
cannot be read in time waits for a person, like one that is not understood. Then it is put on record and obeyed in one
transaction, and only then taken out of the mailbox: after a crash in between, the next reading finds it there and its
bytes known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.core.actor import SYSTEM, Actor
from app.core.card_numbers import mask_card_numbers
from app.core.clock import Clock
from app.core.database.bulk import upsert
from app.core.database.engine import retrying, storable, transaction
from app.core.errors import Conflict
from app.core.kit.bounded import Bounded, Stopped, Unfinished
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.reading import notice_of
from app.inbound.bounces.rules import (
    BUSY,
    SOFT_LIMIT,
    SOFT_WITHIN,
    Notice,
    NoticeKind,
    Postbox,
    PostboxFailed,
    Severity,
)
from app.outreach.delivery.reports import note_status
from app.outreach.gate.consent import set_consent
from app.outreach.gate.models import Consent
from app.outreach.gate.suppression import holders, normalised, suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus, message_of_attempt
from app.outreach.planning.representatives.addresses import close_address
from app.policy.facts import Suppression

log = structlog.get_logger("desk.bounces")

BY_MAIL = (Destination.EMAIL, Destination.ADVISER)
MOST_ATTEMPTS = 20
"""Attempts that are looked up for one notice; the sure ones come first."""
KEPT_TEXT = 20_000
"""Characters of a message that a person has to read."""


SECONDS, MEGABYTES = 10.0, 512
"""Time and memory that reading one message may take; the longest that mail servers send take 50 ms."""


def collect(
    engine: Engine,
    postbox: Postbox,
    *,
    clock: Clock,
    stopping: Callable[[], bool] = lambda: False,
    seconds: float = SECONDS,
) -> dict[str, int]:
    """Read the messages in the mailbox; returns how many of each kind. Safe in several processes at once. `stopping`
    ends it, also in the middle of a message, which stays; `seconds` is what one message may take."""
    counts: dict[str, int] = {}
    try:
        with postbox.open() as opened, Bounded(READER, seconds=seconds, megabytes=MEGABYTES) as reader:
            for handle, raw in opened.messages():
                notice = _read(reader, raw, stopping)
                try:
                    kind = _taken(engine, raw, notice, clock)
                except SQLAlchemyError as error:  # it stays there, and must not hold up the others
                    log.error("bounce_not_taken", error=type(error).__name__)
                    continue
                opened.remove(handle)
                counts[kind.value] = counts.get(kind.value, 0) + 1
    except PostboxFailed as failure:
        log.error("bounce_mailbox", reason=str(failure))
    except Stopped:
        pass
    return counts


READER = "app.inbound.bounces.reading:understood"


def _read(reader: Bounded, raw: bytes, stopping: Callable[[], bool]) -> Notice:
    if stopping():
        raise Stopped
    try:
        return notice_of(reader(raw, stopping=stopping))
    except Unfinished as failure:
        log.error("bounce_not_read", reason=str(failure))
        return Notice(NoticeKind.OTHER)


def _taken(engine: Engine, raw: bytes, notice: Notice, clock: Clock) -> NoticeKind:
    """Put it on record and obey it; where that breaks, it is on record for a person and leaves the mailbox."""
    try:
        return retrying(partial(_take, engine, raw, notice, clock))
    except OperationalError:  # the database's trouble, not the message's
        raise
    except Exception as error:  # noqa: BLE001 - it would stay first in the mailbox
        log.error("bounce_not_obeyed", error=type(error).__name__)
        return retrying(partial(_take, engine, raw, Notice(NoticeKind.OTHER), clock))


def _take(engine: Engine, raw: bytes, notice: Notice, clock: Clock) -> NoticeKind:
    text = readable(raw)
    with transaction(engine) as session:
        return put_on_record(session, raw, notice, text, now=clock.now())


def put_on_record(session: Session, raw: bytes, notice: Notice, text: str, *, now: datetime) -> NoticeKind:
    """Put a message of the bounce mailbox that was read on record and do what it asks for; nothing if it is known.
    `text` is kept where a person has to look at it."""
    if notice.kind is NoticeKind.PASSING:
        return notice.kind
    ours = _message(session, notice)
    needs_person = ours is None or notice.kind is NoticeKind.OTHER
    address = ours.address if ours is not None else next(iter(notice.recipients), "")
    row = {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "kind": notice.kind,
        "severity": notice.severity,
        "status": notice.status[:12],
        "address": storable(normalised(address))[:254],
        "message_id": ours.id if ours is not None else None,
        "text": text if needs_person else "",
        "at": now,
        "decided_at": None if needs_person else now,
        "decided_by": "" if needs_person else "system",
    }
    insert = upsert(session, MailNotice).values(**row).on_conflict_do_nothing(index_elements=["sha256"])
    if session.execute(insert.returning(col(MailNotice.id))).first() is None:
        return notice.kind
    if ours is not None and notice.kind is not NoticeKind.OTHER:
        _obey(session, notice, ours, now=now)
    return notice.kind


def _message(session: Session, notice: Notice) -> OutboxMessage | None:
    """Ours that it is about, the customers who have its address locked."""
    for attempt in notice.attempts[:MOST_ATTEMPTS]:
        message_id = message_of_attempt(attempt)
        row = None if message_id is None else session.get(OutboxMessage, message_id)
        if row is None or row.attempt_id != attempt or row.destination not in BY_MAIL:
            continue
        to_customer = row.destination is Destination.EMAIL
        also = holders(session, Channel.EMAIL, row.address) if to_customer else ()
        lock_customers(session, {row.customer_id, *also})
        return row
    return None


def _obey(session: Session, notice: Notice, ours: OutboxMessage, *, now: datetime) -> None:
    if notice.kind is NoticeKind.COMPLAINT:
        note_status(session, OutboxStatus.DELIVERED, attempt_id=ours.attempt_id, now=now)
        if ours.destination is Destination.ADVISER:
            _close(session, ours, Suppression.COMPLAINT, "", now=now)
        else:
            _opt_out(session, ours, now=now)
        return
    told = f"came back: {notice.status or 'no status told'} ({notice.severity})"
    note_status(session, OutboxStatus.BOUNCED, told, attempt_id=ours.attempt_id, now=now)
    if notice.severity is Severity.HARD and _names(notice, ours):
        _close(session, ours, Suppression.BOUNCED, notice.status, now=now)
    elif notice.severity is not Severity.POLICY and _soft_failures(session, ours, now) >= SOFT_LIMIT:
        _close(session, ours, Suppression.KEEPS_BOUNCING, notice.status, now=now)


def _names(notice: Notice, ours: OutboxMessage) -> bool:
    """True if our recipient failed, and not an address to which they forward their mail."""
    return not notice.recipients or normalised(ours.address) in notice.recipients


def _soft_failures(session: Session, ours: OutboxMessage, now: datetime) -> int:
    """Messages to this address that did not arrive lately, each once."""
    query = select(sa.func.count(sa.distinct(col(MailNotice.message_id)))).where(
        # A customer's address and a representative's are judged apart, even where they are the same.
        col(MailNotice.message_id) == OutboxMessage.id,
        OutboxMessage.destination == ours.destination,
        MailNotice.address == normalised(ours.address),
        MailNotice.kind == NoticeKind.BOUNCE,
        col(MailNotice.severity).in_((Severity.SOFT, Severity.HARD)),
        col(MailNotice.at) > now - SOFT_WITHIN,
        # A mailbox that was busy or full for a while is there.
        ~col(MailNotice.status).startswith(BUSY),
    )
    return session.scalar(query) or 0


def _close(session: Session, ours: OutboxMessage, why: Suppression, status: str, *, now: datetime) -> None:
    if ours.destination is Destination.ADVISER:
        close_address(session, ours.address, why, status, by=SYSTEM, now=now)
        return
    suppress(session, Channel.EMAIL, ours.address, why, detail=status, by=SYSTEM, now=now)


def _opt_out(session: Session, ours: OutboxMessage, *, now: datetime) -> None:
    """Opt every holder of the address out of e-mail: it is not known which of them complained."""
    suppress(session, Channel.EMAIL, ours.address, Suppression.COMPLAINT, by=SYSTEM, now=now)
    for customer_id in sorted({ours.customer_id, *holders(session, Channel.EMAIL, ours.address)}):
        customer = session.get_one(Customer, customer_id)
        known = session.scalar(
            select(Consent).where(Consent.customer_id == customer_id, Consent.channel == Channel.EMAIL)
        )
        if known is None or known.allowed:
            case_id = ours.case_id if customer_id == ours.customer_id else None
            set_consent(
                session,
                customer,
                Channel.EMAIL,
                allowed=False,
                source="reported as spam",
                case_id=case_id,
                by=SYSTEM,
                now=now,
            )


def readable(raw: bytes) -> str:
    """The text of a message for a person, without characters that a database or page cannot take."""
    text = raw[: KEPT_TEXT * 4].decode("utf-8", "replace").replace("\0", "").replace("\r\n", "\n")
    return mask_card_numbers(text[:KEPT_TEXT])


def decide(row: MailNotice, *, by: Actor, now: datetime) -> None:
    """Mark a notice as dealt with. Conflict where it was before."""
    if row.decided_at is not None:
        raise Conflict("This notice was dealt with already.")
    row.decided_at, row.decided_by, row.text = now, by, ""
