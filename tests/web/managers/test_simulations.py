"""The page that lives through days to come on a copy of the book."""

from __future__ import annotations

import csv
import io
import time
from datetime import date, timedelta

import pytest
from starlette.testclient import TestClient

from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.simulation import service
from app.operations.simulation.models import SimulationRun
from app.operations.simulation.rules import RunStatus
from app.outreach.strategy.service import save_version
from tests import builders
from tests.operations.simulation.in_turn import one_after_another
from tests.web.desk import Browser, Desk, letters

FIRST = date(2026, 3, 2)
CALLER = """
name = "Calls first"

[[steps]]
id = "early-call"
day = 5
action = "call"

[[steps]]
id = "sms"
day = 8
action = "message"
letter = "first_reminder"
channels = ["sms"]
"""


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes takes seconds; that they do the same is told in tests/operations/simulation."""
    monkeypatch.setattr(service, "in_processes", one_after_another)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Two late customers, one without an address, and a version of a strategy that calls at once."""

    def book(session: builders.Session) -> None:
        cards = builders.portfolio(session)
        builders.late_customer(session, cards, due_on=FIRST - timedelta(days=4))
        builders.late_customer(session, cards, due_on=FIRST - timedelta(days=4), mobile="", email="")
        save_version(
            session, cards, "caller", CALLER, letters(), "calls first", by=Actor.user("mei"), now=builders.NOW
        )

    desk.write(book)
    builders.close_day(desk.engine, FIRST - timedelta(days=1))
    return desk


def finished(browser: Browser, path: str) -> str:
    for _ in range(600):
        if 'data-state="done"' in browser.get(f"{path}/progress").text:
            return str(browser.get(path).text)
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_manager_compares_a_version_with_the_live_one(desk: Desk) -> None:
    mei = desk.sign_in(Role.MANAGER)
    offered = mei.get("/simulations").text
    assert 'value="2026-03-02"' in offered
    assert "caller@1" in offered
    begun = mei.submit(
        "/simulations", portfolio="CARDS", first_on="2026-03-02", last_on="2026-03-08", candidate="caller@1"
    )
    assert begun.status_code == 303
    path = begun.headers["location"]

    page = finished(mei, path)
    for words in (
        "Side by side",
        "Candidate less live",
        "Call tasks",
        "standard@1",
        "caller@1",
        "desk.no_address",
    ):
        assert words in page, words
    assert page.count("caller@1") > 2  # beside its figures and charts, not only where it was chosen
    rows = list(
        csv.DictReader(io.StringIO(mei.get(f"{path}/contacts?format=csv").text.removeprefix("\ufeff")))
    )
    assert {(row["side"], row["channel"], row["decision"]) for row in rows} >= {
        ("live", "sms", "sent"), ("live", "email", "refused"), ("candidate", "call", "call_task"),
    }  # fmt: skip
    refused = mei.get(f"{path}/contacts?side=live&decision=refused&rule=desk.no_address").text
    assert "desk.no_address" in refused
    assert "Would leave" not in refused.split("<tbody>")[1]
    assert mei.submit(f"{path}/delete").status_code == 303
    assert mei.get(path).status_code == 404


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-03-01", "2026-03-08", "closed already"),
        ("2026-03-05", "2026-03-04", "lies before the first"),
        ("2026-03-02", "2026-09-01", "At most 92 days"),
        ("tomorrow", "2026-03-04", "Give a day"),
    ],
)
def test_days_that_cannot_be_lived_through_are_said_beside_their_field(
    sqlite_desk: Desk, first: str, last: str, says: str
) -> None:
    sqlite_desk.write(lambda session: builders.portfolio(session))
    builders.close_day(sqlite_desk.engine, date(2026, 3, 1))
    answer = sqlite_desk.sign_in(Role.MANAGER).submit(
        "/simulations", portfolio="CARDS", first_on=first, last_on=last, candidate=""
    )
    assert answer.status_code == 422
    assert says in answer.text
    assert sqlite_desk.read(lambda session: session.scalar(builders.select(SimulationRun.id))) is None


def test_only_managers_and_only_with_the_form_token(sqlite_desk: Desk) -> None:
    for role in Role:
        answer = sqlite_desk.sign_in(role).get("/simulations")
        assert answer.status_code == (200 if role is Role.MANAGER else 403), role
    mei: TestClient = sqlite_desk.sign_in(Role.MANAGER)
    assert mei.post("/simulations", data={"portfolio": "CARDS"}).status_code == 403


def test_what_was_interrupted_and_what_failed_say_so(sqlite_desk: Desk) -> None:
    def left(session: builders.Session) -> tuple[int, int]:
        cards = builders.portfolio(session)
        broke = {
            "status": RunStatus.FAILED,
            "failure": "it broke: OperationalError",
            "finished_at": builders.NOW,
        }
        days = {"first_on": FIRST, "last_on": FIRST, "by": "user:mei", "started_at": builders.NOW}
        rows = [
            SimulationRun.model_validate({"portfolio_id": cards.id, **days, **about})
            for about in ({"status": RunStatus.RUNNING, "percent": 40}, broke)
        ]
        session.add_all(rows)
        session.flush()
        return id_of(rows[0]), id_of(rows[1])

    interrupted, failed = sqlite_desk.write(left)
    mei = sqlite_desk.sign_in(Role.MANAGER)
    assert "It was interrupted" in mei.get(f"/simulations/{interrupted}").text
    assert "OperationalError" in mei.get(f"/simulations/{failed}").text
    assert mei.get("/simulations/99").status_code == 404
