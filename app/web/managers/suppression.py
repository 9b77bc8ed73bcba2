"""Addresses to which nothing is sent, and bounces that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.preferences import restore_address, suppress_address
from app.book.ledger.models import Customer
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS, SUPPRESSION_LABELS, in_sentence
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.bounces.service import decide
from app.outreach.gate.models import SuppressedAddress
from app.outreach.gate.suppression import channel_of, holders, on_list
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect

router = Router(prefix="/suppressed")

PAGE = 50
COLUMNS = [Column("Address"), Column("Channel"), Column("Why"), Column("Since"), Column("")]
ENDED_COLUMNS = [Column("Address"), Column("Channel"), Column("Why"), Column("Since"), Column("Taken off")]
NOTICE_WORDS = {
    NoticeKind.BOUNCE: "A message came back, and it does not say which",
    NoticeKind.COMPLAINT: "A reader reported a message as spam; the report does not say which",
    NoticeKind.OTHER: "A person wrote, or it cannot be understood",
}


@router.get("")
def suppressed(
    request: Request, _staff: Manager, session: ReadSession, ended: str = "", q: str = "", cursor: str = ""
) -> Response:
    """`?ended=1` looks back, `?q=` finds one address."""
    return _page(request, session, ended=bool(ended), q=q, cursor=cursor)


@dataclass(frozen=True, slots=True)
class SuppressedPage(Page):
    template = "managers/suppressed.html"
    rows: Sequence[SuppressedAddress]
    ended: bool
    q: str
    columns: Sequence[Column]
    tabs: Sequence[tuple[str, str, bool]]
    customers: Mapping[int, Sequence[str]]
    notices: Sequence[MailNotice]
    notice_words: Mapping[NoticeKind, str]
    why: Mapping[str, str]
    channels: Mapping[str, str]
    names: Mapping[str, str]
    address: str
    note: str
    errors: Mapping[str, str]
    next_cursor: str | None


def _page(
    request: Request,
    session: Session,
    *,
    ended: bool = False,
    q: str = "",
    cursor: str = "",
    address: str = "",
    note: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    query = on_list(q, ended=ended)
    if (after := decode_cursor(cursor, 1, int)) is not None:
        query = query.where(col(SuppressedAddress.id) < int(after[0]))
    rows = session.scalars(query.limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    return page(
        request,
        SuppressedPage(
            rows=shown,
            ended=ended,
            q=q,
            columns=ENDED_COLUMNS if ended else COLUMNS,
            tabs=[("On the list", "/suppressed", not ended), ("Taken off", "/suppressed?ended=1", ended)],
            customers=_customers(session, shown),
            notices=_notices(session) if not ended and not q else [],
            notice_words=NOTICE_WORDS,
            why=SUPPRESSION_LABELS,
            channels={channel: in_sentence(label) for channel, label in CHANNEL_LABELS.items()},
            names=staff_names(session),
            address=address,
            note=note,
            errors=errors or {},
            next_cursor=encode_cursor(shown[-1].id) if len(rows) > PAGE else None,
        ),
        status,
    )


def _customers(session: Session, rows: Sequence[SuppressedAddress]) -> dict[int, list[str]]:
    """row id -> names of those who have the address on file."""
    found = {id_of(row): holders(session, row.channel, row.spelt) for row in rows}
    wanted = {i for ids in found.values() for i in ids}
    query = select(Customer.id, Customer.full_name).where(col(Customer.id).in_(wanted))
    names = {i: name for i, name in session.execute(query)}
    return {row_id: [names[i] for i in ids] for row_id, ids in found.items()}


def _notices(session: Session) -> list[MailNotice]:
    query = select(MailNotice).where(col(MailNotice.decided_at).is_(None))
    return list(session.scalars(query.order_by(col(MailNotice.id)).limit(PAGE)))


# --- what a person decides ----------------------------------------------------------------------------------


@router.post("")
def add(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    address: Annotated[str, Form(max_length=254)] = "",
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Put a number or an e-mail address on the list by hand."""
    address, note = address.strip(), note.strip()
    errors = {}
    if not note:
        errors["note"] = "Say why."
    try:
        channel_of(address)
    except Invalid as refused:
        errors["address"] = sentence(refused.message)
    if errors:
        return _page(request, session, address=address, note=note, errors=errors, status=422)
    try:
        with session.begin_nested():
            added = suppress_address(session, address, note, by=staff.by, now=now)
    except Invalid as refused:
        errors = {"note" if refused.field == "detail" else "address": sentence(refused.message)}
        return _page(request, session, address=address, note=note, errors=errors, status=422)
    said = "is on the list." if added else "was on the list already."
    return redirect(request, "/suppressed", f"{address} {said}")


@router.post("/{row_id}/restore")
def take_off(
    request: Request,
    row_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """End a suppression: the address may be used again, where the law and the customer permit."""
    row = session.get(SuppressedAddress, row_id)
    if row is None:
        raise NotFound(f"The suppression list has no row {row_id}. Choose one from the list.")
    try:
        with session.begin_nested():
            restore_address(session, row.spelt, why, by=staff.by, now=now)
    except (Invalid, Conflict, NotFound) as refused:
        return redirect(
            request, "/suppressed", f"Nothing was changed. {sentence(refused.message)}", tone="warn"
        )
    return redirect(request, "/suppressed", f"{row.spelt} may be used again.")


@router.post("/notices/{notice_id}/done")
def done(request: Request, notice_id: RowId, staff: Manager, session: WriteSession, now: Now) -> Response:
    """Mark a bounced message as dealt with."""
    row = session.get(MailNotice, notice_id, with_for_update=True)
    if row is None:
        raise NotFound(f"The bounce mailbox has no message {notice_id}. Choose one from the list.")
    try:
        decide(row, by=staff.by, now=now)
    except Conflict as refused:
        return redirect(request, "/suppressed", sentence(refused.message), tone="warn")
    return redirect(request, "/suppressed", "Dealt with.")
