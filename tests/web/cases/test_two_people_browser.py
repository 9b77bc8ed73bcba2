"""Two browsers at one desk: what one types is found in the other, and each sees who else has the case open."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import uvicorn
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.casework.presence.models import OpenPage
from app.core.clock import SystemClock
from app.core.ids import id_of
from app.core.settings import Settings
from app.core.staff.models import FormDraft, StaffSession
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import violations
from tests.web.desk import PASSWORD, Desk, make_ports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Daytime:
    """The running clock, begun at ten in the morning in Shanghai, so that no test hangs on the hour it runs at."""

    shift: timedelta = field(
        default_factory=lambda: SystemClock().now().replace(hour=2, minute=0) - SystemClock().now()
    )

    def now(self) -> datetime:
        return SystemClock().now() + self.shift


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[tuple[Desk, int]]:
    """A case of ben's, served over a socket."""
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    clock = Daytime()
    desk.ports = make_ports(clock, settings)
    desk.sign_in(Role.AGENT)
    desk.sign_in(Role.MANAGER)
    case_id = desk.write(
        lambda session: id_of(
            builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1), owner="ben")
        )
    )
    desk.__post_init__()
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk, case_id
    server.should_exit = True
    thread.join()


def sign_in(desk: Desk, browser: Browser, username: str) -> Page:
    tab = browser.new_context(base_url=desk.settings.public_url).new_page()
    tab.set_default_timeout(15_000)
    tab.goto("/login")
    tab.fill("#f-username", username)
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(lambda url: "/login" not in url)
    return tab


def eventually(
    desk: Desk, wanted: int, model: type[FormDraft] | type[OpenPage], *where: sa.ColumnElement[bool]
) -> None:
    for _ in range(150):
        if desk.read(lambda session: len(session.scalars(select(model).where(*where)).all())) == wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"there are not {wanted} such rows of {model.__name__}")


def end_all_sessions(session: Session) -> None:
    for row in session.scalars(select(StaffSession)):
        row.ended_at = row.created_at


def test_what_is_typed_is_found_in_another_browser(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}?do=note")
    tab.fill("#note-text", "Rang twice, wants a letter")
    tab.goto("/worklist")  # left at once, before the script would have saved it by itself
    eventually(desk, 1, FormDraft)

    other = sign_in(desk, browser, "ben")
    other.goto(f"/cases/{case_id}")
    other.wait_for_selector("#do-note[open] .draft >> text=/Draft from .*restored/")
    assert other.input_value("#note-text") == "Rang twice, wants a letter"
    assert violations(other) == []
    other.press("#note-text", "Control+Enter")
    other.wait_for_selector(".flash")
    eventually(desk, 0, FormDraft)

    # A session that ends while somebody types: signed in again, they go on where they were.
    tab.goto(f"/cases/{case_id}?do=note")
    tab.fill("#note-text", "The session ends now")
    desk.write(end_all_sessions)
    tab.press("#note-text", "Control+Enter")
    tab.wait_for_selector("text=You were signed out")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_selector("#do-note[open] .draft")
    assert tab.input_value("#note-text") == "The session ends now"
    tab.click("#do-note .draft >> text=Discard")
    assert tab.input_value("#note-text") == ""
    tab.reload()
    tab.wait_for_load_state("networkidle")
    assert tab.locator(".draft").count() == 0


def test_what_was_sent_elsewhere_does_not_come_back_as_unsent(
    served: tuple[Desk, int], browser: Browser
) -> None:
    """A tab that still has the text asks the server before it says "Not sent yet": else the text is sent twice."""
    desk, case_id = served
    first = sign_in(desk, browser, "ben")
    first.goto(f"/cases/{case_id}?do=note")
    with first.expect_response(lambda answer: answer.url.endswith("/drafts") and answer.status == 204):
        first.fill("#note-text", "Sends a letter")
    second = sign_in(desk, browser, "ben")
    second.goto(f"/cases/{case_id}?do=note")
    second.wait_for_selector("#do-note .draft")
    second.press("#note-text", "Control+Enter")
    second.wait_for_selector(".flash")

    first.goto(f"/cases/{case_id}?do=note")
    first.wait_for_load_state("networkidle")
    assert first.locator(".draft").count() == 0
    assert first.input_value("#note-text") == ""

    # The same with the button "Back", of a form that was sent before its draft was saved.
    first.fill("#note-text", "Rang at noon")
    first.press("#note-text", "Control+Enter")
    first.wait_for_selector(".flash")
    first.go_back()
    first.wait_for_load_state("networkidle")
    assert first.locator(".draft").count() == 0


def test_keys_work_on_layouts_without_latin_letters_or_bare_digits(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}")
    press = """([key, code, ctrlKey, keyCode]) => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, ctrlKey, keyCode, bubbles: true, cancelable: true }))"""
    tab.evaluate(press, ["л", "KeyK", True, 0])  # Cyrillic Ctrl+K
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.keyboard.press("Escape")
    tab.evaluate("document.activeElement.blur()")
    tab.evaluate(press, ["&", "Digit1", False, 0])  # AZERTY
    chosen = tab.locator("form[data-outcome] input[name=result]:checked")
    assert chosen.get_attribute("data-key") == "1"

    # Typing on after a match was chosen: Enter looks for what is typed, it does not open the former match.
    tab.route("**/find/options?q=zz*", lambda route: None)  # not answered yet
    tab.focus("form.find input")
    tab.keyboard.type("C-")
    tab.keyboard.type(str(case_id))
    tab.wait_for_selector("#find-list [role=option]")
    tab.keyboard.press("ArrowDown")
    assert tab.locator("#find-list [aria-selected=true]").count() == 1
    tab.keyboard.type("zz")
    assert tab.locator("#find-list [aria-selected=true]").count() == 0


def test_two_people_see_each_other_and_a_second_call_is_asked_about(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    ben, mei = sign_in(desk, browser, "ben"), sign_in(desk, browser, "mei")
    ben.goto(f"/cases/{case_id}")
    eventually(desk, 1, OpenPage)
    mei.goto(f"/cases/{case_id}")
    mei.wait_for_selector("text=Ben Okafor is viewing this case")
    ben_here = col(OpenPage.username) == "ben"
    with ben.expect_response(lambda answer: answer.url.endswith("/presence")):  # else it may be saved last
        ben.goto(f"/cases/{case_id}")
    ben.focus("#call-note")
    eventually(desk, 1, OpenPage, ben_here, col(OpenPage.calling_since).is_not(None))
    mei.reload()
    mei.wait_for_selector("text=Ben Okafor is on the telephone")
    assert violations(mei) == []
    ben.goto("/worklist")
    eventually(desk, 0, OpenPage, ben_here)
    mei.reload()
    mei.wait_for_load_state("networkidle")
    assert mei.locator(".presence-line").count() == 0
