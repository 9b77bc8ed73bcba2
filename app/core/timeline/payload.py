"""Payloads: the data of each kind of event, as a class of the package that records it. Pure.

    @dataclass(frozen=True, slots=True)
    class HoldPlaced(Payload):
        KIND = "hold.placed"
        FILTERS = (TimelineFilter.HOLDS,)

        hold_id: int = field(metadata=stored_as("hold"))
        kind: HoldKind
        until: date

        def present(self, reader: Reader) -> TimelineEntry: ...

A field is a key of the event's JSON: by its own name without a trailing underscore (`from_` is `from`), or by the one
that `stored_as` gives. A field with a default is left out of the JSON while it has that default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


class Payload:
    """Base of every payload. Subclasses are dataclasses, frozen and slotted, and name their `KIND`."""

    __slots__ = ()

    KIND: ClassVar[str] = ""
    """`subject.what_happened`. Never renamed: history refers to it. Empty for a base of several payloads."""
    FILTERS: ClassVar[tuple[TimelineFilter, ...]] = ()
    WORDS: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that hold what a person wrote: a search finds their words."""
    REPEATS: ClassVar[bool] = False
    """A timeline says how often a story (`same_story`) was told."""

    def __init_subclass__(cls) -> None:
        if "KIND" in vars(cls):
            _register(cls)

    def data(self) -> Mapping[str, object]:
        """The payload as the JSON object that is hashed."""
        found: dict[str, object] = {}
        for name, key, default in _fields_written(type(self)):  # type: ignore[arg-type]
            value = getattr(self, name)
            if default is MISSING or value != default:
                found[key] = value
        return found

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The payload of an event on record.

        Raises KeyError or ValueError for JSON that is not of this kind.
        """
        data = orjson.loads(text)
        return cls(
            **{
                name: read(data[key])
                for name, key, is_required, read in _fields_read(cls)  # type: ignore[arg-type]
                if is_required or key in data
            }
        )

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        """The timeline entry of the event. A kind that no page shows keeps its name."""
        return TimelineEntry(self.KIND)

    def is_restricted(self) -> bool:
        """Whether only people who work the case read the event: it says what a customer needs, or what they told."""
        return False

    def same_story(self, at: datetime) -> str | None:  # noqa: ARG002
        """Name the story, within its case and channel, that this event continues.

        Of several events of one story a timeline tells only the latest. None for an event that stands by itself.
        """
        return None


def stored_as(key: str) -> Mapping[str, str]:
    """Metadata of a field whose key in the JSON is another than its name."""
    return {"key": key}


# --- kinds --------------------------------------------------------------------------------------------------

PAYLOADS: dict[str, type[Payload]] = {}
"""By kind, those of the packages imported so far."""


def _register(payload: type[Payload]) -> None:
    """Know a payload by its kind. `slots=True` makes each class twice; two classes of one kind are a mistake."""
    known = PAYLOADS.setdefault(payload.KIND, payload)
    if (known.__module__, known.__name__) != (payload.__module__, payload.__name__):
        raise TypeError(f"{known.__name__} and {payload.__name__} both record {payload.KIND}.")
    PAYLOADS[payload.KIND] = payload


def payload_of(kind: str) -> type[Payload] | None:
    """The class that records events of a kind; None for a kind that no imported package records."""
    return PAYLOADS.get(kind)


def known_kinds() -> frozenset[str]:
    """The kinds that the packages imported so far record."""
    return frozenset(PAYLOADS)


def kinds_under(shown: TimelineFilter) -> tuple[str, ...]:
    """The kinds that stand under a filter of the timeline."""
    return tuple(sorted(kind for kind, payload in PAYLOADS.items() if shown in payload.FILTERS))


# --- fields as JSON -----------------------------------------------------------------------------------------


FromJson = Callable[[Any], object]
"""Reads a field's value from JSON."""
T = TypeVar("T")


def _key(each: Field[object]) -> str:
    return str(each.metadata.get("key") or each.name.removesuffix("_"))


def _own_fields(payload: type[Payload]) -> Iterator[Field[object]]:
    yield from fields(payload)  # type: ignore[arg-type]


@cache
def _fields_written(payload: type[Payload]) -> tuple[tuple[str, str, object], ...]:
    """Name, key and default (MISSING = none) of each field."""
    return tuple((each.name, _key(each), each.default) for each in _own_fields(payload))


@cache
def _fields_read(payload: type[Payload]) -> tuple[tuple[str, str, bool, FromJson], ...]:
    """Return name, key, whether it is required, and its reader from JSON, of each field."""
    hints = get_type_hints(payload)
    return tuple(
        (each.name, _key(each), each.default is MISSING, _reading(hints[each.name]))
        for each in _own_fields(payload)
    )


def _reading(hint: object) -> FromJson:
    """Return the function that reads a field of this type from JSON."""
    if get_origin(hint) in (Union, UnionType):
        inner = [_reading(each) for each in get_args(hint) if each is not NoneType]
        return (lambda value: None if value is None else inner[0](value)) if len(inner) == 1 else _as_it_is
    if get_origin(hint) is tuple:
        item = _reading(get_args(hint)[0])
        return lambda value: tuple(item(each) for each in value)
    if not isinstance(hint, type):
        return _as_it_is
    if issubclass(hint, Enum):
        return hint
    if issubclass(hint, (date, datetime)):
        return hint.fromisoformat
    return _as_it_is


def _as_it_is(value: T) -> T:
    return value
