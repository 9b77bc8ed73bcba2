"""A time over midnight that does not suit a customer: typed by an agent like by the customer, and shown once."""

from __future__ import annotations

import re

from sqlmodel import select

from app.outreach.gate.models import ContactPreference
from tests.scenarios.desk_day.formosa import LAI, Formosa


def spans(day: Formosa) -> list[tuple[int, int]]:
    rows = day.desk.read(lambda s: s.scalars(select(ContactPreference)).all())
    return [(row.start_minute, row.end_minute) for row in rows if row.ended_at is None]


def test_an_agent_enters_a_time_over_midnight_and_it_is_one_line(day: Formosa) -> None:
    """Bug 27: 18:00 to 09:00 was refused, and stood there as two lines where the customer had chosen it."""
    night = {"kind": "inconvenient_time", "start": "18:00", "end": "09:00", "source": "works nights"}
    day.send(LAI, "preferences", **night)
    assert spans(day) == [(1080, 1440), (0, 540)]
    page = day.case_text(LAI)
    assert page.count("not from 18:00 to 09:00") == 1
    assert "24:00" not in page
    assert "not from 00:00" not in page


def test_taking_it_back_takes_back_the_whole_night(day: Formosa) -> None:
    """Bug 27: both halves of the night are one preference."""
    night = {"kind": "inconvenient_time", "start": "18:00", "end": "09:00", "source": "works nights"}
    day.send(LAI, "preferences", **night)
    found = re.search(r"/preferences/(\d+)/end", day.ben.get(f"/cases/{day.case(LAI)}").text)
    assert found is not None
    day.send(LAI, f"preferences/{found[1]}/end", reason="Works by day now")
    assert spans(day) == []
    assert "18:00" not in day.case_text(LAI, "?tab=accounts")


def test_a_time_that_ends_where_it_begins_is_refused_in_words(day: Formosa) -> None:
    """Bug 27: an empty span says what to enter."""
    page = day.refused(LAI, "preferences", kind="inconvenient_time", start="09:00", end="09:00", source="x")
    assert "two different times" in page
    assert spans(day) == []
