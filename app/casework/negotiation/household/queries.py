"""Household statements as stored, and what a customer can afford."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.negotiation.facts import Affordability
from app.casework.negotiation.household.affordability import Said, Stated, affordability
from app.casework.negotiation.household.categories import CategoryList, list_for, named_list
from app.casework.negotiation.household.models import (
    AffordabilityAnswer,
    Guideline,
    GuidelineLine,
    HouseholdDebt,
    HouseholdFigure,
    HouseholdStatement,
)
from app.casework.negotiation.household.rules import (
    Budget,
    Debt,
    Employment,
    Figure,
    Household,
    People,
    budget_of,
)
from app.casework.negotiation.household.warnings import GuidelineFigure, StatementWarning, warnings_of
from app.casework.plans.terms import Payday
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import with_code


def affordability_of(
    session: Session, customer_id: int, *, today: date, said: Said | None = None
) -> Affordability:
    """The amount a customer can pay each month, from the newest statement and the newest words.
    `said`: words that are not on record, in their place."""
    statement, answer = newest_statement(session, customer_id), newest_answer(session, customer_id)
    words = said if said is not None or answer is None else _said(answer)
    return affordability(None if statement is None else _stated(session, statement, today), words, today)


def _stated(session: Session, statement: HouseholdStatement, today: date) -> Stated:
    household = household_of(session, statement)
    return Stated(
        id_of(statement),
        statement.taken_on,
        statement.created_at,
        statement.review_on,
        budget_now(session, statement, household, today),
        household.payday,
    )


def budget_now(session: Session, statement: HouseholdStatement, household: Household, today: date) -> Budget:
    """The budget of a statement with what is owed to us now."""
    portfolio = session.get_one(Portfolio, statement.portfolio_id)
    ours = debt_now(session, portfolio, statement.customer_id, today).debt
    categories = named_list(statement.categories, statement.currency)
    return budget_of(household, categories.sections, categories.savings, ours)


def _said(answer: AffordabilityAnswer) -> Said:
    return Said(answer.said_on, answer.created_at, answer.monthly_minor, answer.once_minor, payday_of(answer))


def payday_of(row: HouseholdStatement | AffordabilityAnswer) -> Payday | None:
    if row.payday_on is None or row.payday_cadence is None:
        return None
    return Payday(row.payday_on, row.payday_cadence, row.payday_days_after)


def categories_for(session: Session, customer_id: int) -> CategoryList:
    """The list of categories that a new statement of this customer uses."""
    customer = session.get_one(Customer, customer_id)
    portfolio = session.get_one(Portfolio, customer.portfolio_id)
    return list_for(customer.country, portfolio.currency)


def newest_statement(session: Session, customer_id: int) -> HouseholdStatement | None:
    return session.scalars(_statements(customer_id).limit(1)).first()


def statements_of(session: Session, customer_id: int) -> Sequence[HouseholdStatement]:
    """Every statement of a customer, the newest first."""
    return session.scalars(_statements(customer_id)).all()


def _statements(customer_id: int) -> SelectOfScalar[HouseholdStatement]:
    order = (col(HouseholdStatement.taken_on).desc(), col(HouseholdStatement.id).desc())
    return select(HouseholdStatement).where(HouseholdStatement.customer_id == customer_id).order_by(*order)


def get_statement(session: Session, customer_id: int, statement_id: int) -> HouseholdStatement:
    """A statement of this customer. NotFound where it is another's."""
    statement = session.get(HouseholdStatement, statement_id)
    if statement is None or statement.customer_id != customer_id:
        raise NotFound(f"This customer has no household statement {statement_id}.")
    return statement


def newest_answer(session: Session, customer_id: int) -> AffordabilityAnswer | None:
    query = select(AffordabilityAnswer).where(AffordabilityAnswer.customer_id == customer_id)
    order = (col(AffordabilityAnswer.said_on).desc(), col(AffordabilityAnswer.id).desc())
    return session.scalars(query.order_by(*order).limit(1)).first()


def household_of(session: Session, statement: HouseholdStatement) -> Household:
    """The statement as it was told."""
    number = id_of(statement)
    figures = select(HouseholdFigure).where(HouseholdFigure.statement_id == number)
    debts = select(HouseholdDebt).where(HouseholdDebt.statement_id == number)
    order = list(named_list(statement.categories, statement.currency).labels)
    rows = sorted(session.scalars(figures), key=lambda row: order.index(row.code))
    return Household(
        taken_on=statement.taken_on,
        country=statement.categories,
        currency=statement.currency,
        people=People(
            statement.adults,
            statement.children_under_16,
            statement.children_16_18,
            statement.other_dependants,
            statement.non_dependants,
            statement.vehicles,
        ),
        tenure=statement.tenure,
        employment=_employment(statement.employment),
        partner_employment=_employment(statement.partner_employment),
        figures=tuple(
            Figure(row.code, row.amount_minor, row.frequency, row.source, row.as_of, row.note) for row in rows
        ),
        debts=tuple(
            Debt(
                row.creditor, row.owed_minor, row.offer_minor, row.is_priority,
                row.has_judgment, row.is_ours, row.note,
            )
            for row in session.scalars(debts.order_by(col(HouseholdDebt.n)))
        ),
        savings_minor=statement.savings_minor,
        payday=payday_of(statement),
        review_on=statement.review_on,
        assets_considered=statement.assets_considered,
        savings_considered=statement.savings_considered,
        notes=statement.notes,
    )  # fmt: skip


def _employment(text: str) -> tuple[Employment, ...]:
    return tuple(Employment(each) for each in text.split(",") if each)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A statement with what it comes to: its budget now, its doubts, and the guideline it was compared with."""

    statement: HouseholdStatement
    household: Household
    budget: Budget
    warnings: Sequence[StatementWarning]
    guideline: Guideline | None


def assessed(session: Session, statement: HouseholdStatement, today: date) -> Assessed:
    household = household_of(session, statement)
    budget = budget_now(session, statement, household, today)
    guideline = session.get(Guideline, statement.guideline_id) if statement.guideline_id else None
    found = doubts(session, household, budget, guideline, review_on=statement.review_on, today=today)
    return Assessed(statement, household, budget, found, guideline)


def doubts(
    session: Session,
    household: Household,
    budget: Budget,
    guideline: Guideline | None,
    *,
    review_on: date,
    today: date,
) -> list[StatementWarning]:
    """The warnings about a household, stored or as it is typed."""
    categories = named_list(household.country, household.currency)
    return warnings_of(
        household,
        budget,
        [] if guideline is None else lines_of(session, guideline),
        categories.labels,
        most_savings_minor=categories.savings.most_minor,
        most_minor=categories.most_minor,
        review_on=review_on,
        today=today,
        told=lambda minor: with_code(minor, household.currency),
    )


def guideline_for(session: Session, categories: str, currency: str, on: date) -> Guideline | None:
    """The newest guideline figures in force on a day, of a list of categories and a currency."""
    query = select(Guideline).where(
        Guideline.categories == categories, Guideline.currency == currency, col(Guideline.valid_from) <= on
    )
    order = (col(Guideline.valid_from).desc(), col(Guideline.id).desc())
    return session.scalars(query.order_by(*order).limit(1)).first()


def guidelines(session: Session) -> Sequence[Guideline]:
    """Every edition, the newest first."""
    order = (col(Guideline.valid_from).desc(), col(Guideline.id).desc())
    return session.scalars(select(Guideline).order_by(*order)).all()


def lines_of(session: Session, guideline: Guideline) -> list[GuidelineFigure]:
    query = select(GuidelineLine).where(GuidelineLine.guideline_id == guideline.id)
    return [
        GuidelineFigure(
            row.code,
            row.first_adult_minor,
            row.further_adult_minor,
            row.child_under_16_minor,
            row.child_16_18_minor,
        )
        for row in session.scalars(query.order_by(col(GuidelineLine.code)))
    ]
