"""Replies of customers: the queue for review, what each may mean, and the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import questions_of_message
from app.casework.questions.rules import ASKING, Asking, form_path
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_over
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.labels import REVIEW_LABELS
from app.core.staff.rules import Staff
from app.core.text import isolated, sentence
from app.http.context import Now, ports_of
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.inbound import queries
from app.inbound.messages import reading_of
from app.inbound.queries import Listed, Sender
from app.inbound.reception import attach
from app.inbound.review import review
from app.inbound.rules import (
    Choice,
    InboundSource,
    Intent,
    choices,
    suggestions,
)
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect
from app.web.wording import MEANING_WORDS

router = Router(prefix="/replies")

MOST = 500
PAGE = 50
COLUMNS = [Column("From"), Column("What they wrote"), Column("It may mean"), Column("When")]
SHOWN = {"": "From customers", "unknown": "From unknown numbers", "done": "Dealt with"}


@dataclass(frozen=True, slots=True)
class RepliesPage(Page):
    template = "worklist/replies.html"
    rows: Sequence[Listed]
    show: str
    columns: Sequence[Column]
    tabs: Sequence[tuple[str, str, bool]]
    meanings: Mapping[int | None, tuple[Intent, ...]]
    words: Mapping[str, object]
    names: Mapping[str, str]
    next_cursor: str | None


@router.get("")
def replies(
    request: Request, staff: CaseWorker, session: ReadSession, show: str = "", cursor: str = ""
) -> Response:
    """Waiting replies of all portfolios, the oldest first; `?show=done` shows earlier ones."""
    show = show if show in SHOWN else ""
    more = None
    if show == "done":
        after = decode_cursor(cursor, 1, int)
        rows = queries.done(session, before=int(after[0]) if after else None, limit=PAGE + 1)
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            more = encode_cursor(rows[-1].message.id)
    else:
        rows = queries.waiting(session, unknown=show == "unknown", limit=MOST)
    counts = queries.waiting_counts(session)
    numbers = {"": f" ({counts[False]:,})", "unknown": f" ({counts[True]:,})", "done": ""}
    return page(
        request,
        RepliesPage(
            rows=rows,
            show=show,
            columns=COLUMNS,
            tabs=[
                (label + numbers[name], f"/replies?show={name}", name == show)
                for name, label in SHOWN.items()
            ],
            meanings={row.message.id: reading_of(row.message).intents for row in rows},
            words={"meaning": MEANING_WORDS, "outcome": REVIEW_LABELS},
            names=staff_names(session),
            next_cursor=more,
        ),
        sight=sight_over(
            session, [each.customer_id for row in rows for each in row.senders], staff.role, staff.by
        ),
    )


@router.get("/{message_id}")
def reply(
    request: Request, message_id: RowId, staff: CaseWorker, session: ReadSession, who: str = ""
) -> Response:
    """Show a reply. `?who=` looks a customer up for a message of an unknown number, before it is assigned to them."""
    return _page(request, session, staff, _message(session, message_id), who.replace("\0", "").strip()[:60])


@dataclass(frozen=True, slots=True)
class ReplyPage(Page):
    template = "worklist/reply.html"
    message: InboundMessage
    by_sms: bool
    senders: Sequence[Sender]
    zone: str
    waits: bool
    intents: tuple[Intent, ...]
    suggestions: Sequence[str]
    choices: Sequence[Choice]
    questions: Sequence[CaseQuestion]
    """Whether the words are a complaint, or of another room: asked and answered, by sender."""
    asking: Mapping[Subject, Asking]
    form_path: Callable[[Subject, int, int], str]
    who: str
    found: Sequence[tuple[Customer, Portfolio]]
    words: Mapping[str, object]
    names: Mapping[str, str]
    problem: str


def _page(
    request: Request,
    session: Session,
    staff: Staff,
    message: InboundMessage,
    who: str = "",
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    senders = queries.senders_of(session, [message.id]).get(id_of(message), [])
    intents = reading_of(message).intents
    kept_back = any(sender.kept_back for sender in senders)
    waits = message.reviewed_at is None
    return page(
        request,
        ReplyPage(
            message=message,
            by_sms=message.source is InboundSource.SMS,
            senders=senders,
            zone=senders[0].timezone if senders else "",
            waits=waits,
            intents=intents,
            suggestions=suggestions(intents),
            choices=choices(intents, kept_back=kept_back, known=bool(senders)) if waits else [],
            questions=questions_of_message(
                session, id_of(message), {sender.customer_id for sender in senders}
            ),
            asking=ASKING,
            form_path=form_path,
            who=who,
            found=queries.customers_called(session, who) if who and waits and not senders else [],
            words={"meaning": MEANING_WORDS, "outcome": REVIEW_LABELS},
            names=staff_names(session),
            problem=problem,
        ),
        status,
        sight_over(session, [sender.customer_id for sender in senders], staff.role, staff.by),
    )


def _message(session: Session, message_id: int, *, lock: bool = False) -> InboundMessage:
    message = session.get(InboundMessage, message_id, with_for_update=lock or None)
    if message is None:
        raise NotFound(f"There is no message {message_id}. Choose one from the list.")
    return message


@router.post("/{message_id}/review")
def decide(
    request: Request,
    message_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    outcome: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    message = _message(session, message_id, lock=True)
    try:
        if outcome not in set(ReviewOutcome):
            raise Conflict("Choose what the message means.")
        with session.begin_nested():
            review(session, message, ReviewOutcome(outcome), by=staff.by, now=now)
    except Conflict as refused:
        session.refresh(message)
        return _page(
            request, session, staff, message, problem=sentence(refused.message), status=refused.status
        )
    return redirect(request, "/replies", f"Decided: {REVIEW_LABELS[ReviewOutcome(outcome)].lower()}.")


@router.post("/{message_id}/attach")
def say_whose(
    request: Request,
    message_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    customer_id: Annotated[int, Form(ge=1, le=2**62)] = 1,
) -> Response:
    message = _message(session, message_id, lock=True)
    customer = session.get(Customer, customer_id)
    try:
        if customer is None:
            raise NotFound(f"There is no customer {customer_id}. Choose one from the list.")
        with session.begin_nested():
            attach(session, message, customer, ports_of(request).catalog, by=staff.by, now=now)
    except Conflict as refused:
        session.refresh(message)
        return _page(
            request, session, staff, message, problem=sentence(refused.message), status=refused.status
        )
    return redirect(request, f"/replies/{message_id}", f"It is {isolated(customer.full_name)}’s now.")
