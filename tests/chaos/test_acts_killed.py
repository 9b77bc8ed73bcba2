"""kill -9 in the middle of an act of an agent: an undo, a claim of a payment, a cancelled agreement. Nothing is half
done, and the same act, done again, ends as if nothing had happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from app.actions.agreements import cancel_agreement, promise
from app.actions.calls import CallReport, log_call
from app.actions.messages import send_letter
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.database.engine import make_engine, transaction
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.inbound.answers import undo_message
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread

NewDatabase = Callable[..., str]
ON = date(2026, 3, 20)
NOW = builders.at(ON)
BEN = Actor.user("ben")
KILLS = 2


def the_case(session: Session) -> CollectionsCase:
    case = session.scalars(select(CollectionsCase)).one()
    lock_customers(session, [case.customer_id])
    return case


def undo(session: Session) -> None:
    message = session.scalars(select(OutboxMessage.id).where(OutboxMessage.letter == "first_reminder")).one()
    assert message is not None
    undo_message(session, the_case(session), message, by=BEN, now=NOW)


def claim(session: Session) -> None:
    report = CallReport("paid", note="paid at the counter")
    log_call(session, the_case(session), report, builders.catalog(), by=BEN, now=NOW)


def cancel(session: Session) -> None:
    the_case(session)
    plan = session.scalars(select(Plan)).one()
    cancel_agreement(session, plan, "changed their mind", builders.catalog(), by=BEN, now=NOW)


def prepare(url: str, act: Callable[[Session], None]) -> None:
    """A late customer; a letter that waits for second thoughts, or a promise that is confirmed in writing."""
    engine = make_engine(url)
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=ON - timedelta(days=20))
    builders.close_day(engine, ON - timedelta(days=1))
    with transaction(engine) as session:
        case = the_case(session)
        if act is undo:
            send_letter(session, case, "first_reminder", Channel.EMAIL, builders.catalog(), by=BEN, now=NOW)
        else:
            promise(session, case, 2_000, ON + timedelta(days=5), builders.catalog(), by=BEN, now=NOW)
    engine.dispose()


def without_numbers(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out the numbers of rows: a sequence of PostgreSQL does not go back, so they may be later ones."""
    number = re.compile(r'(\\"\w+\\": |"\w+_id": )\d+')
    return {table: [number.sub(r"\1n", row) for row in rows] for table, rows in found.items()}


@pytest.mark.parametrize("act", [undo, claim, cancel])
def test_an_act_that_is_killed_is_not_done_and_can_be_done_again(
    new_database: NewDatabase, tmp_path: Path, act: Callable[[Session], None]
) -> None:
    prepared = new_database()
    prepare(prepared, act)

    def on(url: str) -> Callable[[], None]:
        def run() -> None:
            engine = make_engine(url)
            with transaction(engine) as session:
                act(session)
            engine.dispose()

        return run

    quiet = new_database(like=prepared)
    moments = moments_of(on(quiet), tmp_path)
    before, after = content(prepared), without_numbers(content(quiet))
    for moment in [*spread(moments - 1, KILLS, seed=7), moments]:
        killed = new_database(like=prepared)
        assert in_child(on(killed), die_at=moment) == KILLED
        assert_same(content(killed), before, f"killed at {moment} of {moments}")
        assert in_child(on(killed)) == 0
        assert_same(without_numbers(content(killed)), after, f"done again after {moment} of {moments}")
