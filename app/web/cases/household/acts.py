"""Forms of the household page: record a statement, see what it comes to, record what the customer says."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.people.household import record_answer, record_statement
from app.casework.negotiation.household.queries import categories_for
from app.casework.negotiation.household.service import Answer, Implausible
from app.core.ids import id_of
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms.action import Place, submit
from app.web.cases.household.page import TotalsFragment, show, typed_totals
from app.web.cases.household.typed import HouseholdForm, read_household, read_payday
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed, Wrong
from app.web.rendering import page

router = Router(prefix="/cases/{case_id}/household")


@router.post("")
def save_statement(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HouseholdForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        categories = categories_for(session, id_of(file.customer))
        household = read_household(fields, categories, file.book.currency)
        fields.done()
        try:
            record_statement(session, file.case, household, sure=fields.values["sure"], by=staff.by, now=now)
        except Implausible as asked:
            raise Wrong({"sure": str(asked)}, asked.answer) from None
        doubts = len(typed_totals(session, file, categories, household).warnings)
        if doubts:
            return f"Household statement saved, with {doubts} {'doubt' if doubts == 1 else 'doubts'}.", "warn"
        return "Household statement saved.", "good"

    def shown(file: CaseFile, form: FormState, status: int) -> Response:
        return show(request, session, staff, file, form, status=status)

    place = Place(shown, lambda: f"/cases/{case_id}/household#content")
    return submit(request, session, staff, case_id, "household", typed, act, now=now, place=place)


@router.post("/preview")
def preview_statement(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[HouseholdForm, Form()],
) -> Response:
    """Show what the statement comes to; nothing is recorded."""
    file = open_case_file(session, case_id, now)
    categories = categories_for(session, id_of(file.customer))
    fields = Fields(typed, file.book, file.zone, reader_locale(request))
    household = read_household(fields, categories, file.book.currency)
    totals = None if fields.errors else typed_totals(session, file, categories, household)
    if typed.fragment:
        return page(request, TotalsFragment(totals=totals, errors=fields.errors, currency=file.book.currency))
    form = FormState("household", typed.values(), fields.errors)
    status = 422 if fields.errors else 200
    return show(request, session, staff, file, form, status=status, typed=totals)


class AnswerForm(Typed):
    monthly: str = ""
    at_once: str = ""
    payday_on: str = ""
    payday_cadence: str = ""
    payday_days_after: str = ""


@router.post("/answer")
def save_answer(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:
    """Record what the customer says that they can pay, and when they are paid."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        monthly = fields.amount("monthly") if fields.has("monthly") else None
        answer = Answer(monthly, fields.amount("at_once"), read_payday(fields))
        fields.done()
        record_answer(session, file.case, answer, by=staff.by, now=now)
        return "What the customer said is saved.", "good"

    def shown(file: CaseFile, form: FormState, status: int) -> Response:
        return show(request, session, staff, file, form, status=status)

    place = Place(shown, lambda: f"/cases/{case_id}/household#content")
    return submit(
        request,
        session,
        staff,
        case_id,
        "affordability",
        typed,
        act,
        now=now,
        place=place,
        names={"once": "at_once"},
    )
