"""The outcome bar by keyboard in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.cases.test_contact_data_browser import page_of, served
from tests.web.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["served"]


def test_a_callback_begins_with_its_time_and_typing_sends_nothing(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = page_of(desk, browser, case_id, scripts=True)
    tab.goto(f"/cases/{case_id}")
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    tab.keyboard.press("7")
    assert tab.evaluate("document.activeElement.id") == "call-callback-at"
    tab.keyboard.press("6")  # within a field a digit is a digit
    tab.locator("#result-promised").check()
    tab.locator("#call-amount").fill("20")
    tab.locator("#call-note").fill("will pay")
    tab.wait_for_timeout(600)
    assert [url for url in sent if not url.endswith(("/drafts", "/presence"))] == []
    assert tab.evaluate(
        "[...document.querySelectorAll('.outcome-fields > :not([hidden])')].map((f) => f.dataset.field)"
    ) == ["amount", "due_on", "callback_at"]


def test_the_result_speaks_of_the_number_that_was_called(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = page_of(desk, browser, case_id, scripts=True)
    tab.get_by_text("Add a phone").click()
    tab.fill("#add-phone-value", "(010) 5550 0126")
    tab.select_option("#add-phone-source", "customer")
    tab.press("#add-phone-value", "Enter")
    tab.get_by_role("article", name="+861055500126").wait_for()
    tab.goto(f"/cases/{case_id}")
    tab.evaluate(
        "for (const link of ['+861055500126']) { const a = document.createElement('a');"
        " a.href = 'tel:' + link; a.id = 'dial'; document.querySelector('.gate').append(a);"
        " a.addEventListener('click', (e) => e.preventDefault()); a.click(); }"
    )
    assert tab.input_value("#call-number") == "+861055500126"


def test_a_code_under_more_is_chosen_by_its_letter(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = page_of(desk, browser, case_id, scripts=True)
    tab.goto(f"/cases/{case_id}")
    focused = "document.activeElement.id"
    tab.keyboard.press("d")
    tab.wait_for_url("**tab=money**")
    assert tab.evaluate(focused) != "call-person", "a letter alone is no result"
    for keys, code in (("0d", "deceased"), ("0a", "attorney")):
        tab.locator("#do-call legend").first.focus()
        for key in keys:
            tab.keyboard.press(key)
        assert tab.is_checked(f"#result-{code}")
        assert tab.evaluate("document.activeElement.closest('[data-field]')?.dataset.field") == "person"
    tab.keyboard.press("?")  # within a field it is a mark
    tab.locator("#do-call legend").first.focus()
    tab.keyboard.press("?")
    assert "0 d" in tab.inner_text("#key-help")
    tab.keyboard.press("Escape")
    # Switched off, letters do nothing.
    tab.evaluate("document.body.dataset.keys = 'off'")
    tab.locator("#result-deceased").focus()
    tab.keyboard.press("h")
    assert tab.is_checked("#result-attorney") or tab.is_checked("#result-deceased")
    assert not tab.is_checked("#result-hardship")
