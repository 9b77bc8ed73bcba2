"""Strategy files: TOML in, a `Strategy` or every problem with its place out. See docs/strategies.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.card_numbers import holds_card_number
from app.core.kit.toml_text import parse_toml
from app.core.money import BadAmount, to_minor
from app.core.types import Values
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.strategy.conditions import ASKABLE, OPS, Condition, Criterion, Moment, Op, Risk, Shape
from app.outreach.strategy.file.problems import BadStrategy, FieldReader, Place, Problem
from app.outreach.strategy.rules import NEVER, Action, Ladder, Segment, Step, Stop, Strategy, WaitFor

LONGEST_TEXT = 60_000
MOST_STEPS = 100
"""In one ladder."""
MOST_SEGMENTS = 20
LAST_DAY = 3_650


@dataclass(frozen=True, slots=True)
class Terms:
    """Currency and delinquency buckets that a portfolio's strategies are written in."""

    currency: str
    buckets: tuple[str, ...]


def read_strategy(code: str, text: str, terms: Terms) -> Strategy:
    """A strategy from its text. BadStrategy with every fault, each with its line."""
    if len(text) > LONGEST_TEXT:
        raise BadStrategy(
            [Problem(Place(), "", "", f"The text is longer than {LONGEST_TEXT:,} characters. Shorten it.")]
        )
    if holds_card_number(text):
        said = "The text holds what looks like a full card number, which is never stored. Take it out."
        raise BadStrategy([Problem(Place(), "", "", said)])
    try:
        data = parse_toml(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        found = int(line[1]) if line else text.count("\n") + 1
        raise BadStrategy([Problem(Place(), "", "", f"The text is not TOML: {error}.", found)]) from None
    try:
        return parse_strategy(code, data, terms)
    except BadStrategy as bad:
        lines = places(text)
        raise BadStrategy(
            [Problem(p.place, p.label, p.field, p.message, lines.get(p.place)) for p in bad.problems]
        ) from None


HEADER = re.compile(r"\s*\[\[\s*(steps|segments|segments\s*\.\s*steps)\s*\]\]")


def places(text: str) -> dict[Place, int]:
    """The line, from 1, on which each segment and step begins."""
    found: dict[Place, int] = {}
    main = segment = inner = -1
    for number, line in enumerate(text_lines(text), start=1):
        header = HEADER.match(line)
        if header is None:
            continue
        if header[1] == "steps":
            main += 1
            found[Place(step=main)] = number
        elif header[1] == "segments":
            segment, inner = segment + 1, -1
            found[Place(segment)] = number
        else:
            inner += 1
            found[Place(segment, inner)] = number
    return found


def text_lines(text: str) -> list[str]:
    """By the line ends TOML knows, which are fewer than Python's; a form sends its own kind."""
    return text.replace("\r\n", "\n").rstrip("\n").split("\n")


def parse_strategy(code: str, data: Values, terms: Terms) -> Strategy:
    """A strategy from parsed TOML. BadStrategy with every fault."""
    reader = _Reader(terms)
    top = reader.table(data, Place(), "", {"name", "steps", "segments", "stop"})
    stop = reader.stop(top)
    name = top.text("name", default=code, longest=120)
    segments = [reader.segment(raw, n, stop) for n, raw in enumerate(top.tables("segments", MOST_SEGMENTS))]
    main = Ladder(reader.steps(top, Place()), stop=stop)
    if not main.steps and not top.wrong("steps"):
        top.fault("steps", "a strategy needs at least one step outside its segments")
    ids = [segment.id for segment in segments]
    for n, segment in enumerate(segments):
        if segment.id in ids[:n]:
            reader.problems.append(
                Problem(Place(n), f"segment {n + 1} ({segment.id})", "id", "is used twice")
            )
    if reader.problems:
        raise BadStrategy(reader.problems)
    return Strategy(code, name, main, tuple(segments))


# --- reading ------------------------------------------------------------------------------------------------


class _Reader:
    """Collects faults while it reads, so that all of them are told at once."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.problems: list[Problem] = []

    def table(self, raw: object, place: Place, label: str, known: set[str]) -> FieldReader:
        found = FieldReader(raw if isinstance(raw, Mapping) else {}, place, label, self.problems)
        if not isinstance(raw, Mapping):
            found.fault("", "must be a table")
        for name in sorted(set(found.raw) - known):
            found.fault(str(name)[:40], f"unknown; known are {', '.join(sorted(known))}")
        return found

    def segment(self, raw: object, n: int, stop: Stop) -> Segment:
        named = raw.get("id", "no id") if isinstance(raw, Mapping) else "no table"
        known = {"id", "name", "condition", "steps"}
        table = self.table(raw, Place(n), f"segment {n + 1} ({named})", known)
        ident = table.identifier("id")
        condition = self.condition(table)
        if not condition and not table.wrong("condition"):
            table.fault(
                "condition", "a segment needs one; the steps outside the segments are everybody else's"
            )
        steps = self.steps(table, Place(n))
        if not steps and not table.wrong("steps"):
            table.fault("steps", "needs at least one step")
        name = table.text("name", default=ident, longest=120)
        return Segment(ident, name, condition, Ladder(steps, ident, stop))

    def steps(self, table: FieldReader, place: Place) -> tuple[Step, ...]:
        within = f"segment {place.segment + 1}, " if place.segment is not None else ""
        read: list[tuple[Step, FieldReader]] = []
        for n, raw in enumerate(table.tables("steps", MOST_STEPS)):
            named = raw.get("id", "no id") if isinstance(raw, Mapping) else "no table"
            label = f"{within}step {n + 1} ({str(named)[:40]})"
            read.append(self.step(raw, Place(place.segment, n), label))
        before: dict[str, Step] = {}
        last = 0
        for step, row in read:
            if step.day and step.day <= last:
                row.fault(
                    "day", f"steps come in ascending order of day, one step a day; before it is day {last}"
                )
            if step.id and step.id in before:
                row.fault("id", "is used twice in this ladder")
            if step.wait_for is not None and step.wait_for.step not in before:
                row.fault("wait_for", f"no earlier step of this ladder is called {step.wait_for.step!r}")
            before[step.id] = step
            last = max(last, step.day)
        return tuple(step for step, _ in read)

    def step(self, raw: object, place: Place, label: str) -> tuple[Step, FieldReader]:
        known = {
            "id", "day", "action", "channels", "otherwise", "letter", "purpose", "task", "condition", "wait_for",
        }  # fmt: skip
        table = self.table(raw, place, label, known)
        step = Step(
            id=table.identifier("id"),
            day=table.whole("day", 1, LAST_DAY),
            action=table.choice("action", Action) or Action.CALL,
            channels=table.choices("channels", Channel),
            otherwise=table.choices("otherwise", Channel),
            letter=table.text("letter", longest=60),
            purpose=table.choice("purpose", Purpose, default=Purpose.REMINDER) or Purpose.REMINDER,
            task=table.text("task", longest=300),
            condition=self.condition(table),
            wait_for=self.wait_for(table),
        )
        if not table.wrong("action"):
            _check_action(step, table)
        return step, table

    def wait_for(self, table: FieldReader) -> WaitFor | None:
        if "wait_for" not in table.raw:
            return None
        known = {"step", "days", "moment"}
        wait = self.table(table.raw["wait_for"], table.place, f"{table.label}: wait_for", known)
        step, days = wait.text("step", longest=40, required=True), wait.whole("days", 0, 365)
        return WaitFor(step, days, wait.choice("moment", Moment, default=Moment.TAKEN) or Moment.TAKEN)

    def stop(self, top: FieldReader) -> Stop:
        if "stop" not in top.raw:
            return NEVER
        table = self.table(top.raw["stop"], Place(), "stop", {"holds", "paid", "condition"})
        percent = days = 0
        if "paid" in table.raw:
            paid = self.table(table.raw["paid"], Place(), "stop: paid", {"at_least", "within_days"})
            percent, days = paid.whole("at_least", 1, 100), paid.whole("within_days", 1, 90)
        holds = frozenset(hold.value for hold in table.choices("holds", HoldKind))
        return Stop(holds, percent, days, self.condition(table))

    def condition(self, table: FieldReader) -> Condition:
        """`{ fact = value }`, `{ fact = [values] }` or `{ fact = { at_least = 3, at_most = 9 } }`."""
        raw = table.raw.get("condition", {})
        if not isinstance(raw, Mapping):
            table.fault("condition", 'must be a table such as { balance = { at_least = "100.00" } }')
            return ()
        tests = []
        for fact, asked in raw.items():
            if fact not in ASKABLE:
                table.fault("condition", f"unknown fact {fact!r}; known are {', '.join(ASKABLE)}")
                continue
            shape = ASKABLE[fact][0]
            if not isinstance(asked, Mapping):
                asked = {Op.IN.value if isinstance(asked, list) else Op.IS.value: asked}
            if not asked:
                table.fault("condition", f"{fact}: says nothing")
            for op, value in asked.items():
                allowed = ", ".join(sorted(OPS[shape]))
                if op not in OPS[shape]:
                    table.fault("condition", f"{fact}: unknown {op!r}; this fact takes {allowed}")
                    continue
                try:
                    tests.append(Criterion(fact, Op(op), self._value(fact, shape, Op(op), value)))
                except ValueError as error:
                    table.fault("condition", f"{fact}: {error}")
        return tuple(tests)

    def _value(self, fact: str, shape: Shape, op: Op, value: object) -> int | str | bool | frozenset[str]:
        if shape is Shape.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
                raise ValueError("must be a whole number, not negative")
            return value
        if shape is Shape.AMOUNT:
            return self._amount(value)
        if shape is Shape.FLAG:
            if not isinstance(value, bool):
                raise ValueError("must be true or false")
            return value
        words = value if op is Op.IN else [value]
        if not isinstance(words, list) or not words or not all(isinstance(w, str) and w for w in words):
            raise ValueError("must be a list of words" if op is Op.IN else "must be a word")
        known = self._words(fact)
        for word in words:
            if known and word not in known:
                raise ValueError(f"unknown {word!r}; known are {', '.join(known)}")
        return frozenset(words) if op is Op.IN else str(value)

    def _words(self, fact: str) -> Sequence[str]:
        """Words that a fact can be; () = any word."""
        if fact == "bucket":
            return self.terms.buckets
        if fact == "risk":
            return list(Risk)
        return list(Channel) if fact in ("reachable", "consented") else ()

    def _amount(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise ValueError('must be an amount such as "125.00", in quotes')
        try:
            minor = to_minor(str(value), self.terms.currency)
        except BadAmount as error:
            raise ValueError(str(error)) from None
        if minor < 0:
            raise ValueError("an amount here is not negative")
        return minor


def _check_action(step: Step, table: FieldReader) -> None:
    """Check the fields of a step: those its action needs are there, and those without a meaning for it are not."""
    if step.action is Action.MESSAGE:
        if not step.letter and not table.wrong("letter"):
            table.fault("letter", "a message needs a letter")
        if not step.channels and not table.wrong("channels"):
            table.fault("channels", "a message needs channels")
        if Channel.CALL in step.channels:
            table.fault("channels", 'a call is no message; write action = "call"')
        if Channel.CALL in step.otherwise or set(step.otherwise) & set(step.channels):
            table.fault("otherwise", "names other channels than the step's own, and no call")
        if step.purpose is Purpose.CONFIRMATION:
            table.fault("purpose", "a confirmation answers what the customer agreed to; no step does")
        if step.purpose is Purpose.REPRESENTATIVE:
            table.fault("purpose", "no step writes to a representative")
    elif step.letter or step.channels or step.otherwise:
        field = "letter" if step.letter else "channels" if step.channels else "otherwise"
        table.fault(field, f"says nothing with action = {step.action.value!r}")
    if step.action is Action.TASK and not step.task and not table.wrong("task"):
        table.fault("task", "say in words what has to be done")
    if step.action is not Action.TASK and step.task:
        table.fault("task", f"says nothing with action = {step.action.value!r}")
