"""kill -9 of the night that restores agreements which were paid in time, and that writes to their customers and
advisers; then once more: nothing twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.actions.agreements import agree
from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.service import break_plan
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM
from app.core.database.engine import make_engine, reading, transaction
from app.operations.day import letters as letters_of_day
from app.operations.day import stages
from app.operations.day.work import Day
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, LETTERS, ON
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread
from tests.outreach.advised import agreed
from tests.outreach.advised import deliver as deliver_to_adviser

NewDatabase = Callable[..., str]
DAY = timedelta(days=1)
DUE = ON + 6 * DAY
BROKEN = DUE + 4 * DAY
RESTORED = BROKEN + 2 * DAY
CASES = 3
HARDSHIP = AgreementTerms(PlanKind.HARDSHIP, 60_000, DUE, payments=6, cadence=Cadence.MONTHLY)


@pytest.fixture
def broken(new_database: NewDatabase) -> str:
    """Hardship plans that were found broken, and one that an adviser made; the letters that say so are queued."""
    url = new_database()
    engine = make_engine(url)
    with transaction(engine) as session:
        for _ in range(CASES):
            case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
            agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER)
        agreed(session, first=DUE)
        for plan in session.scalars(select(Plan)).all():
            break_plan(session, plan, 1, "payment 1 is missing", BROKEN, by=SYSTEM, now=builders.at(BROKEN))
    day = _day(url, BROKEN)
    letters_of_day.write_letters(day)
    day.engine.dispose()
    engine.dispose()
    return url


def deliver(url: str) -> None:
    """The worker of the next morning sends what it may."""
    engine = make_engine(url)
    morning = builders.at(BROKEN + DAY, 9)
    builders.deliver(engine, morning)
    deliver_to_adviser(engine, now=morning)
    engine.dispose()


def pay(url: str) -> None:
    """The payments turn up two days after; one of them is of the day after its grace."""
    engine = make_engine(url)
    with transaction(engine) as session:
        plans = session.scalars(select(Plan).order_by(col(Plan.id))).all()
        for plan in plans:
            on = DUE + (4 if plan is plans[0] else 3) * DAY
            card = session.scalars(select(Account).where(Account.customer_id == plan.customer_id)).one()
            builders.payment(session, card, 50_000, on, posted_on=RESTORED, now=builders.at(RESTORED))
    engine.dispose()


def _day(url: str, on: date) -> Day:
    engine = make_engine(url)
    with reading(engine) as session:
        portfolio = get_portfolio(session, builders.BOOK)
    now = builders.night_after(on)
    return Day(engine, portfolio, on, now, builders.catalog(), now)


def night(url: str) -> Callable[[], None]:
    def run() -> None:
        day = _day(url, RESTORED)
        for stage in (stages.assess, stages.work_cases, letters_of_day.write_letters):
            stage(day)
        day.engine.dispose()

    return run


def test_a_night_that_is_killed_and_run_again_restores_and_tells_once(
    broken: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    deliver(broken)
    pay(broken)
    quiet = new_database(like=broken)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    engine = make_engine(quiet)
    written = Counter(row.letter for row in builders.messages(engine) if "restored" in row.letter)
    assert written == {"plan_restored": CASES, "adviser_plan_restored": 1}
    with transaction(engine) as session:
        statuses = Counter(plan.status for plan in session.scalars(select(Plan)))
        assert statuses == {PlanStatus.ACTIVE: CASES - 1, PlanStatus.KEPT: 1, PlanStatus.BROKEN: 1}
        assert session.scalars(select(CollectionsCase.broken_promises)).all().count(0) == CASES
    engine.dispose()
    for moment in [*spread(total, 5, seed=11), total]:
        url = new_database(like=broken)
        assert in_child(night(url), die_at=moment) == KILLED
        for _ in range(2):
            assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")


def test_no_broken_letter_leaves_once_the_payment_is_posted(broken: str) -> None:
    """The worker looks at each letter again as it leaves, whether or not a night has restored its agreement."""
    pay(broken)
    deliver(broken)
    engine = make_engine(broken)
    found = [row for row in builders.messages(engine) if row.letter.endswith("plan_broken")]
    assert {row.status for row in found} == {OutboxStatus.WITHHELD}
    assert Counter(row.error for row in found) == {
        "the payment that it says is missing came in time": CASES + 1,
        "nothing is past due and owed": 1,
    }
    engine.dispose()
