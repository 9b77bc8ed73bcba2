"""Promises, repayment plans and settlements on a case's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.agreements import (
    discount_of,
    offer,
    preview,
    promise,
)
from app.casework.plans.limits import Grantor
from app.casework.plans.rules import Cadence, Instalment, PlanKind, is_unusual_promise
from app.casework.plans.terms import AgreementTerms
from app.core.errors import Conflict, Invalid
from app.core.labels import PLAN_LABELS
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_page import case_page
from app.web.cases.forms.action import submit
from app.web.cases.forms.answers import confirmation_words, in_writing_words, reader_of
from app.web.cases.plan.typed import PLAN_FIELDS, PlanForm, plan_terms
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed, beside
from app.web.rendering import Page, page

router = Router(prefix="/cases")


class AmountForm(Typed):
    """An amount and the day by which it is paid."""

    amount: str = ""
    due_on: str = ""
    sure: str = ""
    reason: str = ""
    """For a request to a manager."""


@router.post("/{case_id}/promise")
def record_promise(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AmountForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        amount, due_on = fields.amount("amount"), fields.day("due_on")
        ask_about_promise(request, file, fields, amount)
        fields.done()
        return _promise(request, session, file, amount, due_on, staff, now)

    return submit(request, session, staff, case_id, "promise", typed, act, now=now)


def ask_about_promise(request: Request, file: CaseFile, fields: Fields, amount: int) -> None:
    """Ask about a promise of far more than is past due: it is more often a typing error."""
    if not file.to_ask or amount > file.owes.debt or not is_unusual_promise(amount, file.to_ask):
        return  # a promise where nothing is past due, or of more than is owed, is refused, not asked about
    reader = reader_of(request, file)
    times = f", {amount / file.to_ask:.1f} times as much"
    past_due = reader.money(file.to_ask)
    fields.confirm(
        f"amount:{amount}",
        f"{reader.money(amount)} is promised and {past_due} is past due{times}. Is that right?",
    )


def _promise(
    request: Request, session: Session, file: CaseFile, amount: int, due_on: date, staff: Staff, now: datetime
) -> Flash:
    letters = ports_of(request).catalog
    made = promise(session, file.case, amount, due_on, letters, by=staff.by, now=now)
    reader = reader_of(request, file)
    words, tone = confirmation_words(request, file, made.confirmations, now)
    return f"Promise of {reader.money(amount)} by {reader.day(due_on)} saved. {words}", tone


@router.post("/{case_id}/plans")
def offer_a_plan(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        terms = plan_terms(fields, file)
        _ask_about_token(request, session, file, fields, terms, now)
        fields.done()
        letters = ports_of(request).catalog
        made = offer(session, file.case, terms, letters, grantor=Grantor(staff.by, staff.role), now=now)
        money = reader_of(request, file).money(made.plan.total_minor)
        kind = PLAN_LABELS[made.plan.kind].lower()
        said = f"A {kind} of {money} is offered. Accept it here once the customer agrees."
        return f"{said} {in_writing_words(request, file, made.in_writing, now)}", "good"

    return submit(
        request, session, staff, case_id, "plan", typed, act, now=now, tab="plans", names=PLAN_FIELDS
    )


def _ask_about_token(
    request: Request, session: Session, file: CaseFile, fields: Fields, terms: AgreementTerms, now: datetime
) -> None:
    """Ask for a second look at token payments: what they pay, and what stays owed."""
    if not terms.is_token or fields.errors:
        return
    try:
        parts = preview(session, file.case, terms, now=now)
    except (Invalid, Conflict):
        return  # it is refused
    left = file.owes.debt - terms.total_minor - terms.waived_fees_minor
    reader = reader_of(request, file)
    fields.confirm(
        f"token:{terms.total_minor}:{left}",
        f"They pay {reader.money(terms.total_minor)} in {len(parts)} payments, and {reader.money(left)} stays "
        "owed. Is that right?",
    )


class PreviewForm(PlanForm):
    fragment: str = ""
    """`1` from a script that wants the table alone."""


@dataclass(frozen=True, slots=True)
class ScheduleFragment(Page):
    template = "cases/_schedule.html"
    parts: Sequence[Instalment]
    errors: Mapping[str, str]
    currency: str


@router.post("/{case_id}/plans/preview")
def preview_a_plan(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[PreviewForm, Form()],
) -> Response:
    """Show the schedule of such a plan; nothing is offered."""
    file = open_case_file(session, case_id, now)
    fields = Fields(typed, file.book, file.zone, reader_locale(request))
    terms = plan_terms(fields, file)
    parts: Sequence[Instalment] = ()
    if not fields.errors:
        try:
            parts = preview(session, file.case, terms, now=now)
        except (Invalid, Conflict) as refused:
            fields.errors.update(beside(refused, typed, PLAN_FIELDS))
    form = FormState("plan", typed.values(), fields.errors, parts)
    if typed.fragment:
        shown = ScheduleFragment(parts=parts, errors=fields.errors, currency=file.book.currency)
        return page(request, shown)
    return case_page(request, session, staff, file, form, now=now, status=422 if fields.errors else 200)


class SettlementForm(AmountForm):
    payments: str = ""
    """How many; '' = one."""


@router.post("/{case_id}/settlements")
def offer_to_settle(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[SettlementForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        terms = settlement_terms(fields)
        _ask_about_discount(request, session, file, fields, staff, terms.total_minor, now)
        fields.done()
        letters = ports_of(request).catalog
        made = offer(session, file.case, terms, letters, grantor=Grantor(staff.by, staff.role), now=now)
        reader = reader_of(request, file)
        by = f"by {reader.day(terms.first_due_on)}"
        if terms.payments > 1:
            by = f"in {terms.payments} payments, the first {by},"
        said = (
            f"Settlement of {reader.money(terms.total_minor)} {by} is offered. "
            "It is accepted once the customer pays it or says yes."
        )
        return f"{said} {in_writing_words(request, file, made.in_writing, now)}", "good"

    return submit(request, session, staff, case_id, "settlement", typed, act, now=now, tab="plans")


def settlement_terms(fields: Fields) -> AgreementTerms:
    """The terms as typed: one payment, or several, a month apart."""
    amount, due_on = fields.amount("amount"), fields.day("due_on")
    payments = fields.whole("payments") if fields.has("payments") else 1
    cadence = Cadence.ONCE if payments == 1 else Cadence.MONTHLY
    return AgreementTerms(PlanKind.SETTLEMENT, amount, due_on, payments, cadence)


def _ask_about_discount(
    request: Request,
    session: Session,
    file: CaseFile,
    fields: Fields,
    staff: Staff,
    amount: int,
    now: datetime,
) -> None:
    """Ask for a confirmation before a part of the debt is waived, and say how large that part is."""
    waived = discount_of(session, file.case, amount, role=staff.role, now=now)
    if waived is None:
        return  # it is refused
    reader = reader_of(request, file)
    fields.confirm(
        f"settle:{waived.owed_minor}:{amount}",
        f"They owe {reader.money(waived.owed_minor)} and pay {reader.money(amount)}: "
        f"{reader.money(waived.waived_minor)}, {100 * waived.waived_minor / waived.owed_minor:.1f} %, is waived. "
        f"{reader.money(file.to_ask)} is past due. Is that right?",
    )
