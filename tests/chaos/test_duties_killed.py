"""kill -9 of the night that makes and writes owed letters, between a duty and its letter too; then the night again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from app.book.portfolios.service import get_portfolio
from app.core.database.engine import make_engine, reading, transaction
from app.operations.day import stages
from app.operations.day.work import Day
from app.outreach.duties.models import Duty
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread
from tests.outreach.test_duties import ON, TEXAS, a_case, catalog, sent

NewDatabase = Callable[..., str]
FIRST = ON + timedelta(days=1)
"""Day of the first message; the night after it makes the duty, and writes the notice."""
CUSTOMERS = 3


def written_to(url: str) -> str:
    """An agency's customers, each of whom got a first message today: the validation notice is owed."""
    engine = make_engine(url)
    with transaction(engine) as session:
        for _ in range(CUSTOMERS):
            sent(session, a_case(session), "first_reminder", FIRST)
    engine.dispose()
    return url


def night(url: str) -> Callable[[], None]:
    """The stage as `desk day` runs it."""

    def fulfil() -> None:
        engine = make_engine(url)
        with reading(engine) as session:
            portfolio = get_portfolio(session, builders.BOOK)
        now = builders.night_after(FIRST, TEXAS)
        stages.fulfil_duties(Day(engine, portfolio, FIRST, now, catalog(), now))
        engine.dispose()

    return fulfil


def owed_and_written(url: str) -> tuple[Counter[int], Counter[int]]:
    """By customer: the duties, and the notices in the outbox."""
    engine = make_engine(url)
    with reading(engine) as session:
        duties = Counter(session.scalars(select(Duty.customer_id)))
        notices = Counter(
            session.scalars(
                select(OutboxMessage.customer_id).where(OutboxMessage.letter == "validation_notice")
            )
        )
    engine.dispose()
    return duties, notices


def test_a_night_of_duties_killed_and_run_again_owes_and_writes_each_once(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    prepared = written_to(new_database())
    quiet = new_database(like=prepared)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    duties, notices = owed_and_written(quiet)
    assert set(duties.values()) == set(notices.values()) == {1}
    assert len(duties) == len(notices) == CUSTOMERS
    between = 0
    for moment in spread(total, 8, seed=6):
        url = new_database(like=prepared)
        assert in_child(night(url), die_at=moment) == KILLED
        made, left = owed_and_written(url)
        between += bool(made - left)
        assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")
        assert owed_and_written(url) == (duties, notices)
    assert between, "none of the kills fell between a duty and its letter"
    assert in_child(night(quiet)) == 0, "a night that is run twice"
    assert owed_and_written(quiet) == (duties, notices)
