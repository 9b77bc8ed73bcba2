"""Workers are killed over and over while the provider misbehaves: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine

from app.core.database.engine import transaction
from app.outreach.outbox.rules import OutboxStatus
from tests import builders, provider
from tests.chaos.storm import Storm, account_for

ON = date(2026, 3, 13)
MORNING = builders.at(ON + timedelta(days=1), 9)
MESSAGES, KILLS = 48, 5
S = OutboxStatus


def fill(engine: Engine) -> None:
    with transaction(engine) as session:
        for _ in range(MESSAGES):
            case = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
            builders.queued_message(session, case, on=ON)


@pytest.mark.parametrize("seed", [4])
def test_delivery_killed_over_and_over_sends_nothing_twice_and_loses_nothing(
    engine: Engine, database_url: str, seed: int
) -> None:
    """Three workers on PostgreSQL, one on SQLite. The clock runs thirty times as fast, so that leases end in time."""
    fill(engine)
    workers = 3 if engine.dialect.name == "postgresql" else 1
    timing = provider.Timing(MORNING.timestamp(), time.time(), speed=30)
    with provider.running(chaos=0.3, seed=seed, timing=timing) as stub:
        storm = Storm(
            database_url, stub, timing, builders.catalog(), workers=workers, kills=KILLS, messages=MESSAGES,
            lease=timedelta(seconds=30), in_flight=4, seed=seed,
        )  # fmt: skip
        assert storm.rage() == KILLS
        account = account_for(engine, stub)
        assert (account.duplicates, account.lost, account.unexplained) == ([], [], [])
        assert set(account.statuses) == {S.SENT, S.UNKNOWN}, "some answers were lost, and some workers"

        unknown = account.statuses[S.UNKNOWN]
        found = storm.look_up(engine)
        assert sum(found.values()) == unknown
        account = account_for(engine, stub)
        assert (account.duplicates, account.lost, account.unexplained) == ([], [], [])
        assert account.statuses == {S.SENT: account.taken, S.UNKNOWN: found.get("not_found", 0)}, (
            "whatever the provider took is found on its list; the rest are for a person"
        )
