"""kill -9 of the night that tells advisers, of the worker that mails to them and of the one that prints their letters;
then once more: nothing twice, nothing lost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from app.actions.holds import place_hold
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.plans.service import break_plan
from app.core.clock import FixedClock
from app.core.database.engine import make_engine, reading, transaction
from app.core.vocabulary import Channel, HoldKind
from app.operations.day import letters as letters_of_day
from app.operations.day.work import Day
from app.outreach.delivery.printing import LEASE, print_due
from app.outreach.delivery.representatives.transport import RepresentativeTransport
from app.outreach.delivery.sending import deliver_due
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_ADVISERS, Destination, OutboxStatus
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread
from tests.chaos.test_reminders_killed import Provider
from tests.outreach.advised import ADDRESS, ANN, CATALOG, NOW, ON, agreed
from tests.outreach.delivery.test_printing import PlainPress, printed_keys
from tests.paths import ROOT

NewDatabase = Callable[..., str]
BROKEN_ON = date(2026, 4, 10)
MORNING = builders.at(BROKEN_ON + timedelta(days=1), 9)
BY_MAIL, BY_POST = 3, 1
"""Letters of the night: two of broken agreements and one that waited, by e-mail; one of a broken agreement in print."""


@pytest.fixture
def broken(new_database: NewDatabase) -> str:
    """Agreements of an adviser on the night after four of them broke: two to tell by e-mail, one by post, one that
    cannot be told; and a confirmation whose wait is over."""
    url = new_database()
    engine = make_engine(url)
    with transaction(engine) as session:
        plans = [agreed(session) for _ in range(4)]
        _reached(session, plans[2].agreed_with_id, "", ADDRESS)
        _reached(session, plans[3].agreed_with_id, "", "")
        agreed(session, hold=lambda case: _hold(session, case))
        for plan in plans:
            break_plan(session, plan, 1, "payment 1 is missing", BROKEN_ON, by=ANN, now=NOW)
    engine.dispose()
    return url


def _reached(session: Session, party_id: int | None, email: str, address: str) -> None:
    party = session.get_one(ThirdParty, party_id)
    party.email, party.address = email, address


def _hold(session: Session, case: CollectionsCase) -> None:
    until = ON + timedelta(days=20)
    place_hold(session, case, HoldKind.MANUAL, "looks odd", until, CATALOG, by=ANN, now=NOW)


def night(url: str) -> Callable[[], None]:
    def tell() -> None:
        engine = make_engine(url)
        with reading(engine) as session:
            portfolio = get_portfolio(session, builders.BOOK)
        now = builders.night_after(BROKEN_ON)
        letters_of_day.tell_advisers(Day(engine, portfolio, BROKEN_ON, now, CATALOG, now))
        engine.dispose()

    return tell


def of_the_night(url: str) -> list[OutboxMessage]:
    engine = make_engine(url)
    found = [
        row
        for row in builders.messages(engine)
        if row.destination in TO_ADVISERS.values() and row.business_date == BROKEN_ON
    ]
    engine.dispose()
    return found


def test_a_night_that_is_killed_and_run_again_decides_each_letter_once(
    broken: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    quiet = new_database(like=broken)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    assert Counter(row.destination for row in of_the_night(quiet)) == {
        Destination.ADVISER: BY_MAIL,
        Destination.ADVISER_POST: BY_POST,
    }
    for moment in spread(total, 3, seed=5):
        url = new_database(like=broken)
        assert in_child(night(url), die_at=moment) == KILLED
        for _ in range(2):
            assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")


def test_a_worker_killed_among_letters_to_advisers_sends_none_twice_and_loses_none(
    broken: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    night(broken)()

    def worker(url: str, taken: Path, minutes: int = 0) -> Callable[[], None]:
        def send() -> None:
            engine = make_engine(url)
            transport = RepresentativeTransport(Provider(taken), Channel.EMAIL)
            clock = FixedClock(MORNING + timedelta(minutes=minutes))
            deliver_due(engine, {Destination.ADVISER: transport}, clock=clock, worker=f"w{os.getpid()}")
            engine.dispose()

        return send

    quiet = tmp_path / "quiet"
    total = moments_of(worker(new_database(like=broken), quiet), tmp_path)
    assert len(quiet.read_text().split()) == BY_MAIL
    for moment in spread(total, 4, seed=6):
        url, taken = new_database(like=broken), tmp_path / f"taken-{moment}"
        taken.touch()
        assert in_child(worker(url, taken), die_at=moment) == KILLED
        for minutes in (10, 20):  # the lease of the first is over
            assert in_child(worker(url, taken, minutes)) == 0
        keys = Counter(taken.read_text().split())
        assert not [key for key, times in keys.items() if times > 1], f"sent twice, killed at {moment}"
        rows = [row for row in of_the_night(url) if row.destination is Destination.ADVISER]
        assert len(rows) == BY_MAIL
        assert {row.status for row in rows} <= {OutboxStatus.SENT, OutboxStatus.UNKNOWN}, f"lost at {moment}"
        told = {row.reference for row in rows if row.status is OutboxStatus.UNKNOWN}
        assert len(keys.keys() | told) == BY_MAIL, "what did not leave is shown to a person"


def test_a_worker_killed_while_it_prints_for_advisers_prints_each_once(
    broken: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    night(broken)()

    def worker(url: str, folder: Path, late: timedelta = timedelta(0)) -> Callable[[], None]:
        def work() -> None:
            engine = make_engine(url)
            press, clock = PlainPress(folder, ROOT / "letters"), FixedClock(MORNING + late)
            deliver_due(engine, {}, worker="cleaner", clock=clock)
            print_due(engine, press, CATALOG, worker=f"w{os.getpid()}", clock=clock, hour=6)
            engine.dispose()

        return work

    total = moments_of(worker(new_database(like=broken), tmp_path / "quiet"), tmp_path)
    assert len(printed_keys(tmp_path / "quiet")) == BY_POST
    for moment in spread(total, 5, seed=7):
        url, folder = new_database(like=broken), tmp_path / f"print-{moment}"
        assert in_child(worker(url, folder), die_at=moment) == KILLED
        for _ in range(2):
            assert in_child(worker(url, folder, 2 * LEASE)) == 0
        [row] = [row for row in of_the_night(url) if row.destination is Destination.ADVISER_POST]
        assert row.status is OutboxStatus.SENT, f"lost, killed at {moment} of {total}"
        assert printed_keys(folder) == [row.reference], f"printed twice, killed at {moment} of {total}"
