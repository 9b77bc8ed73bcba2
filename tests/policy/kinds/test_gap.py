"""The gap after a conversation, told as dated stories across changes of the clock.

Dates of clock changes in 2026: New York 8 March and 1 November, London 29 March and 25 October.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.policy.answers import Clearance, WaitUntil
from app.policy.facts import Facts
from app.policy.review import review
from tests.policy.contacts import (
    ANSWERED,
    CALL,
    NEW_YORK,
    POST,
    US,
    calls,
    local,
    reminder,
    rule_ids,
)

CONVERSATION = [
    # 12 CFR 1006.14(b)(2)(i)(B): the day of the conversation is day 1, the next call is day 8
    ("2026-06-01 09:00", "2026-06-01 09:05", False),
    ("2026-06-01 09:00", "2026-06-07 20:59", False),  # day 7
    ("2026-06-01 09:00", "2026-06-08 08:00", True),  # day 8
    ("2026-06-01 20:59", "2026-06-08 08:00", True),  # the hour of the conversation does not matter
    ("2026-03-05 20:59", "2026-03-11 20:59", False),  # across the spring clock change
    ("2026-03-05 20:59", "2026-03-12 08:00", True),
    ("2026-10-29 09:00", "2026-11-04 20:59", False),  # across the autumn clock change
    ("2026-10-29 09:00", "2026-11-05 08:00", True),
]


@pytest.mark.parametrize(("spoke", "at", "permitted"), CONVERSATION)
def test_us_next_call_on_day_8_after_a_conversation(spoke: str, at: str, permitted: bool) -> None:
    facts = Facts((NEW_YORK,), history=calls(NEW_YORK, spoke, result=ANSWERED))
    answer = review(reminder(CALL), facts, US, local(at, NEW_YORK))
    if permitted:
        assert isinstance(answer, Clearance)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule_ids(answer) == ["us.calls_after_conversation"]
        day_8 = date.fromisoformat(spoke[:10]) + timedelta(days=7)
        assert answer.at == local(f"{day_8} 08:00", NEW_YORK)


def test_us_a_call_nobody_answered_starts_no_gap_and_a_conversation_stops_no_letter() -> None:
    at = local("2026-06-02 09:00", NEW_YORK)
    unanswered = Facts((NEW_YORK,), history=calls(NEW_YORK, "2026-06-01 09:00"))
    answered = Facts((NEW_YORK,), history=calls(NEW_YORK, "2026-06-01 09:00", result=ANSWERED))
    assert isinstance(review(reminder(CALL), unanswered, US, at), Clearance)
    assert isinstance(review(reminder(POST, "1 Main St"), answered, US, at), Clearance)
