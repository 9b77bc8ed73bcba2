"""What two people worked in a month, and the outcomes of customers with a support need."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.plans.rules import PlanStatus
from app.casework.results.rules import CallResult, Counts, Direction
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import HoldKind
from app.reporting.people.measures import Measure
from app.reporting.people.parity import Days, Group, Share
from app.reporting.people.queries import outcome_parity, work_of_period
from app.reporting.people.rules import WorkedCase
from tests import builders
from tests.agreements import promise_to_pay

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
BEFORE = FIRST - timedelta(days=1)


def hold(session: Session, case: CollectionsCase, kind: HoldKind, on: date) -> None:
    session.add(
        CaseHold(
            case_id=id_of(case), customer_id=case.customer_id, kind=kind, reason="said so",
            started_at=builders.at(on), until=on + timedelta(days=90), by="user:ada",
        )
    )  # fmt: skip
    session.flush()


def complain(session: Session, case: CollectionsCase, on: date) -> None:
    builders.complaint(session, case, received_at=builders.at(on), answer_by=on + timedelta(days=56))


def call(session: Session, case: CollectionsCase, by: str, counts: Counts, on: date) -> None:
    result = CallResult.RIGHT_PARTY if counts is Counts.CONVERSATION else CallResult.NO_ANSWER
    logged = CallLogged(result, "", "", counts, direction=Direction.OUT)
    event = about_customer(case.customer_id, logged, case_id=id_of(case))
    record(session, event, by=Actor(by), now=builders.at(on))


def test_what_each_person_worked(engine: Engine) -> None:
    with transaction(engine) as session:
        # Past due 50.00 each when March begins; ada's second case owes 500.00 and is paid in part and closed.
        small = [
            builders.delinquent_case(session, due_on=date(2026, 2, 10), on=BEFORE, owner=owner)
            for owner in ("ada", "bo")
        ]
        large = builders.delinquent_case(
            session, due_on=date(2026, 1, 20), on=BEFORE, minimum=50_000, owner="ada"
        )
        book = get_portfolio(session, builders.BOOK)
        card = session.scalars(select(Account).where(Account.customer_id == large.customer_id)).one()
        builders.payment(session, card, 20_000, date(2026, 3, 10))
        builders.payment(session, card, 90_000, date(2026, 4, 1))
        large.status, large.outcome, large.closed_on = CaseStatus.CLOSED, CaseOutcome.CURED, date(2026, 3, 21)
        plan = promise_to_pay(session, small[1], 1_000, date(2026, 3, 20), by="user:bo", today=FIRST,
                              now=builders.at(FIRST))  # fmt: skip
        plan.status, plan.ended_on = PlanStatus.KEPT, date(2026, 3, 20)
        call(session, small[0], "user:ada", Counts.CONVERSATION, date(2026, 3, 5))
        call(session, small[0], "user:ada", Counts.ATTEMPT, date(2026, 3, 6))
        call(session, small[0], "token:dialer", Counts.CONVERSATION, date(2026, 3, 7))
        call(session, small[0], "user:ada", Counts.CONVERSATION, date(2026, 4, 2))
        complain(session, small[0], date(2026, 3, 31))
        complain(session, small[1], date(2026, 4, 1))
        hold(session, small[1], HoldKind.COMPLAINT, date(2026, 3, 31))  # a hold is no complaint
        session.flush()
        found = work_of_period(session, book, FIRST, LAST)
    few, many = ("1-29", 1), ("30-59", 2)
    assert found == {
        Measure.COLLECTED: [
            WorkedCase("ada", few, 5_000, 0), WorkedCase("bo", few, 5_000, 0), WorkedCase("ada", many, 50_000, 20_000),
        ],
        Measure.PROMISES_KEPT: [WorkedCase("bo", few, 1, 1)],
        Measure.RIGHT_PARTY: [WorkedCase("ada", few, 1, 1), WorkedCase("ada", few, 1, 0)],
        Measure.DAYS_TO_CLOSE: [WorkedCase("ada", many, 1, 21)],
        Measure.COMPLAINTS: [
            WorkedCase("ada", few, 1, 1), WorkedCase("bo", few, 1, 0), WorkedCase("ada", many, 1, 0),
        ],
    }  # fmt: skip


def test_outcomes_by_support_need(engine: Engine) -> None:
    """Twelve customers of each group, all closed: after 5 days with a support need, after 3 without."""
    with transaction(engine) as session:
        for n in range(24):
            holder = n < 12
            on = FIRST + timedelta(days=5 if holder else 3)
            case = builders.delinquent_case(session, due_on=date(2026, 2, 10), on=FIRST)
            case.status, case.outcome, case.closed_on = CaseStatus.CLOSED, CaseOutcome.CURED, on
            if holder:
                hold(session, case, HoldKind.VULNERABLE, BEFORE)
        book = get_portfolio(session, builders.BOOK)
        kept, complaints, days = outcome_parity(session, book, FIRST, LAST)
    assert days.cells == {Group.SUPPORT_NEED: Days(12, 5), Group.OTHERS: Days(12, 3)}
    assert kept.cells == {Group.SUPPORT_NEED: Share(0, 0), Group.OTHERS: Share(0, 0)}
    assert complaints.is_suppressed, "nobody complained: twelve of twelve did not, and that is a handful"
