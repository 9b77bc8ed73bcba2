"""kill -9 in the middle of a feed, of a day and of a delivery, then run it again.

Each test runs the work once undisturbed and then, on fresh databases, killed at moments spread over all of it
(before a statement, before a commit) and run again. The end must be the same: nothing twice, nothing lost.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from sqlmodel import select

from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CallTaskCreated, CaseClosed, CaseOpened
from app.casework.cases.models import CollectionsCase
from app.casework.holds.events import HoldEnded
from app.casework.holds.service import start_hold
from app.casework.plans.events import PlanBroken, PlanKept
from app.core.actor import SYSTEM
from app.core.database.engine import make_engine, transaction
from app.core.timeline.service import record
from app.core.vocabulary import HoldKind
from app.legal.referrals.events import ReferralNominated
from app.operations.invariants.checks import thorough
from app.outreach.delivery.moves import result_event
from app.outreach.gate.events import ContactCleared, ContactWaiting
from app.outreach.outbox.dispatch import Accepted
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.agreements import promise_to_pay
from tests.chaos.processes import KILLED, desk, in_child, in_fresh_process, picture

NewDatabase = Callable[..., str]
FIRST_DAY = date(2026, 3, 10)
LAST_DAY = FIRST_DAY + timedelta(days=3)


def spread(total: int, kills: int, seed: int) -> list[int]:
    """Moments from all over the work: one in each of `kills` equal stretches."""
    chance = random.Random(seed)
    width = total / kills
    return sorted({min(total, int(n * width + chance.random() * width) + 1) for n in range(kills)})


def moments_of(work: Callable[[], object], tmp_path: Path) -> int:
    counted = tmp_path / "moments"
    assert in_child(work, count_to=counted) == 0
    return int(counted.read_text())


def content(url: str) -> dict[str, list[str]]:
    engine = make_engine(url)
    try:
        with transaction(engine) as session:
            assert thorough(session, get_portfolio(session, builders.BOOK)) == []
        return picture(engine)
    finally:
        engine.dispose()


def assert_same(found: dict[str, list[str]], expected: dict[str, list[str]], about: str) -> None:
    assert found.keys() == expected.keys(), about
    for table, rows in expected.items():
        more, less = Counter(found[table]) - Counter(rows), Counter(rows) - Counter(found[table])
        assert not more, f"{about}: {table} has too much"
        assert not less, f"{about}: {table} lacks"


# --- feeds ----------------------------------------------------------------------------------------

ACCOUNTS = 40


def feeds(folder: Path) -> list[tuple[str, Path]]:
    """Four files of one book."""
    header = (
        "account_ref customer_ref full_name language country timezone address_line1 city postcode mobile email "
        "card_last4 product currency credit_limit apr opened_on"
    )
    rows: dict[str, tuple[str, list[Sequence[object]]]] = {
        "accounts": (header, [
            (f"A{n}", f"C{n // 2}", f"Person {n // 2}", "en", "CN", builders.ZONE, "1 Road", "Shanghai", "200000",
             "", f"p{n // 2}@example.org", f"{n:04d}", "Gold", "CNY", "9000", "0.18", "2025-01-01")
            for n in range(ACCOUNTS)
        ]),
        "statements": ("statement_ref account_ref closing_on due_on balance minimum_due", [
            (f"S{n}", f"A{n}", "2026-02-15", "2026-03-08", "900.00", "45.00") for n in range(ACCOUNTS)
        ]),
        "transactions": ("transaction_ref account_ref posted_on kind amount description", [
            (f"T{n}", f"A{n % ACCOUNTS}", "2026-02-01", "purchase", "3.10", "a purchase") for n in range(70)
        ]),
        "payments": ("payment_ref account_ref paid_on amount method", [
            (f"P{n}", f"A{n}", "2026-03-01", "45.00", "transfer") for n in range(0, ACCOUNTS, 3)
        ]),
    }  # fmt: skip
    paths = []
    for kind, (columns, lines) in rows.items():
        path = folder / f"{kind}.csv"
        path.write_text(builders.csv_text(columns, *lines))
        paths.append((kind, path))
    return paths


def test_feeds_killed_and_loaded_again_end_the_same(new_database: NewDatabase, tmp_path: Path) -> None:
    files = feeds(tmp_path)
    prepared = new_database()
    engine = make_engine(prepared)
    with transaction(engine) as session:
        builders.portfolio(session)
    engine.dispose()
    commands = [
        ["feed", "load", kind, str(path), "--portfolio", builders.BOOK, "--json"] for kind, path in files
    ]
    loading = partial(in_fresh_process, commands=commands, folder=tmp_path, block=600)

    quiet = new_database(like=prepared)
    counted = tmp_path / "moments"
    assert loading(quiet, count_to=counted) == 0
    total = int(counted.read_text())
    expected = content(quiet)
    assert len(expected["ledger_entry"]) == 70 + 14
    for moment in spread(total, 4, seed=1):
        url = new_database(like=prepared)
        assert loading(url, die_at=moment) == KILLED
        assert loading(url) == 0
        again = content(url)
        again["timeline_event"] = expected["timeline_event"]  # one feed.loaded a finished load, however often
        assert_same(again, expected, f"killed at moment {moment} of {total}")


# --- the day --------------------------------------------------------------------------------------


def busy_book(url: str) -> None:
    """Something for every stage of the coming days: who falls late, pays, promises, breaks it, is on hold, ages."""
    engine = make_engine(url)
    with transaction(engine) as session:
        book = builders.portfolio(session, grace_days=0)

        lateness = [-1, 0, 1, 2, 3, 7, 14, 23, 31, 44, 58, 73, 88, 89]
        cards = [
            builders.late_customer(session, book, due_on=FIRST_DAY - timedelta(days=n)) for n in lateness
        ]
        for n in (1, 4, 9):
            builders.payment(session, cards[n], 5_000, FIRST_DAY + timedelta(days=2))
    builders.close_day(engine, FIRST_DAY)
    with transaction(engine) as session:
        on = FIRST_DAY + timedelta(days=1)
        told = {"by": "user:ann", "today": on, "now": builders.at(on)}
        cases = {c.customer_id: c for c in session.scalars(select(CollectionsCase))}
        keeps, breaks, hold = (cases[cards[n].customer_id] for n in (9, 10, 11))
        promise_to_pay(session, keeps, 5_000, on + timedelta(days=1), **told)
        promise_to_pay(session, breaks, 5_000, on + timedelta(days=1), **told)
        for n in (12, 13):  # written to long enough ago that a night may nominate them
            written_on = FIRST_DAY - timedelta(days=20)
            sent_at = builders.at(written_on)
            letter = builders.queued_message(
                session,
                cases[cards[n].customer_id],
                on=written_on,
                step="early",
                status=OutboxStatus.SENT,
                sent_at=sent_at,
            )
            sent = result_event(letter, Accepted("SM-early"))
            assert sent
            record(session, sent, by=SYSTEM, now=sent_at)
        until = on + timedelta(days=2)
        start_hold(session, hold, HoldKind.HARDSHIP, "out of work until Monday", until, **told)
    engine.dispose()


def test_a_day_killed_at_any_moment_and_run_again_ends_the_same(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    prepared = new_database()
    busy_book(prepared)

    def closing(url: str) -> Callable[[], None]:
        return desk(url, "day", "--date", LAST_DAY.isoformat(), "--json")

    quiet = new_database(like=prepared)
    total = moments_of(closing(quiet), tmp_path)
    expected = content(quiet)
    kinds = " ".join(expected["timeline_event"])
    for kind in (
        *(CaseOpened.KIND, CaseClosed.KIND, PlanKept.KIND, PlanBroken.KIND, HoldEnded.KIND),
        *(ContactCleared.KIND, ContactWaiting.KIND, CallTaskCreated.KIND, ReferralNominated.KIND),
    ):
        assert kind in kinds, f"the portfolio gives the day no {kind} to do"
    reminded = " ".join(expected["outbox_message"])
    assert "instalment_reminder" in reminded, "no agreement reminds of itself"
    for moment in spread(total, 3, seed=2):
        url = new_database(like=prepared)
        assert in_child(closing(url), die_at=moment) == KILLED
        assert in_child(closing(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")


def test_a_day_killed_over_and_over_still_gets_done(new_database: NewDatabase, tmp_path: Path) -> None:
    """A machine that dies every few dozen statements: each start gets a little further."""
    quiet = new_database()
    busy_book(quiet)
    url = new_database(like=quiet)
    closing = ("day", "--date", LAST_DAY.isoformat(), "--json")
    assert in_child(desk(quiet, *closing)) == 0
    chance = random.Random(3)
    kills = 0
    while in_child(desk(url, *closing), die_at=chance.randint(30, 140)) == KILLED:
        kills += 1
        assert kills < 60, "no progress"
    assert kills >= 3
    assert_same(content(url), content(quiet), f"killed {kills} times")
    engine = make_engine(url)
    days = builders.count(engine, DailyRun, DailyRun.business_date > FIRST_DAY)
    engine.dispose()
    assert days == 3
