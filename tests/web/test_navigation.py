"""The navigation: each role sees its own areas, and where in them the page is."""

from __future__ import annotations

import re

import pytest

from app.core.staff.rules import Role
from app.web.navigation import NAV, NavArea, current_entry, navigation
from tests.web.desk import Desk

EVERY_PATH = frozenset(item.path for entries in NAV.values() for item in entries)


@pytest.mark.parametrize(
    ("role", "areas"),
    [
        (Role.AGENT, ["Work", "Customers", "Reporting", "Set-up"]),
        (Role.MANAGER, ["Work", "Customers", "Legal", "Reporting", "Set-up"]),
        (Role.LEGAL, ["Customers", "Legal", "Set-up"]),
        (Role.ADMIN, ["Work", "Set-up"]),
    ],
)
def test_each_role_sees_its_own_areas(role: Role, areas: list[str]) -> None:
    found = navigation(role, EVERY_PATH)
    assert [area.label for area in found] == areas
    assert all(role in item.roles for area in found for item in area.items)


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/outbox", "/outbox"),
        ("/outbox/7/retry", "/outbox"),
        ("/outbox/sending", "/outbox/sending"),
        ("/figures/roll_rate", "/dashboard"),
        ("/account", ""),
        ("/cases/7", ""),
    ],
)
def test_a_page_belongs_to_its_nearest_entry(path: str, entry: str) -> None:
    every = [NavArea(area.value, items) for area, items in NAV.items()]
    assert current_entry(path, every) == entry


def test_the_area_of_the_page_is_open_and_says_where_one_is(sqlite_desk: Desk) -> None:
    page = sqlite_desk.sign_in(Role.MANAGER).get("/strategies").text
    open_areas = re.findall(r'<details class="area" open>\s*<summary><span class="area-name">([^<]+)', page)
    assert open_areas == ["Work", "Set-up"]
    assert page.count("aria-current") == 1
    assert '<a href="/strategies" aria-current="page">' in page
