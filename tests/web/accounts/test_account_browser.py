"""Accounts, corrections, feeds and unmatched payments in a real browser, at both widths and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.core.clock import SystemClock
from app.core.ids import id_of
from tests import builders
from tests.builders import Session
from tests.web.accounts.test_feeds_page import HEADER, account_row, settle
from tests.web.axe import violations
from tests.web.desk import Desk
from tests.web.managers.test_managers_browser import check
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["desk", "tab"]  # fixtures


@pytest.fixture
def account_id(desk: Desk, tmp_path: Path) -> int:  # noqa: F811
    """Anna's: late, with a fee and a payment; somebody's money waits."""
    desk.settings.upload_dir = tmp_path / "uploads"
    today = desk.clock.now().date()

    def write(session: Session) -> int:
        book: Portfolio = builders.portfolio(session)
        card: Account = builders.late_customer(
            session, book, due_on=today - builders.timedelta(days=40), full_name="Anna Berg"
        )
        builders.entry(session, card, EntryKind.FEE, 3_000, today - builders.timedelta(days=30))
        builders.payment(session, card, 1_000, today - builders.timedelta(days=20))
        session.add(
            UnmatchedPayment(
                portfolio_id=id_of(book),
                reference="BANK-1",
                paid_on=today - builders.timedelta(days=3),
                amount_minor=5_000,
                payer_name="Anna Berg",
                remittance="thank you",
                why="no account is named in it",
                received_at=desk.clock.now(),
            )
        )
        return id_of(card)

    made = desk.write(write)
    builders.close_day(desk.engine, today - builders.timedelta(days=1))
    return made


def test_the_account_and_what_waits_at_both_widths(tab: Page, account_id: int) -> None:  # noqa: F811
    log_in(tab, "mei")
    path = f"/accounts/{account_id}"
    for page in (
        "/accounts",
        f"/accounts?q={account_id}",
        path,
        f"{path}?tab=ledger&do=waive&entry=2",
        f"{path}?tab=late",
        f"{path}?tab=record",
        f"{path}?tab=known&on={_days_ago(5)}&known_on={_days_ago(2)}",
        "/approvals",
        "/unmatched",
        "/unmatched/1",
        "/feeds",
    ):
        check(tab, page)


def _days_ago(days: int) -> str:
    return str(SystemClock().now().date() - builders.timedelta(days=days))


def test_a_payment_is_reversed_after_a_second_look(tab: Page, account_id: int) -> None:  # noqa: F811
    log_in(tab, "mei")
    tab.goto(f"/accounts/{account_id}?tab=ledger")
    tab.locator("tr", has_text="Payment").get_by_role("link", name="Correct").click()
    tab.click("summary:has-text('Reverse it')")
    tab.fill("#reverse-reason", "returned by the bank")
    tab.locator("#do-reverse button").click()
    tab.wait_for_selector("text=Nothing has changed yet")
    assert violations(tab) == []
    tab.set_viewport_size({"width": 390, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.click("button.primary")
    tab.wait_for_selector("text=is reversed.")
    assert tab.locator("tr.struck").count() == 1
    tab.click("text=its reversal")
    assert tab.evaluate("document.querySelector('tr:target') !== null")


def test_a_file_is_uploaded_looked_at_and_loaded(
    desk: Desk,  # noqa: F811
    tab: Page,  # noqa: F811
    account_id: int,
    tmp_path: Path,
) -> None:
    del account_id
    content = "\n".join([HEADER, *(account_row(n) for n in range(300)), "A9,short"])
    path = tmp_path / "accounts.csv"
    path.write_text(content)
    log_in(tab, "mei")
    tab.goto("/feeds")
    tab.select_option("#f-kind", "accounts")
    tab.set_input_files("#f-file", str(path))
    tab.click("text=Look at it first")  # no mapping was chosen
    tab.wait_for_url("**/feeds/uploads/*")
    check(tab, tab.evaluate("location.pathname"))
    tab.click("text=Load it")
    tab.wait_for_selector("text=Some refused")  # the script follows the progress
    settle(desk)
    check(tab, "/feeds/1")
    with tab.expect_download() as started:
        tab.click("text=Download rejects")
    assert "A9" in Path(started.value.path()).read_text()
    desk.settings.upload_limit_mb = 1
    path.write_bytes(b"x" * (2**20 + 1))
    tab.goto("/feeds")
    tab.set_input_files("#f-file", str(path))
    assert (
        tab.evaluate("document.querySelector('#f-file').validationMessage")
        == "This file is larger than 1 MB."
    )


def test_money_is_matched_without_a_script(
    desk: Desk,  # noqa: F811
    browser: Browser,
    account_id: int,
) -> None:
    context = browser.new_context(base_url=desk.settings.public_url, java_script_enabled=False)
    tab = context.new_page()  # noqa: F811
    log_in(tab, "ben")
    tab.click("nav >> text=Unmatched")
    tab.click("text=Anna Berg")
    tab.click("text=Choose")
    tab.click("button:has-text('Post')")
    tab.wait_for_selector("text=The payment is posted to")
    tab.goto(f"/accounts/{account_id}?tab=ledger")
    assert tab.locator("tr", has_text="Payment").count() == 2
    context.close()
