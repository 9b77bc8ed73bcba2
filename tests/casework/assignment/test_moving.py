"""Which cases of many move to whom, and every reason for which one stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.casework.assignment.moving import MovableCase, MoveTerms, Promised, plan_moves, still_true
from app.casework.assignment.rules import Abilities, Agent
from app.casework.assignment.stays import OVERRULED, StayReason, read, spell

CASE = MovableCase(1, 11, 1, "en", "ann")
FOR_GOOD = MoveTerms()
MEANWHILE = MoveTerms(returns=True, absent=frozenset({"ann"}))


def agent(name: str, load: int = 0, most: int | None = None, *languages: str) -> Agent:
    return Agent(name, load, Abilities(most, frozenset(languages)))


def test_cases_go_to_a_speaker_with_room_and_then_to_who_has_fewest() -> None:
    cases = [
        replace(CASE, case_id=n, language=tag) for n, tag in enumerate(["zh-Hans", "en", "en", "zh", "en"], 1)
    ]
    people = [agent("bob", 2), agent("cat", 0, 3), agent("wei", 0, 1, "zh")]
    made = plan_moves(cases, people, MoveTerms(spoken=frozenset({"zh"})))
    assert [each.to for each in made] == ["wei", "cat", "cat", "", "bob"]
    assert made[3].why == (StayReason.LANGUAGE,), "the only speaker is full"
    assert [each.load for each in people] == [3, 2, 1]


@pytest.mark.parametrize(
    ("case", "terms", "why"),
    [
        (CASE, FOR_GOOD, ()),
        (replace(CASE, is_open=False), FOR_GOOD, (StayReason.CLOSED,)),
        (replace(CASE, is_called=True), FOR_GOOD, (StayReason.CALL,)),
        (replace(CASE, owner="bob"), FOR_GOOD, (StayReason.SAME,)),
        (replace(CASE, is_held=True), FOR_GOOD, (StayReason.HOLD,)),
        (replace(CASE, is_known=True), FOR_GOOD, (StayReason.RELATION,)),
        (replace(CASE, is_known=True, owner=""), FOR_GOOD, ()),
        (replace(CASE, owner="cat", covered_for="ann"), FOR_GOOD, (StayReason.COVERED,)),
        (replace(CASE, language="nb"), FOR_GOOD, ()),
        (replace(CASE, language="nb"), MoveTerms(spoken=frozenset({"nb"})), (StayReason.LANGUAGE,)),
        (CASE, MEANWHILE, ()),
        (replace(CASE, is_known=True), MEANWHILE, ()),
        (replace(CASE, owner="cat"), MEANWHILE, (StayReason.NOT_ABSENT,)),
        (replace(CASE, owner=""), MEANWHILE, (StayReason.NOT_ABSENT,)),
        (replace(CASE, owner="cat", covered_for="ann"), MEANWHILE, ()),
        (replace(CASE, owner="bob", covered_for="ann"), MEANWHILE, (StayReason.SAME,)),
        (replace(CASE, is_called=True, is_held=True), FOR_GOOD, (StayReason.CALL, StayReason.HOLD)),
    ],
)
def test_why_a_case_stays(case: MovableCase, terms: MoveTerms, why: tuple[StayReason, ...]) -> None:
    [made] = plan_moves([case], [agent("bob")], terms)
    assert made.why == why
    assert made.to == ("" if why else "bob")


@pytest.mark.parametrize(("load", "why"), [(2, ()), (3, (StayReason.FULL,)), (4, (StayReason.FULL,))])
def test_room_below_at_and_above_the_capacity(load: int, why: tuple[StayReason, ...]) -> None:
    [made] = plan_moves([CASE], [agent("bob", load, 3)], FOR_GOOD)
    assert made.why == why


def test_a_manager_overrules_some_reasons_and_never_a_call() -> None:
    hindered = replace(
        CASE, is_held=True, is_known=True, owner="cat", covered_for="ann", language="nb", is_called=True
    )
    terms = MoveTerms(overruled=frozenset(OVERRULED), spoken=frozenset({"nb"}))
    [made] = plan_moves([hindered], [agent("bob", 3, 3)], terms)
    assert made.why == (StayReason.CALL,)
    [made] = plan_moves([replace(hindered, is_called=False)], [agent("bob", 3, 3)], terms)
    assert made.to == "bob"


def test_a_preview_that_is_not_true_any_more() -> None:
    planned = Promised(1, "ann", "", "bob")
    assert still_true(planned, CASE, {"bob": agent("bob")}, FOR_GOOD) == ()
    assert still_true(planned, None, {"bob": agent("bob")}, FOR_GOOD) == (StayReason.CLOSED,)
    assert still_true(planned, CASE, {}, FOR_GOOD) == (StayReason.RECEIVER,)
    taken = replace(CASE, owner="cat", is_called=True)
    assert still_true(planned, taken, {"bob": agent("bob")}, FOR_GOOD) == (StayReason.CALL, StayReason.OWNER)
    bob = agent("bob", 0, 1)
    assert still_true(planned, CASE, {"bob": bob}, FOR_GOOD) == ()
    assert still_true(planned, CASE, {"bob": bob}, FOR_GOOD) == (StayReason.FULL,), "the room is gone"


def test_reasons_are_stored_and_read() -> None:
    assert read(spell([StayReason.CALL, StayReason.HOLD])) == (StayReason.CALL, StayReason.HOLD)
    assert read("") == ()
