"""Which step is due: below, at and above each day; and strategies that say nonsense are refused by step."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.errors import NotFound
from app.strategy.rules import BadStrategy, Rest, Situation, Take, decide, parse_strategy, rearm
from app.strategy.service import get_strategy

TODAY = date(2026, 3, 20)


def message(step: str, day: object, **more: object) -> dict[str, object]:
    return {
        "id": step,
        "day": day,
        "action": "message",
        "letter": "first_reminder",
        "channels": ["sms"],
        **more,
    }


LADDER = parse_strategy(
    "t", {"steps": [message("a", 3), message("b", 9), {"id": "c", "day": 16, "action": "call"}]}
)


@pytest.mark.parametrize(
    ("late", "taken", "step", "skipped"),
    [
        (3, 0, "a", []), (4, 0, "a", []), (8, 0, "a", []), (9, 3, "b", []), (9, 0, "b", ["a"]),
        (16, 9, "c", []), (75, 0, "c", ["a", "b"]), (75, 3, "c", ["b"]),
    ],
)  # fmt: skip
def test_the_latest_step_that_is_due_is_taken(late: int, taken: int, step: str, skipped: list[str]) -> None:
    found = decide(LADDER, Situation(late, taken, False), TODAY)
    assert isinstance(found, Take)
    assert found.step.id == step
    assert [s.id for s in found.skipped] == skipped, "what was missed is not made up for in a heap"


@pytest.mark.parametrize(
    ("late", "taken", "in_days"), [(1, 0, 2), (2, 0, 1), (3, 3, 6), (8, 3, 1), (16, 16, None), (90, 16, None)]
)
def test_otherwise_it_rests_until_the_next(late: int, taken: int, in_days: int | None) -> None:
    found = decide(LADDER, Situation(late, taken, False), TODAY)
    assert isinstance(found, Rest)
    assert found.until == (TODAY + timedelta(days=in_days) if in_days else None)


def test_a_live_plan_and_a_current_account_rest_whatever_the_day() -> None:
    assert isinstance(decide(LADDER, Situation(50, 0, True), TODAY), Rest)
    assert isinstance(decide(LADDER, Situation(0, 0, False), TODAY), Rest)


@pytest.mark.parametrize(
    ("before", "late", "after"),
    [((9, 1), 9, (9, 1)), ((9, 1), 8, (8, 2)), ((16, 2), 3, (3, 3)), ((0, 1), 1, (0, 1))],
)
def test_steps_come_again_only_after_the_oldest_due_was_paid(
    before: tuple[int, int], late: int, after: tuple[int, int]
) -> None:
    assert rearm(*before, late) == after


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "at least one step"),
        ([message("a", 0)], "step 1 .a.: day"),
        ([message("a", "3")], "day must be a whole number"),
        ([message("a", 3, channels=["fax"])], "fax"),
        ([message("a", 3, colour="red")], "unknown colour"),
        ([message("a", 3, letter="")], "needs letter and channels"),
        ([message("a", 3, channels=[])], "needs letter and channels"),
        ([message("a", 3), message("b", 3)], "ascending"),
        ([message("a", 9), message("b", 3)], "ascending"),
        ([{"id": "a", "day": 3, "action": "visit"}], "visit"),
        ([{"day": 3, "action": "call"}], "id"),
    ],
)
def test_a_strategy_that_says_nonsense_is_refused_by_step(steps: list[dict], says: str) -> None:
    with pytest.raises(BadStrategy, match=says):
        parse_strategy("t", {"steps": steps})


def test_the_shipped_strategy_ends_with_the_legal_team_and_no_other_file_can_be_read() -> None:
    shipped = get_strategy("standard")
    assert shipped.legal_day == 90
    assert shipped.steps[0].id == "friendly-sms"
    for name in ("nope", "../standard", "standard.toml", ""):
        with pytest.raises(NotFound):
            get_strategy(name)
