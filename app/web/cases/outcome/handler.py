"""Calls logged on a case, with their effects, and the callback."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import calls
from app.actions.assignment import forget_callback as cancel_callback
from app.actions.results.doubts import doubts_about
from app.casework.results.queries import results_of
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.cases.outcome.form import CallForm, report_of
from app.web.cases.outcome.words import doubt_words, effect_words
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm

router = APIRouter(prefix="/cases")


@router.post("/{case_id}/call")
def log_call(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CallForm, Form()],
) -> Response:
    """Record a call and its effects at once."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        call = report_of(fields, typed, results_of(session, file.portfolio))
        for doubt in doubts_about(session, file.portfolio, file.case, call, by=staff.by, now=now):
            fields.confirm(doubt.answer, doubt_words(request, session, file, doubt))
        fields.done()
        letters = ports_of(request).catalog
        effects = calls.log_call(session, file.case, call, letters, is_sure=True, by=staff.by, now=now)
        return effect_words(request, file, call, effects, now)

    return submit(request, session, staff, case_id, "call", typed, act, now=now)


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
