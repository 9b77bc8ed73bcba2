"""Forms of a case's offers: offer, answer, hand over, receive, end, abusive contact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.hand_overs import conduct as conduct_acts
from app.actions.hand_overs import desks as desk_acts
from app.actions.hand_overs import offers as offer_acts
from app.casework.hand_overs.queries import get_hand_over
from app.casework.hand_overs.rules import ConductStep, HandOverKind, HandOverStatus, OfferAnswer
from app.core.errors import NotFound
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import Place, submit
from app.web.cases.forms.answers import in_writing_words
from app.web.cases.hand_overs.page import show
from app.web.form_action import Flash
from app.web.forms import Fields, Typed

router = Router(prefix="/cases/{case_id}/offers")


class OfferForm(Typed):
    offer: str = ""
    answer: str = ""
    note: str = ""


@router.post("")
def offer(
    request: Request, case_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[OfferForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        answer = fields.choice("answer", OfferAnswer)
        fields.done()
        offer_acts.offer_help(
            session, file.case, typed.offer, answer, typed.note, by=staff.by, role=staff.role, now=now
        )
        return "The offer and its answer are on record.", "good"

    return _send(request, session, staff, case_id, "offer", typed, act, now)


class AnswerForm(Typed):
    answer: str = ""


@router.post("/{help_offer_id}/answer")
def answer(
    request: Request, case_id: RowId, help_offer_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        said = fields.choice("answer", OfferAnswer)
        fields.done()
        offer_acts.answer_offer(
            session, file.case, help_offer_id, said, by=staff.by, role=staff.role, now=now
        )
        return "The answer is on record.", "good"

    return _send(request, session, staff, case_id, f"answer-{help_offer_id}", typed, act, now)


class HandOverForm(Typed):
    desk: str = ""
    kind: str = ""
    words: str = ""
    due_on: str = ""


@router.post("/hand-over")
def hand_over(
    request: Request, case_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[HandOverForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        kind = fields.choice("kind", HandOverKind)
        due_on = fields.day("due_on") if fields.has("due_on") else None
        fields.done()
        desk_acts.hand_over(
            session, file.case, typed.desk, kind, typed.words, due_on, by=staff.by, role=staff.role, now=now
        )
        return "Handed over. It stays an open item until the desk has done it.", "good"

    return _send(request, session, staff, case_id, "hand-over", typed, act, now)


class ReceiptForm(Typed):
    received_by: str = ""


@router.post("/hand-overs/{hand_over_id}/receipt")
def receive(
    request: Request, case_id: RowId, hand_over_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[ReceiptForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        _require_of_case(session, file, hand_over_id)
        fields.done()
        desk_acts.receive_hand_over(
            session, hand_over_id, typed.received_by, by=staff.by, role=staff.role, now=now
        )
        return "The receipt is on record.", "good"

    return _send(request, session, staff, case_id, f"receipt-{hand_over_id}", typed, act, now)


class EndForm(Typed):
    status: str = ""
    words: str = ""


@router.post("/hand-overs/{hand_over_id}/end")
def end(
    request: Request, case_id: RowId, hand_over_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[EndForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        _require_of_case(session, file, hand_over_id)
        status = fields.choice("status", HandOverStatus)
        fields.done()
        desk_acts.end_hand_over(
            session, hand_over_id, status, typed.words, by=staff.by, role=staff.role, now=now
        )
        return "The end of the hand-over is on record.", "good"

    return _send(request, session, staff, case_id, f"end-{hand_over_id}", typed, act, now)


class ConductForm(Typed):
    step: str = ""
    words: str = ""


@router.post("/conduct")
def conduct(
    request: Request, case_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[ConductForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        step = fields.choice("step", ConductStep)
        fields.done()
        conduct_acts.record_conduct(session, file.case, step, typed.words, by=staff.by, now=now)
        if step is ConductStep.ENDED:
            return "A supervisor takes over, and has the task today.", "good"
        return "The warning is on record.", "good"

    return _send(request, session, staff, case_id, "conduct", typed, act, now)


class WarningForm(Typed):
    words: str = ""


@router.post("/conduct/{conduct_id}/letter")
def warning_letter(
    request: Request, case_id: RowId, conduct_id: RowId, staff: Manager, session: WriteSession, now: Now,
    typed: Annotated[WarningForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        answers = conduct_acts.warn_in_writing(
            session, file.case, conduct_id, typed.words, ports_of(request).catalog,
            by=staff.by, role=staff.role, now=now,
        )  # fmt: skip
        return f"The warning is written. {in_writing_words(request, file, answers, now)}".strip(), "good"

    return _send(request, session, staff, case_id, f"warn-{conduct_id}", typed, act, now)


def _require_of_case(session: Session, file: CaseFile, hand_over_id: int) -> None:
    if get_hand_over(session, hand_over_id).customer_id != file.case.customer_id:
        raise NotFound(f"This customer has no hand-over {hand_over_id}.")


def _send(
    request: Request, session: Session, staff: Staff, case_id: int, form: str, typed: Typed,
    act: Callable[[CaseFile, Fields], Flash], now: datetime,
) -> Response:  # fmt: skip
    place = Place(
        show=lambda file, state, status: show(request, session, staff, file, state, status, now=now),
        back=lambda: f"/cases/{case_id}/offers",
    )
    return submit(request, session, staff, case_id, form, typed, act, now=now, place=place)
