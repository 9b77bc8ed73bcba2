"""kill -9 of either process that plans a night's contacts together, then the night again."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.book.portfolios.service import get_portfolio
from app.core.database.engine import exclusive, make_engine, reading, transaction
from app.core.kit.parallel import until_orphaned
from app.operations.day.stages import age, contact, work_cases
from app.operations.day.work import Day
from app.outreach.planning import nightly as night
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread

NewDatabase = Callable[..., str]
ON = date(2026, 3, 13)
CASES = 16


@pytest.fixture(autouse=True)
def _small_nights_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night, "SHARED_FROM", 4)
    monkeypatch.setattr(night, "ASKED", 4)
    monkeypatch.setattr(night, "CHUNK", 2)
    builders.catalog()  # read once, for all the processes that are forked off this one


def evening(url: str) -> str:
    """Open cases at different places of the ladder, nobody told yet; the stage of the contacts is next."""
    engine = make_engine(url)
    with transaction(engine) as session:
        book = builders.portfolio(session)
        for n in range(CASES):
            builders.late_customer(session, book, due_on=ON - timedelta(days=3 + n * 5))
    day = _day(url)
    age(day)
    work_cases(day)
    day.engine.dispose()
    engine.dispose()
    return url


def _day(url: str) -> Day:
    engine = make_engine(url)
    with reading(engine) as session:
        portfolio = get_portfolio(session, builders.BOOK)
    night = builders.night_after(ON)
    return Day(engine, portfolio, ON, night, builders.catalog(), night)


def contacts(url: str) -> Callable[[], object]:
    """The stage as `desk day` runs it."""

    def stage() -> None:
        day = _day(url)
        with exclusive(day.engine, f"portfolio-{builders.BOOK}", wait=True):
            counts = contact(day)
        assert sum(counts.values()) > 0

    return stage


def test_a_night_that_two_processes_share_ends_as_that_of_one_whichever_of_them_is_killed(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process of a night whose first is killed may still be at a chunk when the night is run again."""
    prepared = evening(new_database())
    with monkeypatch.context() as alone:
        alone.setattr(night, "SHARED_FROM", CASES + 1)
        url = new_database(like=prepared)
        assert in_child(contacts(url)) == 0
    expected = content(url)
    assert len(expected["outbox_message"]) > CASES / 2
    shared = new_database(like=prepared)
    total = moments_of(contacts(shared), tmp_path)
    assert_same(content(shared), expected, "shared by two processes")
    for second in (False, True):
        for moment in spread(total, 2, seed=5):
            url = new_database(like=prepared)
            ended = in_child(contacts(url), die_at=moment, second=second)
            assert ended == (70 if second else KILLED), "a first process that lost the second says so"
            assert in_child(contacts(url)) == 0
            assert_same(content(url), expected, f"{second=} killed at moment {moment} of {total}")


def test_a_second_process_without_its_first_stops_at_the_next_chunk() -> None:
    chunks = [[1], [2], [3]]
    assert list(until_orphaned(chunks, os.getppid())) == chunks
    with pytest.raises(SystemExit):
        next(until_orphaned(chunks, os.getpid()))
