"""Consent to a channel, given or withdrawn on a case's page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import preferences as acts
from app.core.labels import CHANNEL_LABELS
from app.core.vocabulary import Channel
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.outreach.gate.consent import ConsentTerms
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.form_action import Flash
from app.web.forms import Fields, Typed

router = Router(prefix="/cases")


class ConsentForm(Typed):
    channel: str = ""
    allowed: str = ""
    source: str = ""
    given_by: str = ""
    until: str = ""
    electronic_notices: str = ""


@router.post("/{case_id}/consent")
def change_consent(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ConsentForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        channel = fields.choice("channel", Channel)
        if typed.allowed not in ("yes", "no"):
            fields.errors["allowed"] = "Choose one."
        if not fields.has("source"):
            fields.errors["source"] = "Say how the customer let us know."
        until = fields.day("until") if fields.has("until") else None
        fields.done()
        allowed = typed.allowed == "yes"
        acts.change_consent(
            session, file.customer, channel,
            allowed=allowed, source=typed.source,
            terms=ConsentTerms(typed.given_by, until, bool(typed.electronic_notices)),
            case_id=file.case.id, by=staff.by, now=now,
        )  # fmt: skip
        return f"{CHANNEL_LABELS[channel]}: {'allowed' if allowed else 'not to be used any more'}.", "good"

    return submit(request, session, staff, case_id, "consent", typed, act, now=now)
