"""Calls logged on a case, with their effects, and the callback."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import calls
from app.actions.assignment import forget_callback as cancel_callback
from app.actions.results.doubts import doubts_about
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.queries import get_case
from app.casework.claims.queries import possible_payments
from app.casework.results.queries import results_of
from app.core.money import BadAmount, typed_minor
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.case_page import show_case
from app.web.cases.forms.action import submit
from app.web.cases.outcome.form import CallForm, report_of
from app.web.cases.outcome.words import doubt_words, effect_words
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, ReasonForm
from app.web.rendering import Page, page

router = Router(prefix="/cases")


@router.post("/{case_id}/call")
def log_call(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CallForm, Form()],
) -> Response:
    """Record a call and its effects at once."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        call = report_of(fields, typed, results_of(session, file.portfolio))
        for doubt in doubts_about(session, file.portfolio, file.case, call, by=staff.by, now=now):
            fields.confirm(doubt.answer, doubt_words(request, session, file, doubt))
        fields.done()
        letters = ports_of(request).catalog
        effects = calls.log_call(session, file.case, call, letters, is_sure=True, by=staff.by, now=now)
        return effect_words(request, file, call, effects, now)

    onward = f"/worklist/next?after={case_id}" if typed.next else ""
    return submit(request, session, staff, case_id, "call", typed, act, now=now, onward=onward)


@router.post("/{case_id}/call/fields")
def show_fields(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[CallForm, Form()],
) -> Response:
    """Show the fields of the chosen result, with all that was typed; nothing is saved."""
    return show_case(request, session, staff, case_id, FormState("call", typed.values()), now=now)


@dataclass(frozen=True, slots=True)
class PaymentsFragment(Page):
    template = "cases/_payments.html"
    payments: Sequence[UnmatchedPayment]
    currency: str


@router.get("/{case_id}/call/payments")
def show_payments(
    request: Request,
    case_id: RowId,
    _staff: CaseWorker,
    session: ReadSession,
    paid_amount: str = "",
    paid_on: str = "",
) -> Response:
    """Show unmatched payments that may be the one the customer claims."""
    case = get_case(session, case_id)
    customer = session.get_one(Customer, case.customer_id)
    currency = session.get_one(Portfolio, case.portfolio_id).currency
    amount, on = 0, None
    with suppress(BadAmount):
        amount = typed_minor(paid_amount, currency) if paid_amount.strip() else 0
    with suppress(ValueError):
        on = date.fromisoformat(paid_on)
    found = possible_payments(session, customer, amount, on)
    return page(request, PaymentsFragment(payments=found, currency=currency))


@router.post("/{case_id}/callback/forget")
def forget_callback(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        cancel_callback(session, file.case, reason, by=staff.by, now=now)
        return "The callback is cancelled.", "good"

    return submit(request, session, staff, case_id, "forget-callback", typed, act, now=now)
