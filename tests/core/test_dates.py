"""Months are counted as calendars do."""

from datetime import date

import pytest

from app.core.dates import add_months, minute_of_day, month_start


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 0, "2026-01-31"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2026-11-15", 2, "2027-01-15"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2025-05-31", 9, "2026-02-28"),
        ("2026-03-15", -60, "2021-03-15"),
        ("2026-03-31", -1, "2026-02-28"),
    ],
)
def test_a_month_without_the_day_uses_its_last(start: str, months: int, end: str) -> None:
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(end)


def test_the_first_day_of_a_month() -> None:
    assert month_start(date(2024, 2, 29)) == date(2024, 2, 1)


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("00:00", 0), ("7:05", 425), (" 17:00 ", 1020), ("23:59", 1439), ("24:00", 1440),
        ("24:01", None), ("25:00", None), ("17:60", None), ("17", None), ("17:", None), (":30", None), ("7:5", None),
        ("-1:30", None), ("١٧:٠٠", None), ("", None),
    ],
)  # fmt: skip
def test_the_minute_of_a_day(text: str, minute: int | None) -> None:
    assert minute_of_day(text) == minute
