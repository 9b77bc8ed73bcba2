"""Problems of a strategy's text, each with its place, and the reader of one table that collects them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from app.casework.contacts.rules import DeskStep
from app.core.errors import Invalid
from app.core.types import Values

E = TypeVar("E", bound=StrEnum)


IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


RESERVED = frozenset(DeskStep)
"""Names of the steps that the desk takes by itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a strategy, counted from 0; None = not in a segment, not in a step."""

    segment: int | None = None
    step: int | None = None

    def __str__(self) -> str:
        """Write the place as in a URL: `3`, `1.0` (segment 1, its first step)."""
        return ".".join(str(n) for n in (self.segment, self.step) if n is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its place, its field, and the error."""

    place: Place
    label: str
    """The place in words: `step 3 (second-call)`; '' = the strategy as a whole."""
    field: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.label, self.field, self.message)))


class BadStrategy(Invalid):
    """The strategy's text is wrong; `problems` says where and why, all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)), "text")
        self.problems = list(problems)


@dataclass
class FieldReader:
    """Reads the fields of one table. A field it cannot read becomes a problem and gets a harmless value."""

    raw: Values
    place: Place
    label: str
    problems: list[Problem]
    faults: set[str] = field(default_factory=set)

    def fault(self, name: str, message: str) -> None:
        self.faults.add(name)
        self.problems.append(Problem(self.place, self.label, name, message))

    def wrong(self, name: str) -> bool:
        return name in self.faults

    def text(self, name: str, *, default: str = "", longest: int, required: bool = False) -> str:
        value = self.raw.get(name, default)
        if not isinstance(value, str):
            self.fault(name, "must be text in quotes")
        elif len(value) > longest:
            self.fault(name, f"longer than {longest} characters")
        elif required and not value.strip():
            self.fault(name, "is missing")
        elif "\0" not in value:
            return value.strip()
        else:
            self.fault(name, "holds a NUL")
        return default

    def identifier(self, name: str) -> str:
        value = self.text(name, longest=40, required=True)
        if value and (not IDENTIFIER.fullmatch(value) or value in RESERVED):
            self.fault(name, f"write small letters, digits and hyphens; none of {', '.join(DeskStep)}")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(name, f"must be a whole number from {least} to {most}")
            return 0
        return value

    def choice(self, name: str, kind: type[E], default: E | None = None) -> E | None:
        value = self.raw.get(name, default)
        try:
            return kind(value)
        except ValueError:
            said = "is missing" if value is None else f"unknown {value!r}"
            self.fault(name, f"{said}; known are {', '.join(kind)}")
            return default

    def choices(self, name: str, kind: type[E]) -> tuple[E, ...]:
        value = self.raw.get(name, [])
        if not isinstance(value, list):
            self.fault(name, 'must be a list such as ["sms"]')
            return ()
        unknown = [word for word in value if not isinstance(word, str) or word not in set(kind)]
        if unknown or len(set(map(str, value))) < len(value):
            said = f"unknown {unknown[0]!r}; known are {', '.join(kind)}" if unknown else "names one twice"
            self.fault(name, said)
            return ()
        return tuple(kind(word) for word in value)

    def tables(self, name: str, most: int) -> list[object]:
        value = self.raw.get(name, [])
        if not isinstance(value, list):
            self.fault(name, f"must be written as [[{name}]]")
            return []
        if len(value) > most:
            self.fault(name, f"more than {most}")
            return []
        return value
