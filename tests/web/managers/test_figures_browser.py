"""The managers' pages in light, dark and print, and at a zoom of 400 %, in a real browser.

At 400 % a window of 1280 pixels has 320 of them: text must flow into that width, and only tables, charts and code may
be moved sideways (WCAG 2.2, 1.4.10 Reflow). Nothing may be cut off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import raise_alert
from app.outreach.outbox.models import Heartbeat
from app.reporting.returns.service import freeze_return
from tests import builders
from tests.web.axe import violations
from tests.web.book import FIRST_ON, LAST_ON, LOST, lived_in
from tests.web.desk import Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from sqlmodel import Session

__all__ = ["desk", "tab"]  # fixtures

ZOOMED = 320
CHARTS_FIT = "[...document.querySelectorAll('canvas')].every(each => each.clientWidth <= innerWidth)"
"""A chart is drawn again once its page has another width."""
PAGES = (
    "/morning?portfolio=CARDS",
    "/dashboard?portfolio=CARDS",
    f"/figures/overdue_rate_balance_1?portfolio=CARDS&date={LAST_ON}",
    f"/figures/recovery_rate?portfolio=CARDS&date={LAST_ON}&part=denominator",
    f"/figures/refusal_rate?portfolio=CARDS&date={LAST_ON}&dimension=bucket&member=1-29&part=denominator",
    f"/dashboard/accounts?portfolio=CARDS&on={LAST_ON}&days=90",
    f"/dashboard/movements?portfolio=CARDS&kind=paid&first={FIRST_ON}&last={LAST_ON}",
    "/trends?portfolio=CARDS&figure=overdue_rate_balance_1&dimension=bucket",
    "/trends/flow?portfolio=CARDS",
    "/trends/roll-forward?portfolio=CARDS",
    "/trends/cohorts?portfolio=CARDS&curve=late-30",
    "/trends/classes?portfolio=CARDS",
    "/returns?portfolio=CARDS",
    "/returns/uk-complaints?portfolio=CARDS",
    "/returns/uk-arrears?portfolio=CARDS",
    f"/returns/cn-card-tiers?portfolio=CARDS&date={LAST_ON}",
    f"/returns/cn-card-tiers/lines?portfolio=CARDS&date={LAST_ON}&row=all&measure=balance",
    "/returns/frozen/1",
    "/returns/frozen/1/lines?row=all&measure=balance",
    "/people?portfolio=CARDS",
    "/forecast?portfolio=CARDS",
    "/peers?portfolio=CARDS",
    "/satisfaction?portfolio=CARDS",
    "/risk?portfolio=CARDS",
    "/strategies?portfolio=CARDS",
    "/strategies/edit?portfolio=CARDS",
    "/strategies/control?portfolio=CARDS",
    "/contact-rules?portfolio=CARDS",
    "/contacts",
    "/duties",
    "/results?portfolio=CARDS",
    "/letters",
    "/simulations",
    "/outbox",
    "/suppressed",
    "/alerts",
    "/digests",
    "/thresholds?portfolio=CARDS",
)

CUT_OFF = """() => [...document.querySelectorAll("main *, header *")].filter((each) => {
  const style = getComputedStyle(each);
  return each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1
    && ["hidden", "clip"].includes(style.overflowX)
    && !each.matches("pre, textarea, input, select, .visually-hidden, .visually-hidden *");
}).map((each) => each.outerHTML.slice(0, 160))"""
"""Elements whose content is wider than they are and cannot be reached."""
SIDEWAYS = """() => [...document.querySelectorAll("body, body *")].filter((each) => {
  const style = getComputedStyle(each);
  return each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1
    && ["auto", "scroll"].includes(style.overflowX)
    && !each.matches("pre, textarea, input, select, canvas") && !each.querySelector("table, canvas, pre, svg");
}).map((each) => each.outerHTML.slice(0, 160))"""
"""Elements that are moved sideways although nothing in them is a table, a chart or code."""


@pytest.fixture
def lived(desk: Desk) -> None:  # noqa: F811
    lived_in(desk.engine, LOST)
    now = desk.clock.now()
    desk.write(lambda session: builders.portfolio(session, "OTHER"))
    desk.write(lambda session: session.add(Heartbeat(worker="box-1", at=now, started_at=now)))

    def freeze(session: Session) -> None:
        book = get_portfolio(session, builders.BOOK)
        freeze_return(session, book, "cn-card-tiers", LAST_ON, by=Actor.user("mei"), now=now)
        raise_alert(session, AlertKind.DAY_FAILED, builders.BOOK, "2026-03-02 could not be closed.", now=now)

    desk.write(freeze)


def look(tab: Page, path: str) -> list[str]:  # noqa: F811
    """What is wrong with a page; DESK_TEST_SHOTS keeps pictures."""
    tab.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
    tab.set_viewport_size({"width": 1280, "height": 900})
    answer = tab.goto(path)
    if answer is None or answer.status != 200:
        return [f"{path}: status {answer and answer.status}"]
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    if tab.locator("canvas").count():
        tab.wait_for_function(
            "Object.keys(Chart.instances).length === document.querySelectorAll('canvas').length"
        )
    faults = []
    looks: tuple[tuple[str, Literal["screen", "print"], Literal["light", "dark"]], ...] = (
        ("light", "screen", "light"), ("dark", "screen", "dark"), ("print", "print", "dark"),
    )  # fmt: skip
    for name, media, scheme in looks:
        tab.emulate_media(
            media=media, color_scheme=scheme, reduced_motion="reduce"
        )  # colours are there at once
        keep(tab, path, name)
        faults += [f"{path}, {name}: {broken}" for broken in violations(tab)]
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": ZOOMED, "height": 256})
    for _ in range(100):
        tab.wait_for_timeout(50)
        if tab.evaluate(CHARTS_FIT):
            break
    keep(tab, path, "zoom")
    width = tab.evaluate("document.documentElement.scrollWidth")
    if width > ZOOMED:
        faults.append(f"{path}, 400 %: {width} pixels wide")
    faults += [f"{path}, 400 %: cut off: {what}" for what in tab.evaluate(CUT_OFF)]
    faults += [f"{path}, 400 %: moved sideways: {what}" for what in tab.evaluate(SIDEWAYS)]
    return faults


def keep(tab: Page, path: str, name: str) -> None:  # noqa: F811
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        file = path.strip("/").split("?")[0].replace("/", "-")
        tab.screenshot(path=str(Path(folder) / f"{file}-{name}.png"), full_page=True)


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize("share", range(2))
def test_managers_pages_in_light_dark_and_print_and_at_400_percent(tab: Page, share: int) -> None:  # noqa: F811
    log_in(tab, "mei")
    faults = [fault for path in PAGES[share::2] for fault in look(tab, path)]
    assert not faults, "\n".join(faults)
