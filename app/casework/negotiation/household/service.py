"""Verbs of household statements: row and event in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.negotiation.household.categories import CategoryList, named_list
from app.casework.negotiation.household.events import AffordabilitySaid, HouseholdStated
from app.casework.negotiation.household.faults import faults_of, payday_faults
from app.casework.negotiation.household.models import (
    AffordabilityAnswer,
    HouseholdDebt,
    HouseholdFigure,
    HouseholdStatement,
)
from app.casework.negotiation.household.queries import guideline_for
from app.casework.negotiation.household.rules import Budget, Household, budget_of
from app.casework.negotiation.household.warnings import StatementWarning, questions_of
from app.casework.parties.models import ThirdParty
from app.casework.plans.terms import Payday
from app.core.actor import Actor
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.dates import add_months
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.money import MAX_MINOR, with_code
from app.core.timeline.models import Event
from app.core.timeline.service import record


def review_day(household: Household) -> date:
    """The day by which a statement is taken again: as told, or as its list of categories says."""
    months = named_list(household.country, household.currency).review_months
    return household.review_on or add_months(household.taken_on, months)


def store_statement(
    session: Session,
    case: CollectionsCase,
    household: Household,
    *,
    party: ThirdParty | None = None,
    sure: str = "",
    by: Actor,
    today: date,
    now: datetime,
) -> HouseholdStatement:
    """Store a statement; those before it stay. Invalid names the first wrong field; Implausible where its totals are
    unusual and `sure` is neither `SURE` nor the answer to that question. The caller holds the customer's lock."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    if household.currency != portfolio.currency:
        raise Invalid(
            f"The statement is in {household.currency}, the portfolio in {portfolio.currency}. "
            f"State the figures in {portfolio.currency}.",
            "currency",
        )
    categories = named_list(household.country, household.currency)
    for fault in faults_of(household, categories, today):
        raise Invalid(fault.text, fault.field)
    _ask_if_unlikely(household, categories, sure)
    statement = _row(session, case, household, portfolio, by=by, today=today, now=now)
    statement.party_id = None if party is None else id_of(party)
    session.add(statement)
    session.flush()
    _add_lines(session, id_of(statement), household)
    told = HouseholdStated(
        id_of(statement), statement.taken_on, statement.review_on, party.full_name if party else ""
    )
    record(session, about_case(case, told), by=by, now=now)
    return statement


def _row(
    session: Session,
    case: CollectionsCase,
    household: Household,
    portfolio: Portfolio,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> HouseholdStatement:
    guideline = guideline_for(session, household.country, household.currency, household.taken_on)
    people, payday = household.people, household.payday
    return HouseholdStatement(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        categories=household.country,
        currency=household.currency,
        taken_on=household.taken_on,
        review_on=review_day(household),
        adults=people.adults,
        children_under_16=people.children_under_16,
        children_16_18=people.children_16_18,
        other_dependants=people.other_dependants,
        non_dependants=people.non_dependants,
        vehicles=people.vehicles,
        tenure=household.tenure,
        employment=",".join(household.employment),
        partner_employment=",".join(household.partner_employment),
        savings_minor=household.savings_minor,
        our_debt_minor=debt_now(session, portfolio, case.customer_id, today).debt,
        payday_on=payday.next_on if payday else None,
        payday_cadence=payday.cadence if payday else None,
        payday_days_after=payday.days_after if payday else 1,
        assets_considered=household.assets_considered,
        savings_considered=household.savings_considered,
        notes=household.notes,
        guideline_id=guideline.id if guideline else None,
        created_at=now,
        by=by,
    )


def _add_lines(session: Session, statement_id: int, household: Household) -> None:
    session.add_all(
        HouseholdFigure(
            statement_id=statement_id,
            code=figure.code,
            amount_minor=figure.amount_minor,
            frequency=figure.frequency,
            source=figure.source,
            as_of=figure.as_of,
            note=figure.note,
        )
        for figure in household.figures
    )
    session.add_all(
        HouseholdDebt(
            statement_id=statement_id,
            n=n,
            creditor=debt.creditor.strip(),
            owed_minor=debt.owed_minor,
            offer_minor=debt.offer_minor,
            is_priority=debt.is_priority,
            has_judgment=debt.has_judgment,
            is_ours=debt.is_ours,
            note=debt.note,
        )
        for n, debt in enumerate(household.debts, 1)
    )
    session.flush()


def forget_households(session: Session, portfolio_id: int, since: datetime) -> tuple[int, int]:
    """Delete statements and answers that are older than `since` and that nothing needs: those that a newer one took the
    place of, and all of customers to whom nothing has happened since. Returns how many of each."""
    return (
        _forget(session, HouseholdStatement, portfolio_id, since),
        _forget(session, AffordabilityAnswer, portfolio_id, since),
    )


def _forget(
    session: Session,
    model: type[HouseholdStatement] | type[AffordabilityAnswer],
    portfolio_id: int,
    since: datetime,
) -> int:
    table, event = table_of(model), table_of(Event)
    newer = table.alias()
    is_replaced = sa.exists().where(newer.c.customer_id == table.c.customer_id, newer.c.id > table.c.id)
    lately = sa.exists().where(event.c.customer_id == table.c.customer_id, event.c.at >= since)
    old = sa.select(table.c.id).where(
        table.c.portfolio_id == portfolio_id, table.c.created_at < since, sa.or_(is_replaced, ~lately)
    )
    ids = session.scalars(old).all()
    for some in chunked(ids, 5000):
        if model is HouseholdStatement:
            for part in (table_of(HouseholdFigure), table_of(HouseholdDebt)):
                session.execute(sa.delete(part).where(part.c.statement_id.in_(some)))
        session.execute(sa.delete(table).where(table.c.id.in_(some)))
    return len(ids)


class Implausible(Conflict):
    """The totals of a statement are unusual, and nobody has said that they are right."""

    def __init__(self, found: Sequence[StatementWarning], budget: Budget) -> None:
        said = " ".join(each.text for each in found)
        super().__init__(f"{said} Nothing was saved. Say that you are sure if it is right.", "sure")
        self.answer = f"totals:{budget.income_minor}:{budget.outgoings_minor}:{budget.priority_minor}"
        """The value of the box to tick; a tick for other totals does not count."""


SURE = "yes"


def _ask_if_unlikely(household: Household, categories: CategoryList, sure: str) -> None:
    budget = budget_of(household, categories.sections, categories.savings, 0)
    found = questions_of(budget, categories.most_minor, lambda minor: with_code(minor, household.currency))
    if found and sure not in (SURE, (asked := Implausible(found, budget)).answer):
        raise asked


@dataclass(frozen=True, slots=True)
class Answer:
    """The amount the customer says they can pay, in minor units, and their payday."""

    monthly_minor: int | None = None
    """None = they did not say."""
    once_minor: int = 0
    payday: Payday | None = None


def check_answer(answer: Answer, today: date) -> None:
    """Invalid, with its field, for figures that no household has."""
    for name, minor in (("monthly", answer.monthly_minor or 0), ("once", answer.once_minor)):
        if minor < 0:
            raise Invalid("An amount is not negative.", name)
        if minor > MAX_MINOR // 1000:
            raise Invalid("This is too much for one household. Check the amount.", name)
    for fault in payday_faults(answer.payday, today):
        raise Invalid(fault.text, fault.field)


def store_answer(
    session: Session, case: CollectionsCase, answer: Answer, *, by: Actor, today: date, now: datetime
) -> AffordabilityAnswer:
    """Store what the customer said. Invalid names the wrong field, also where nothing was said at all."""
    if answer.monthly_minor is None and not answer.once_minor and answer.payday is None:
        raise Invalid("Write what they can pay, or when they are paid.", "monthly")
    check_answer(answer, today)
    payday = answer.payday
    row = AffordabilityAnswer(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        said_on=today,
        monthly_minor=answer.monthly_minor,
        once_minor=answer.once_minor,
        payday_on=payday.next_on if payday else None,
        payday_cadence=payday.cadence if payday else None,
        payday_days_after=payday.days_after if payday else 1,
        created_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    record(session, about_case(case, AffordabilitySaid(id_of(row))), by=by, now=now)
    return row
