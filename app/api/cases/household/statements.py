"""Household statements: what a customer can pay, the statement as JSON, and what they say themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from sqlmodel import Session

from app.actions.people.household import record_answer, record_statement
from app.api.cases.household.bodies import StatementBody
from app.api.cases.household.shapes import (
    AffordabilityShape,
    HouseholdShape,
    StatementLine,
    StatementShape,
    WarningShape,
)
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import CaseRef, Currency, Day, RowId
from app.api.shapes import Money
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.household.categories import named_list
from app.casework.negotiation.household.faults import Fault
from app.casework.negotiation.household.models import HouseholdStatement
from app.casework.negotiation.household.queries import (
    affordability_of,
    assessed,
    categories_for,
    doubts,
    get_statement,
    guideline_for,
    newest_statement,
    statements_of,
)
from app.casework.negotiation.household.rules import Household, budget_of
from app.casework.negotiation.household.service import SURE, Answer, review_day
from app.casework.negotiation.household.sfs import write_statement
from app.casework.negotiation.household.sfs_reading import read_statement
from app.casework.plans.rules import REGULAR, Cadence
from app.casework.plans.terms import Payday
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.money import BadAmount, to_minor
from app.core.types import JsonObject
from app.http.context import Now

router = api_router("/cases/{reference}/household", tags=["negotiation"])


@router.get("", summary="Read what a customer can pay")
def get_household(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> HouseholdShape:
    """The amount the customer of this case can pay, the newest statement, and the list of all."""
    case = case_named(session, reference)
    portfolio, today = _today(session, case, now)
    newest = newest_statement(session, case.customer_id)
    return HouseholdShape(
        affordability=AffordabilityShape.of(
            affordability_of(session, case.customer_id, today=today), portfolio.currency
        ),
        newest=None if newest is None else _stored(session, newest, today),
        statements=[
            StatementLine(
                id=id_of(row), taken_on=row.taken_on, review_on=row.review_on, by=row.by, at=row.created_at
            )
            for row in statements_of(session, case.customer_id)
        ],
    )


@router.get("/statements/{statement_id}", summary="Read a household statement")
def get_household_statement(
    reference: CaseRef, statement_id: RowId, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> StatementShape:
    """One statement on file, with what is owed to us now."""
    case = case_named(session, reference)
    row = get_statement(session, case.customer_id, statement_id)
    return _stored(session, row, _today(session, case, now)[1])


@router.post("", status_code=201, summary="Record a household statement")
def post_household_statement(
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: StatementBody,
    sure: Annotated[bool, Query(description="The totals are right, though they are unusual.")] = False,
) -> StatementShape:
    """Earlier statements stay on file; the newest counts. Income without any cost, and totals that no household has,
    answer 409 until `sure` says that they are right."""
    case = case_named(session, reference, lock=True)
    _, today = _today(session, case, now)
    household = _read(session, case, body.as_sent(), today)
    answer = SURE if sure else ""
    row = record_statement(session, case, household, sure=answer, by=caller.by, now=now)
    return _stored(session, row, today)


@router.post("/preview", summary="See what a household statement comes to")
def post_household_preview(
    reference: CaseRef, _caller: ApiCaseWorker, session: OnceSession, now: Now, body: StatementBody
) -> StatementShape:
    """Nothing is recorded."""
    case = case_named(session, reference)
    portfolio, today = _today(session, case, now)
    household = _read(session, case, body.as_sent(), today)
    categories = named_list(household.country, household.currency)
    ours = debt_now(session, portfolio, case.customer_id, today).debt
    budget, review_on = (
        budget_of(household, categories.sections, categories.savings, ours),
        review_day(household),
    )
    guideline = guideline_for(session, household.country, household.currency, household.taken_on)
    found = doubts(session, household, budget, guideline, review_on=review_on, today=today)
    return StatementShape(
        id=None,
        statement=write_statement(household, budget, categories, review_on=review_on),
        warnings=[WarningShape.of(each) for each in found],
        guideline=guideline.source if guideline else None,
        guideline_on=guideline.dated_on if guideline else None,
    )


class NewPayday(Input):
    next_on: Day
    cadence: Annotated[Cadence, Field(strict=False)] = Cadence.MONTHLY
    days_after: Annotated[int, Field(ge=1, le=3)] = 1


class NewAnswer(Input):
    """The answer to "what could you pay, and when are you paid?"."""

    monthly: Money | None = None
    once: Money | None = None
    currency: Currency
    payday: NewPayday | None = Field(
        None, description=f"Cadence is one of {', '.join(each.value for each in REGULAR)}."
    )


@router.post("/answers", status_code=201, summary="Record what a customer says they can pay")
def post_household_answer(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewAnswer
) -> AffordabilityShape:
    """The answer to "what could you pay, and when are you paid?"; it is enough where there is no statement."""
    case = case_named(session, reference, lock=True)
    portfolio, today = _today(session, case, now)
    if body.currency != portfolio.currency:
        raise Invalid(f"The currency of this portfolio is {portfolio.currency}.", "currency")
    told = body.payday
    answer = Answer(
        _minor(body.monthly, "monthly", portfolio),
        _minor(body.once, "once", portfolio) or 0,
        Payday(told.next_on, told.cadence, told.days_after) if told else None,
    )
    record_answer(session, case, answer, by=caller.by, now=now)
    return AffordabilityShape.of(affordability_of(session, case.customer_id, today=today), portfolio.currency)


def _minor(amount: str | None, field: str, portfolio: Portfolio) -> int | None:
    if amount is None:
        return None
    try:
        return to_minor(amount, portfolio.currency)
    except BadAmount as error:
        raise Invalid(str(error), field) from None


def _today(session: Session, case: CollectionsCase, now: datetime) -> tuple[Portfolio, date]:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return portfolio, local_date(now, portfolio.timezone)


def _read(session: Session, case: CollectionsCase, body: JsonObject, today: date) -> Household:
    """The statement of a body; every fault is answered beside its member."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    categories = categories_for(session, case.customer_id)
    household, faults = read_statement(body, portfolio.currency, categories, today)
    if faults:
        raise RequestValidationError([_error(fault) for fault in faults])
    return household


def _error(fault: Fault) -> JsonObject:
    return {
        "type": "value_error",
        "loc": ("body", *fault.field.split(".")),
        "msg": fault.text,
        "ctx": {"error": fault.text},
    }


def _stored(session: Session, row: HouseholdStatement, today: date) -> StatementShape:
    found = assessed(session, row, today)
    categories = named_list(row.categories, row.currency)
    return StatementShape(
        id=id_of(row),
        statement=write_statement(found.household, found.budget, categories, review_on=row.review_on),
        warnings=[WarningShape.of(each) for each in found.warnings],
        guideline=found.guideline.source if found.guideline else None,
        guideline_on=found.guideline.dated_on if found.guideline else None,
    )
