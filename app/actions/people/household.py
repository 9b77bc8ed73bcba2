"""Record a household statement, or what a customer says that they can pay. Pages, the API and files of advisers call
these."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.household import guidelines, service
from app.casework.negotiation.household.models import AffordabilityAnswer, Guideline, HouseholdStatement
from app.casework.negotiation.household.rules import Household
from app.casework.negotiation.household.service import Answer
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.timeline.service import lock_customers


def record_statement(
    session: Session,
    case: CollectionsCase,
    household: Household,
    *,
    party: ThirdParty | None = None,
    sure: str = "",
    by: Actor,
    now: datetime,
) -> HouseholdStatement:
    """Record the statement of a customer's household; earlier ones stay on file. `party`: the adviser who drew it up.
    A closed case makes no difference: the statement is the customer's. Invalid names the wrong field; `Implausible`
    asks about unusual totals, and `sure` answers."""
    lock_customers(session, [case.customer_id])
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    return service.store_statement(
        session, case, household, party=party, sure=sure, by=by, today=today, now=now
    )


def record_answer(
    session: Session, case: CollectionsCase, answer: Answer, *, by: Actor, now: datetime
) -> AffordabilityAnswer:
    """Record what the customer says that they can pay, and when they are paid. Invalid names the wrong field."""
    lock_customers(session, [case.customer_id])
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    return service.store_answer(session, case, answer, by=by, today=today, now=now)


def load_guidelines(session: Session, path: Path, *, by: Actor, now: datetime) -> tuple[Guideline, bool]:
    """Load a file of guideline figures; the same file again changes nothing. Invalid says what is wrong in it."""
    return guidelines.store_guidelines(session, guidelines.read_guidelines(path), by=by, now=now)
