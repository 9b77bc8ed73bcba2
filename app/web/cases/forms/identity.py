"""The identity check at the beginning of a call."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.actions.identity import confirm_identity
from app.casework.cases.identity import IdentityQuestion
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.form_action import Flash
from app.web.forms import Fields, Typed

router = Router(prefix="/cases")


class IdentityForm(Typed):
    asked: list[str] = Field(default=[], max_length=20)


@router.post("/{case_id}/identity")
def check_identity(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[IdentityForm, Form()],
) -> Response:
    """Record the questions that were asked; the script then shows the amounts."""
    known = {each.value for each in IdentityQuestion}

    def act(file: CaseFile, _fields: Fields) -> Flash:
        asked = [IdentityQuestion(name) for name in typed.asked if name in known]
        confirm_identity(session, file.case, asked, by=staff.by, now=now)
        return "Identity check recorded.", "good"

    return submit(request, session, staff, case_id, "identity", typed, act, now=now)
