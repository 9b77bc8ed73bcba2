"""When a customer wants to be called, read from a few plain words, and what is not read."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.core.vocabulary import Channel
from app.inbound.phrases.wishes import UnwantedTime, unwanted_time, wished_time

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


CALL, SMS = Channel.CALL, Channel.SMS


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Don't call before 10", (CALL, 0, 600)),
        ("please do not call me before 10am, I work nights", (CALL, 0, 600)),
        ("DON’T CALL ME BEFORE 9:30", (CALL, 0, 570)),
        ("never ring after 6pm", (CALL, 1080, 1440)),
        ("no calls after 18:00 please", (CALL, 1080, 1440)),
        ("don't text me before noon", None),  # a word for a time is for a person
        ("dont text after 8 p.m.", (SMS, 1200, 1440)),
        ("Do not contact me before 8:30 a.m.", (None, 0, 510)),
        ("bel mij niet voor 10 uur", (CALL, 0, 600)),
        ("ikke ring meg før kl. 11", (CALL, 0, 660)),
        ("jangan telepon saya sebelum jam 10", (CALL, 0, 600)),
        *((f"Please do not call me after {hour}:00", (CALL, hour * 60, 1440)) for hour in range(13, 24)),
        ("don't call after 20", (CALL, 1200, 1440)),
        ("do not text me after 22.", (SMS, 1320, 1440)),
        ("sms niet na 21:30", (SMS, 1290, 1440)),
        ("bel niet na 20 uur", (CALL, 1200, 1440)),
        ("ikke ring etter kl. 20:30", (CALL, 1230, 1440)),
        ("jangan telepon saya setelah jam 20.00", (CALL, 1200, 1440)),
        ("do not call before 10 in the morning", (CALL, 0, 600)),
    ],
)
def test_a_time_that_does_not_suit_is_read(words: str, told: tuple[Channel | None, int, int] | None) -> None:
    assert unwanted_time(words) == (UnwantedTime(*told) if told else None)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "don't call",
        "call me before 10",
        "don't call after 6",  # in the morning or in the evening
        "don't call before 3",
        "don't call before 10 on Mondays",
        "don't call before 10 or after 18:00",  # two times
        "don't call before 10, call me at 15:00",
        "don't call before 10 tomorrow",
        "I don't call before 10 people have paid 20",
        "don't call before 25",
        "don't call before 0:00",
        "never call before 10 days",
        "don't contact me before 12 months have passed",
        "do not call after 20 days",
        "do not call before 12 hours have passed",
        "don't call before 24 hours",
        "don't call before 12/12",
        "don't call after 20-12",
        "do not call before 10 next week",
        "bel niet voor 12 maanden",
        "ikke ring før 10 dager",
        "jangan telepon saya sebelum 10 hari",
        "do not call before 10 in the evening",
        "jangan telepon saya sebelum jam 10 malam",
        "I do not call after 20:00",
        "x" * 300 + " don't call before 10",
    ],
)
def test_a_time_that_is_not_plain_is_left_to_a_person(words: str) -> None:
    assert unwanted_time(words) is None
