"""The whole answer: every reason, the first moment that is permitted, and what is refused."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest

from app.core.vocabulary import HoldKind
from app.outreach.gate.decisions import reason_data
from app.outreach.gate.events import ContactRefused
from app.policy.answers import Reason, Refusals, WaitUntil, told_once
from app.policy.facts import Facts, Hold
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    ANSWERED,
    CALL,
    LONDON,
    NEW_YORK,
    SEVEN_CALLS,
    SMS,
    UK,
    US,
    calls,
    local,
    reminder,
    rule_ids,
)


def test_every_reason_is_told_the_waiting_ones_too() -> None:
    facts = Facts(
        (NEW_YORK,),
        consent={CALL: False},
        holds=(Hold(HoldKind.DISPUTE, local("2026-06-01 09:00", NEW_YORK), None),),
        history=SEVEN_CALLS + calls(NEW_YORK, "2026-06-07 20:30", result=ANSWERED),
    )
    answer = review(reminder(CALL, ""), facts, US, local("2026-06-07 22:00", NEW_YORK))
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == [
        "desk.no_address",
        "us.hours",
        "us.calls_7in7",
        "us.calls_after_conversation",
        "us.medium_preference",
        "us.dispute_hold",
    ]
    assert all(reason.citation for reason in answer.reasons)


def test_a_wait_for_one_rule_may_run_into_another() -> None:
    """The hold ends at 23:00, when the hours are closed: the answer is the next morning."""
    ends = local("2026-06-03 23:00", LONDON)
    facts = Facts((LONDON,), holds=(Hold(HoldKind.MANUAL, local("2026-06-01 00:00", LONDON), ends),))
    answer = review(reminder(), facts, UK, local("2026-06-02 12:00", LONDON))
    assert isinstance(answer, WaitUntil)
    assert answer.at == local("2026-06-04 08:00", LONDON)
    assert rule_ids(answer) == ["house.holds"]


def test_a_wait_that_ends_inside_an_open_hold_is_a_refusal_that_says_so() -> None:
    tomorrow = Hold(HoldKind.BANKRUPTCY, local("2026-06-02 00:00", NEW_YORK), None)
    answer = review(
        reminder(), Facts((NEW_YORK,), holds=(tomorrow,)), US, local("2026-06-01 22:00", NEW_YORK)
    )
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == ["us.hours", "us.bankruptcy_stay"]


@pytest.mark.parametrize(("days", "answers"), [(59, WaitUntil), (60, WaitUntil), (61, Refusals)])
def test_a_wait_beyond_sixty_days_is_a_refusal(days: int, answers: type) -> None:
    now = local("2026-06-01 12:00", LONDON)
    hold = Hold(HoldKind.MANUAL, now - timedelta(days=1), now + timedelta(days=days))
    assert isinstance(review(reminder(), Facts((LONDON,), holds=(hold,)), UK, now), answers)


UNKNOWN_ZONES = [
    (),
    ("Mars/Olympus",),
    ("",),
    ("America",),
    ("../etc/passwd",),
    (NEW_YORK, "Nowhere"),
    ("\0",),
]


@pytest.mark.parametrize("zones", UNKNOWN_ZONES)
def test_an_unknown_time_zone_is_a_refusal_not_an_accident(zones: tuple[str, ...]) -> None:
    answer = review(reminder(), Facts(zones), US, local("2026-06-01 12:00", NEW_YORK))
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == ["desk.timezone_unknown"]


def test_a_naive_now_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        review(reminder(), Facts((NEW_YORK,)), US, datetime(2026, 6, 1, 12, 0))


@pytest.mark.parametrize("pack", ["us-third-party", "us-first-party"])
def test_one_wish_is_told_once_with_the_citation_of_each_rule(pack: str) -> None:
    """A no to texts is a no by 12 CFR 1006.14(h)(1) and by 47 CFR 64.1200(a)(10): both are on record, a person reads of
    one."""
    facts = Facts((NEW_YORK,), consent={SMS: False})
    answer = review(reminder(SMS), facts, shipped_packs()[pack], local("2027-02-01 12:00", NEW_YORK))
    assert isinstance(answer, Refusals)
    assert len(answer.reasons) > 1
    [told] = told_once(answer.reasons)
    assert told.detail == "opted out of sms"
    assert "47 CFR 64.1200(a)(10)" in told.citation
    assert len(told.citation.split("; ")) == len(set(told.citation.split("; ")))
    entry = ContactRefused({"reasons": [reason_data(reason) for reason in answer.reasons]})
    [read] = entry.reasons
    assert (read["detail"], read["citation"]) == (told.detail, told.citation)


def test_what_is_told_once_ends_with_the_last_of_its_reasons() -> None:
    first, last = local("2026-06-01 12:00", LONDON), local("2026-06-02 12:00", LONDON)
    one = Reason("a", "Act s 1", "wait", "law", verified=True, until=first)
    other = Reason("b", "Act s 2", "wait", "law", verified=False, until=last)
    assert told_once([one, other]) == (
        Reason("a", "Act s 1; Act s 2", "wait", "law", verified=False, until=last),
    )
    assert told_once([one, dataclasses.replace(other, until=None)])[0].until is None
