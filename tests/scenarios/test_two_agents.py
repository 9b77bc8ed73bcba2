"""A day of two agents at one desk, each in a browser of their own: a reply, a missed promise, a case that a colleague
has open, a callback, and the change of shift. Ben works by keys, and every key is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import uvicorn
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.core.actor import SYSTEM
from app.core.settings import Settings
from app.core.staff import service as staff
from app.core.staff.rules import Role
from tests.builders import events
from tests.web.desk import NOW, PASSWORD, Desk
from tests.web.worklist.test_queue import a_case, call, promised, writes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[Desk]:
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    desk.sign_in(Role.AGENT)
    desk.write(lambda s: staff.add_user(s, "jonas", "Jonas Berg", Role.AGENT, PASSWORD, by=SYSTEM, now=NOW))
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk
    server.should_exit = True
    thread.join(10)


class Agent:
    """An agent at their own browser; `keys` counts what they press, the text of notes aside."""

    def __init__(self, desk: Desk, browser: Browser, username: str) -> None:
        context = browser.new_context(
            base_url=desk.settings.public_url, viewport={"width": 1366, "height": 768}, locale="en-US"
        )
        self.tab: Page = context.new_page()
        self.keys = 0
        self.tab.goto("/login")
        self.tab.fill("#f-username", username)
        self.tab.fill("#f-password", PASSWORD)
        self.tab.press("#f-password", "Enter")
        self.tab.wait_for_url(lambda url: "/login" not in url)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)
            self.keys += 1

    def at(self, case_id: int) -> None:
        self.tab.wait_for_url(
            lambda url: url.partition("?")[0].partition("#")[0].endswith(f"/cases/{case_id}")
        )
        self.tab.wait_for_selector("[data-outcome]")

    def reads(self, text: str) -> bool:
        return soon(lambda: text in self.tab.inner_text("body"))


def soon(is_so: Callable[[], bool]) -> bool:
    for _ in range(300):
        if is_so():
            return True
        time.sleep(0.05)
    return False


def test_a_day_of_two_agents(served: Desk, browser: Browser) -> None:
    desk = served
    reply = a_case(desk, "Cai Wrote", writes)
    missed = a_case(desk, "Bo Missed", promised(5))
    called = [a_case(desk, f"Anna {n}", call(5 - n)) for n in range(2)]
    later = a_case(desk, "Dora Later", callback_at=NOW + timedelta(minutes=20))
    theirs = a_case(desk, "Eve Elsewhere", call(1), owner="jonas")
    ben, jonas = Agent(desk, browser, "ben"), Agent(desk, browser, "jonas")

    # Jonas helps out: he has Ben's first call open, so that Ben is not sent there.
    jonas.tab.goto(f"/cases/{called[0]}")
    jonas.at(called[0])

    # Ben begins with the reply: Cai says that it is paid. Two keys log the call and open the next case.
    ben.tab.goto("/worklist")
    ben.keys = 0
    ben.press("x")
    ben.at(reply)
    ben.press("8", "Control+Shift+Enter")
    ben.at(missed)
    assert ben.keys == 3
    [hold] = desk.read(lambda s: list(s.scalars(select(CaseHold).where(CaseHold.case_id == reply))))
    assert hold.kind.value == "payment_claimed"

    # Bo does not answer; the next call is not the one that Jonas has open.
    ben.press("1", "Control+Shift+Enter")
    ben.at(called[1])
    assert ben.keys == 5
    ben.tab.goto("/worklist")
    assert ben.reads("Jonas Berg")

    # Twenty minutes later Dora's callback is due: a bar on the page that Ben has open leads there.
    desk.clock.at += timedelta(minutes=21)
    ben.tab.evaluate("document.dispatchEvent(new Event('callbacks:look'))")
    ben.tab.wait_for_selector(f".callback-bar[data-case='{later}']")
    ben.tab.click(f".callback-bar[data-case='{later}'] a")
    ben.at(later)
    before = ben.keys
    ben.press("6")
    ben.tab.fill("#call-amount", "50.00")
    ben.tab.fill("#call-due-on", str(desk.clock.at.date() + timedelta(days=5)))
    ben.press("Control+Enter")
    assert soon(lambda: promised_minor(desk, later) == 5_000), ben.tab.inner_text("main")[:600]
    assert ben.keys - before == 2
    ben.tab.wait_for_url("**/cases/*tab=timeline*")

    # The change of shift: Ben hands Dora over, Jonas finds her with Ben's words and without a second call.
    ben.tab.goto(f"/cases/{later}?do=hand-over")
    ben.tab.select_option("#hand-over-to", "jonas")
    ben.tab.fill("#hand-over-reason", "Pays by bank transfer, speak slowly")
    ben.tab.press("#hand-over-reason", "Control+Enter")
    assert soon(lambda: owner_of(desk, later) == "jonas")
    jonas.tab.goto("/worklist?owner=mine")
    assert jonas.reads("Dora Later")
    jonas.tab.goto(f"/cases/{later}")
    assert jonas.reads("Pays by bank transfer, speak slowly")
    jonas.press("x")
    jonas.at(theirs)

    # Each call is on record once, with the person who made it.
    logged = desk.read(lambda s: events(s, CallLogged.KIND))
    assert sorted((each["by"], each["result"]) for each in logged) == [
        ("user:ben", "no_answer"),
        ("user:ben", "paid"),
        ("user:ben", "promised"),
    ]


def promised_minor(desk: Desk, case_id: int) -> int:
    """What the case's agreements promise, in all."""

    def promised(session: Session) -> int:
        plans = session.scalars(select(Plan.id).where(Plan.case_id == case_id)).all()
        parts = instalments_of(session, [plan_id for plan_id in plans if plan_id is not None])
        return sum(part.amount for each in parts.values() for part in each)

    return desk.read(promised)


def owner_of(desk: Desk, case_id: int) -> str:
    return desk.read(lambda session: session.get_one(CollectionsCase, case_id).owner)
