"""Sending: messages of unknown fate, channels that are stopped, and addresses to which nothing is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.messages import resolve_message, start_sending, stop_sending
from app.actions.preferences import restore_address, suppress_address
from app.api.cases.messages import MessageShape
from app.api.deps import ApiManager, ApiSwitcher, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, RowId, after, naming, page_of
from app.api.shapes import Shape
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.core.vocabulary import Channel
from app.http.context import Now
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.bounces.service import decide
from app.outreach.gate.models import SuppressedAddress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.queries import channel_stops
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.policy.facts import Suppression

router = api_router("", tags=["sending"])


# --- messages of unknown fate -------------------------------------------------------------------------------


@router.get("/outbox/unknown", summary="List messages of unknown fate")
def list_unknown_messages(
    _caller: ApiManager, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[MessageShape]:
    """Messages that may or may not have left: a person finds out and says so."""
    key = col(OutboxMessage.id)
    query = select(OutboxMessage).where(OutboxMessage.status == OutboxStatus.UNKNOWN, key > after(cursor))
    shown, next_cursor = page_of(session.scalars(query.order_by(key).limit(limit + 1)).all(), limit, id_of)
    return Page(items=[MessageShape.of(row) for row in shown], next_cursor=next_cursor)


class NewResolution(Input):
    was_sent: bool


@router.post("/outbox/{message_id}/resolution", summary="Say what became of a message")
def post_resolution(
    message_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewResolution
) -> MessageShape:
    """Put on record whether a message of unknown fate left. It is never sent again."""
    row = resolve_message(session, message_id, was_sent=body.was_sent, by=caller.by, now=now)
    return MessageShape.of(row)


# --- stop and start -----------------------------------------------------------------------------------------


class StopShape(Shape):
    destination: Destination
    reason: str
    at: datetime
    by: str


@router.get("/outbox/stops", summary="List stopped channels")
def list_stops(_caller: ApiSwitcher, session: ReadSession) -> Page[StopShape]:
    """Channels on which nothing leaves now."""
    return _stops(session)


class NewStop(Input):
    destination: Annotated[
        Destination | None, Field(strict=False, description="Left out = every channel.")
    ] = None
    reason: Annotated[Line, Field(min_length=1, max_length=500)]


@router.post("/outbox/stops", status_code=201, summary="Stop sending")
def post_stop(caller: ApiSwitcher, session: OnceSession, now: Now, body: NewStop) -> Page[StopShape]:
    """Stop one channel, or all. Messages stay queued until it is started again. Answers all that is stopped."""
    where = list(Destination) if body.destination is None else [body.destination]
    stop_sending(session, where, body.reason, by=caller.by, now=now)
    return _stops(session)


class NewStart(Input):
    destination: Annotated[
        Destination | None, Field(strict=False, description="Left out = every channel.")
    ] = None


@router.post("/outbox/starts", summary="Start sending again")
def post_start(caller: ApiSwitcher, session: OnceSession, now: Now, body: NewStart) -> Page[StopShape]:
    """Start one channel, or all. Answers what is still stopped."""
    where = list(Destination) if body.destination is None else [body.destination]
    start_sending(session, where, by=caller.by, now=now)
    return _stops(session)


def _stops(session: Session) -> Page[StopShape]:
    found = channel_stops(session).values()
    return Page(
        items=[StopShape(destination=s.destination, reason=s.reason, at=s.at, by=s.by) for s in found]
    )


# --- addresses that are closed ------------------------------------------------------------------------------


class SuppressedShape(Shape):
    """An address to which nothing is sent until a manager restores it."""

    id: int
    channel: Channel
    address: str
    reason: Suppression
    detail: str
    since: datetime
    by: str
    ended_at: datetime | None

    @classmethod
    def of(cls, row: SuppressedAddress) -> Self:
        return cls(
            id=id_of(row),
            channel=row.channel,
            address=row.spelt,
            reason=row.reason,
            detail=row.detail,
            since=row.since,
            by=row.by,
            ended_at=row.ended_at,
        )


@router.get("/suppressed-addresses", summary="List suppressed addresses")
def list_suppressed_addresses(
    _caller: ApiManager, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[SuppressedShape]:
    """Addresses that are closed now, in the order in which they were closed."""
    key = col(SuppressedAddress.id)
    query = select(SuppressedAddress).where(col(SuppressedAddress.ended_at).is_(None), key > after(cursor))
    shown, next_cursor = page_of(session.scalars(query.order_by(key).limit(limit + 1)).all(), limit, id_of)
    return Page(items=[SuppressedShape.of(row) for row in shown], next_cursor=next_cursor)


class NewSuppression(Input):
    address: Annotated[Line, Field(min_length=3, max_length=254, description="Number with +, or e-mail.")]
    note: Annotated[Line, Field(min_length=1, max_length=300, description="Why.")]


class Suppressed(Shape):
    address: str
    added: bool = Field(description="False where it was on the list before.")


@router.post("/suppressed-addresses", status_code=201, summary="Suppress an address")
def post_suppressed_address(
    caller: ApiManager, session: OnceSession, now: Now, body: NewSuppression
) -> Suppressed:
    """Send nothing to this number or e-mail address any more, for any customer."""
    with naming(detail="note"):
        added = suppress_address(session, body.address, body.note, by=caller.by, now=now)
    return Suppressed(address=body.address, added=added)


class NewRestoration(Input):
    why: Annotated[Line, Field(min_length=1, max_length=300)]


@router.post("/suppressed-addresses/{row_id}/restoration", summary="Restore an address")
def post_restoration(
    row_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewRestoration
) -> SuppressedShape:
    """It may be used again, where the law and the customer permit."""
    row = session.get(SuppressedAddress, row_id)
    if row is None:
        raise NotFound(f"The suppression list has no row {row_id}. Choose one from the list.")
    restore_address(session, row.spelt, body.why, by=caller.by, now=now)
    return SuppressedShape.of(row)


class NoticeShape(Shape):
    """A message of the bounce mailbox that a person has to read."""

    id: int
    kind: NoticeKind
    decided_at: datetime | None
    decided_by: str

    @classmethod
    def of(cls, row: MailNotice) -> Self:
        return cls(id=id_of(row), kind=row.kind, decided_at=row.decided_at, decided_by=row.decided_by)


@router.get("/mail-notices", summary="List messages of the bounce mailbox")
def list_mail_notices(
    _caller: ApiManager, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[NoticeShape]:
    """Notices that wait for a person, the oldest first."""
    key = col(MailNotice.id)
    query = select(MailNotice).where(col(MailNotice.decided_at).is_(None), key > after(cursor))
    shown, next_cursor = page_of(session.scalars(query.order_by(key).limit(limit + 1)).all(), limit, id_of)
    return Page(items=[NoticeShape.of(row) for row in shown], next_cursor=next_cursor)


@router.post("/mail-notices/{notice_id}/done", summary="Mark a message of the bounce mailbox as done")
def post_notice_done(notice_id: RowId, caller: ApiManager, session: OnceSession, now: Now) -> NoticeShape:
    """Mark a notice as dealt with."""
    row = session.get(MailNotice, notice_id, with_for_update=True)
    if row is None:
        raise NotFound(f"The bounce mailbox has no message {notice_id}. Choose one from the list.")
    decide(row, by=caller.by, now=now)
    return NoticeShape.of(row)
