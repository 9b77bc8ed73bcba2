"""My customers in a browser: walked by keyboard, accessible, and fitting a narrow screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.managers.test_team_browser import shot
from tests.web.test_browser import desk, log_in, tab
from tests.web.worklist.test_my_customers import two_cases

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def test_my_customers_by_keyboard(desk: Desk, tab: Page) -> None:
    two_cases(desk)
    log_in(tab, "ben")
    tab.goto("/my-customers")
    tab.set_viewport_size({"width": 1280, "height": 900})
    shot(tab, "my-customers")
    assert_fits_and_is_accessible(tab)
    assert_fits_and_is_accessible(tab, 320)
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/cases/*")
