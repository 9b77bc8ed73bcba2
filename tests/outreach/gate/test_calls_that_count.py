"""Which calls caps count: one that rang at no number is an attempt and no call placed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.casework.results.rules import CallResult, Counts, Direction
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import past_contact
from app.policy.answers import Clearance
from app.policy.facts import Contact, ContactResult, Facts
from app.policy.packfile import shipped_packs
from app.policy.review import review

NOON = datetime(2026, 6, 8, 17, 0, tzinfo=UTC)


def logged(result: CallResult, counts: Counts = Counts.ATTEMPT, direction: Direction = Direction.OUT) -> str:
    return json.dumps({"result": result, "note": "", "number": "", "counts": counts, "direction": direction})


@pytest.mark.parametrize(
    ("result", "counts", "as_"),
    [
        (CallResult.BUSY, Counts.ATTEMPT, ContactResult.ATTEMPTED),
        (CallResult.OUT_OF_SERVICE, Counts.ATTEMPT, ContactResult.ATTEMPTED),
        (CallResult.NO_ANSWER, Counts.ATTEMPT, ContactResult.PLACED),
        (CallResult.VOICEMAIL, Counts.ATTEMPT, ContactResult.PLACED),  # connected: 12 CFR 1006.14(b)(3)(ii)
        (CallResult.WRONG_NUMBER, Counts.ANSWERED, ContactResult.PLACED),
        (CallResult.RIGHT_PARTY, Counts.CONVERSATION, ContactResult.ANSWERED),
    ],
)
def test_a_call_is_what_became_of_it(result: CallResult, counts: Counts, as_: ContactResult) -> None:
    assert past_contact(NOON, Channel.CALL, logged(result, counts)).result is as_


@pytest.mark.parametrize(
    ("result", "n", "passes"),
    [
        (CallResult.BUSY, 9, True),
        (CallResult.NO_ANSWER, 6, True),
        (CallResult.NO_ANSWER, 7, False),
    ],
)
def test_a_busy_line_does_not_count_towards_seven_calls_in_seven_days(
    result: CallResult, n: int, passes: bool
) -> None:
    """12 CFR 1006.14(b)(3)(ii) and its comment 14(b)(3)(ii)-1."""
    past = [past_contact(NOON - timedelta(hours=n), Channel.CALL, logged(result)) for n in range(n)]
    facts = Facts(("America/Chicago",), history=tuple(past))
    answer = review(
        Contact(Channel.CALL, Purpose.REMINDER, "+1"), facts, shipped_packs()["us-third-party"], NOON
    )
    assert isinstance(answer, Clearance) is passes


def test_places_that_count_attempts_count_a_busy_line() -> None:
    """D.C. Code 28-3814 and 6 RCNY 5-77 count attempts."""
    past = past_contact(NOON, Channel.CALL, logged(CallResult.BUSY))
    [cap] = [rule for rule in shipped_packs()["us-dc"].rules if rule.id == "us-dc.calls"]
    assert cap.counts == "attempted"  # type: ignore[attr-defined]
    assert past.result is ContactResult.ATTEMPTED
