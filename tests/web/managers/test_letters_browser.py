"""The template desk in a real browser: it fits, and a screen reader can read it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.programs.ports import make_paper
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def test_the_pages_in_a_browser(desk: Desk, tab: Page) -> None:  # noqa: F811
    desk.app.state.ports = replace(desk.app.state.ports, paper=make_paper())
    log_in(tab, "mei")
    for name, path in {
        "letters": "/letters",
        "letters-sms": "/letters/first_reminder?channel=sms&language=en&beside=zh",
        "letters-post": "/letters/first_reminder?channel=post&language=nb&beside=id",
    }.items():
        tab.goto(path)
        assert_fits_and_is_accessible(tab)
        if folder := os.environ.get("DESK_TEST_SHOTS"):
            tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 700)")
