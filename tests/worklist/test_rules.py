"""The order in which `Next` offers cases, and which it may open at all: rules without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance, Reason, Refusals, WaitUntil
from app.policy.facts import Contact
from app.worklist.rules import RESTING, STATES, WORK, Section, in_turn, is_offered, sections_of
from app.worklist.verdicts import verdict_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ZONE = "Asia/Taipei"


def test_work_stands_in_the_order_in_which_an_agent_does_it() -> None:
    assert [section.name for section in WORK] == [
        "CALLBACK_DUE", "REPLY", "CALLBACK_LATER", "PROMISE_MISSED", "PROMISE_DUE", "CALL", "TASK",
    ]  # fmt: skip
    assert set(WORK) | set(RESTING) == set(Section)
    assert sorted(section for sections in STATES.values() for section in sections) == sorted(Section), (
        "every section has one name in addresses"
    )
    assert sections_of("") == WORK
    assert sections_of("nothing of ours") is None


@pytest.mark.parametrize(
    ("after", "turn"),
    [
        (None, [1, 2, 3, 4]),
        (2, [3, 4, 1]),
        (4, [1, 2, 3]),
        (9, [1, 2, 3, 4]),  # its work is done, so it left the list
    ],
)
def test_the_next_case_is_the_one_behind_and_then_from_the_top(after: int | None, turn: list[int]) -> None:
    assert list(in_turn([1, 2, 3, 4], after)) == turn


@pytest.mark.parametrize(
    ("section", "verdict", "offered"),
    [
        (Section.CALLBACK_DUE, "wait", True),
        (Section.REPLY, "no", True),
        (Section.CALLBACK_LATER, "yes", False),
        (Section.PROMISE_MISSED, "yes", True),
        (Section.PROMISE_DUE, "wait", False),
        (Section.CALL, "yes", True),
        (Section.CALL, "no", False),
        (Section.TASK, "no", True),
        (None, "yes", True),
        (None, "wait", False),
    ],
)
def test_only_what_can_be_worked_now_is_offered(section: Section | None, verdict: str, offered: bool) -> None:
    assert is_offered(section, verdict) is offered


def reason(detail: str, hours: int | None) -> Reason:
    return Reason(
        "r",
        "c",
        detail,
        "house",
        verified=True,
        until=None if hours is None else NOW + timedelta(hours=hours),
    )


def test_a_verdict_names_the_reason_that_lasts_longest() -> None:
    contact = Contact(Channel.CALL, Purpose.REMINDER, "+88612345678")
    yes = verdict_of(Clearance(contact, NOW, NOW + timedelta(hours=5), "tw@1"), NOW, ZONE)
    assert (yes.verdict, yes.until, yes.why) == ("yes", NOW + timedelta(hours=5), "")
    at = NOW + timedelta(hours=20)
    wait = verdict_of(WaitUntil(at, (reason("cap", 20), reason("hours", 3)), "tw@1"), NOW, ZONE)
    assert (wait.verdict, wait.until, wait.why, wait.timezone) == ("wait", at, "cap", ZONE)
    no = verdict_of(Refusals((reason("hours", 3), reason("cease contact", None)), "tw@1"), NOW, ZONE)
    assert (no.verdict, no.until, no.why) == ("no", None, "cease contact")
