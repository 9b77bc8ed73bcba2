"""Presence on a case's page: who else has it open, who is on the telephone, and the question before a second call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.casework.cases.queries import get_case
from app.casework.presence.queries import viewers_of
from app.casework.presence.rules import Viewer
from app.casework.presence.service import leave, note_view
from app.core.ids import id_of
from app.core.staff.rules import Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.rendering import environment
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.answers import reader_of
from app.web.forms import Fields
from app.web.lookups import staff_names

router = Router(prefix="/cases")
PIXEL = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@dataclass(frozen=True, slots=True)
class Colleague:
    """A colleague who has the case open, by the name that others know."""

    name: str
    calling_since: datetime | None


def colleagues(viewers: Sequence[Viewer], names: Mapping[str, str]) -> list[Colleague]:
    return [Colleague(names.get(each.username, each.username), each.calling_since) for each in viewers]


@router.get("/{case_id}/presence.svg")
def seen(case_id: RowId, staff: CaseReader, session: WriteSession, now: Now, calling: str = "") -> Response:
    """Note a view where no script runs: an image of the page. The page itself writes nothing."""
    get_case(session, case_id)
    note_view(session, case_id, staff.username, calling=True if calling else None, now=now)
    return Response(PIXEL, media_type="image/svg+xml")


@router.post("/{case_id}/presence")
def beat(
    case_id: RowId,
    staff: CaseReader,
    session: WriteSession,
    now: Now,
    calling: Annotated[str, Form(max_length=10)] = "",
    left: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Note that the page is open (or was left), and return who else has it open."""
    get_case(session, case_id)
    if left:
        leave(session, case_id, staff.username)
        return Response(status_code=204)
    note_view(session, case_id, staff.username, calling={"yes": True, "no": False}.get(calling), now=now)
    viewers = viewers_of(session, [case_id], now, but=staff.username).get(case_id, [])
    found = colleagues(viewers, staff_names(session) if viewers else {})
    # Not `page`: it counts waiting work, and shows the message that the next real page has to show.
    return HTMLResponse(environment().get_template("cases/_colleagues.html").render(colleagues=found))


def ask_about_callers(
    request: Request, session: Session, file: CaseFile, fields: Fields, staff: Staff, now: datetime
) -> None:
    """Ask before a call is logged while a colleague is on the telephone with the customer."""
    callers = [
        each
        for each in viewers_of(session, [id_of(file.case)], now, but=staff.username).get(id_of(file.case), [])
        if each.calling_since is not None
    ]
    if not callers or fields.values.get("direction") == "in":
        return
    reader = replace(reader_of(request, file, zone=file.zone), names=staff_names(session))
    since = callers[0].calling_since
    assert since is not None
    fields.confirm(
        f"calling:{callers[0].username}",
        f"{reader.name(callers[0].username)} is logging a call on this case since {reader.clock(since)}. "
        "Log yours as well?",
    )
