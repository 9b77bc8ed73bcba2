"""Who gets a case: the last agent, the language, the skills, the fewest cases, never beyond the capacity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.assignment.rules import (
    Abilities,
    Agent,
    CareSkill,
    UnassignedCase,
    assign,
    language_of,
    worker_of,
)


def case(number: int = 1, language: str = "en", **about: object) -> UnassignedCase:
    return UnassignedCase(number, number, language, **about)  # type: ignore[arg-type]


def agent(name: str, load: int = 0, most: int | None = None, **can: frozenset[str]) -> Agent:
    return Agent(name, load, Abilities(most, **can))  # type: ignore[arg-type]


def owners(
    cases: list[UnassignedCase], agents: list[Agent], covers: dict[str, str] | None = None
) -> list[str]:
    return [each.owner for each in assign(cases, agents, covers or {})]


def test_the_fewest_cases_first_and_of_equals_the_first_name() -> None:
    assert owners([case(n) for n in range(4)], [agent("bob"), agent("ann", 2)]) == [
        "bob",
        "bob",
        "ann",
        "bob",
    ]


@pytest.mark.parametrize(
    ("tag", "speaks", "expected"),
    [
        ("zh", "zh", "wei"),
        ("zh-Hans", "zh", "wei"),
        ("ZH_hant", "zh", "wei"),
        ("zhx", "zh", "ann"),
        ("en", "zh", "ann"),
    ],
)
def test_a_language_comes_before_fewer_cases(tag: str, speaks: str, expected: str) -> None:
    assert owners([case(language=tag)], [agent("ann"), agent("wei", 9, languages=frozenset({speaks}))]) == [
        expected
    ]


def test_where_every_speaker_is_full_another_person_takes_it() -> None:
    people = [agent("ann", 5), agent("wei", 1, 1, languages=frozenset({"zh"}))]
    assert owners([case(language="zh")], people) == ["ann"]


def test_skills_count_after_the_language() -> None:
    gold, care = frozenset({"gold"}), frozenset({CareSkill.COMPLAINTS})
    people = [agent("ann"), agent("bob", 3, products=gold), agent("cat", 4, products=gold, care=care)]
    assert owners([case(products=gold, care=care)], people) == ["cat"]
    assert owners([case(products=gold)], people) == ["bob"]


@pytest.mark.parametrize(
    ("load", "most", "given"), [(1, 2, True), (2, 2, False), (3, 2, False), (0, 0, False)]
)
def test_nobody_gets_more_than_the_capacity(load: int, most: int, given: bool) -> None:
    assert owners([case()], [agent("ann", load, most)]) == (["ann"] if given else [])


def test_the_last_agent_keeps_the_customer_while_there_is_room() -> None:
    people = [agent("ann", 0), agent("bob", 7)]
    assert owners([case(last_agent="bob")], people) == ["bob"]
    assert owners([case(last_agent="gone")], people) == ["ann"]
    assert owners([case(last_agent="bob")], [agent("ann"), agent("bob", 7, 7)]) == ["ann"]


def test_the_cover_gets_a_case_of_who_is_absent_and_it_stays_theirs() -> None:
    [made] = assign([case(last_agent="bob")], [agent("ann"), agent("bob"), agent("cat", 5)], {"bob": "cat"})
    assert (made.owner, made.covered_for) == ("cat", "bob")
    [other] = assign([case()], [agent("ann", 9), agent("bob")], {"bob": "ann"})
    assert (other.owner, other.covered_for) == ("ann", ""), "who is absent gets no new case"


@pytest.mark.parametrize(
    ("covers", "worker"),
    [
        ({}, "ann"),
        ({"ann": "bob"}, "bob"),
        ({"ann": "bob", "bob": "cat"}, "cat"),
        ({"ann": "bob", "bob": "ann"}, "ann"),
        ({"ann": "bob", "bob": "cat", "cat": "bob"}, "ann"),
    ],
)
def test_a_cover_who_is_absent_is_covered(covers: dict[str, str], worker: str) -> None:
    assert worker_of("ann", covers) == worker


def test_a_language_is_a_tag_without_script_and_region() -> None:
    assert [language_of(each) for each in ("zh", "zh-Hans", "nb_NO", "EN")] == ["zh", "zh", "nb", "en"]


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 6)), max_size=5), st.integers(0, 20))
def test_all_are_given_until_all_are_full(people: list[tuple[int, int | None]], waiting: int) -> None:
    agents = [agent(f"a{n}", load, most) for n, (load, most) in enumerate(people)]
    room = sum(waiting if most is None else max(0, most - load) for load, most in people)
    made = assign([case(n) for n in range(waiting)], agents, {})
    assert len(made) == min(waiting, room)
    assert [each.case_id for each in made] == list(range(len(made)))
    for (load, most), each in zip(people, agents, strict=True):
        assert most is None or each.load <= max(most, load)
