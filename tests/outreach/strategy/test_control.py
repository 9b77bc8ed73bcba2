"""The control share: ordinary reminders wait, and nothing else does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.outreach.strategy.control import is_drawn, is_ordinary, may_join, without_ordinary
from app.outreach.strategy.models import ControlCase, StrategyTask
from app.outreach.strategy.rules import Action, Ladder, NothingDue, Situation, Step, StepDue, decide
from app.outreach.strategy.service import put_live, save_version
from app.reporting.experiments.arms import Moments
from app.reporting.experiments.control import control_result
from tests import builders

ON = date(2026, 3, 12)
REMINDER = Step("sms", 3, Action.MESSAGE, (Channel.SMS,), letter="first_reminder")
NOTICE = Step("law", 6, Action.MESSAGE, (Channel.POST,), letter="due_reminder", purpose=Purpose.NOTICE)
CALL, TASK, LEGAL = (
    Step("ring", 9, Action.CALL),
    Step("look", 12, Action.TASK, task="Look"),
    Step("suit", 90, Action.LEGAL),
)
LADDER = Ladder((REMINDER, NOTICE, CALL, TASK, LEGAL))
TEXT = """name = "S"
[[steps]]
id = "sms"
day = 3
action = "message"
letter = "first_reminder"
channels = ["sms"]
[[steps]]
id = "look"
day = 6
action = "task"
task = "Look at it"
"""


def test_only_messages_and_calls_that_remind_wait() -> None:
    assert [step.id for step in LADDER.steps if is_ordinary(step)] == ["sms", "ring"]
    left = without_ordinary(LADDER)
    assert [step.id for step in left.steps] == ["law", "look"]
    assert decide(left, Situation(7, 0, plan_live=False), ON) == StepDue(NOTICE)
    assert isinstance(decide(left, Situation(95, 12, plan_live=False), ON), NothingDue)


@pytest.mark.parametrize(
    ("situation", "occurrence", "joins"),
    [
        (Situation(4, 0, plan_live=False), 1, True),
        (Situation(4, 3, plan_live=False), 1, False),  # a step was taken already
        (Situation(4, 0, plan_live=False), 2, False),
        (Situation(7, 0, plan_live=False), 1, False),  # what is due is a notice
        (Situation(1, 0, plan_live=False), 1, False),
        (Situation(4, 0, plan_live=True), 1, False),
        (Situation(80, 0, plan_live=False), 1, False),  # too near the legal step
    ],
)
def test_a_case_joins_when_its_first_ordinary_reminder_is_due(
    situation: Situation, occurrence: int, joins: bool
) -> None:
    assert may_join(LADDER, situation, occurrence, decide(LADDER, situation, ON), 14) is joins


def test_the_draw_has_the_asked_share_and_is_the_same_every_time() -> None:
    drawn = [is_drawn(1, "standard", customer, 5) for customer in range(10_000)]
    assert drawn == [is_drawn(1, "standard", customer, 5) for customer in range(10_000)]
    assert 400 < sum(drawn) < 600
    assert not any(is_drawn(1, "standard", customer, 0) for customer in range(1_000))


def late_cases(session: Session, share: int) -> list[Account]:
    """Forty customers four days late; an SMS is due, and from day six on a task."""
    book, by, letters = builders.portfolio(session), Actor.user("mei"), builders.catalog().letters
    book.control_share_percent, book.control_days = share, 5
    version = save_version(session, book, "mine", TEXT, letters, by=by, now=builders.NOW)
    put_live(session, book, version, letters, by=by, now=builders.NOW)
    return [builders.late_customer(session, book, due_on=ON - timedelta(days=4)) for _ in range(40)]


def test_off_by_default_everybody_is_reminded(engine: Engine) -> None:
    with transaction(engine) as session:
        late_cases(session, 0)
    builders.close_day(engine, ON)
    assert len(builders.messages(engine)) == 40
    assert builders.count(engine, ControlCase) == 0


def test_the_share_waits_its_days_and_is_reminded_then(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "app.outreach.strategy.control.is_drawn", lambda _p, _s, customer, _share: customer % 4 == 0
    )
    with transaction(engine) as session:
        cards = late_cases(session, 10)
    builders.close_day(engine, ON)
    waiting = {card.customer_id for card in cards if card.customer_id % 4 == 0}
    assert len(waiting) == 10
    assert {message.customer_id for message in builders.messages(engine)} == {
        card.customer_id for card in cards
    } - waiting
    with transaction(engine) as session:
        rows = session.scalars(select(ControlCase)).all()
        assert {row.customer_id for row in rows if row.is_control} == waiting
        assert {(row.since, row.until, row.past_due_minor) for row in rows} == {
            (ON, ON + timedelta(days=5), 5_000)
        }
        book = get_portfolio(session, builders.BOOK)
        for card in cards[:4]:
            builders.payment(session, session.merge(card), 1_000, ON + timedelta(days=2))
        builders.payment(session, session.merge(cards[5]), 1_000, ON + timedelta(days=6))
        session.flush()
        early = control_result(session, book, ON + timedelta(days=4))
        assert (early.reminded.n, early.control.n) == (0, 0)
        found = control_result(session, book, ON + timedelta(days=5))
        assert (found.reminded.n, found.control.n) == (30, 10)
        assert (found.gross_minor, found.control.y) == (3_000, 1_000), "one of four customers waits"
        assert found.difference is None, "nothing is said below 100 cases"
        for case in session.scalars(
            select(CollectionsCase).where(CollectionsCase.next_contact_on.is_not(None))
        ):
            if case.customer_id in waiting:
                assert case.next_contact_on is not None
                assert case.next_contact_on <= ON + timedelta(days=5)
    builders.close_day(engine, ON + timedelta(days=5))
    reminded = {m.customer_id for m in builders.messages(engine)}
    tasks = builders.count(engine, StrategyTask)
    assert tasks == 40, "the task of day six did not wait"
    assert waiting.isdisjoint(reminded), "the task is the later step: no ladder makes up for an earlier one"


def test_a_share_that_is_taken_back_lets_everybody_go(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.outreach.strategy.control.is_drawn", lambda *_: True)
    with transaction(engine) as session:
        late_cases(session, 10)
    builders.close_day(engine, ON)
    assert builders.messages(engine) == []
    with transaction(engine) as session:
        get_portfolio(session, builders.BOOK).control_share_percent = 0
        session.execute(sa.update(CollectionsCase).values(next_contact_on=ON))
    builders.close_day(engine, ON + timedelta(days=1))
    assert len(builders.messages(engine)) == 40


def test_what_the_reminders_added() -> None:
    from app.reporting.experiments.arms import difference
    from app.reporting.experiments.control import ControlResult

    reminded, control = Moments.of([(100, 0), (300, 0)] * 500), Moments.of([(100, 0), (200, 0)] * 60)
    found = ControlResult(reminded, control, difference(control, reminded, 1_000))
    assert found.gross_minor == 200_000
    assert found.incremental is not None
    middle, low, high = found.incremental
    assert middle == pytest.approx(50_000)
    assert low < middle < high < 200_000
