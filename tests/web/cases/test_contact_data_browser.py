"""The page of contact data in a real browser: by keyboard and mouse, accessible, and without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointState
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served
from tests.web.desk import PASSWORD, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
__all__ = ["served"]


def page_of(desk: Desk, browser: Browser, case_id: int, *, scripts: bool) -> Page:
    context = browser.new_context(base_url=desk.settings.public_url, java_script_enabled=scripts)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    tab.goto("/login")
    tab.fill("input[name=username]", "ben")
    tab.fill("input[name=password]", PASSWORD)
    tab.press("input[name=password]", "Enter")
    tab.wait_for_url("**/worklist**")
    tab.goto(f"/cases/{case_id}/contact-data")
    return tab


def test_a_number_is_typed_wrong_put_right_and_marked_bad(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = page_of(desk, browser, case_id, scripts=True)
    assert_fits_and_is_accessible(tab)
    tab.get_by_text("Add a phone").click()
    tab.fill("#add-phone-value", "0912 34")
    tab.select_option("#add-phone-source", "customer")
    tab.fill("#add-phone-note", "her sister's flat")
    tab.press("#add-phone-value", "Enter")
    tab.wait_for_selector("#add-phone-value-error")
    assert tab.input_value("#add-phone-value") == "0912 34"
    assert tab.input_value("#add-phone-note") == "her sister's flat"
    assert_fits_and_is_accessible(tab)
    tab.fill("#add-phone-value", "(010) 5550 0126")
    tab.press("#add-phone-value", "Enter")
    added = tab.get_by_role("article", name="+861055500126")
    added.get_by_text("Mark bad", exact=True).first.click()
    added.get_by_label("How we know").locator("visible=true").fill("a shop answers")
    added.get_by_role("button", name="Mark bad").click()
    tab.wait_for_selector("text=is marked bad")
    assert_fits_and_is_accessible(tab)
    [row] = desk.read(lambda session: session.scalars(select(ContactPoint)).all())
    assert (row.value, row.state) == ("+861055500126", PointState.BAD)


def test_an_attorney_is_put_on_file_without_javascript(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = page_of(desk, browser, case_id, scripts=False)
    tab.get_by_text("Add a third party").click()
    tab.select_option("#party-kind", "attorney")
    tab.fill("#party-name", "Lin Wei")
    tab.fill("#party-phone", "010 5550 0199")
    tab.select_option("#party-told", "everything")
    tab.get_by_role("button", name="Put on file").click()
    notice = tab.get_by_text("Contact instead:")
    assert "attorney Lin Wei, +861055500199" in notice.inner_text()
    tab.goto(f"/cases/{case_id}")
    assert "Lin Wei" in tab.locator(".stop").inner_text()
