"""kill -9 in the middle of a night that posts interest, corrects it, bears late fees and charges off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.core.database.engine import make_engine, transaction
from app.operations.day import stages
from tests import builders
from tests.chaos.processes import KILLED, desk, in_child
from tests.chaos.test_kills import assert_same, content, moments_of, spread

NewDatabase = Callable[..., str]
DUE = date(2026, 3, 10)
DAY = timedelta(days=1)


def prepare(url: str) -> None:
    """Ten accounts up to the due date: some will be late, one is to be charged off, one paid long ago, unheard of."""
    engine = make_engine(url)
    with transaction(engine) as session:
        book = builders.portfolio(session, accrues=True, late_fee_minor=2_500, charge_off_days=20)
        cards = [builders.late_customer(session, book, due_on=DUE) for _ in range(8)]
        builders.late_customer(session, book, due_on=DUE - 19 * DAY)
    builders.close_day(engine, DUE - 4 * DAY)
    builders.close_day(engine, DUE)
    with transaction(engine) as session:
        for card in cards[:3]:
            builders.payment(session, card, 20_000, DUE - 2 * DAY, posted_on=DUE + DAY)
    engine.dispose()


def test_a_night_of_charges_killed_and_run_again_posts_everything_once(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "CHUNK", 3)
    prepared = new_database()
    prepare(prepared)

    def night(url: str) -> Callable[[], None]:
        return desk(url, "day", "--date", (DUE + DAY).isoformat(), "--portfolio", builders.BOOK, "--json")

    quiet = new_database(like=prepared)
    total = moments_of(night(quiet), tmp_path)
    expected = content(quiet)
    engine = make_engine(quiet)
    with engine.connect() as connection:
        kinds = dict(connection.execute(sa.select(Entry.kind, sa.func.count()).group_by(Entry.kind)).all())
    engine.dispose()
    assert (kinds[EntryKind.FEE], kinds[EntryKind.WRITE_OFF], kinds[EntryKind.ADJUSTMENT]) == (5, 1, 3)
    for moment in spread(total, 3, seed=2):
        url = new_database(like=prepared)
        assert in_child(night(url), die_at=moment) == KILLED
        assert in_child(night(url)) == 0
        assert_same(content(url), expected, f"killed at moment {moment} of {total}")
