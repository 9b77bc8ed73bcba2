"""The outbox: messages that left, wait or did not leave; messages of unknown fate; channels switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.messages import resolve_message, start_sending, stop_sending
from app.casework.cases.models import case_reference
from app.core.errors import Conflict
from app.core.labels import CHANNEL_LABELS, CHANNEL_PLURALS
from app.core.staff.rules import MANAGEMENT, Staff
from app.core.types import Cells, JsonObject
from app.http.context import Now, ports_of
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import Manager, Switcher
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession, WriteSession
from app.outreach.outbox import queries
from app.outreach.outbox.models import ChannelStop, OutboxMessage, PrintBatch
from app.outreach.outbox.queries import ListedMessage
from app.outreach.outbox.rules import PRINTED, Destination, OutboxStatus, redact_links
from app.web.lists import Column, csv_download
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/outbox")

PAGE = 50
STATUS_WORDS: Mapping[OutboxStatus, tuple[str, Tone, str]] = {
    OutboxStatus.QUEUED: ("Queued", "info", "waits for its hour"),
    OutboxStatus.CLAIMED: ("Claimed", "info", "a worker has it"),
    OutboxStatus.SENDING: ("Sending", "info", "handed to the provider just now"),
    OutboxStatus.SENT: ("Sent", "good", "the provider accepted it"),
    OutboxStatus.DELIVERED: ("Delivered", "good", "the provider says it arrived"),
    OutboxStatus.UNDELIVERED: ("Undelivered", "bad", "it cannot arrive at this address"),
    OutboxStatus.BOUNCED: ("Bounced", "bad", "it came back"),
    OutboxStatus.FAILED: ("Failed", "bad", "tried and given up"),
    OutboxStatus.WITHHELD: ("Stopped before sending", "warn", "the gate or a person stopped it"),
    OutboxStatus.UNKNOWN: ("Unknown", "warn", "it may or may not have left"),
}
CONSOLE_ONLY_WORDS: tuple[str, Tone, str] = (
    "Printed to the console",
    "warn",
    "no provider is set up: nothing left",
)


def status_of(message: OutboxMessage) -> tuple[str, Tone, str]:
    """A message's status in words: what was only printed is never called sent."""
    return CONSOLE_ONLY_WORDS if message.console_only else STATUS_WORDS[message.status]


DESTINATION_WORDS = {
    Destination.SMS: CHANNEL_LABELS["sms"],
    Destination.EMAIL: CHANNEL_LABELS["email"],
    Destination.POST: CHANNEL_PLURALS["post"],
    Destination.LEGAL_DESK: "Legal desk",
    Destination.ADVISER: "E-mail to advisers",
    Destination.ADVISER_POST: "Letters to advisers",
}
COLUMNS = [Column(label) for label in ("Queued", "Status", "Channel", "To", "Letter", "Words and fate")]


@dataclass(frozen=True, slots=True)
class OutboxPage(Page):
    template = "managers/outbox/outbox.html"
    wanted: Mapping[str, object]
    matrix: Mapping[str, object]
    unknown: Sequence[ListedMessage]
    unknown_count: int
    stops: Mapping[Destination, ChannelStop]
    served: frozenset[Destination]
    not_handed_off: Sequence[PrintBatch]
    status_words: Mapping[OutboxStatus, tuple[str, Tone, str]]
    status_of: Callable[[OutboxMessage], tuple[str, Tone, str]]
    console_only_count: int
    destination_words: Mapping[Destination, str]
    columns: Sequence[Column]
    messages: Sequence[ListedMessage]
    next_cursor: str | None


@router.get("")
def outbox(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    status: str = "",
    destination: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    wanted: JsonObject = {
        "status": OutboxStatus(status) if status in set(OutboxStatus) else None,
        "destination": Destination(destination) if destination in set(Destination) else None,
    }
    if format == "csv":
        return csv_download("outbox.csv", CSV_HEADER, _csv_rows(queries.all_messages(session, **wanted)))
    before = decode_cursor(cursor, 1, int)
    shown = queries.messages(session, **wanted, before=before[0] if before else None, limit=PAGE + 1)
    found = queries.counts(session)
    return page(
        request,
        OutboxPage(
            wanted=wanted,
            matrix=_matrix(found),
            unknown=queries.unknown(session),
            unknown_count=sum(n for (kind, _), n in found.items() if kind is OutboxStatus.UNKNOWN),
            stops=queries.channel_stops(session),
            served=_served(request),
            not_handed_off=queries.batches_not_handed_off(session),
            status_words=STATUS_WORDS,
            status_of=status_of,
            console_only_count=queries.count_console_only(session),
            destination_words=DESTINATION_WORDS,
            columns=COLUMNS,
            messages=shown[:PAGE],
            next_cursor=encode_cursor(shown[PAGE - 1].message.id) if len(shown) > PAGE else None,
        ),
    )


@dataclass(frozen=True, slots=True)
class SendingPage(Page):
    template = "managers/outbox/sending.html"
    matrix: Mapping[str, object]
    stops: Mapping[Destination, ChannelStop]
    served: frozenset[Destination]
    status_words: Mapping[OutboxStatus, tuple[str, Tone, str]]
    destination_words: Mapping[Destination, str]


@router.get("/sending")
def sending(request: Request, _staff: Switcher, session: ReadSession) -> Response:
    """The switches without the messages, for an administrator: counts and no names."""
    return page(
        request,
        SendingPage(
            matrix=_matrix(queries.counts(session)),
            stops=queries.channel_stops(session),
            served=_served(request),
            status_words=STATUS_WORDS,
            destination_words=DESTINATION_WORDS,
        ),
    )


def _matrix(found: Mapping[tuple[OutboxStatus, Destination], int]) -> JsonObject:
    """Rows by destination, columns by status; statuses that no message has are left out."""
    statuses = [status for status in OutboxStatus if any(key[0] is status for key in found)]
    rows = [(where, [found.get((status, where), 0) for status in statuses]) for where in Destination]
    return {"statuses": statuses, "rows": rows, "total": sum(found.values())}


def _served(request: Request) -> frozenset[Destination]:
    """Destinations that this installation has an adapter for."""
    ports = ports_of(request)
    return frozenset([*ports.transports(), *(PRINTED if ports.press else [])])


@router.post("/{message_id}/resolve")
def resolve(
    request: Request,
    message_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    was_sent: Annotated[bool, Form()],
) -> Response:
    """Record whether a message of unknown fate left."""
    try:
        resolve_message(session, message_id, was_sent=was_sent, by=staff.by, now=now)
    except Conflict as refused:
        return redirect(request, "/outbox", refused.message, "warn")
    words = (
        "It is on record as sent." if was_sent else "It is on record as not sent. It will not be sent again."
    )
    return redirect(request, "/outbox", words)


@router.post("/channels/{destination}/stop")
def stop(
    request: Request,
    destination: Destination,
    staff: Switcher,
    session: WriteSession,
    now: Now,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    stop_sending(session, [destination], reason, by=staff.by, now=now)
    name = DESTINATION_WORDS[destination]
    words = f"{name}: stopped. Messages stay queued until it is started again."
    return redirect(request, _page_of(staff), words, "warn")


@router.post("/channels/{destination}/start")
def start(
    request: Request, destination: Destination, staff: Switcher, session: WriteSession, now: Now
) -> Response:
    start_sending(session, [destination], by=staff.by, now=now)
    return redirect(request, _page_of(staff), f"{DESTINATION_WORDS[destination]}: started.")


@router.post("/stop")
def stop_all(
    request: Request,
    staff: Switcher,
    session: WriteSession,
    now: Now,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Stop every channel until it is started again."""
    stop_sending(session, Destination, reason, by=staff.by, now=now)
    words = "Everything is stopped. Messages stay queued until their channel is started again."
    return redirect(request, _page_of(staff), words, "warn")


@router.post("/start")
def start_all(request: Request, staff: Switcher, session: WriteSession, now: Now) -> Response:
    start_sending(session, Destination, by=staff.by, now=now)
    return redirect(request, _page_of(staff), "Everything is started.")


def _page_of(staff: Staff) -> str:
    """Return the outbox page that this user sees."""
    return "/outbox" if staff.role in MANAGEMENT else "/outbox/sending"


CSV_HEADER = (
    "key", "status", "destination", "to", "customer", "letter", "language", "subject", "text", "business_date",
    "not_before", "sent_at", "attempts", "provider_ref", "error", "case",
)  # fmt: skip


def _csv_rows(rows: Iterator[ListedMessage]) -> Iterator[Cells]:
    for row in rows:
        m = row.message
        yield (
            m.reference,
            "simulated" if m.console_only else m.status.value,
            m.destination.value,
            m.address,
            row.customer_name,
            m.letter,
            m.language,
            m.subject,
            redact_links(m.text),
            m.business_date,
            m.not_before,
            None if m.console_only else m.sent_at,
            m.attempts,
            "" if m.console_only else m.provider_ref,
            m.error,
            case_reference(m.case_id),
        )
