"""Words of a row that need no database: last contact and the answer to "may I call now?"."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from babel import Locale

from app.core.vocabulary import Channel
from app.web.timeline import PageReader
from app.web.worklist.why import callable_words, last_contact
from app.worklist.facts import LastContact
from app.worklist.verdicts import Callable

READER = PageReader(Locale("en", "GB"), "TWD", "Asia/Taipei")
TODAY = date(2026, 11, 29)
NOON = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Callable("yes", NOON + timedelta(hours=10)), "yes to 22:00"),
        (Callable("yes", NOON + timedelta(hours=10), timezone="Asia/Tokyo"), "yes to 23:00"),
        (Callable("yes"), "yes"),
        (Callable("wait", NOON + timedelta(hours=2)), "from 14:00"),
        (Callable("wait", NOON + timedelta(days=2)), "from Tue 12:00"),
        (Callable("wait", NOON + timedelta(days=8)), "from 7 Dec"),
        (Callable("no"), "no"),
        (Callable("no", review_on=date(2027, 1, 5)), "no, review 5 Jan 2027"),
    ],
)
def test_an_answer_is_told_by_the_customers_clock(answer: Callable, words: str) -> None:
    assert callable_words(answer, TODAY, READER) == words


@pytest.mark.parametrize(
    ("contact", "words"),
    [
        (None, "never"),
        (LastContact(NOON - timedelta(hours=1), Channel.SMS), "today, SMS"),
        (LastContact(NOON - timedelta(days=1), Channel.CALL, "busy", "Busy", calls=3), "Sat, busy (3 calls)"),
        (
            LastContact(
                NOON - timedelta(days=20), Channel.CALL, "promised", "Promise", reached=True, calls=2
            ),
            "9 Nov, RPC: promise",
        ),
    ],
)
def test_the_last_contact_says_whether_the_right_party_was_reached(
    contact: LastContact | None, words: str
) -> None:
    assert last_contact(contact, TODAY, READER) == words
