"""The pages of support needs and of help with payments in a real browser: accessible, and by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from app.casework.hardship.models import HardshipRequest
from app.casework.support_needs.models import SupportNeed
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import PASSWORD, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser
__all__ = ["served"]


@pytest.mark.browser
def test_a_need_and_a_request_by_keyboard(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}/support-needs")
    assert_fits_and_is_accessible(tab)
    tab.select_option("select[name=code]", "no_evening_calls")
    tab.select_option("select[name=told_by]", "customer")
    tab.select_option("select[name=basis]", "consent")
    tab.fill("#do-need input[name=note]", "has a depression")
    tab.press("#do-need input[name=note]", "Enter")
    tab.wait_for_selector("text=Write the support they need instead")
    assert_fits_and_is_accessible(tab)
    tab.fill("#do-need input[name=note]", "after the shift")
    tab.press("#do-need input[name=note]", "Enter")
    tab.wait_for_selector("text=recorded, and in force from now on")
    assert_fits_and_is_accessible(tab)
    assert desk.read(lambda session: session.scalars(select(SupportNeed.code)).all()) == ["no_evening_calls"]
    tab.goto(f"/cases/{case_id}")
    assert tab.locator(".case-needs").inner_text().startswith("No evening calls (after the shift)")
    assert_fits_and_is_accessible(tab)

    tab.goto(f"/cases/{case_id}/hardship")
    assert_fits_and_is_accessible(tab)
    tab.select_option("select[name=way]", "call")
    tab.focus("input[name=reasons][value=income_fell]")
    tab.keyboard.press("Space")
    tab.press("#do-request input[name=received_on]", "Enter")
    tab.wait_for_selector("text=Reminders rest until it is decided")
    assert_fits_and_is_accessible(tab)
    assert desk.read(lambda session: session.scalars(select(HardshipRequest.reasons)).all()) == [
        "income_fell"
    ]


@pytest.mark.browser
def test_an_offer_and_an_abusive_call_by_keyboard(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    context = browser.new_context(base_url=desk.settings.public_url)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    tab.goto("/login")
    tab.fill("input[name=username]", "ben")
    tab.fill("input[name=password]", PASSWORD)
    tab.press("input[name=password]", "Enter")
    tab.wait_for_url("**/worklist**")

    tab.goto(f"/cases/{case_id}/offers")
    assert_fits_and_is_accessible(tab)
    tab.press("#do-offer summary", "Enter")
    tab.select_option("select[name=offer]", "debt_advice")
    tab.focus("#do-offer input[name=answer][value=accepted]")
    tab.keyboard.press("Space")
    tab.press("#do-offer input[name=note]", "Enter")
    tab.wait_for_selector("text=The offer and its answer are on record")
    assert_fits_and_is_accessible(tab)
    tab.press("#do-conduct summary", "Enter")
    tab.focus("#do-conduct input[name=step][value=ended]")
    tab.keyboard.press("Space")
    tab.fill("#do-conduct textarea[name=words]", "You pig.")
    tab.press("#do-conduct button", "Enter")
    tab.wait_for_selector("text=A supervisor takes over, and has the task today")
    assert_fits_and_is_accessible(tab)
    tab.goto("/hand-overs")
    assert_fits_and_is_accessible(tab)
    assert tab.locator("tbody tr").count() == 2
