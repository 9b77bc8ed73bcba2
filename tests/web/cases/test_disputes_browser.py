"""A dispute is opened, proved and decided by keyboard alone, from the page of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind, DisputeOutcome
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
__all__ = ["served"]


def to(tab: Page, selector: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(20):
        if tab.locator(f"{selector}:focus").count():
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"no {selector} within twenty tabs")


def test_a_dispute_is_opened_proved_and_decided_by_keyboard(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}")
    tab.keyboard.press("u")
    tab.wait_for_selector("#dispute-words:focus")
    tab.keyboard.type("I never bought this")
    to(tab, "#dispute-kind")
    tab.keyboard.type("The whole")
    to(tab, "#do-dispute button[type=submit]")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".flash >> text=is open")
    tab.keyboard.press("e")
    tab.wait_for_selector("#evidence-1-what:focus")
    tab.keyboard.type("Receipt")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".flash >> text=Asked for")
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    tab.keyboard.press("d")
    tab.wait_for_selector("#decide-1-outcome:focus")
    tab.keyboard.type("Withdrawn")
    to(tab, "#decide-1-why")
    tab.keyboard.type("You told us that you found the receipt.")
    to(tab, "#do-decide-1 button.primary")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".flash >> text=is decided")
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert (dispute.kind, dispute.outcome) == (DisputeKind.WHOLE_DEBT, DisputeOutcome.WITHDRAWN)
    tab.goto("/disputes?state=all")
    assert_fits_and_is_accessible(tab)
