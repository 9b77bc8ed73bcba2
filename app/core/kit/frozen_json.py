"""Frozen dataclasses to JSON and back, by their types: values stored with a decision, and read again to replay it.

The libraries that we know want a base class of their own, or lose tuples and sets. Fields are written in their order
and sets sorted, so that the same value is the same text. A field that the text does not have takes its default: facts
that were stored before a field was added can still be read. A field made by `later` is left out of the text while it
has its default: a value without it has the text, and the digest, that it had before the field was added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import field, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

T = TypeVar("T")


_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS


def later(default: T) -> T:
    """A field that a stored dataclass gained after its values were first stored."""
    return field(default=default, metadata={"later": True})  # type: ignore[no-any-return, call-overload]


def to_json(value: object) -> str:
    return orjson.dumps(value, default=_plain, option=_OPTIONS).decode()


def digest_of(value: object) -> str:
    """SHA-256 of the value's JSON, in hexadecimal digits."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def from_json(kind: type[T], text: str) -> T:
    """The value of this dataclass. KeyError, TypeError or ValueError for a text that is none."""
    reader: Callable[[Any], T] = _reader(kind)  # type: ignore[arg-type]
    return reader(orjson.loads(text))


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if is_dataclass(value):
        kind: Any = type(value)
        always, added = _fields(kind)
        found = {name: getattr(value, name) for name in always}
        for name, default in added:
            if (given := getattr(value, name)) != default:
                found[name] = given
        return found
    raise TypeError(f"{type(value).__name__} has no JSON here")


@cache
def _fields(kind: Any) -> tuple[tuple[str, ...], tuple[tuple[str, object], ...]]:
    """Names that are always written, and those added later with their defaults."""
    added = tuple((each.name, each.default) for each in fields(kind) if "later" in each.metadata)
    names = {name for name, _ in added}
    return tuple(each.name for each in fields(kind) if each.name not in names), added


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """The function that reads a value of this type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        known = [each for each in inner if each is not NoneType]
        if len(known) == 1:
            read = _reader(known[0])
            return lambda value: None if value is None else read(value)
        # Of several dataclasses, the one that has these fields.
        by_fields = {frozenset(each.name for each in fields(kind)): _reader(kind) for kind in known}
        return lambda value: None if value is None else by_fields[frozenset(value)](value)
    if origin is tuple and inner[-1] is not Ellipsis:
        items = [_reader(each) for each in inner]
        return lambda value: tuple(item(each) for item, each in zip(items, value, strict=True))
    if origin in (tuple, frozenset):
        item = _reader(inner[0])
        return lambda value: origin(item(each) for each in value)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        readers = [(each.name, _reader(hints[each.name])) for each in fields(hint)]
        return lambda value: hint(**{name: read(value[name]) for name, read in readers if name in value})  # type: ignore[operator]
    if issubclass(hint, Enum):
        return hint  # type: ignore[no-any-return]
    return date.fromisoformat if hint is date else lambda value: value
