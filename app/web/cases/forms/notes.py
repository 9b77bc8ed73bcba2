"""Notes on a case, its owner, and its nomination for legal."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import assignment
from app.actions.assignment import assign_case, assignable
from app.actions.referrals import nominate
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases")


class NoteForm(Typed):
    text: str = ""


@router.post("/{case_id}/note")
def add_note(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[NoteForm, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        if assignment.is_noted_already(session, file.case, typed.text, by=staff.by, now=now):
            return "You saved this note a moment ago; it was not saved a second time.", "info"
        assignment.add_note(session, file.case, typed.text, by=staff.by, now=now)
        return "Note saved.", "good"

    return submit(request, session, staff, case_id, "note", typed, act, now=now, names={"note": "text"})


NO_OWNER = "-"
"""An empty field of a form is the same as a missing one."""


class AssignForm(Typed):
    owner: str = ""
    seen_owner: str = ""
    """The owner whom the page showed, `-` for none; '' = the form does not say."""


@router.post("/{case_id}/assign")
def assign(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AssignForm, Form()],
) -> Response:
    """Assign a case: an agent takes it, a manager gives it to any user or to none."""

    def act(file: CaseFile, _fields: Fields) -> Flash:
        seen = typed.seen_owner.removeprefix(NO_OWNER) if typed.seen_owner else None
        assign_case(
            session,
            file.case,
            typed.owner,
            seen_owner=seen,
            by=staff.by,
            role=staff.role,
            now=now,
        )
        return f"Assigned to {assignable(session).get(typed.owner, 'nobody')}.", "good"

    return submit(request, session, staff, case_id, "assign", typed, act, now=now)


@router.post("/{case_id}/nominate")
def nominate_for_legal(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        nominate(session, file.case, typed.reason, by=staff.by, now=now)
        return "Nominated for the legal team. Another person must approve it.", "good"

    return submit(request, session, staff, case_id, "nominate", typed, act, now=now)
