"""What axe says of a page in a real browser, and whether it fits: the one place that asks."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

DESK, PHONE = 1440, 390
"""Widths, in pixels."""


def violations(tab: Page) -> list[str]:
    """Each rule the page breaks, with the element."""
    found: list[dict[str, Any]] = Axe().run(tab).response["violations"]
    return [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"]]


def assert_fits_and_is_accessible(tab: Page, narrowest: int = PHONE) -> None:
    """At a desk and at `narrowest` nothing is wider than the window. Axe, most of the time such a test takes, reads
    the narrow page: everything the wide one has is there too, closer together."""
    for width in (DESK, narrowest):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert violations(tab) == [], tab.url
