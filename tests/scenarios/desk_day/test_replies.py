"""Replies: the count of the menu is the count of the lists; times are those of the portfolio."""

from __future__ import annotations

import re

from tests.scenarios.desk_day.formosa import LAI, LU, Formosa


def test_the_menu_counts_what_the_lists_of_replies_hold(day: Formosa) -> None:
    """Bug 26: Replies 8 in the menu, "Waiting (7)" on the page."""
    day.write_in("I paid last week", LAI, "SM1")
    day.write_in("who is this?", LU, "SM2")
    day.write_in("wrong person?", "", "SM3")
    page = day.text("/replies")
    waiting = re.search(r"Replies (\d+) waiting", page)
    assert waiting is not None
    lists = re.findall(r"(From customers|From unknown numbers) \((\d+)\)", page)
    assert dict(lists) == {"From customers": "2", "From unknown numbers": "1"}
    assert int(waiting[1]) == 3
    assert "Waiting (2)" not in page


def test_a_message_of_an_unknown_number_has_the_desks_own_time(day: Formosa) -> None:
    """Bug 26: messages of unknown numbers had their time in UTC."""
    day.write_in("who is this?", "", "SM3")
    page = day.text("/replies?show=unknown")
    assert "Mar 2, 2026, 5:00 PM" in page
    assert "UTC" not in page
    number = re.search(r'href="/replies/(\d+)"', day.ben.get("/replies?show=unknown").text)
    assert number is not None
    assert "UTC" not in day.text(f"/replies/{number[1]}")
