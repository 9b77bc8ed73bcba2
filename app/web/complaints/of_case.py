"""The complaints of a customer, and the form that puts one on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.complaints.opening import open_complaint
from app.casework.complaints.models import Complaint
from app.casework.complaints.queries import complaints_of
from app.casework.complaints.rules import (
    CATEGORY_LABELS,
    OUTCOME_LABELS,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintSeverity,
    ReceivedComplaint,
)
from app.casework.support_needs.sight import sight_of
from app.core.clock import local_instant
from app.core.ids import id_of
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms.action import Place, submit
from app.web.cases.forms.answers import in_writing_words
from app.web.complaints.words import CATEGORIES, CHANNELS, SEVERITIES, Options, texts
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed, chosen_row
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/cases")


@dataclass(frozen=True, slots=True)
class CaseComplaintsPage(Page):
    template = "complaints/of_case.html"
    file: CaseFile
    complaints: Sequence[Complaint]
    state: FormState
    choices: Mapping[str, Options]
    labels: Mapping[str, Mapping[str, str]]


@router.get("/{case_id}/complaints")
def case_complaints(
    request: Request, case_id: RowId, staff: CaseWorker, session: ReadSession, now: Now
) -> Response:
    return _page(request, session, staff, open_case_file(session, case_id, now), FormState(), 200)


def _page(
    request: Request, session: Session, staff: Staff, file: CaseFile, state: FormState, status: int
) -> Response:
    accounts = [("", "No account in particular")]
    accounts += [(str(id_of(each)), f"{each.product} ·{each.card_last4}") for each in file.accounts]
    return page(
        request,
        CaseComplaintsPage(
            file=file,
            complaints=complaints_of(session, id_of(file.customer)),
            state=state,
            choices={
                "category": CATEGORIES,
                "channel": CHANNELS,
                "severity": SEVERITIES,
                "account": accounts,
                "owner": [("", "Nobody yet"), *staff_names(session).items()],
            },
            labels={"category": texts(CATEGORY_LABELS), "outcome": texts(OUTCOME_LABELS)},
        ),
        status,
        sight_of(session, id_of(file.customer), staff.role, staff.by),
    )


class ComplaintForm(Typed):
    words: str = ""
    category: str = ""
    channel: str = ""
    severity: str = ComplaintSeverity.NORMAL.value
    received_on: str = ""
    account: str = ""
    owner: str = ""
    about_staff: str = ""


@router.post("/{case_id}/complaints")
def put_on_record(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ComplaintForm, Form()],
) -> Response:
    opened: list[int] = []

    def act(file: CaseFile, fields: Fields) -> Flash:
        category, channel = (
            fields.choice("category", ComplaintCategory),
            fields.choice("channel", ComplaintChannel),
        )
        severity = fields.choice("severity", ComplaintSeverity)
        received_at = None
        if fields.has("received_on"):
            on = fields.day("received_on")
            noon = local_instant(on, 12, 0, file.portfolio.timezone)
            received_at = now if on == file.book.today else noon
        account_id = chosen_row(fields, "account")
        fields.done()
        received = ReceivedComplaint(
            typed.words, category, channel, severity, received_at, account_id, typed.about_staff, typed.owner
        )
        made = open_complaint(session, file.case, received, ports_of(request).catalog, by=staff.by, now=now)
        opened.append(id_of(made.complaint))
        said = f"Complaint {made.complaint.reference} is on record."
        return f"{said} {in_writing_words(request, file, made.acknowledgement, now)}".strip(), "good"

    place = Place(
        show=lambda file, state, status: _page(request, session, staff, file, state, status),
        back=lambda: f"/complaints/{opened[0]}" if opened else f"/cases/{case_id}/complaints",
    )
    return submit(
        request, session, staff, case_id, "complaint", typed, act, now=now, place=place,
        names={"received_at": "received_on"},
    )  # fmt: skip
