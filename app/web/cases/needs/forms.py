"""Forms of support needs: record, keep, end, the end of a treatment, and a look for a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.holds import end_treatment
from app.actions.people import support_needs as acts
from app.casework.support_needs.catalog import label_of
from app.casework.support_needs.rules import Audience, Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.errors import Invalid
from app.core.staff.rules import CASEWORK
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseReader, CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.needs.page import show, submit
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, ReasonForm, Typed, chosen_row

router = Router(prefix="/cases/{case_id}/support-needs")


class NeedForm(Typed):
    code: str = ""
    basis: str = ""
    told_by: str = ""
    note: str = ""
    audience: str = ""
    question: str = ""
    review_on: str = ""
    places: list[str] = []


@router.post("")
def record(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[NeedForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        if not fields.has("code"):
            fields.errors["code"] = "Choose what the customer needs."
        told_by, basis = fields.choice("told_by", ToldBy), fields.choice("basis", Basis)
        new = NewNeed(
            typed.code,
            basis,
            told_by,
            note=typed.note,
            audience=fields.choice("audience", Audience) if fields.has("audience") else None,
            review_on=fields.day("review_on") if fields.has("review_on") else None,
        )
        question_id = chosen_row(fields, "question")
        fields.done()
        letters = ports_of(request).catalog
        acts.record_need(
            session,
            file.case,
            new,
            letters,
            places=typed.places,
            question_id=question_id,
            by=staff.by,
            now=now,
        )
        asked = " Ask the customer about it: a task says so." if basis is Basis.UNCONFIRMED else ""
        return f"{label_of(typed.code)}: recorded, and in force from now on.{asked}", "good"

    return submit(request, session, staff, case_id, "need", typed, act, now=now)


class KeepForm(Typed):
    basis: str = ""
    review_on: str = ""


@router.post("/{need_id}/keep")
def keep(
    request: Request,
    case_id: RowId,
    need_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[KeepForm, Form()],
) -> Response:
    """Keep a need after a look at it; the customer may have confirmed it."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        basis = fields.choice("basis", Basis) if fields.has("basis") else None
        review_on = fields.day("review_on") if fields.has("review_on") else None
        fields.done()
        row = acts.keep_support_need(
            session, file.case, need_id, basis=basis, review_on=review_on, by=staff.by, role=staff.role,
            now=now,
        )  # fmt: skip
        return f"{label_of(row.code)} is kept.", "good"

    return submit(request, session, staff, case_id, f"keep-{need_id}", typed, act, now=now)


@router.post("/{need_id}/end")
def end(
    request: Request,
    case_id: RowId,
    need_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.reason()
        fields.done()
        row = acts.end_need(session, file.case, need_id, typed.reason, by=staff.by, role=staff.role, now=now)
        return f"{label_of(row.code)} has ended, and all that it placed.", "good"

    return submit(request, session, staff, case_id, f"end-{need_id}", typed, act, now=now)


class TreatmentForm(ReasonForm):
    treated_until: str = ""


@router.post("/holds/{hold_id}/treatment")
def treatment(
    request: Request,
    case_id: RowId,
    hold_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[TreatmentForm, Form()],
) -> Response:
    """The treatment has ended: the moratorium gets its end by law."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        treated_until = fields.day("treated_until")
        fields.reason()
        fields.done()
        hold = acts.seen_hold(session, file.case, hold_id, staff.role, staff.by)
        until = end_treatment(session, hold, treated_until, typed.reason, by=staff.by, now=now)
        ended = (
            "The moratorium is over" if until <= file.book.today else f"The moratorium ends by law on {until}"
        )
        return f"{ended}; then the case is back in the queue.", "good"

    return submit(request, session, staff, case_id, f"treatment-{hold_id}", typed, act, now=now)


@router.post("/disclosure")
def disclose(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Show the needs to somebody who works no case, once, for a reason that is put on record."""
    file = open_case_file(session, case_id, now, lock=True)
    if staff.role in CASEWORK:
        return show(request, session, staff, file, FormState())
    try:
        with session.begin_nested():
            shown = acts.disclose_needs(session, file.case, typed.reason, by=staff.by, now=now)
    except Invalid as refused:
        state = FormState("disclosure", typed.values(), {"reason": refused.message})
        return show(request, session, staff, file, state, status=422)
    return show(request, session, staff, file, FormState(), disclosed=shown, reason=typed.reason.strip())
