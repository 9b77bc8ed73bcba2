"""`desk negotiation replay`: every decision of the solver, asked again."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from sqlmodel import select

from app.actions.negotiation.negotiating import negotiate
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.models import Negotiation
from app.core.actor import Actor
from app.core.database.engine import make_engine, transaction
from app.core.settings import get_settings
from app.core.staff.rules import Role
from app.programs.cli.main import main
from tests import builders

TODAY = builders.NOW.date()


def test_replays_one_or_all_and_fails_where_an_answer_differs(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESK_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DESK_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()

    def desk(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["desk", "negotiation", "replay", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        out, err = capfd.readouterr()
        return status, out + err

    engine = make_engine(sqlite_url)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        for said in (Answer(2_000), Answer(0, 5_000)):
            negotiate(session, case, said, role=Role.AGENT, by=Actor.user("ann"), now=builders.NOW)
    assert desk() == (0, "2 replayed, 2 with the same answer.\n")
    assert desk("1", "--json") == (0, '{"replayed": 1, "same": 1, "differing": []}\n')
    with transaction(engine) as session:
        session.scalars(select(Negotiation)).first().digest = "0" * 64  # type: ignore[union-attr]
    status, said_of_it = desk()
    assert status == 1
    assert "Negotiation 1: another answer" in said_of_it
    status, said_of_it = desk("99")
    assert status == 1
    assert "There is no negotiation 99." in said_of_it
