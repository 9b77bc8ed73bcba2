"""The managers' and legal pages in a real browser: accessible, within the policy, and usable at both widths."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.book.ledger.models import Customer
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.legal.bundle.service import Seal
from app.outreach.outbox.models import Heartbeat
from tests import builders
from tests.legal.builders import KEY, no_page
from tests.web.axe import DESK, PHONE, assert_fits_and_is_accessible, violations
from tests.web.book import LAST_ON, LOST, lived_in
from tests.web.desk import NOW, Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


@pytest.fixture
def lived(desk: Desk) -> None:  # noqa: F811
    """The book, a worker, and a second portfolio that is still empty."""
    lived_in(desk.engine, LOST)
    now = desk.clock.now()
    desk.write(lambda session: builders.portfolio(session, "OTHER"))
    desk.write(lambda session: session.add(Heartbeat(worker="box-1", at=now, started_at=now)))
    desk.app.state.ports = replace(desk.app.state.ports, seal=Seal(KEY, no_page))


def check(tab: Page, path: str) -> None:  # noqa: F811
    """With everything that opens open. DESK_TEST_SHOTS keeps pictures."""
    tab.set_viewport_size({"width": DESK, "height": 900})
    tab.goto(path)
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    if tab.locator("canvas").count():
        tab.wait_for_function(
            "Object.keys(Chart.instances).length === document.querySelectorAll('canvas').length"
        )
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        for width in (PHONE, DESK):
            tab.set_viewport_size({"width": width, "height": 900})
            name = path.strip("/").split("?")[0].replace("/", "-")
            tab.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)
    assert_fits_and_is_accessible(tab)


@pytest.mark.usefixtures("lived")
def test_a_managers_pages(tab: Page) -> None:  # noqa: F811
    log_in(tab, "mei")
    for path in (
        "/morning?portfolio=CARDS",
        "/trends?portfolio=CARDS&figure=overdue_rate_balance_1&dimension=bucket",
        "/trends/flow?portfolio=CARDS",
        "/trends/roll-forward?portfolio=CARDS",
        "/trends/cohorts?portfolio=CARDS&curve=late-30",
        "/trends/classes?portfolio=CARDS",
        "/returns?portfolio=CARDS",
        "/returns/uk-complaints?portfolio=CARDS",
        "/returns/uk-arrears?portfolio=CARDS",
        f"/returns/cn-card-tiers/lines?portfolio=CARDS&date={LAST_ON}&row=all&measure=balance",
        "/dashboard?portfolio=CARDS",
        "/dashboard?portfolio=OTHER",
        f"/dashboard/accounts?portfolio=CARDS&on={LAST_ON}&days=1",
        f"/dashboard/movements?portfolio=CARDS&kind=paid&first=2026-02-01&last={LAST_ON}",
        "/contacts",
        "/outbox",
        "/legal",
        "/legal/1",
    ):
        check(tab, path)


@pytest.mark.usefixtures("lived")
def test_a_manager_settles_an_unknown_message_and_stops_a_channel(tab: Page) -> None:  # noqa: F811
    log_in(tab, "mei")
    tab.goto("/outbox")
    tab.click("text=It was not sent")
    tab.wait_for_selector("text=It is on record as not sent")
    assert not tab.locator("text=may or may not have left").count()
    tab.locator("tr", has_text="SMS").locator("summary", has_text="Stop").first.click()
    tab.fill("#stop-sms", "wrong words")
    tab.press("#stop-sms", "Enter")
    tab.wait_for_selector("text=SMS: stopped")
    assert violations(tab) == []
    tab.click("button:has-text('Start')")
    tab.wait_for_selector("text=SMS: started")


@pytest.mark.usefixtures("lived")
def test_the_legal_team_takes_a_case(tab: Page) -> None:  # noqa: F811
    log_in(tab, "lars")
    tab.wait_for_url("**/legal")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/legal/1")
    tab.click("button:has-text('Approve')")
    tab.wait_for_selector("text=Build the bundle next")
    for gap in tab.query_selector_all("textarea[name^='excuse.']"):
        gap.fill("the court sets a date on Friday")
    tab.click("button:has-text('Build')")
    tab.wait_for_selector("text=is sealed")
    with tab.expect_download() as started:
        tab.click("text=Download")
    assert started.value.suggested_filename.endswith(".zip")
    tab.click("text=Verify")
    tab.wait_for_selector("text=every byte is as it was sealed")
    check(tab, "/legal/1?verified=1")
    check(tab, "/legal?status=approved")


def test_the_unsubscribe_page(desk: Desk, tab: Page) -> None:  # noqa: F811
    def link(session: builders.Session) -> str:
        case = builders.delinquent_case(session, due_on=LAST_ON, on=LAST_ON)
        catalog = desk.app.state.ports.catalog
        return str(catalog.links.url(case.customer_id, builders.Channel.EMAIL, on=LAST_ON))

    url = desk.write(link)
    check(tab, url.removeprefix(desk.settings.public_url))
    tab.fill("#q-from", "18:00")
    tab.fill("#q-to", "08:00")
    tab.click("section:has(#q-from) button")
    tab.wait_for_selector("text=Saved. This applies from now on.")
    assert (tab.input_value("#q-from"), tab.input_value("#q-to")) == ("18:00", "08:00")
    tab.select_option("#l-language", "nl")
    tab.click("section:has(#l-language) button")
    tab.wait_for_selector("text=Opgeslagen")
    tab.click("text=Stop e-mails")
    tab.wait_for_selector("text=stuurt u geen e-mails meer")


def test_the_replies_pages(desk: Desk, tab: Page) -> None:  # noqa: F811
    def write(session: builders.Session) -> int | None:
        case = builders.delinquent_case(session, due_on=LAST_ON, on=LAST_ON)
        customer = session.get_one(Customer, case.customer_id)
        arrived = Arrived("SM1", customer.mobile, "+15550100", "leave me alone, wrong number")
        message = receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)
        assert message is not None
        return message.id

    log_in(tab, "mei")
    number = desk.write(write)
    check(tab, "/replies")
    check(tab, f"/replies/{number}")
    tab.click("text=Confirm and keep the block")
    tab.wait_for_selector("text=No message waits for an answer")
    assert violations(tab) == []
