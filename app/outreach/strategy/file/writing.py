"""Steps and conditions written as TOML, and put into the text of a strategy where they belong."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.core.money import to_decimal_string
from app.core.vocabulary import Purpose
from app.outreach.strategy.conditions import ASKABLE, Condition, Criterion, Moment, Op, Shape
from app.outreach.strategy.file.problems import Place
from app.outreach.strategy.file.reading import Terms, places, text_lines
from app.outreach.strategy.rules import Step


def write_step(step: Step, terms: Terms, *, segment: bool = False) -> str:
    """One step as TOML, as a person would write it."""
    lines = [
        "[[segments.steps]]" if segment else "[[steps]]",
        f"id = {_quoted(step.id)}",
        f"day = {step.day}",
    ]
    lines.append(f"action = {_quoted(step.action.value)}")
    if step.letter:
        lines.append(f"letter = {_quoted(step.letter)}")
    if step.channels:
        lines.append(f"channels = {_listed([c.value for c in step.channels])}")
    if step.otherwise:
        lines.append(f"otherwise = {_listed([c.value for c in step.otherwise])}")
    if step.purpose is not Purpose.REMINDER:
        lines.append(f"purpose = {_quoted(step.purpose.value)}")
    if step.task:
        lines.append(f"task = {_quoted(step.task)}")
    if step.condition:
        lines.append(f"condition = {write_condition(step.condition, terms)}")
    if step.wait_for:
        wait = step.wait_for
        moment = f", moment = {_quoted(wait.moment.value)}" if wait.moment is not Moment.TAKEN else ""
        lines.append(f"wait_for = {{ step = {_quoted(wait.step)}, days = {wait.days}{moment} }}")
    return "\n".join(lines) + "\n"


def write_condition(condition: Condition, terms: Terms) -> str:
    """An inline table."""
    facts: dict[str, list[Criterion]] = {}
    for test in condition:
        facts.setdefault(test.fact, []).append(test)
    parts = []
    for fact, tests in facts.items():
        said = {test.op: _value_text(test, terms) for test in tests}
        plain = next((said[op] for op in (Op.IS, Op.IN) if set(said) == {op}), None)
        inner = ", ".join(f"{op.value} = {text}" for op, text in said.items())
        parts.append(f"{fact} = {plain or f'{{ {inner} }}'}")
    return "{ " + ", ".join(parts) + " }" if parts else "{}"


def _value_text(test: Criterion, terms: Terms) -> str:
    if isinstance(test.value, frozenset):
        return _listed(sorted(test.value))
    if isinstance(test.value, bool):
        return "true" if test.value else "false"
    if isinstance(test.value, str):
        return _quoted(test.value)
    if ASKABLE[test.fact][0] is Shape.AMOUNT:
        return _quoted(to_decimal_string(test.value, terms.currency))
    return str(test.value)


def _quoted(text: str) -> str:
    escapes: Callable[[re.Match[str]], str] = lambda found: f"\\u{ord(found[0]):04x}"  # noqa: E731
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", escapes, text) + '"'


def _listed(words: Sequence[str]) -> str:
    return "[" + ", ".join(map(_quoted, words)) + "]"


def put_step(text: str, place: Place, block: str | None) -> str:
    """The text with the step at `place` replaced by `block` (None takes it out); a place behind the ladder's last
    step adds it there. Everything else, comments too, stays as it was written."""
    lines = text_lines(text)
    found = places(text)
    new = [] if block is None else block.rstrip("\n").split("\n")
    if place in found:
        first = found[place] - 1
        last = _end_of_block(lines, first)
        if block is None and last < len(lines) and not lines[last].strip():
            last += 1
        lines[first:last] = new
    else:
        ladder = [line for each, line in found.items() if each.segment == place.segment]
        last = _end_of_block(lines, max(ladder) - 1) if ladder else len(lines)
        lines[last:last] = ["", *new]
    return "\n".join(lines) + "\n"


def _end_of_block(lines: Sequence[str], first: int) -> int:
    """The line behind the last one that belongs to the table begun at `first`; comments before the next table are
    that one's."""
    last = next((n for n in range(first + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    while last > first + 1 and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    return last
