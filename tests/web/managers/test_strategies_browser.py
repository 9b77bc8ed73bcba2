"""Strategies in a real browser: readable at both widths, written and changed there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session

from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.ids import id_of
from app.outreach.strategy import service
from app.outreach.strategy.models import StrategyVersion
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.book import lived_in
from tests.web.desk import NOW, Desk
from tests.web.managers.test_strategies import TEXT, save
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def look(tab: Page, path: str) -> None:  # noqa: F811
    tab.goto(path)
    assert_fits_and_is_accessible(tab)
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        name = path.strip("/").split("?")[0].replace("/", "-")
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_the_pages_in_a_browser(desk: Desk, tab: Page) -> None:  # noqa: F811
    lived_in(desk.engine)
    changed = (
        TEXT + '[[segments]]\nid = "s"\nname = "Small"\ncondition = { past_due = { at_most = "20.00" } }\n'
    )
    changed += '[[segments.steps]]\nid = "ring"\nday = 9\naction = "call"\n'
    version = save(desk, changed)

    def start(session: Session) -> int:
        book = get_portfolio(session, builders.BOOK)
        challenger = session.get_one(StrategyVersion, version)
        letters = builders.catalog().letters
        return id_of(
            service.start_experiment(session, book, challenger, 50, letters, by=Actor.user("mei"), now=NOW)
        )

    log_in(tab, "mei")
    for path in ("/strategies?portfolio=CARDS", f"/strategies/versions/{version}", "/strategies/edit?portfolio=CARDS",
                 "/strategies/experiments/new?portfolio=CARDS&baseline=20"):  # fmt: skip
        look(tab, path)
    experiment = desk.write(start)
    look(tab, f"/strategies/experiments/{experiment}")
    tab.goto("/strategies/edit?portfolio=CARDS")
    tab.fill("#f-text", "[[steps]]\nid = 3\n")
    tab.click("text=Check it")
    tab.wait_for_selector("text=must be text in quotes")
    assert tab.input_value("#f-text") == "[[steps]]\nid = 3\n"
    tab.goto(f"/strategies/edit?portfolio=CARDS&base={version}")
    tab.click("text=Change late-sms")
    tab.fill("#f-day", "7")
    tab.click("text=Put it into the text")
    tab.wait_for_selector("text=As it is understood")
    assert "day = 7" in tab.input_value("#f-text")
