"""Months are counted as calendars do."""

from datetime import date

import pytest

from app.core.dates import add_months, month_start


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
