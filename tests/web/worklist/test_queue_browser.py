"""The queue by keyboard in a real browser: walk, open, return to the row, next, groups, and a refresh that moves
nothing under the reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import uvicorn
from sqlalchemy.engine import Engine

from app.core.settings import Settings
from app.core.staff.rules import Role
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import NOW, PASSWORD, Desk, make_ports
from tests.web.worklist.test_queue import a_case, call

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[Desk]:
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    desk.ports = make_ports(desk.clock, settings)
    desk.sign_in(Role.AGENT)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk
    server.should_exit = True
    thread.join(10)


def signed_in(desk: Desk, browser: Browser) -> Page:
    context = browser.new_context(
        base_url=desk.settings.public_url, viewport={"width": 1366, "height": 768}, locale="en-US"
    )
    tab = context.new_page()
    tab.goto("/login")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(lambda url: "/login" not in url)
    return tab


def focused(tab: Page) -> str:
    return str(tab.evaluate("document.activeElement.closest('tr')?.id ?? ''"))


def stands_in(tab: Page, case_id: int) -> bool:
    """Whether the focus comes to this row; the page's module may still be on its way."""
    return _soon(lambda: focused(tab) == f"case-{case_id}")


def _soon(is_so: Callable[[], bool]) -> bool:
    for _ in range(100):
        if is_so():
            return True
        time.sleep(0.05)
    return False


def test_a_queue_is_worked_by_keys(served: Desk, browser: Browser) -> None:
    ids = [a_case(served, f"Name {n:02}", call(20 - n)) for n in range(18)]
    callback = a_case(served, "Wants a call", callback_at=NOW + timedelta(minutes=10))
    tab = signed_in(served, browser)
    tab.goto("/worklist?owner=mine")
    bottoms = tab.evaluate(
        "[...document.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().bottom)"
    )
    assert sum(bottom <= 768 for bottom in bottoms) >= 14, "rows on a screen of 1366 by 768"
    # j and k walk, Enter opens; the browser's way back stands in the same row.
    for _ in range(4):
        tab.keyboard.press("j")
    assert focused(tab) == f"case-{ids[2]}", "the callback of later today is the first row"
    tab.keyboard.press("k")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/cases/{ids[2]}")
    tab.go_back()
    assert stands_in(tab, ids[2])
    # From a case, x opens the next one, and the link back finds its row.
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/cases/{ids[2]}")
    tab.keyboard.press("x")
    tab.wait_for_url(f"**/cases/{ids[3]}")
    tab.click("a.back")
    tab.wait_for_url(f"**/worklist?owner=mine#case-{ids[3]}")
    assert stands_in(tab, ids[3])
    # Half an hour later the callback is due: the refresh says so and leaves the focused row where it is.
    served.clock.at += timedelta(minutes=30)
    before = tab.evaluate("document.activeElement.getBoundingClientRect().top")
    tab.evaluate("document.dispatchEvent(new Event('queue:refresh'))")
    assert _soon(lambda: "callback due" in tab.inner_text("#queue-news"))
    assert focused(tab) == f"case-{ids[3]}"
    assert abs(tab.evaluate("document.activeElement.getBoundingClientRect().top") - before) < 2
    assert tab.title().startswith("(1) Worklist")
    tab.evaluate("document.dispatchEvent(new Event('callbacks:look'))")
    tab.wait_for_selector(f".callback-bar[data-case='{callback}']")
    # The groups by their numbers.
    tab.keyboard.press("1")
    tab.wait_for_url("**/worklist?owner=mine&state=callback")
    tab.keyboard.press("5")
    tab.wait_for_url("**/worklist?owner=mine&state=call")
    assert_fits_and_is_accessible(tab)
    tab.context.close()
