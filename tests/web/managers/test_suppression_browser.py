"""The suppression list in a real browser: read, added to, and accessible at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import builders
from tests.inbound.bounces.notices import take_notice
from tests.inbound.bounces.samples import BY_HAND
from tests.web.desk import NOW, Desk
from tests.web.managers.test_managers_browser import check
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def test_a_manager_puts_an_address_on_the_list(desk: Desk, tab: Page) -> None:  # noqa: F811
    def book(session: builders.Session) -> None:
        builders.customer(session, builders.portfolio(session), email="anna@mail.example")
        take_notice(session, BY_HAND, now=NOW)

    desk.write(book)
    log_in(tab, "mei")
    tab.goto("/suppressed")
    tab.fill("[name=address]", "anna@mail.example")
    tab.fill("[name=note]", "Her employer reads it")
    tab.click("button:has-text('Put on the list')")
    tab.wait_for_selector("text=is on the list")
    tab.click("summary:has-text('Take off')")
    check(tab, "/suppressed")
