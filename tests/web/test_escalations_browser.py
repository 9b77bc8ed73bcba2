"""A supervisor is asked during a call and answers, both without a mouse; the pages are accessible."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.managers.test_team_browser import shot
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def test_asked_and_answered_by_keyboard(desk: Desk, tab: Page) -> None:
    today = desk.clock.at.date()
    desk.sign_in(Role.AGENT)
    desk.write(
        lambda session: builders.delinquent_case(
            session, due_on=today - timedelta(days=20), on=today, owner="ben"
        )
    )
    log_in(tab, "ben")
    tab.goto("/cases/1")
    tab.keyboard.press("-")
    tab.locator("#supervisor-reason").focus()
    tab.keyboard.type("The customer")
    tab.locator("#supervisor-words").fill("They want to speak to a manager about the fee.")
    tab.get_by_label("The customer waits on the line").press("Space")
    tab.locator("#supervisor-words").press("Control+Enter")
    tab.get_by_text("The supervisors have it").wait_for()
    assert_fits_and_is_accessible(tab)
    tab.goto("/escalations")
    assert_fits_and_is_accessible(tab, 320)
    tab.context.clear_cookies()
    log_in(tab, "mei")
    tab.goto("/escalations")
    tab.get_by_text("On the line, ").wait_for()
    assert_fits_and_is_accessible(tab)
    tab.get_by_role("button", name="Take it").press("Enter")
    tab.get_by_text("It is yours to answer").wait_for()
    tab.set_viewport_size({"width": 1280, "height": 900})
    shot(tab, "escalations")
    tab.locator("#answer-1-words").fill("Put them through to me.")
    assert_fits_and_is_accessible(tab, 320)
    tab.get_by_role("button", name="Return with this instruction").press("Enter")
    tab.get_by_text("The colleague has your words").wait_for()
    tab.set_viewport_size({"width": 1280, "height": 900})
    shot(tab, "escalations-ended")
    assert_fits_and_is_accessible(tab, 320)
