"""Forms that were sent after the session had ended: kept as drafts of the person whose session it was, and shown again
once that person has signed in. They are never sent by themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from sqlalchemy.engine import Engine
from starlette.requests import Request
from starlette.responses import Response

from app.core.database.engine import reading, transaction
from app.core.errors import Invalid
from app.core.staff.drafts import LONGEST_NAME, draft_of, save_draft, typed_in
from app.core.staff.service import find_ended_session
from app.http.doors import AnyStaff
from app.http.routes import Router
from app.http.security import local_path, same_token
from app.http.transactions import ReadSession
from app.web.cases.forms.addresses import FORMS, PLAN_FORMS, ROW_FORMS
from app.web.rendering import Page, page

router = Router()
ACCOUNT_FORMS = {
    "post": "post", "payout": "payout", "pauses": "pause", "re-age": "re-age", "status": "status", "terms": "terms",
    "statement": "statement",
}  # fmt: skip
ENTRY_FORMS = ("reverse", "waive", "move")


class DraftPlace(NamedTuple):
    """The draft in which a form is kept, and the page that shows it again."""

    form: str
    subject: str
    shown_at: str


def place_of(path: str, came_from: str) -> DraftPlace:
    """Return where the form that is sent to `path` keeps its draft. Forms of cases and accounts are filled in again; of
    any other one the typed texts are shown, with the way back to `came_from`."""
    if found := re.fullmatch(r"/cases/(\d+)/(.+)", path):
        case_id, end = found.groups()
        if form := _case_form(end):
            return DraftPlace(form, case_id, path)
    if found := re.fullmatch(r"/accounts/(\d+)(?:/entries/(\d+))?/([a-z-]+)", path):
        account_id, entry, end = found.groups()
        form = (end if end in ENTRY_FORMS else "") if entry else ACCOUNT_FORMS.get(end, "")
        if form:
            about = {"do": form, "draft": "1"} | ({"entry": entry} if entry else {})
            subject = f"account-{account_id}" + (f"-entry-{entry}" if entry else "")
            return DraftPlace(form, subject, f"/accounts/{account_id}?{urlencode(about)}#do-{form}")
    form = path[-LONGEST_NAME:]
    return DraftPlace(form, "", "/drafts/unsent?" + urlencode({"form": form, "back": came_from}))


def _case_form(end: str) -> str:
    if end in FORMS:
        return FORMS[end]
    for pattern, form in ROW_FORMS.items():
        if found := re.fullmatch(pattern.replace("{row_id}", r"(\d+)"), end):
            return f"{form}-{found[1]}"
    if (found := re.fullmatch(r"plans/(\d+)/([a-z]+)", end)) and found[2] in PLAN_FORMS:
        return f"{found[2]}-{found[1]}"
    return ""


def keep_unsent(
    engine: Engine,
    token: str,
    fields: Mapping[str, str],
    path: str,
    came_from: str,
    now: datetime,
) -> str | None:
    """Keep a form whose session has ended by time, and return the page that shows it again. None where nothing is kept:
    the cookie is of no such session, the form is not of its pages (`csrf_token`), or no draft may hold it."""
    with reading(engine) as session:
        ended = find_ended_session(session, token, now=now)
    if ended is None or not same_token(fields.get("csrf_token", ""), ended.csrf_token):
        return None
    place = place_of(path, came_from)
    typed = {name: text for name, text in fields.items() if text.strip()}
    try:
        with transaction(engine) as session:
            save_draft(session, ended.username, place.form, place.subject, typed, now=now)
            kept = draft_of(session, ended.username, place.form, place.subject)
            return place.shown_at if kept else None
    except Invalid:  # a card number, or more than a draft may hold
        return None


@dataclass(frozen=True, slots=True)
class UnsentPage(Page):
    template = "admin/unsent.html"
    typed: Mapping[str, str]
    saved_at: datetime | None
    form: str
    back: str


@router.get("/drafts/unsent")
def unsent(
    request: Request, staff: AnyStaff, session: ReadSession, form: str = "", back: str = ""
) -> Response:
    """The typed texts of a form that was not sent, and the way back to its page."""
    kept = draft_of(session, staff.username, form, "")
    typed = (
        {name.replace("_", " ").capitalize(): text for name, text in typed_in(kept).items()} if kept else {}
    )
    shown = UnsentPage(typed, kept.saved_at if kept else None, form, local_path(back, "/"))
    return page(request, shown)
