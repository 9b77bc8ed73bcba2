"""Forms of a case that are links until they are opened: by key, by click, with what was typed meanwhile."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from app.casework.cases.events import NoteAdded
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import violations
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser
__all__ = ["served"]


def test_a_closed_form_is_a_link_and_its_door_is_the_one_of_the_form(sqlite_desk: Desk) -> None:
    case_id = sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )
    ben, lena = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.LEGAL)
    path = f"/cases/{case_id}"
    page = ben.get(path).text
    assert re.search(r'<a class="action" id="do-note" href="\?do=note#do-note"', page)
    assert 'id="note-text"' not in page
    assert len(page) < 60_000
    part = ben.get(f"{path}/forms/note").text
    assert 'id="note-text"' in part
    assert "<main" not in part
    assert lena.get(f"{path}/forms/note").status_code == 403
    assert ben.get("/cases/999999/forms/note").status_code == 404
    assert 'id="note-text"' in ben.get(f"{path}?do=note").text


def test_keys_that_are_typed_while_a_form_opens_are_its_text(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}")
    tab.keyboard.type("nno answer")  # the first letter is the key of the note
    tab.wait_for_selector("#do-note[open]")
    tab.wait_for_selector("#note-text:focus")
    assert tab.input_value("#note-text") == "no answer"
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    assert tab.locator("#do-note[open]").count() == 0
    tab.click("#do-hold")
    tab.wait_for_selector("#hold-kind:focus")
    tab.keyboard.press("Escape")
    tab.keyboard.press("n")
    tab.wait_for_selector("#note-text:focus")
    assert tab.locator("details[name=action][open]").count() == 1
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector(".flash >> text=Note saved.")
    [noted] = desk.read(lambda session: builders.events(session, NoteAdded.KIND))
    assert noted["text"] == "no answer"
