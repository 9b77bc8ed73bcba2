"""Drafts of forms, saved by the page while its reader types (`static/drafts.js`)."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Form
from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.core.errors import Invalid
from app.core.staff.drafts import discard_draft, drafts_about, save_draft
from app.core.staff.models import SentForm
from app.http.context import Now
from app.http.doors import AnyStaff
from app.http.routes import Router
from app.http.security import local_path
from app.http.transactions import ReadSession, WriteSession
from app.web.form_action import sent_key

router = Router()
FIELDS = TypeAdapter(dict[str, str])


@router.get("/drafts")
def list_drafts(staff: AnyStaff, session: ReadSession, subject: str = "") -> Response:
    """The reader's own drafts about one subject."""
    return JSONResponse(
        [
            {"form": each.form, "at": each.saved_at.isoformat(), "fields": json.loads(each.fields)}
            for each in drafts_about(session, staff.username, subject)
        ]
    )


@router.post("/drafts")
def keep_draft(
    staff: AnyStaff,
    session: WriteSession,
    now: Now,
    form: Annotated[str, Form(max_length=60)],
    subject: Annotated[str, Form(max_length=60)] = "",
    fields: Annotated[str, Form()] = "{}",
    sent_to: Annotated[str, Form(max_length=200)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Keep what is typed. `sent_to` and `once` name the sending of the form: what comes in after it was obeyed is not
    kept."""
    if once and _was_obeyed(session, staff.username, sent_to, once):
        return Response(status_code=204)
    try:
        typed = FIELDS.validate_json(fields)
    except ValidationError:
        raise Invalid("The fields of a draft are an object of texts.", "fields") from None
    try:
        save_draft(session, staff.username, form, subject, typed, now=now)
    except Invalid as refused:
        return JSONResponse({"message": refused.message, "field": refused.field}, 422)
    return Response(status_code=204)


@router.post("/drafts/discard")
def forget_draft(
    request: Request,
    staff: AnyStaff,
    session: WriteSession,
    form: str = "",
    subject: str = "",
    back: str = "",
) -> Response:
    """Throw a draft away. The address names it, so that a button of the form itself can."""
    discard_draft(session, staff.username, form, subject)
    if request.headers.get("accept", "").startswith("text/html"):
        return RedirectResponse(local_path(back, "/"), status_code=303)
    return Response(status_code=204)


def _was_obeyed(session: Session, username: str, path: str, once: str) -> bool:
    return session.get(SentForm, sent_key(username, path, once)) is not None
