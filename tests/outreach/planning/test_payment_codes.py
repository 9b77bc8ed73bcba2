"""Payment codes in letters of agreements: for the amount that is asked for, and in no letter that asks for none."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree, cancel_agreement
from app.actions.plans.instalments import move_instalment
from app.book.ledger.models import Account, Customer
from app.book.portfolios.rules import CollectorKind
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
CATALOG = builders.catalog()
ANN = Actor.user("ann")
PROMISE = AgreementTerms(PlanKind.PROMISE, 5_000, ON + 10 * DAY)
ONE = AgreementTerms(PlanKind.INSTALMENTS, 50_000, ON + 10 * DAY, 1, Cadence.MONTHLY)
TWO = dataclasses.replace(ONE, payments=2)


def agreed(session: Session, terms: AgreementTerms) -> Plan:
    """An agreement of a customer who is written to by post alone; 500.00 euros are past due."""
    builders.portfolio(
        session, currency="EUR", pack="nl", timezone="Europe/Amsterdam", creditor="Havenbank",
        collector=CollectorKind.FIRST_PARTY, payee_iban="NL91ABNA0417164300",
    )  # fmt: skip
    case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, minimum=50_000)
    customer = session.get_one(Customer, case.customer_id)
    customer.mobile, customer.email, customer.country, customer.language = "", "", "NL", "en"
    made = agree(
        session, case, terms, CATALOG, Agreed(Acceptance.WRITING), grantor=Grantor(ANN, Role.MANAGER),
        now=builders.at(ON),
    )  # fmt: skip
    return made.plan


def asked(engine: Engine, letter: str) -> str:
    """The amount of the code of the last letter of this name; '' = it has none."""
    row = [row for row in builders.messages(engine) if row.letter == letter][-1]
    assert row.destination == "post"
    code = json.loads(row.context).get("payment_code", "")
    return code.split("\n")[7] if code else ""


@pytest.mark.parametrize(
    ("terms", "letter", "amount"),
    [
        (PROMISE, "promise_confirmation", "EUR50.00"), (ONE, "plan_confirmation", "EUR500.00"),
        (TWO, "plan_confirmation", ""),
    ],
    ids=["promise", "one payment", "two payments"],
)  # fmt: skip
def test_a_confirmation_has_the_code_of_its_one_payment(
    engine: Engine, terms: AgreementTerms, letter: str, amount: str
) -> None:
    with transaction(engine) as session:
        agreed(session, terms)
    assert asked(engine, letter) == amount


@pytest.mark.parametrize("paid", [0, 20_000])
def test_a_broken_agreement_of_one_payment_asks_for_none_of_it(engine: Engine, paid: int) -> None:
    """It is at its end: what is past due now is not its payment, and a payment by its reference would name it."""
    with transaction(engine) as session:
        plan = agreed(session, ONE)
        if paid:
            builders.payment(session, session.scalars(select(Account)).one(), paid, ON + 9 * DAY)
        last = ON + (11 + plan.grace_days) * DAY
    builders.close_day(engine, last)
    assert asked(engine, "plan_broken") == ""


def test_a_cancelled_agreement_asks_for_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = agreed(session, ONE)
        session.scalars(select(OutboxMessage)).one().status = OutboxStatus.SENT
        cancel_agreement(session, plan, "cannot", CATALOG, by=ANN, now=builders.at(ON + 2 * DAY))
    assert asked(engine, "plan_cancelled") == ""


@pytest.mark.parametrize(("terms", "amount"), [(ONE, "EUR300.00"), (TWO, "EUR50.00")])
def test_the_code_of_a_moved_payment_is_for_what_is_missing_of_it(
    engine: Engine, terms: AgreementTerms, amount: str
) -> None:
    with transaction(engine) as session:
        plan = agreed(session, terms)
        builders.payment(session, session.scalars(select(Account)).one(), 20_000, ON + DAY)
        now = builders.at(ON + 2 * DAY)
        move_instalment(session, plan, 1, ON + 14 * DAY, CATALOG, by=ANN, now=now)
    assert asked(engine, "instalment_moved") == amount
