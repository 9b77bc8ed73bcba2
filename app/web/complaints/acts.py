"""What people do with a complaint, sent from its page; a refused form comes back with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.complaints.answering import Decision, answer_complaint
from app.actions.complaints.letters import send_letter_again
from app.actions.complaints.redress import decide_redress, give_redress
from app.actions.complaints.stages import (
    ComplaintChange,
    change_complaint,
    record_first_response,
    reopen_complaint,
    set_ombudsman,
)
from app.casework.complaints.queries import get_complaint, get_redress
from app.casework.complaints.rules import (
    AnswerKind,
    ComplaintCategory,
    ComplaintOutcome,
    ComplaintSeverity,
    FinalForm,
    OmbudsmanStage,
    RedressStatus,
)
from app.core.staff.rules import Staff
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import Place, submit
from app.web.cases.forms.answers import in_writing_words
from app.web.complaints.complaint_page import show_complaint
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed, chosen_row

router = Router(prefix="/complaints")


@router.get("/{complaint_id}/{form}")
def after_a_refusal(complaint_id: RowId, form: str, _staff: CaseWorker) -> Response:  # noqa: ARG001
    """A refused form is shown at its own address; after a reload the complaint is found again."""
    return RedirectResponse(f"/complaints/{complaint_id}", status_code=303)


class DetailsForm(Typed):
    category: str = ""
    severity: str = ""
    owner: str = ""
    about_staff: str = ""
    cause: str = ""


@router.post("/{complaint_id}/details")
def change(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DetailsForm, Form()],
) -> Response:
    def act(_file: CaseFile, fields: Fields) -> Flash:
        category, severity = (
            fields.choice("category", ComplaintCategory),
            fields.choice("severity", ComplaintSeverity),
        )
        cause_id = chosen_row(fields, "cause")
        fields.done()
        wanted = ComplaintChange(category, severity, typed.owner, typed.about_staff, cause_id)
        change_complaint(session, complaint_id, wanted, by=staff.by, now=now)
        return "The complaint was changed.", "good"

    return _send(request, session, staff, complaint_id, "details", typed, act, now)


class AnswerForm(Typed):
    kind: str = ""
    outcome: str = ""
    form: str = ""
    reasons: str = ""
    apology: str = ""
    correction: str = ""
    document: str = ""


@router.post("/{complaint_id}/answer")
def answer(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        kind, outcome = fields.choice("kind", AnswerKind), fields.choice("outcome", ComplaintOutcome)
        form = fields.choice("form", FinalForm) if fields.has("form") else None
        document = chosen_row(fields, "document")
        fields.done()
        decision = Decision(
            kind, outcome, typed.reasons, form, bool(typed.apology), typed.correction, document
        )
        closed = answer_complaint(
            session, complaint_id, decision, ports_of(request).catalog, by=staff.by, now=now
        )
        said = f"Complaint {closed.complaint.reference} is closed."
        return f"{said} {in_writing_words(request, file, closed.letter, now)}".strip(), "good"

    return _send(request, session, staff, complaint_id, "answer", typed, act, now)


class RedressForm(ReasonForm):
    account: str = ""
    amount: str = ""


@router.post("/{complaint_id}/redress")
def redress(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[RedressForm, Form()],
) -> Response:
    def act(_file: CaseFile, fields: Fields) -> Flash:
        account, amount = chosen_row(fields, "account"), fields.amount("amount")
        if account is None:
            fields.errors.setdefault("account", "Choose one of the list.")
        fields.done()
        assert account is not None
        made = give_redress(
            session, complaint_id, account, amount, typed.reason, by=staff.by, role=staff.role, now=now
        )
        if made.status is RedressStatus.PAID:
            return "The credit is posted.", "good"
        return "This is beyond your authority: it waits for another manager.", "info"

    return _send(request, session, staff, complaint_id, "redress", typed, act, now)


class VerdictForm(Typed):
    approve: str = ""
    note: str = ""


@router.post("/redress/{redress_id}/decide")
def decide(
    request: Request,
    redress_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[VerdictForm, Form()],
) -> Response:
    approve = typed.approve == "true"

    def act(_file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        decide_redress(
            session, redress_id, approve=approve, note=typed.note, by=staff.by, role=staff.role, now=now
        )
        return ("The credit is posted." if approve else "Declined; nothing was posted."), "good"

    complaint_id = get_redress(session, redress_id).complaint_id
    return _send(request, session, staff, complaint_id, f"redress-{redress_id}", typed, act, now)


class DayForm(Typed):
    on: str = ""


@router.post("/{complaint_id}/first-response")
def first_response(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DayForm, Form()],
) -> Response:
    def act(_file: CaseFile, fields: Fields) -> Flash:
        on = fields.day("on")
        fields.done()
        record_first_response(session, complaint_id, on, by=staff.by, now=now)
        return "The first response is on record.", "good"

    return _send(request, session, staff, complaint_id, "first-response", typed, act, now)


@router.post("/{complaint_id}/reopen")
def reopen(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(_file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        letters = ports_of(request).catalog
        reopen_complaint(session, complaint_id, typed.reason, letters, by=staff.by, now=now)
        return "The complaint is open again; its clock runs from today.", "good"

    return _send(request, session, staff, complaint_id, "reopen", typed, act, now)


class OmbudsmanForm(Typed):
    stage: str = ""
    on: str = ""
    reference: str = ""
    note: str = ""


@router.post("/{complaint_id}/ombudsman")
def ombudsman(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[OmbudsmanForm, Form()],
) -> Response:
    def act(_file: CaseFile, fields: Fields) -> Flash:
        stage, on = fields.choice("stage", OmbudsmanStage), fields.day("on")
        fields.done()
        set_ombudsman(session, complaint_id, stage, on, typed.reference, typed.note, by=staff.by, now=now)
        return "The ombudsman's stage is on record.", "good"

    return _send(request, session, staff, complaint_id, "ombudsman", typed, act, now)


class AgainForm(Typed):
    channel: str = ""


@router.post("/{complaint_id}/letter")
def letter_again(
    request: Request,
    complaint_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AgainForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        channel = fields.choice("channel", Channel)
        fields.done()
        letters = ports_of(request).catalog
        answers = send_letter_again(session, complaint_id, channel, letters, by=staff.by, now=now)
        return f"The letter is written again. {in_writing_words(request, file, answers, now)}".strip(), "good"

    return _send(request, session, staff, complaint_id, "letter", typed, act, now)


def _send(
    request: Request,
    session: Session,
    staff: Staff,
    complaint_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash],
    now: datetime,
    names: Mapping[str, str] | None = None,
) -> Response:
    row = get_complaint(session, complaint_id)
    place = Place(
        show=lambda file, state, status: show_complaint(request, session, staff, file, row, state, status),
        back=lambda: f"/complaints/{complaint_id}",
    )
    return submit(
        request, session, staff, row.case_id, f"complaint-{complaint_id}-{form}", typed, act, now=now, place=place,
        names=names,
    )  # fmt: skip
