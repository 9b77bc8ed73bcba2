"""Messages of a case: those queued and sent, a letter out of turn, an answer to the customer's SMS."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field
from sqlmodel import col, select

from app.actions.messages import send_letter
from app.api.cases.answer_shapes import AnswerShape
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Cursor, Limit, RowId, after, page_of
from app.api.shapes import Shape
from app.book.portfolios.models import Portfolio
from app.core.clock import local_date
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.inbound.answers import answer_sms, recall_message, undo_message, word_answer
from app.outreach.agreements.queued import will_not_leave
from app.outreach.letters.sms import sms_encoding, sms_segments
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus, redact_links
from app.outreach.planning.on_demand import letter_choices, word_on_demand

router = api_router("/cases/{reference}", tags=["messages"])


class MessageShape(Shape):
    """A message to the customer of a case or to their representative, with the exact words and no address."""

    id: int
    destination: Destination
    recipient: str = Field(description="The representative to whom it goes; empty = the customer.")
    status: OutboxStatus
    letter: str
    language: str
    subject: str
    text: str
    not_before: datetime
    sent_at: datetime | None
    error: str
    will_not_leave: str = Field(
        "", description="Of a queued message, the reason why it will be withheld: its agreement has ended."
    )

    @classmethod
    def of(cls, row: OutboxMessage, will_not_leave: str = "") -> Self:
        return cls(
            id=id_of(row),
            destination=row.destination,
            recipient=row.recipient,
            status=row.status,
            letter=row.letter,
            language=row.language,
            subject=row.subject,
            text=redact_links(row.text),
            not_before=row.not_before,
            sent_at=row.sent_at,
            error=row.error,
            will_not_leave=will_not_leave,
        )


@router.get("/messages", summary="List a case's messages")
def list_messages(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[MessageShape]:
    """Messages to the customer and their representative, in the order in which they were queued."""
    case = case_named(session, reference)
    query = select(OutboxMessage).where(
        OutboxMessage.case_id == case.id,
        OutboxMessage.destination != Destination.LEGAL_DESK,
        col(OutboxMessage.id) > after(cursor),
    )
    rows = session.scalars(query.order_by(col(OutboxMessage.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, id_of)
    stays = will_not_leave(session, shown)
    items = [MessageShape.of(row, stays.get(id_of(row), "")) for row in shown]
    return Page(items=items, next_cursor=next_cursor)


class NewCancelledMessage(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300)]


@router.post("/messages/{message_id}/cancellation", summary="Cancel a queued message")
def post_message_cancellation(
    reference: CaseRef,
    message_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewCancelledMessage,
) -> MessageShape:
    """The message is never sent. Refused once a worker has it."""
    case = case_named(session, reference, lock=True)
    return MessageShape.of(recall_message(session, case, message_id, body.reason, by=caller.by, now=now))


@router.post("/messages/{message_id}/undo", summary="Take back a message sent by hand a moment ago")
def post_message_undo(
    reference: CaseRef, message_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> MessageShape:
    """No reason is asked for ten seconds after a person sent it; no worker claims it in that time."""
    case = case_named(session, reference, lock=True)
    return MessageShape.of(undo_message(session, case, message_id, by=caller.by, now=now))


class NewLetter(Input):
    letter: Annotated[Line, Field(min_length=1, max_length=60, examples=["first_reminder"])]
    channel: Annotated[Channel, Field(strict=False)]


@router.post("/letters", status_code=201, summary="Send a letter out of turn")
def post_letter(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewLetter,
) -> AnswerShape:
    """Queue one letter now where the gate clears it; the strategy's own steps stay as they are."""
    case = case_named(session, reference, lock=True)
    letters = ports_of(request).catalog
    return AnswerShape.of(
        send_letter(session, case, body.letter, body.channel, letters, by=caller.by, now=now)
    )


class LetterText(Shape):
    """A letter as it would leave now; the customer's personal link is left out."""

    language: str
    subject: str
    text: str


@router.post("/letters/preview", summary="Preview a letter")
def post_letter_preview(
    request: Request,
    reference: CaseRef,
    _caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewLetter,
) -> LetterText:
    """The letter with the customer's figures, in their language; nothing is asked or sent."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    letters = ports_of(request).catalog
    words = word_on_demand(session, portfolio, case, body.letter, body.channel, letters, now=now)
    return LetterText(language=words.language, subject=words.subject, text=redact_links(words.text))


class LetterChoiceShape(Shape):
    """A letter by one channel."""

    letter: str
    title: str
    channel: Channel
    language: str = Field(description="The language in which it would go out.")
    why_not: str = Field(description="Reason why it is not for this case; empty = the gate was asked.")
    answer: AnswerShape | None = Field(description="The gate's answer at this moment.")


@router.get("/letters", summary="List the letters for a case")
def list_letters(
    request: Request, reference: CaseRef, _caller: ApiCaseWorker, session: ReadSession, now: Now
) -> list[LetterChoiceShape]:
    """Every letter that is sent out of turn, by each of its channels, and whether this customer may get it now."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return [
        LetterChoiceShape(
            letter=each.letter,
            title=each.title,
            channel=each.channel,
            language=each.language,
            why_not=each.why,
            answer=AnswerShape.of(each.answer) if each.answer else None,
        )
        for each in letter_choices(session, portfolio, case, ports_of(request).catalog, now=now)
    ]


class NewAnswer(Input):
    text: Annotated[Paragraph, Field(min_length=1, max_length=1000)]


@router.post("/answers", status_code=201, summary="Answer the customer's SMS")
def post_answer(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewAnswer,
) -> AnswerShape:
    """Queue these words as an answer where the gate clears it. The same words answer one message once."""
    case = case_named(session, reference, lock=True)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    letters, today = ports_of(request).catalog, local_date(now, portfolio.timezone)
    answer = answer_sms(session, portfolio, case, body.text, letters, on=today, by=caller.by, now=now)
    if answer is None:
        raise Conflict("These words answer their message already; they are not sent twice.")
    return AnswerShape.of(answer)


class AnswerText(Shape):
    """An SMS as it would be sent."""

    text: str
    segments: int
    encoding: str


@router.post("/answers/preview", summary="Preview an answer")
def post_answer_preview(
    request: Request,
    reference: CaseRef,
    _caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewAnswer,
) -> AnswerText:
    """The whole SMS and the number of segments that it is billed as; nothing is sent."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    words = word_answer(session, portfolio, case, body.text, ports_of(request).catalog, now=now)
    return AnswerText(text=words.text, segments=sms_segments(words.text), encoding=sms_encoding(words.text))
