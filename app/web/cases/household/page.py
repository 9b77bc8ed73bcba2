"""The page of a household: what the customer can pay now, their words, the statement, and earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.casework.negotiation.facts import Affordability
from app.casework.negotiation.household.categories import Category, CategoryList
from app.casework.negotiation.household.models import Guideline, HouseholdStatement
from app.casework.negotiation.household.queries import (
    affordability_of,
    assessed,
    categories_for,
    doubts,
    get_statement,
    guideline_for,
    household_of,
    newest_statement,
    statements_of,
)
from app.casework.negotiation.household.rules import Budget, Household, Section, budget_of, shares
from app.casework.negotiation.household.service import review_day
from app.casework.negotiation.household.warnings import StatementWarning
from app.core.ids import id_of
from app.core.labels import (
    CADENCE_LABELS,
    EMPLOYMENT_LABELS,
    FIGURE_SOURCE_LABELS,
    FREQUENCY_LABELS,
    TENURE_LABELS,
    Labels,
)
from app.core.staff.rules import CASEWORK, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.household.typed import DEBT_KINDS, PEOPLE, rows_for, values_of
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")

SECTIONS = {Section.INCOME: "Income", Section.FIXED: "Fixed costs", Section.FLEXIBLE: "Flexible costs"}
LABELS: Mapping[str, Labels] = {
    "every": FREQUENCY_LABELS,
    "source": FIGURE_SOURCE_LABELS,
    "tenure": TENURE_LABELS,
    "work": EMPLOYMENT_LABELS,
    "cadence": {name: CADENCE_LABELS[name] for name in ("weekly", "fortnightly", "four_weekly", "monthly")},
    "people": PEOPLE,
    "debt": DEBT_KINDS,
}


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of a statement, stored or as it is typed."""

    budget: Budget
    warnings: Sequence[StatementWarning]
    parts: Sequence[tuple[str, int]]
    """Each non-priority creditor, and its share of what is left."""
    guideline: Guideline | None


@dataclass(frozen=True, slots=True)
class HouseholdPage(Page):
    template = "cases/household/household.html"
    file: CaseFile
    currency: str
    affords: Affordability
    categories: CategoryList
    sections: Sequence[tuple[Section, str, Sequence[Category]]]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    form: FormState
    totals: Totals | None
    debt_rows: int
    work_told: bool
    statements: Sequence[HouseholdStatement]
    labels: Mapping[str, Labels]
    reader: PageReader
    can_write: bool


@dataclass(frozen=True, slots=True)
class TotalsFragment(Page):
    template = "cases/household/_totals.html"
    totals: Totals | None
    errors: Mapping[str, str]
    currency: str


@router.get("/{case_id}/household")
def household_page(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    statement: int | None = None,
) -> Response:
    """`statement`: fill the form with an earlier statement instead of the newest one."""
    file = open_case_file(session, case_id, now)
    return show(request, session, staff, file, FormState(), statement_id=statement)


def show(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    form: FormState,
    *,
    status: int = 200,
    statement_id: int | None = None,
    typed: Totals | None = None,
) -> Response:
    customer_id, today = id_of(file.customer), file.book.today
    categories = categories_for(session, customer_id)
    if statement_id is None:
        chosen = newest_statement(session, customer_id)
    else:
        chosen = get_statement(session, customer_id, statement_id)
    is_typed = form.opened == "household"
    known = values_of(household_of(session, chosen)) if chosen else {"adults": "1"}
    values = form.values if is_typed else {"taken_on": today.isoformat(), **known}
    filled = sum(bool(values.get(f"debt-{n}-creditor")) for n in range(1, 17))
    return page(
        request,
        HouseholdPage(
            file=file,
            currency=file.book.currency,
            affords=affordability_of(session, customer_id, today=today),
            categories=categories,
            sections=[(section, title, categories.of(section)) for section, title in SECTIONS.items()],
            values=values,
            errors=form.errors if is_typed else {},
            form=form,
            totals=typed if is_typed else stored_totals(session, file, chosen),
            debt_rows=rows_for(filled),
            work_told=any(name.startswith(("work_", "partner_")) for name in values),
            statements=statements_of(session, customer_id),
            labels=LABELS,
            reader=PageReader(
                reader_locale(request), file.book.currency, file.portfolio.timezone, staff_names(session)
            ),
            can_write=staff.role in CASEWORK,
        ),
        status,
    )


def stored_totals(session: Session, file: CaseFile, statement: HouseholdStatement | None) -> Totals | None:
    if statement is None:
        return None
    found = assessed(session, statement, file.book.today)
    return Totals(found.budget, found.warnings, _parts(found.household, found.budget), found.guideline)


def typed_totals(session: Session, file: CaseFile, categories: CategoryList, household: Household) -> Totals:
    """The totals of a statement if it were recorded now."""
    budget = budget_of(household, categories.sections, categories.savings, file.owes.debt)
    guideline = guideline_for(session, categories.name, household.currency, household.taken_on)
    found = doubts(
        session, household, budget, guideline, review_on=review_day(household), today=file.book.today
    )
    return Totals(budget, found, _parts(household, budget), guideline)


def _parts(household: Household, budget: Budget) -> list[tuple[str, int]]:
    others = [debt for debt in household.debts if not debt.is_priority and not debt.is_ours]
    owed = [budget.our_debt_minor, *(debt.owed_minor for debt in others)]
    names = ["Us", *(debt.creditor for debt in others)]
    return list(zip(names, shares(budget.disposable_minor, owed), strict=True))
