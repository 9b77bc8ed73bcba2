"""Letters about broken plans say what came in time, whatever came, came back or was posted since."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree
from app.book.ledger.models import Entry
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import InstalmentPayment, Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.outreach.planning.event_letters import write_deferred
from app.outreach.planning.models import DeferredLetter
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, MEI, ON, PLAN, assess, the_card
from tests.outreach.planning.test_fees_again import night, written

DUE = ON + 6 * DAY
NOT_IN_TIME = "It did not reach us in full in time, so what we agreed has ended."
NOTHING = "Nothing of this payment reached us in time."


def a_case(session: Session) -> CollectionsCase:
    """1,000.00 owed, half of it past due."""
    return builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, minimum=50_000)


def pay(session: Session, amount: int, on: date, plan: Plan | None = None, n: int = 1) -> Entry:
    """A payment, for an instalment of the plan where one is given."""
    entry = builders.payment(session, the_card(session), amount, on)
    if plan is not None:
        session.add(InstalmentPayment(entry_id=id_of(entry), plan_id=id_of(plan), n=n))
        session.flush()
    return entry


def bounce(session: Session, entry: Entry, on: date) -> None:
    reverse_entry(session, entry, reason="no funds", posted_on=on, by=MEI, now=builders.at(on))


@pytest.mark.parametrize(
    ("in_time", "said"), [(0, NOTHING), (4_000, "We received CN¥40.00 of this payment in time.")]
)
def test_what_came_after_the_grace_days_is_not_said_to_have_come_in_time(
    sqlite_engine: Engine, in_time: int, said: str
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        last_day = DUE + plan.grace_days * DAY
        if in_time:
            pay(session, in_time, last_day)
        pay(session, 10_000 - in_time, last_day + DAY)
        assess(session, case, last_day + DAY)
        assert night(session, last_day + DAY) == ["plan_broken"]
        letter = written(session)[-1].text
        agreement = f"In our agreement {plan.reference} of 20 March 2026"
        said_first = f"{agreement} you were to pay CN¥100.00 by 26 March 2026."
        assert f"{said_first} {NOT_IN_TIME}" in letter
        assert said in letter


@pytest.mark.parametrize(
    ("posted", "said"), [(0, NOTHING), (3_000, "We received CN¥30.00 of this payment in time."), (10_000, "")]
)
def test_a_deferred_letter_tells_what_came_in_time_as_is_known_when_it_is_written(
    engine: Engine, posted: int, said: str
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        broken_on = DUE + (plan.grace_days + 1) * DAY
        assess(session, case, broken_on)
        assert plan.status is PlanStatus.BROKEN
        kept = DeferredLetter(
            portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case),
            step=DeskStep.BROKEN_PLAN, plan_id=id_of(plan), letter="plan_broken", channel="",
            figures=json.dumps({"missed_on": DUE.isoformat(), "missed_amount": 10_000, "came": 7_000}),
            until=builders.at(broken_on + DAY),
        )  # fmt: skip
        session.add(kept)
        session.flush()
        if posted:  # the bank was late with it
            pay(session, posted, DUE)
        pay(session, 10_000, broken_on + DAY)
        before = len(written(session))
        book, on = session.scalars(select(Portfolio)).one(), broken_on + DAY
        now = builders.night_after(on)
        write_deferred(session, book, [id_of(kept)], LETTERS, on=on, by=SYSTEM, now=now)
        session.flush()
        assert session.scalars(select(DeferredLetter)).all() == []
        letters = [row.text for row in written(session)[before:]]
        assert len(letters) == (1 if said else 0), "no letter says that what came in time did not"
        assert all(said in text and NOT_IN_TIME in text for text in letters)


def test_a_payment_that_came_too_late_keeps_no_promise_whose_payment_came_back(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        plan = agree(session, case, AgreementTerms(PlanKind.PROMISE, 2_000, DUE), LETTERS, **AS_MANAGER).plan
        cheque = pay(session, 2_000, DUE)
        assess(session, case, DUE)
        assert plan.status is PlanStatus.KEPT
        late = DUE + (plan.grace_days + 3) * DAY
        pay(session, 2_000, late)
        bounce(session, cheque, late + DAY)
        assert plan.status is PlanStatus.BROKEN
        assert night(session, late + DAY) == ["plan_broken"]
        letter = written(session)[-1].text
        assert f"CN¥20.00 by 26 March 2026. {NOT_IN_TIME}" in letter
        assert NOTHING in letter


def test_a_settlement_breaks_at_the_instalment_whose_payment_came_back(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        terms = AgreementTerms(PlanKind.SETTLEMENT, 60_000, DUE, payments=2, cadence=Cadence.WEEKLY)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        first = pay(session, 30_000, DUE, plan, 1)
        pay(session, 30_000, DUE + 7 * DAY, plan, 2)
        assess(session, case, DUE + 7 * DAY)
        assert plan.status is PlanStatus.KEPT
        back = DUE + 9 * DAY  # too late to pay the first again
        bounce(session, first, back)
        assert (plan.status, plan.broken_instalment) == (PlanStatus.BROKEN, 1)
        assert night(session, back) == ["plan_broken"]
        letter = written(session)[-1].text
        assert f"CN¥300.00 by 26 March 2026. {NOT_IN_TIME}" in letter
        assert NOTHING in letter
