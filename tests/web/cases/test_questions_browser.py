"""A question is searched, read out and answered in writing by keyboard alone, without leaving the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from app.actions.knowledge.editing import load_starter
from app.casework.knowledge.backlog import note_miss
from app.casework.knowledge.models import KnowledgeUse
from app.casework.knowledge.rules import UseKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from tests.web.axe import assert_fits_and_is_accessible, violations
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import NOW, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
__all__ = ["served"]

FIRST = "details.article:first-of-type"


def to_button(tab: Page, words: str) -> None:
    """Press Tab until the button with these words has the focus."""
    for _ in range(8):
        tab.keyboard.press("Tab")
        if tab.locator(f"button:focus:has-text('{words}')").count():
            return
    raise AssertionError(f"no button {words!r} within eight tabs")


def test_a_question_is_answered_by_keyboard(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    desk.write(lambda session: load_starter(session, None, by=Actor.user("mei"), now=NOW))
    tab = sign_in(desk, browser, "ben")
    at = f"/cases/{case_id}"
    tab.goto(at)
    tab.keyboard.press("q")
    tab.wait_for_selector("#knowledge-q:focus")
    tab.keyboard.type("late fee")
    tab.wait_for_selector(f"{FIRST} >> text=Why was I charged a late fee?")  # while typing
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{FIRST} > summary:focus")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{FIRST}[open] .article-text")
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    to_button(tab, "Read out on the call")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".flash >> text=was read out on the call")
    assert at in tab.url

    tab.keyboard.press("q")
    tab.wait_for_selector("#knowledge-q:focus")
    tab.keyboard.type("late fee")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{FIRST} > summary:focus")
    tab.keyboard.press("Enter")
    to_button(tab, "Send by e-mail")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".flash >> text=E-mail queued")
    assert at in tab.url
    uses = desk.read(lambda session: [each.kind for each in session.scalars(select(KnowledgeUse))])
    assert uses == [UseKind.READ_OUT, UseKind.SENT]

    tab.keyboard.press("z")
    tab.wait_for_selector("#find-story:focus")
    tab.keyboard.type("minimum payment")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".story mark")
    assert tab.locator(".story > li").count() == 1, "the e-mail, by its words"
    assert violations(tab) == []
    tab.goto(f"{at}/story")
    tab.wait_for_selector("button[data-print]:visible")
    assert_fits_and_is_accessible(tab)


def test_the_pages_of_editors_are_accessible(served: tuple[Desk, int], browser: Browser) -> None:
    """The list, an article, its editor with the preview that follows the typing, and the backlog."""
    desk, _ = served
    desk.sign_in(Role.MANAGER)
    desk.write(lambda session: load_starter(session, None, by=Actor.user("mei"), now=NOW))
    with transaction(desk.engine) as session:
        note_miss(session, 1, "en", "credit bureau", now=NOW)
    tab = sign_in(desk, browser, "mei")
    tab.goto("/knowledge?q=credit+bureau")
    assert tab.locator("text=No article answers “credit bureau”").count() == 1
    for path in ("/knowledge", "/knowledge/articles/1", "/knowledge/editors", "/knowledge/backlog"):
        tab.goto(path)
        assert_fits_and_is_accessible(tab)
    assert tab.locator("td >> text=credit bureau").count() == 1, "the search waits in the backlog"
    tab.goto("/knowledge/articles/1/edit?language=nl")
    tab.fill("#k-body", "Eerst **dit**.\n\n- en {creditor}")
    tab.wait_for_selector("#k-preview li >> text=en Harbour Bank")
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    tab.click("text=Keep as draft")
    tab.wait_for_selector(".flash >> text=The draft is kept")
