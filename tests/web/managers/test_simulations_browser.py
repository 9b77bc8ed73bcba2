"""A simulation in a real browser: started, followed, read, and accessible at both widths."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.core.actor import Actor
from app.operations.simulation import service
from app.outreach.strategy.service import save_version
from tests import builders
from tests.operations.simulation.in_turn import one_after_another
from tests.web.desk import Desk, letters
from tests.web.managers.test_managers_browser import check
from tests.web.managers.test_simulations import CALLER, FIRST
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def test_a_manager_starts_one_and_reads_it(
    desk: Desk,  # noqa: F811
    tab: Page,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def book(session: builders.Session) -> None:
        cards = builders.portfolio(session)
        for n in range(12):
            builders.late_customer(session, cards, due_on=FIRST - timedelta(days=1 + 6 * n))
        save_version(session, cards, "caller", CALLER, letters(), "", by=Actor.user("mei"), now=builders.NOW)

    monkeypatch.setattr(service, "in_processes", one_after_another)
    desk.write(book)
    builders.close_day(desk.engine, FIRST - timedelta(days=1))
    tab.emulate_media(reduced_motion="reduce")  # four charts that move keep a busy machine from following
    log_in(tab, "mei")
    tab.goto("/simulations")
    check(tab, "/simulations")
    tab.select_option("[name=candidate]", "caller@1")
    tab.click("button:has-text('Start')")
    tab.wait_for_selector("text=Side by side", timeout=60_000)
    path = "/simulations/" + tab.url.rpartition("/")[2]
    check(tab, path)
    check(tab, f"{path}/contacts")
