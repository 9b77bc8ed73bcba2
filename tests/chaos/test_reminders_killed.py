"""kill -9 of the night that writes the reminders of agreements, and of the worker that sends them; then once more."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from app.book.portfolios.service import get_portfolio
from app.core.clock import FixedClock
from app.core.database.engine import make_engine, reading, transaction
from app.core.vocabulary import Channel
from app.operations.day import letters
from app.operations.day.work import Day
from app.outreach.delivery.sending import deliver_due
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread
from tests.outreach.agreements.made import agreement

NewDatabase = Callable[..., str]
DUE = date(2026, 4, 1)
DAY = timedelta(days=1)
AGREED = DUE - 22 * DAY
CASES = 6


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "CHUNK", 2)
    builders.catalog()  # read once, for all the processes that are forked off this one


def agreed(url: str) -> str:
    """Agreements of which two instalments are unpaid on the day after the first one's: its grace, and the second's."""
    engine = make_engine(url)
    with transaction(engine) as session:
        for _ in range(CASES):
            _agree(session)
    engine.dispose()
    return url


def _agree(session: Session) -> None:
    case = builders.delinquent_case(session, due_on=AGREED - 9 * DAY, on=AGREED)
    agreement(session, case, [(DUE, 2_500), (DUE + DAY, 2_500)], accepted_on=AGREED)


def night(url: str, on: date = DUE) -> Callable[[], None]:
    def write() -> None:
        engine = make_engine(url)
        with reading(engine) as session:
            portfolio = get_portfolio(session, builders.BOOK)
        now = builders.night_after(on)
        letters.remind_of_agreements(Day(engine, portfolio, on, now, builders.catalog(), now))
        engine.dispose()

    return write


class Provider:
    """Takes each message and writes its key to a file before it answers, as a provider that had it would know it."""

    def __init__(self, taken: Path) -> None:
        self.taken = taken

    def send(self, dispatch: Dispatch) -> SendResult:
        with self.taken.open("a") as file:
            file.write(f"{dispatch.key}\n")
            file.flush()
            os.fsync(file.fileno())
        return Accepted(f"ref-{dispatch.key}")


def worker(url: str, taken: Path, now: datetime) -> Callable[[], None]:
    def send() -> None:
        engine = make_engine(url)
        senders = builders.transports({Channel.SMS: Provider(taken), Channel.EMAIL: Provider(taken)})
        deliver_due(engine, senders, clock=FixedClock(now), worker=f"w{os.getpid()}")
        engine.dispose()

    return send


def test_a_night_of_reminders_killed_and_run_again_writes_each_once(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    prepared = agreed(new_database())
    quiet = new_database(like=prepared)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    assert len(expected["outbox_message"]) == CASES, "one each, though two instalments are unpaid"
    for moment in spread(total, 4, seed=8):
        url = new_database(like=prepared)
        assert in_child(night(url), die_at=moment) == KILLED
        assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")


def test_a_worker_killed_among_reminders_sends_none_twice_and_loses_none(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    written = agreed(new_database())
    night(written)()
    morning = builders.at(DUE + DAY, 9)
    quiet = new_database(like=written)
    total = moments_of(worker(quiet, tmp_path / "quiet", morning), tmp_path)
    assert len((tmp_path / "quiet").read_text().split()) == CASES
    for moment in spread(total, 6, seed=9):
        url, taken = new_database(like=written), tmp_path / f"taken-{moment}"
        taken.touch()
        assert in_child(worker(url, taken, morning), die_at=moment) == KILLED
        for minutes in (
            10,
            20,
        ):  # the leases of the first are over; what it had begun is unknown, never sent again
            assert in_child(worker(url, taken, morning + timedelta(minutes=minutes))) == 0
        keys = Counter(taken.read_text().split())
        assert not [key for key, times in keys.items() if times > 1], f"sent twice, killed at {moment}"
        engine = make_engine(url)
        rows = builders.messages(engine)
        engine.dispose()
        assert len(rows) == CASES
        assert {row.status for row in rows} <= {OutboxStatus.SENT, OutboxStatus.UNKNOWN}, (
            f"lost, killed at {moment}"
        )
        told = {row.reference for row in rows if row.status is OutboxStatus.UNKNOWN}
        assert len(keys) + len(told) >= CASES, "what did not leave is shown to a person"
    in_child(night(url))
    assert len(builders.messages(make_engine(url))) == CASES, (
        "and the night after the crash writes none again"
    )
