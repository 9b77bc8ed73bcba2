"""kill -9 of the night that finds settlements taken up by paying, and that writes to their customers and advisers; then
once more: nothing twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from app.actions.agreements import agree, offer
from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.database.engine import make_engine, reading, transaction
from app.operations.day import letters, stages
from app.operations.day.work import Day
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, ON, PLAN
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread
from tests.outreach.advised import SOON, agreed
from tests.outreach.advised import deliver as deliver_to_adviser

NewDatabase = Callable[..., str]
PAID = ON + 2 * DAY
CASES = 3
IN_TWO = AgreementTerms(PlanKind.SETTLEMENT, 80_000, ON + 20 * DAY, payments=2, cadence=Cadence.MONTHLY)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "CHUNK", 2)


@pytest.fixture
def paid(new_database: NewDatabase) -> str:
    """Plans that their customers have in writing, one of them made by an adviser; for each a settlement was offered in
    its place, and its first payment came."""
    url = new_database()
    engine = make_engine(url)
    with transaction(engine) as session:
        for _ in range(CASES):
            case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
            agree(session, case, PLAN, LETTERS, **AS_MANAGER)
        agreed(session, first=ON + 6 * DAY)
    deliver_to_adviser(engine)
    for then in (SOON, builders.at(ON, 13)):
        builders.deliver(engine, then)
    with transaction(engine) as session:
        for plan in session.scalars(select(Plan)).all():
            case = session.get_one(CollectionsCase, plan.case_id)
            offer(session, case, IN_TWO, LETTERS, replaces=plan, **AS_MANAGER)
            card = session.scalars(select(Account).where(Account.customer_id == plan.customer_id)).one()
            builders.payment(session, card, 40_000, PAID, now=builders.at(PAID))
    engine.dispose()
    return url


def night(url: str, on: date = PAID) -> Callable[[], None]:
    def run() -> None:
        engine = make_engine(url)
        with reading(engine) as session:
            portfolio = get_portfolio(session, builders.BOOK)
        now = builders.night_after(on)
        day = Day(engine, portfolio, on, now, builders.catalog(), now)
        for stage in (stages.assess, stages.work_cases, letters.write_letters):
            stage(day)
        engine.dispose()

    return run


def test_a_night_that_is_killed_and_run_again_takes_up_and_tells_once(
    paid: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    quiet = new_database(like=paid)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    engine = make_engine(quiet)
    of_night = [row.letter for row in builders.messages(engine) if row.business_date == PAID]
    clients = CASES + 1
    # The confirmation says that the plan before it is over.
    assert Counter(of_night) == {"settlement_confirmation": 2 * clients, "adviser_plan_ended": 1}
    with transaction(engine) as session:
        statuses = Counter(session.scalars(select(Plan.status)))
        assert statuses == {PlanStatus.ACTIVE: clients, PlanStatus.CANCELLED: clients}
    night(quiet, PAID + DAY)()
    assert [row for row in builders.messages(engine) if row.business_date == PAID + DAY] == []
    engine.dispose()
    for moment in [*spread(total, 5, seed=12), total]:
        url = new_database(like=paid)
        assert in_child(night(url), die_at=moment) == KILLED
        for _ in range(2):
            assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")
