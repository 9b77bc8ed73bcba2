"""Names and addresses of a customer, corrected on the case's page."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.customers import change_contact
from app.book.customers.service import CONTACT
from app.core.labels import CONTACT_LABELS
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

REACHED_BY = frozenset(CONTACT) - {"language", "timezone"}
"""Fields that decide where a message goes, and to whom."""


class ContactForm(Typed):
    full_name: str = ""
    language: str = ""
    country: str = ""
    region: str = ""
    timezone: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    postcode: str = ""
    mobile: str = ""
    email: str = ""
    reason: str = ""
    was: str = ""
    """The values of the form when it was opened, as JSON: only fields that were typed over change."""


@router.post("/{case_id}/contact")
def change(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ContactForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        was = _opened_with(typed.was)
        values = typed.values()
        changes = {name: values[name] for name in CONTACT if values[name].strip() != was.get(name)}
        fields.done()
        changed = change_contact(
            session, file.customer, changes, typed.reason, case_id=file.case.id, by=staff.by, now=now
        )
        if not changed:
            return "Nothing was different.", "info"
        names = ", ".join(CONTACT_LABELS[name].lower() for name in CONTACT if name in changed)
        said = " What waits for the old one is not sent." if REACHED_BY & changed.keys() else ""
        return f"Changed: {names}.{said}", "good"

    return submit(request, session, staff, case_id, "contact", typed, act, now=now)


def _opened_with(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
