"""Promises, repayment plans and settlements on a case's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.calls import CONFIRMED_BY
from app.casework.plans.models import Plan
from app.casework.plans.rules import FIRST_WITHIN, Instalment, is_unusual_promise, may_let_off, schedule
from app.casework.plans.service import (
    accept,
    cancel,
    offer_instalments,
    offer_settlement,
    owed_on_late_accounts,
    promise_to_pay,
)
from app.core.errors import Forbidden, NotFound
from app.core.staff.rules import Role, Staff
from app.http.context import Now, ports_of
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.transactions import ReadSession, WriteSession
from app.outreach.planning.event_letters import offer_in_writing
from app.outreach.planning.service import confirm_plan
from app.web.cases.case_file import CaseFile, CaseId, open_case_file
from app.web.cases.case_page import case_page
from app.web.cases.forms.action import Done, attempt
from app.web.cases.forms.answers import confirmation_words, in_writing_words, teller_of
from app.web.forms import Fields, FormState, ReasonForm, Typed, Wrong, sentence
from app.web.rendering import Tone, page
from app.web.wording import PLAN_WORDS

router = APIRouter(prefix="/cases")


class AmountForm(Typed):
    """So much, by that day."""

    amount: str = ""
    due_on: str = ""
    sure: str = ""


@router.post("/{case_id}/promise")
def record_promise(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AmountForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        amount, due_on = fields.amount("amount"), fields.day("due_on")
        ask_about_promise(request, file, fields, amount)
        fields.done()
        return _promise(request, session, file, amount, due_on, staff, now)

    return attempt(request, session, staff, case_id, "promise", typed, act, now=now)


def ask_about_promise(request: Request, file: CaseFile, fields: Fields, amount: int) -> None:
    """A promise of far more than is past due is more often a slip of the finger than a promise."""
    if not file.to_ask or amount > file.owes.debt or not is_unusual_promise(amount, file.to_ask):
        return  # a promise where nothing is past due, or of more than is owed, is refused, not asked about
    teller = teller_of(request, file)
    times = f", {amount / file.to_ask:.1f} times as much"
    past_due = teller.money(file.to_ask)
    fields.confirm(
        f"amount:{amount}",
        f"{teller.money(amount)} is promised and {past_due} is past due{times}. Is that right?",
    )


def _promise(
    request: Request, session: Session, file: CaseFile, amount: int, due_on: date, staff: Staff, now: datetime
) -> Done:
    plan = promise_to_pay(session, file.case, amount, due_on, by=staff.by, today=file.book.today, now=now)
    teller = teller_of(request, file)
    words, tone = _confirm(request, session, file, plan, staff, now)
    return f"Promise of {teller.money(amount)} by {teller.day(due_on)} is on record. {words}", tone


def _confirm(
    request: Request, session: Session, file: CaseFile, plan: Plan, staff: Staff, now: datetime
) -> tuple[str, Tone]:
    """Queue the written confirmation, and say for each channel what the gate answered."""
    answers = confirm_plan(
        session,
        file.portfolio,
        plan,
        ports_of(request).stationery,
        channels=CONFIRMED_BY,
        on=file.book.today,
        by=staff.by,
        now=now,
    )
    return confirmation_words(request, file, answers, now)


class PlanForm(Typed):
    total: str = ""
    down_payment: str = ""
    months: str = ""
    first_due_on: str = ""


PLAN_FIELDS = {"amount": "total", "due_on": "first_due_on"}


@router.post("/{case_id}/plans")
def offer_plan(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        total, down, months, first = _plan_figures(fields, file)
        fields.done()
        try:
            plan = offer_instalments(
                session, file.case, total, down, months, first,
                may_exceed_limits=staff.role is Role.MANAGER, by=staff.by, today=file.book.today, now=now,
            )  # fmt: skip
        except Forbidden as refused:
            raise Wrong({"months": sentence(refused.message)}) from None
        answer = offer_in_writing(
            session, file.portfolio, plan, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        money = teller_of(request, file).money(plan.total_minor)
        said = f"A repayment plan of {money} is offered. Accept it here once the customer agrees."
        return f"{said} {in_writing_words(request, file, answer, now)}", "good"

    return attempt(
        request, session, staff, case_id, "plan", typed, act, now=now, tab="plans", names=PLAN_FIELDS
    )


def _plan_figures(fields: Fields, file: CaseFile) -> tuple[int, int, int, date]:
    """Total, down payment, months, first due date; an empty total means all that may be asked for."""
    total = fields.amount("total", default=file.to_ask)
    months = fields.whole("months")
    if "months" not in fields.errors and not 1 <= months <= 60:
        fields.errors["months"] = "A plan has 1 to 60 instalments."
    return total, fields.amount("down_payment"), months, fields.day("first_due_on")


class PreviewForm(PlanForm):
    fragment: str = ""
    """`1` from a script that wants the table alone."""


@router.post("/{case_id}/plans/preview")
def preview_plan(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[PreviewForm, Form()],
) -> Response:
    """The schedule such a plan would have; nothing is offered."""
    file = open_case_file(session, case_id, now)
    fields = Fields(typed, file.book, file.zone, reader_locale(request))
    total, down, months, first = _plan_figures(fields, file)
    parts: Sequence[Instalment] = ()
    if not fields.errors:
        try:
            parts = schedule(total, down, months, first)
        except ValueError as error:
            fields.errors["total"] = sentence(str(error))
    if not fields.errors and first < file.book.today:
        fields.errors["first_due_on"] = "The first payment cannot be due in the past."
    if not fields.errors and first > file.book.today + timedelta(days=FIRST_WITHIN):
        fields.errors["first_due_on"] = f"The first payment is due within {FIRST_WITHIN} days."
    if not fields.errors and total > file.owes.debt:
        fields.errors["total"] = "This is more than the customer owes."
    form = FormState("plan", typed.values(), fields.errors, parts)
    if typed.fragment:
        context: dict[str, Any] = {"parts": parts, "errors": fields.errors, "currency": file.book.currency}
        return page(request, "cases/_schedule.html", **context)
    return case_page(request, session, staff, file, form, now=now, status=422 if fields.errors else 200)


@router.post("/{case_id}/settlements")
def offer_to_settle(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AmountForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        amount, due_on = fields.amount("amount"), fields.day("due_on")
        _ask_about_discount(request, session, file, fields, staff, amount)
        fields.done()
        try:
            plan = offer_settlement(
                session, file.case, amount, due_on,
                may_exceed_limits=staff.role is Role.MANAGER, by=staff.by, today=file.book.today, now=now,
            )  # fmt: skip
        except Forbidden as refused:
            raise Wrong({"amount": sentence(refused.message)}) from None
        answer = offer_in_writing(
            session, file.portfolio, plan, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        teller = teller_of(request, file)
        said = (
            f"Settling for {teller.money(amount)} by {teller.day(due_on)} is offered; paying it accepts it."
        )
        return f"{said} {in_writing_words(request, file, answer, now)}", "good"

    return attempt(request, session, staff, case_id, "settlement", typed, act, now=now, tab="plans")


def _ask_about_discount(
    request: Request, session: Session, file: CaseFile, fields: Fields, staff: Staff, amount: int
) -> None:
    """Nobody lets a debt off without having seen how much of it that is."""
    owed = owed_on_late_accounts(session, file.case, file.book.today)
    within = may_let_off(owed, amount, file.portfolio.agent_max_discount_percent)
    if not 0 < amount < owed or not (within or staff.role is Role.MANAGER):
        return  # it is refused
    teller = teller_of(request, file)
    let_off = owed - amount
    fields.confirm(
        f"settle:{owed}:{amount}",
        f"They owe {teller.money(owed)} and pay {teller.money(amount)}: {teller.money(let_off)}, "
        f"{100 * let_off / owed:.1f} %, is let off. {teller.money(file.to_ask)} is past due. Is that right?",
    )


@router.post("/{case_id}/plans/{plan_id}/accept")
def accept_plan(
    request: Request,
    case_id: CaseId,
    plan_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Done:
        plan = _plan(session, file, plan_id)
        accept(session, plan, by=staff.by, today=file.book.today, now=now)
        words, tone = _confirm(request, session, file, plan, staff, now)
        return f"{PLAN_WORDS[plan.kind.value]} accepted. {words}", tone

    form = f"accept-{plan_id}"
    return attempt(request, session, staff, case_id, form, typed, act, now=now, tab="plans")


@router.post("/{case_id}/plans/{plan_id}/cancel")
def cancel_plan(
    request: Request,
    case_id: CaseId,
    plan_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        reason = fields.reason()
        fields.done()
        plan = _plan(session, file, plan_id)
        cancel(session, plan, reason, by=staff.by, today=file.book.today, now=now)
        return f"{PLAN_WORDS[plan.kind.value]} cancelled.", "good"

    form = f"cancel-{plan_id}"
    return attempt(request, session, staff, case_id, form, typed, act, now=now, tab="plans")


def _plan(session: Session, file: CaseFile, plan_id: int) -> Plan:
    plan = session.get(Plan, plan_id, with_for_update=True)
    if plan is None or plan.case_id != file.case.id:
        raise NotFound("this case has no such plan")
    return plan
