"""A manager plans an absence without a mouse; both pages are accessible, also on a narrow screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import select

from app.casework.assignment.models import StaffAbsence
from app.core.staff.rules import Role
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def shot(tab: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look (DESK_TEST_SHOTS names the folder)."""
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_an_absence_is_planned_by_keyboard(desk: Desk, tab: Page) -> None:
    today = desk.clock.at.date()
    desk.sign_in(Role.AGENT)
    log_in(tab, "mei")
    tab.goto("/team")
    assert_fits_and_is_accessible(tab)
    tab.get_by_role("link", name="Ben Okafor").press("Enter")
    assert_fits_and_is_accessible(tab, 320)
    tab.locator("#f-most_cases").fill("10")
    tab.locator("#f-most_cases").press("Enter")
    tab.get_by_text("Ben Okafor is saved").wait_for()
    tab.locator("#f-first_on").fill(str(today))
    tab.locator("#f-last_on").fill(str(today))
    tab.locator("#f-cover").focus()
    tab.keyboard.type("Mei")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_text("The absence is planned").wait_for()
    shot(tab, "member")
    assert_fits_and_is_accessible(tab)
    tab.goto("/team")
    shot(tab, "team")
    assert_fits_and_is_accessible(tab, 320)
    assert desk.read(lambda session: session.scalars(select(StaffAbsence)).one()).last_on == today
