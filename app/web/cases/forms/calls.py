"""Calls logged on a case, with their effects, and the callback."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions import calls
from app.actions.assignment import forget_callback as cancel_callback
from app.actions.calls import CallEffects, CallReport
from app.casework.cases.calls import CallResult
from app.casework.cases.events import CallLogged
from app.core.labels import HOLD_LABELS
from app.core.staff.rules import Staff
from app.core.timeline.queries import last_event
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.cases.forms.answers import confirmation_words, in_writing_words, reader_of
from app.web.cases.forms.plans import ask_about_promise
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed
from app.web.lookups import staff_names
from app.web.rendering import Tone

router = APIRouter(prefix="/cases")

ANOTHER_CALL = timedelta(minutes=10)
"""A colleague's call this short a time ago is pointed out before another is logged."""


class CallForm(Typed):
    result: str = ""
    note: str = ""
    callback_at: str = ""
    amount: str = ""
    due_on: str = ""
    sure: str = ""


@router.post("/{case_id}/call")
def log_call(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CallForm, Form()],
) -> Response:
    """Record a call and its results at once: a hold, a number no longer used, a time to call back, a promise."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        result = fields.choice("result", CallResult)
        callback_at = fields.moment("callback_at")
        promises = fields.has("amount") or fields.has("due_on")
        amount = fields.amount("amount")
        due_on = fields.day("due_on") if promises else None
        ask_about_promise(request, file, fields, amount)
        _ask_about_colleague(request, session, file, fields, staff, now)
        fields.done()
        call = CallReport(result, typed.note, callback_at, amount, due_on)
        letters = ports_of(request).catalog
        effects = calls.log_call(session, file.case, call, letters, by=staff.by, now=now)
        return _call_words(request, file, call, effects, now)

    return submit(request, session, staff, case_id, "call", typed, act, now=now)


def _ask_about_colleague(
    request: Request, session: Session, file: CaseFile, fields: Fields, staff: Staff, now: datetime
) -> None:
    last = last_event(session, file.case.customer_id, CallLogged)
    if last is None or last.by == staff.by or last.at < now - ANOTHER_CALL:
        return
    reader = reader_of(request, file, zone=file.zone)
    reader = replace(reader, names=staff_names(session))
    fields.confirm(
        f"call:{last.id}",
        f"{reader.who(last.by)} logged a call at {reader.clock(last.at)}. Was yours another call?",
    )


def _call_words(
    request: Request, file: CaseFile, call: CallReport, effects: CallEffects, now: datetime
) -> Flash:
    """Say what followed from the call, so that the agent can tell the customer."""
    reader = reader_of(request, file, zone=file.zone)
    said = ["Call saved."]
    tone: Tone = "good"
    if effects.number_rests:
        said.append("The number is not used on any channel until you confirm it under In force.")
    if effects.placed is not None:
        hold = effects.placed.hold
        until = reader.day(hold.until)
        ends = f"do not contact; review by {until}" if hold.for_good else f"until {until}"
        said.append(f"{HOLD_LABELS[hold.kind]} hold placed: {ends}.")
        said.append(in_writing_words(request, file, effects.placed.acknowledgement, now))
    if call.callback_at is not None:
        said.append(f"The callback comes first on the worklist from {reader.instant(call.callback_at)}.")
    if effects.task_kept and effects.retry_at is not None:
        said.append(f"The call stays to be made: try again from {reader.instant(effects.retry_at)}.")
    elif effects.task_kept:
        said.append("The call stays to be made.")
    if effects.plan is not None:
        words, tone = confirmation_words(request, file, effects.confirmations, now)
        due_on = reader.day(call.due_on)
        said.append(f"Promise of {reader.money(call.amount_minor)} by {due_on} is on record. {words}")
    return " ".join(filter(None, said)), tone


@router.post("/{case_id}/callback/forget")
def forget_callback(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        cancel_callback(session, file.case, reason, by=staff.by, now=now)
        return "The callback is cancelled.", "good"

    return submit(request, session, staff, case_id, "forget-callback", typed, act, now=now)
