"""When a customer wants to be called, read from a few plain words, and what is not read."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.inbound.phrases.wishes import wished_time

TAIPEI = ZoneInfo("Asia/Taipei")
FRIDAY = datetime(2026, 11, 27, 14, 0, tzinfo=TAIPEI)


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ("please call me tomorrow at 3pm", "2026-11-28 15:00"),
        ("weekdays after 18:00", "2026-11-27 18:00"),
        ("weekdays after 13:00", "2026-11-30 13:00"),
        ("Call me on Monday 9.30 a.m.", "2026-11-30 09:30"),
        ("Friday 15:30", "2026-11-27 15:30"),
        ("friday 13:30", "2026-12-04 13:30"),
        ("at 15:00 please", "2026-11-27 15:00"),
        ("at 13:00", "2026-11-28 13:00"),
        ("2026-12-01 10:00", "2026-12-01 10:00"),
        ("明天下午3點", "2026-11-28 15:00"),
        ("morgen om 15 uur", "2026-11-28 15:00"),
        ("i morgen kl. 15", "2026-11-28 15:00"),
        ("besok jam 15.00", "2026-11-28 15:00"),
    ],
)
def test_one_day_and_one_time_are_read(words: str, at: str) -> None:
    assert wished_time(words, FRIDAY) == datetime.fromisoformat(at).replace(tzinfo=TAIPEI)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "call me",
        "tomorrow",
        "tomorrow at 3",  # in the morning or in the afternoon
        "today at 13:00",  # that is over
        "not before 10:00",
        "between 14:00 and 16:00",
        "before 15:00",
        "tomorrow or monday at 15:00",
        "next tuesday 15:00",
        "3 Dec 15:00",
        "12/03 at 15:00",
        "Dienstag um 15:00",  # a day in words that are not known here
        "call 0912 345 678",
        "5pm is best",
        "tomorrow at 25:00",
        "明天3點",
        "x" * 5000,
    ],
)
def test_anything_else_stays_in_their_words(words: str) -> None:
    assert wished_time(words, FRIDAY) is None
