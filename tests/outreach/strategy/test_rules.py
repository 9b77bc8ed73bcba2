"""Which step is due: below, at and above each day, by segment, condition, wait and stop."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.outreach.strategy.conditions import CaseFacts, Moment, Risk, risk_of
from app.outreach.strategy.file.reading import Terms, parse_strategy, read_strategy
from app.outreach.strategy.rules import Ladder, NothingDue, Situation, StepDue, decide, legal_due, rearm

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


TERMS = Terms("CNY", ("current", "1-29", "30-59", "60+"))
LADDER = parse_strategy(
    "t", {"steps": [message("a", 3), message("b", 9), {"id": "c", "day": 16, "action": "call"}]}, TERMS
).main


def ladder(text: str, facts: CaseFacts = CaseFacts()) -> Ladder:
    return read_strategy("t", text, TERMS).ladder_for(facts)


@pytest.mark.parametrize(
    ("late", "taken", "step", "skipped"),
    [
        (3, 0, "a", []), (4, 0, "a", []), (8, 0, "a", []), (9, 3, "b", []), (9, 0, "b", ["a"]),
        (16, 9, "c", []), (75, 0, "c", ["a", "b"]), (75, 3, "c", ["b"]),
    ],
)  # fmt: skip
def test_the_latest_step_that_is_due_is_taken(late: int, taken: int, step: str, skipped: list[str]) -> None:
    found = decide(LADDER, Situation(late, taken, False), TODAY)
    assert isinstance(found, StepDue)
    assert found.step.id == step
    assert [s.id for s in found.skipped] == skipped, "what was missed is not made up for in a heap"


@pytest.mark.parametrize(
    ("late", "taken", "in_days"), [(1, 0, 2), (2, 0, 1), (3, 3, 6), (8, 3, 1), (16, 16, None), (90, 16, None)]
)
def test_otherwise_it_rests_until_the_next(late: int, taken: int, in_days: int | None) -> None:
    found = decide(LADDER, Situation(late, taken, False), TODAY)
    assert isinstance(found, NothingDue)
    assert found.until == (TODAY + timedelta(days=in_days) if in_days else None)


def test_a_live_plan_and_a_current_account_rest_whatever_the_day() -> None:
    assert isinstance(decide(LADDER, Situation(50, 0, True), TODAY), NothingDue)
    assert isinstance(decide(LADDER, Situation(0, 0, False), TODAY), NothingDue)


@pytest.mark.parametrize(
    ("before", "late", "after"),
    [((9, 1), 9, (9, 1)), ((9, 1), 8, (8, 2)), ((16, 2), 3, (3, 3)), ((0, 1), 1, (0, 1))],
)
def test_steps_come_again_only_after_the_oldest_due_was_paid(
    before: tuple[int, int], late: int, after: tuple[int, int]
) -> None:
    assert rearm(*before, late) == after


# --- segments and conditions --------------------------------------------------------------------------------

SEGMENTED = """
[[segments]]
id = "small"
condition = { past_due = { at_most = "20.00" } }
[[segments.steps]]
id = "nudge"
day = 10
action = "call"

[[segments]]
id = "known"
condition = { first_time = false, product = ["Gold card", "Silver card"] }
[[segments.steps]]
id = "stern"
day = 2
action = "call"

[[steps]]
id = "usual"
day = 5
action = "call"
"""


@pytest.mark.parametrize(
    ("facts", "segment"),
    [
        (CaseFacts(past_due=2_000), "small"),
        (CaseFacts(past_due=2_001), ""),
        (CaseFacts(past_due=2_000, first_time=False, product=frozenset({"Gold card"})), "small"),
        (CaseFacts(past_due=2_001, first_time=False, product=frozenset({"Gold card"})), "known"),
        (CaseFacts(past_due=2_001, first_time=False, product=frozenset({"Blue", "Silver card"})), "known"),
        (CaseFacts(past_due=2_001, first_time=True, product=frozenset({"Gold card"})), ""),
    ],
)
def test_the_first_segment_that_fits_chooses_the_ladder(facts: CaseFacts, segment: str) -> None:
    assert ladder(SEGMENTED, facts).segment == segment


@pytest.mark.parametrize(
    ("condition", "facts", "holds"),
    [
        ("broken_promises = { at_least = 2 }", CaseFacts(broken_promises=1), False),
        ("broken_promises = { at_least = 2 }", CaseFacts(broken_promises=2), True),
        ("earlier_cases = 0", CaseFacts(earlier_cases=0), True),
        ("earlier_cases = 0", CaseFacts(earlier_cases=1), False),
        ('balance = { at_least = "10.00", at_most = "20.00" }', CaseFacts(balance=999), False),
        ('balance = { at_least = "10.00", at_most = "20.00" }', CaseFacts(balance=1_000), True),
        ('balance = { at_least = "10.00", at_most = "20.00" }', CaseFacts(balance=2_001), False),
        ('language = "zh"', CaseFacts(language="en"), False),
        ('bucket = ["30-59", "60+"]', CaseFacts(bucket="60+"), True),
        ('reachable = "sms"', CaseFacts(reachable=frozenset({"email"})), False),
        ('reachable = ["sms", "email"]', CaseFacts(reachable=frozenset({"email"})), True),
        ('risk = ["medium", "high"], first_time = true', CaseFacts(risk="high", first_time=True), True),
        ('risk = ["medium", "high"], first_time = true', CaseFacts(risk="high", first_time=False), False),
    ],
)
def test_a_step_comes_only_where_its_condition_holds(condition: str, facts: CaseFacts, holds: bool) -> None:
    text = f'[[steps]]\nid = "a"\nday = 3\naction = "call"\ncondition = {{ {condition} }}\n'
    found = decide(ladder(text), Situation(5, 0, False, facts=facts), TODAY)
    assert isinstance(found, StepDue) is holds


def test_a_step_whose_condition_fails_leaves_the_one_before_it_standing() -> None:
    text = """
[[steps]]
id = "a"
day = 3
action = "call"
[[steps]]
id = "b"
day = 5
action = "call"
condition = { broken_promises = { at_least = 1 } }
"""
    found = decide(ladder(text), Situation(6, 0, False), TODAY)
    assert isinstance(found, StepDue)
    assert found.step.id == "a"
    found = decide(ladder(text), Situation(6, 3, False), TODAY)
    assert found == NothingDue("the strategy has no further step")


@pytest.mark.parametrize(
    ("earlier", "broken", "used", "risk"),
    [(0, 0, 89, Risk.LOW), (0, 0, 90, Risk.MEDIUM), (1, 1, 0, Risk.MEDIUM), (5, 0, 0, Risk.MEDIUM),
     (2, 1, 0, Risk.HIGH), (1, 1, 90, Risk.HIGH)],
)  # fmt: skip
def test_risk_is_a_rule_of_thumb(earlier: int, broken: int, used: int, risk: Risk) -> None:
    assert risk_of(earlier, broken, used) is risk


# --- waiting ------------------------------------------------------------------------------------------------

WAITS = """
[[steps]]
id = "letter"
day = 10
action = "message"
letter = "second_reminder"
channels = ["post"]
[[steps]]
id = "after"
day = 12
action = "call"
wait_for = { step = "letter", days = 14, moment = "delivered" }
[[steps]]
id = "legal"
day = 60
action = "legal"
wait_for = { step = "letter", days = 30 }
"""


def moments(**when: date) -> CaseFacts:
    return CaseFacts(moments={("letter", Moment(name)): on for name, on in when.items()})


@pytest.mark.parametrize(("days_ago", "taken"), [(12, False), (13, True), (14, True)])
def test_a_wait_ends_in_the_night_before_its_last_day_is_over(days_ago: int, taken: bool) -> None:
    """What is decided in the night of TODAY leaves tomorrow, which is day 14 after a letter 13 days ago."""
    delivered = TODAY - timedelta(days=days_ago)
    found = decide(ladder(WAITS), Situation(26, 10, False, facts=moments(delivered=delivered)), TODAY)
    assert isinstance(found, StepDue) is taken
    if isinstance(found, NothingDue):
        assert found.until == delivered + timedelta(days=13)


def test_what_has_not_happened_yet_is_asked_about_every_night() -> None:
    found = decide(ladder(WAITS), Situation(40, 10, False, facts=moments(taken=TODAY)), TODAY)
    assert found == NothingDue("the next step waits for another", TODAY + timedelta(days=1))


def test_the_legal_step_waits_like_any_other() -> None:
    def due(taken: date | None, late: int = 61) -> bool:
        facts = moments(taken=taken) if taken else CaseFacts()
        return legal_due(ladder(WAITS), Situation(late, 12, False, facts=facts), TODAY)

    assert not due(None)
    assert not due(TODAY - timedelta(days=28))
    assert due(TODAY - timedelta(days=29))
    assert not due(TODAY - timedelta(days=29), late=59)
    assert not legal_due(LADDER, Situation(200, 0, False), TODAY), "this ladder has no such step"


# --- stopping -----------------------------------------------------------------------------------------------

STOPS = """
[stop]
holds = ["complaint"]
paid = { at_least = 25, within_days = 10 }
condition = { past_due = { at_most = "5.00" } }
[[steps]]
id = "a"
day = 3
action = "call"
"""


@pytest.mark.parametrize(
    ("facts", "goes_on", "until_days"),
    [
        (CaseFacts(past_due=7_500), True, None),
        (CaseFacts(past_due=7_500, holds=frozenset({"dispute"})), True, None),
        (CaseFacts(past_due=7_500, holds=frozenset({"complaint"})), False, None),
        (CaseFacts(past_due=7_501, paid=((TODAY, 2_500),)), True, None),
        (CaseFacts(past_due=7_500, paid=((TODAY, 2_500),)), False, 10),
        (CaseFacts(past_due=7_500, paid=((TODAY - timedelta(days=9), 2_500),)), False, 1),
        (CaseFacts(past_due=7_500, paid=((TODAY - timedelta(days=10), 2_500),)), True, None),
        (CaseFacts(past_due=500), False, None),
        (CaseFacts(past_due=501), True, None),
    ],
)
def test_a_strategy_stops_where_it_says(facts: CaseFacts, goes_on: bool, until_days: int | None) -> None:
    found = decide(ladder(STOPS), Situation(5, 0, False, facts=facts), TODAY)
    assert isinstance(found, StepDue) is goes_on
    if isinstance(found, NothingDue):
        assert found.until == (TODAY + timedelta(days=until_days) if until_days else None)


def test_only_what_is_asked_has_to_be_known() -> None:
    plain = "[[steps]]\nid = 'a'\nday = 3\naction = 'call'\n"
    assert read_strategy("t", plain, TERMS).needs == frozenset()
    assert read_strategy("t", SEGMENTED, TERMS).needs == {"past_due", "first_time", "product"}
    assert read_strategy("t", WAITS, TERMS).needs == {"moments"}
    assert read_strategy("t", STOPS, TERMS).needs == {"holds", "paid", "past_due"}


COURT = {"id": "court", "day": 90, "action": "legal"}


@pytest.mark.parametrize(
    ("late", "taken", "step"),
    [(15, 0, "b"), (16, 0, "b"), (89, 0, "b"), (89, 9, "c"), (90, 0, "b"), (95, 0, "b"), (95, 9, "court")],
)
def test_who_comes_after_the_last_letter_before_court_is_written_to_first(
    late: int, taken: int, step: str
) -> None:
    """The ladder would go on with a call, and a night nominates nobody to whom nobody wrote."""
    steps = [message("a", 3), message("b", 9), {"id": "c", "day": 16, "action": "call"}, COURT]
    found = decide(parse_strategy("t", {"steps": steps}, TERMS).main, Situation(late, taken, False), TODAY)
    assert isinstance(found, StepDue)
    assert found.step.id == step
