"""How strategies are spelled: every fault is told with its step, field and line; what was read can be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.contacts.rules import DeskStep
from app.core.errors import NotFound
from app.core.vocabulary import Channel, Purpose
from app.outreach.strategy.conditions import Criterion, Moment, Op
from app.outreach.strategy.file.problems import BadStrategy, Place
from app.outreach.strategy.file.reading import Terms, parse_strategy, places, read_strategy
from app.outreach.strategy.file.writing import put_step, write_condition, write_step
from app.outreach.strategy.ladders import shipped_text
from app.outreach.strategy.rules import Action, Step, WaitFor

TERMS = Terms("CNY", ("current", "1-29", "30-59", "60+"))


def message(step: str, day: object, **more: object) -> dict[str, object]:
    return {
        "id": step,
        "day": day,
        "action": "message",
        "letter": "first_reminder",
        "channels": ["sms"],
        **more,
    }


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "steps: a strategy needs at least one step"),
        ([message("a", 0)], r"step 1 \(a\): day: must be a whole number from 1 to 3650"),
        ([message("a", "3")], "day: must be a whole number"),
        ([message("a", True)], "day: must be a whole number"),
        ([message("a", 3, channels=["fax"])], "channels: unknown 'fax'; known are sms, email"),
        ([message("a", 3, channels=["sms", "sms"])], "channels: names one twice"),
        ([message("a", 3, channels="sms")], "channels: must be a list"),
        ([message("a", 3, channels=["call"])], "channels: a call is no message"),
        ([message("a", 3, colour="red")], "colour: unknown; known are action"),
        ([message("a", 3, channels=["sms"], otherwise=["sms"])], "otherwise: names other channels"),
        ([message("a", 3, otherwise=["call"])], "otherwise: names other channels"),
        (
            [{"id": "a", "day": 3, "action": "call", "otherwise": ["post"]}],
            "otherwise: says nothing with action",
        ),
        ([message("a", 3, letter="")], "letter: a message needs a letter"),
        ([message("a", 3, channels=[])], "channels: a message needs channels"),
        ([message("a", 3, purpose="confirmation")], "purpose: a confirmation answers"),
        ([message("a", 3), message("b", 3)], r"step 2 \(b\): day: .*ascending"),
        ([message("a", 9), message("b", 3)], r"step 2 \(b\): day: .*ascending"),
        ([message("a", 3), message("a", 9)], r"step 2 \(a\): id: is used twice"),
        ([message("A b", 3)], "id: write small letters"),
        ([message("plan-offer", 3)], "id: .*none of plan-confirmation, plan-offer"),
        ([{"id": "a", "day": 3, "action": "visit"}], "action: unknown 'visit'; known are message, call"),
        ([{"id": "a", "day": 3}], "action: is missing"),
        ([{"day": 3, "action": "call"}], r"step 1 \(no id\): id: is missing"),
        ([{"id": "a", "day": 3, "action": "call", "letter": "x"}], "letter: says nothing with action"),
        ([{"id": "a", "day": 3, "action": "task"}], "task: say in words"),
        ([{"id": "a", "day": 3, "action": "call", "task": "x"}], "task: says nothing"),
        ([message("a", 3, condition={"colour": 3})], "condition: unknown fact 'colour'"),
        (
            [message("a", 3, condition={"balance": "10.00"})],
            "balance: unknown 'is'; this fact takes at_least",
        ),
        ([message("a", 3, condition={"balance": {"at_least": "1.005"}})], "CNY has 2 decimals"),
        ([message("a", 3, condition={"balance": {"at_least": 1.5}})], "in quotes"),
        ([message("a", 3, condition={"balance": {"at_least": "-1"}})], "not negative"),
        ([message("a", 3, condition={"bucket": "30-60"})], "bucket: unknown '30-60'; known are current"),
        ([message("a", 3, condition={"first_time": "yes"})], "first_time: must be true or false"),
        ([message("a", 3, condition={"language": []})], "language: must be a list of words"),
        ([message("a", 3, condition={"reachable": "fax"})], "reachable: unknown 'fax'"),
        ([message("a", 3, condition={"risk": {}})], "risk: says nothing"),
        ([message("a", 3, condition="balance > 3")], "condition: must be a table"),
        ([message("a", 3, wait_for={"step": "b", "days": 3}), message("b", 9)], "no earlier step .* 'b'"),
        (
            [message("a", 3), message("b", 9, wait_for={"step": "a"})],
            "wait_for: days: must be a whole number",
        ),
        (
            [message("a", 3), message("b", 9, wait_for={"step": "a", "days": 1, "moment": "x"})],
            "moment: unknown",
        ),
        (["call"], r"step 1 \(no table\): must be a table"),
        ("call", r"steps: must be written as \[\[steps\]\]"),
    ],
)
def test_nonsense_is_refused_by_step_and_field(steps: object, says: str) -> None:
    with pytest.raises(BadStrategy, match=says):
        parse_strategy("t", {"steps": steps}, TERMS)


@pytest.mark.parametrize(
    ("top", "says"),
    [
        ({"colour": 1}, "colour: unknown"),
        ({"stop": {"holds": ["anger"]}}, "stop: holds: unknown 'anger'"),
        (
            {"stop": {"paid": {"at_least": 0, "within_days": 3}}},
            "stop: paid: at_least: must be a whole number",
        ),
        (
            {"segments": [{"id": "s", "steps": [message("a", 3)]}]},
            r"segment 1 \(s\): condition: a segment needs one",
        ),
        ({"segments": [{"id": "s", "condition": {"first_time": True}}]}, "steps: needs at least one step"),
        (
            {"segments": [{"id": "s", "condition": {"first_time": True}, "steps": [message("a", 0)]}]},
            r"segment 1, step 1 \(a\): day",
        ),
        (
            {
                "segments": [
                    {"id": "s", "condition": {"first_time": b}, "steps": [message("a", 1)]}
                    for b in (True, False)
                ]
            },
            r"segment 2 \(s\): id: is used twice",
        ),
    ],
)
def test_nonsense_around_the_steps_is_refused_too(top: dict[str, object], says: str) -> None:
    with pytest.raises(BadStrategy, match=says):
        parse_strategy("t", {"steps": [message("a", 3)], **top}, TERMS)


def test_all_faults_are_told_at_once_each_with_its_line() -> None:
    text = """name = "T"
# friendly
[[steps]]
id = "a"
day = 0
action = "call"

[[segments]]
id = "s"
condition = { language = "zh" }

  [[segments.steps]]
  id = "b"
  day = 3
  action = "shout"
"""
    with pytest.raises(BadStrategy) as bad:
        read_strategy("t", text, TERMS)
    found = [(p.line, p.label, p.field) for p in bad.value.problems]
    assert found == [(12, "segment 1, step 1 (b)", "action"), (3, "step 1 (a)", "day")]


def test_text_that_is_no_toml_says_where_it_ends_to_be_one() -> None:
    with pytest.raises(BadStrategy) as bad:
        read_strategy("t", 'name = "T"\n[[steps]\n', TERMS)
    assert bad.value.problems[0].line == 2
    with pytest.raises(BadStrategy, match="full card number"):
        read_strategy("t", 'name = "4111 1111 1111 1111"', TERMS)
    with pytest.raises(BadStrategy, match="longer than"):
        read_strategy("t", "#" * 60_001, TERMS)


def test_the_shipped_strategy_ends_with_the_legal_team_and_no_other_file_can_be_read() -> None:
    shipped = read_strategy("standard", shipped_text("standard"), TERMS)
    assert shipped.legal_day == 90
    assert shipped.main.steps[0].id == "friendly-sms"
    for name in ("nope", "../standard", "standard.toml", ""):
        with pytest.raises(NotFound):
            shipped_text(name)


def test_one_step_is_changed_added_and_taken_out_and_the_rest_stays_as_it_was_written() -> None:
    text = shipped_text("standard")
    step = Step("first-call", 17, Action.CALL)
    changed = put_step(text, Place(step=2), write_step(step, TERMS))
    assert [s.day for s in read_strategy("s", changed, TERMS).main.steps[:4]] == [3, 9, 17, 25]
    assert changed.splitlines()[:2] == text.splitlines()[:2], "its comments too"
    added = put_step(changed, Place(step=99), write_step(Step("last", 120, Action.CALL), TERMS))
    assert read_strategy("s", added, TERMS).main.steps[-1].id == "last"
    fewer = put_step(added, Place(step=0), None)
    assert read_strategy("s", fewer, TERMS).main.steps[0].id == "friendly-email"
    assert (
        put_step(put_step(text, Place(step=99), write_step(step, TERMS)), Place(step=9), None).strip()
        == text.strip()
    )


def test_a_comment_above_a_step_stays_with_it() -> None:
    text = '[[steps]]\nid = "a"\nday = 1\naction = "call"\n\n# why b\n[[steps]]\nid = "b"\nday = 2\naction = "call"\n'
    changed = put_step(text, Place(step=0), write_step(Step("a2", 1, Action.CALL), TERMS))
    assert "# why b\n[[steps]]" in changed
    assert list(places(changed).values()) == [1, 7]


def test_line_ends_are_those_of_toml_and_of_forms() -> None:
    odd = '[[steps]]\r\nid = "a"\r\nday = 1\r\naction = "task"\r\ntask = "one\u2028[[steps]]"\r\n'
    text = odd + '[[steps]]\r\nid = "b"\r\nday = 2\r\naction = "call"\r\n'
    changed = put_step(text, Place(step=1), write_step(Step("c", 3, Action.CALL), TERMS))
    read = read_strategy("t", changed, TERMS).main.steps
    assert [(step.id, step.task) for step in read] == [("a", "one\u2028[[steps]]"), ("c", "")]


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
criteria = st.one_of(
    st.builds(
        Criterion, st.just("balance"), st.sampled_from([Op.AT_LEAST, Op.AT_MOST]), st.integers(0, 10**9)
    ),
    st.builds(
        Criterion, st.just("broken_promises"), st.sampled_from([Op.AT_LEAST, Op.IS]), st.integers(0, 99)
    ),
    st.builds(Criterion, st.just("first_time"), st.just(Op.IS), st.booleans()),
    st.builds(Criterion, st.just("product"), st.just(Op.IN), st.frozensets(words, min_size=1, max_size=3)),
    st.builds(Criterion, st.just("language"), st.just(Op.IS), words),
)
steps = st.builds(
    Step,
    id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True).filter(lambda i: i not in set(DeskStep)),
    day=st.integers(2, 999),
    action=st.just(Action.MESSAGE),
    channels=st.lists(st.sampled_from([Channel.SMS, Channel.POST]), min_size=1, unique=True).map(tuple),
    otherwise=st.sampled_from([(), (Channel.EMAIL,)]),
    letter=st.sampled_from(["first_reminder", "second_reminder"]),
    purpose=st.sampled_from([Purpose.REMINDER, Purpose.NOTICE]),
    condition=st.lists(criteria, max_size=4, unique_by=lambda c: c.fact).map(tuple),
    wait_for=st.none() | st.builds(WaitFor, st.just("before"), st.integers(0, 365), st.sampled_from(Moment)),
)


@given(steps)
def test_a_step_that_is_written_is_read_as_it_was(step: Step) -> None:
    before = write_step(Step("before", 1, Action.CALL), TERMS)
    if step.id == "before":
        return
    read = read_strategy("t", before + write_step(step, TERMS), TERMS)
    assert read.main.steps[1] == step
    assert write_condition(step.condition, TERMS).startswith("{")
