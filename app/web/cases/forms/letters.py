"""Messages sent by hand on a case: a letter, an answer to an SMS; and tasks of the strategy that are done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.assignment import finish_case_task
from app.actions.messages import send_letter
from app.core.errors import Invalid
from app.core.staff.drafts import discard_draft, draft_of, save_draft, typed_in
from app.core.staff.rules import Staff
from app.core.text import sentence
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of, settings_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.inbound.answers import answer_sms, recall_message, undo_message, word_answer
from app.outreach.letters.sms import sms_encoding, sms_segments
from app.policy.answers import Clearance
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_page import case_page
from app.web.cases.forms.action import submit
from app.web.cases.forms.answers import answer_words, reader_of
from app.web.cases.letter_form import letter_preview
from app.web.form_action import Flash
from app.web.forms import AnswerPreview, Fields, FormState, ReasonForm, Typed, Wrong
from app.web.managers.letters import cost_of
from app.web.rendering import Page, page

router = Router(prefix="/cases")


class LetterForm(Typed):
    letter: str = ""
    """`first_reminder:sms`: the letter and its channel."""

    @property
    def chosen(self) -> tuple[str, str]:
        letter, _, channel = self.letter.partition(":")
        return letter, channel


@router.post("/{case_id}/letter")
def send_a_letter(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[LetterForm, Form()],
) -> Response:
    """Show the letter's words first; then queue it, where the gate clears it and these are still the words."""
    letter, by_channel = typed.chosen
    file = open_case_file(session, case_id, now, lock=True)
    preview = letter_preview(request, session, file, letter, by_channel, now)
    if preview is not None and preview.mark != typed.seen:
        changed = {"": "The words are others than those you saw. Read them again."} if typed.seen else {}
        form = FormState("letter", typed.values(), changed, letter=preview)
        return case_page(request, session, staff, file, form, now=now, status=409 if changed else 200)

    def act(file: CaseFile, _fields: Fields) -> Flash | Wrong:
        if not letter:
            raise Wrong({"letter": "Choose a letter."})
        try:
            channel = Channel(by_channel)
        except ValueError:
            raise Wrong({"letter": "Choose a letter of the list."}) from None
        letters = ports_of(request).catalog
        answer = send_letter(session, file.case, letter, channel, letters, by=staff.by, now=now)
        said = answer_words(channel, answer, reader_of(request, file, zone=file.zone), now, kept=False)
        return said[:1].upper() + said[1:] + ".", "good" if isinstance(answer, Clearance) else "warn"

    names = {"channels": "letter"}
    return submit(request, session, staff, case_id, "letter", typed, act, now=now, names=names)


class AnswerForm(Typed):
    text: str = ""


UNDOABLE = "sent-answer"
"""The draft under which the words of the last answer are kept, so that Undo gives them back."""


def _keep_words(
    session: Session, file: CaseFile, form: str, words: Mapping[str, str], staff: Staff, now: datetime
) -> None:
    with suppress(Invalid):  # an answer may be longer than a draft
        save_draft(session, staff.username, form, str(file.case.id), words, now=now)


@router.post("/{case_id}/answer")
def answer_their_sms(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:
    """Queue these words as an answer, where the gate clears it; sent twice, they are queued once."""

    def act(file: CaseFile, _fields: Fields) -> Flash | Wrong:
        answer = answer_sms(
            session, file.portfolio, file.case, typed.text, ports_of(request).catalog,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        if answer is None:
            return "These words answer their message already; they are not sent twice.", "info"
        if isinstance(answer, Clearance):
            _keep_words(session, file, UNDOABLE, {"text": typed.text}, staff, now)
        said = sentence(
            answer_words(Channel.SMS, answer, reader_of(request, file, zone=file.zone), now, kept=False)
        )
        return (said, "good") if isinstance(answer, Clearance) else Wrong({"text": said})

    return submit(request, session, staff, case_id, "answer", typed, act, now=now, tab="messages")


class AnswerPreviewForm(AnswerForm):
    fragment: str = ""
    """`1` from a script that wants the words alone."""


@dataclass(frozen=True, slots=True)
class AnswerFragment(Page):
    template = "cases/_answer.html"
    preview: AnswerPreview | None
    errors: Mapping[str, str]


@router.post("/{case_id}/answer/preview")
def preview_answer(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[AnswerPreviewForm, Form()],
) -> Response:
    """The whole SMS as it would be sent, and what it is billed as; nothing is sent."""
    file = open_case_file(session, case_id, now)
    errors: dict[str, str] = {}
    shown: AnswerPreview | None = None
    try:
        words = word_answer(
            session, file.portfolio, file.case, typed.text, ports_of(request).catalog, now=now
        )
    except Invalid as refused:
        if typed.text.strip() or not typed.fragment:
            errors = {"text": sentence(refused.message)}
    else:
        segments = sms_segments(words.text)
        cost = cost_of(settings_of(request), Channel.SMS, segments, 0)
        shown = AnswerPreview(words.text, segments, sms_encoding(words.text), cost)
    if typed.fragment:
        return page(request, AnswerFragment(preview=shown, errors=errors))
    form = FormState("answer", typed.values(), errors, answer=shown)
    return case_page(request, session, staff, file, form, now=now, status=422 if errors else 200)


@router.post("/{case_id}/messages/{message_id}/cancel")
def cancel_queued(
    request: Request,
    case_id: RowId,
    message_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        recall_message(session, file.case, message_id, reason, by=staff.by, now=now)
        return "The message is cancelled; it will not be sent.", "good"

    form = f"cancel-message-{message_id}"
    return submit(request, session, staff, case_id, form, typed, act, now=now, tab="messages")


@router.post("/{case_id}/messages/{message_id}/undo")
def undo_queued(
    request: Request,
    case_id: RowId,
    message_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        undone = undo_message(session, file.case, message_id, by=staff.by, now=now)
        kept = draft_of(session, staff.username, UNDOABLE, str(case_id))
        if kept is None or kept.saved_at != undone.created_at:
            return "Undone: the message is not sent.", "good"
        _keep_words(session, file, "answer", typed_in(kept), staff, now)
        discard_draft(session, staff.username, UNDOABLE, str(case_id))
        return "Undone: the message is not sent. Its words are in the form of the answer.", "good"

    return submit(request, session, staff, case_id, "standing", typed, act, now=now)


@router.post("/{case_id}/tasks/{task_id}/done")
def task_done(
    request: Request,
    case_id: RowId,
    task_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        finish_case_task(session, file.case, task_id, by=staff.by, now=now)
        return "The task is done.", "good"

    return submit(request, session, staff, case_id, "standing", typed, act, now=now)
