"""The pages of digests and thresholds in a real browser: accessible, at both widths, in light and dark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.operations.digests.models import Digest
from app.operations.digests.rules import DigestCadence, DigestStatus, DigestWay
from app.operations.digests.service import add_recipient
from app.operations.thresholds.rules import ThresholdTest
from app.operations.thresholds.service import judge, set_threshold
from tests.operations.digests.story import MEI, the_book
from tests.web.axe import PHONE, assert_fits_and_is_accessible
from tests.web.book import LAST_ON, lived_in
from tests.web.desk import NOW, Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from sqlmodel import Session

LAPTOP = 1366
__all__ = ["desk", "tab"]  # fixtures


def fill(session: Session) -> None:
    """A manager whose digest did not arrive, a webhook, a crossed threshold and one of a slice."""
    book = the_book(session)
    given = {"cadence": DigestCadence.DAILY, "private": False, "by": MEI, "now": NOW}
    person = add_recipient(
        session, book, DigestWay.EMAIL, username="mei", email="mei.lin.chen@desk.example", **given
    )
    add_recipient(session, book, DigestWay.WEBHOOK, url="https://hooks.example/services/desk", **given)
    problem = "mail server refused the recipient: 450 4.2.1"
    session.add(
        Digest(
            recipient_id=person.id, business_date=LAST_ON, key="digest-1", content="", made_at=NOW, next_at=NOW,
            status=DigestStatus.FAILED, attempts=9, problem=problem,
        )
    )  # fmt: skip
    for name, limit, dimension, member in (
        ("overdue_rate_accounts_30", "12.5 %", "", ""),
        ("overdue_rate_balance_1", "90 %", "bucket", "30-59"),
    ):
        set_threshold(
            session,
            book,
            name,
            limit,
            dimension=dimension,
            member=member,
            test=ThresholdTest.ABOVE,
            by=MEI,
            now=NOW,
        )
    judge(session, book, LAST_ON, now=NOW)


def test_digests_and_thresholds(desk: Desk, tab: Page) -> None:  # noqa: F811
    lived_in(desk.engine)
    log_in(tab, "mei")
    desk.write(fill)
    for path in ("/digests", "/thresholds"):
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            tab.set_viewport_size({"width": LAPTOP, "height": 768})
            tab.goto(path)
            tab.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true })")
            if folder := os.environ.get("DESK_TEST_SHOTS"):
                for width in (PHONE, LAPTOP):
                    tab.set_viewport_size({"width": width, "height": 768})
                    name = f"{path.strip('/')}-{scheme}-{width}.png"
                    tab.screenshot(path=str(Path(folder) / name), full_page=True)
            assert_fits_and_is_accessible(tab)
    tab.fill("#f-limit", "a lot")
    tab.click("button:has-text('Set the threshold')")
    tab.wait_for_selector("text=Enter a percentage such as 12.5 %")
    assert tab.input_value("#f-limit") == "a lot"
    assert_fits_and_is_accessible(tab)
