"""Compiled letters: a letter worded once with holes where names and figures go, and filled for each customer.

Rendering a template takes a tenth of a millisecond and more, and most of its words are the same for everyone. So it
is rendered with values that can only be printed. If it does more with a value (compares it, counts it, asks whether
there is one), that shows, and the compiled words hold for that very value only. Filled, they are the words of the
template, to the character; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import NoReturn, cast

MOST = 2000
"""Wordings kept of one letter on one channel in one language."""

_HOLE = re.compile("\ue000(\\d+)\ue001")
HARMLESS_FILTERS = frozenset({"join", "map", "length", "count"})
"""Filters that print what they are given, or show when they use it otherwise. Other filters and tests turn a value to
text first, and change that text."""

Parts = tuple[tuple[str | int, ...], ...]
"""Texts and numbers of holes in turn, for each text of a letter."""


class ValueUsed(Exception):
    """A template did more with a value than print it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Printable:
    """A value that can only be printed."""

    __slots__ = ("_name", "_printed")

    def __init__(self, name: str, printed: str) -> None:
        self._name, self._printed = name, printed

    def __str__(self) -> str:
        return self._printed

    def __html__(self) -> str:
        return self._printed

    def _used(self, *_: object) -> NoReturn:
        raise ValueUsed(self._name)

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _used  # type: ignore[assignment]
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __getattr__ = __call__ = _used
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _used
    __int__ = __float__ = __index__ = __neg__ = __pos__ = __format__ = _used  # type: ignore[assignment]


Value = str | tuple[object, ...]
"""A variable of a letter: text, or a tuple of data classes that hold text and numbers."""

Worded = tuple[Sequence[str], frozenset[str]]
"""A letter's texts, and the blocks they carry."""


class CompiledLetter:
    """A letter on one channel in one language, with a wording for each set of values that its templates use.

    `word` gives the letter's texts for some values: a mapping of text and of tuples of data classes that hold text and
    numbers. `fit` is what `word` has done to each text as a whole (escaped it, put it on one line), and is done to what
    goes into the text's holes.
    """

    def __init__(
        self, word: Callable[[Mapping[str, Value]], Worded], fit: Sequence[Callable[[str], str]]
    ) -> None:
        self._word, self._fit = word, fit
        self._values_used: frozenset[str] = frozenset()
        self._wordings: dict[tuple[object, ...], tuple[Parts, frozenset[str]]] = {}

    def words(self, values: Mapping[str, Value]) -> Worded:
        """Return the texts that `word` gives for these values, or raise its error."""
        while True:
            key, printed = self._key(values)
            wording = self._wordings.get(key)
            if wording is None:
                try:
                    wording = self._compile(values)
                except ValueUsed as seen:
                    self._values_used |= {seen.name}
                    self._wordings.clear()
                    continue
                if len(self._wordings) >= MOST:
                    self._wordings.clear()
                self._wordings[key] = wording
            texts = [
                "".join([part if type(part) is str else fit(printed[part]) for part in parts])  # type: ignore[index]
                if parts
                else ""
                for parts, fit in zip(wording[0], self._fit, strict=True)
            ]
            return texts, wording[1]

    def _key(self, values: Mapping[str, Value]) -> tuple[tuple[object, ...], list[str]]:
        """Key of a wording (values that are used or empty, how many there are; None for a hole), and the texts of its
        holes, in order."""
        key: list[object] = []
        printed: list[str] = []
        values_used = self._values_used
        for name, value in values.items():
            if type(value) is str:
                if value and name not in values_used:
                    key.append(None)
                    printed.append(value)
                else:
                    key.append(value)
                continue
            key.append(len(value))
            for item in value:
                for (path, _), inner in zip(paths(type(item), name), values_of(item), strict=True):  # type: ignore[arg-type]
                    if inner == "" or path in values_used:
                        key.append(inner)
                    else:
                        key.append(None)
                        printed.append(inner if type(inner) is str else str(inner))
        return tuple(key), printed

    def _compile(self, values: Mapping[str, Value]) -> tuple[Parts, frozenset[str]]:
        holes = 0

        def hole(path: str, value: object) -> object:
            nonlocal holes
            if value == "" or path in self._values_used:
                return value
            holes += 1
            return _Printable(path, f"\ue000{holes - 1}\ue001")

        given: dict[str, Value] = {}
        for name, value in values.items():
            if type(value) is tuple:
                given[name] = tuple(
                    type(item)(
                        **{
                            a: hole(path, getattr(item, a))
                            for path, a in paths(type(item), name)  # type: ignore[arg-type]
                        }
                    )
                    for item in value
                )
            else:
                given[name] = cast(str, hole(name, value))
        texts, carried = self._word(given)
        return tuple(_parts(text) for text in texts), carried


@lru_cache(maxsize=100)
def paths(kind: type, name: str) -> tuple[tuple[str, str], ...]:
    """(`name.attribute`, attribute) of a data class."""
    assert is_dataclass(kind)
    return tuple((f"{name}.{field.name}", field.name) for field in fields(kind))


@lru_cache(maxsize=100)
def _reader(kind: type) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]:
    """Names of a data class's fields (two and more), and a function that reads them all at once."""
    assert is_dataclass(kind)
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)


def values_of(item: object) -> tuple[object, ...]:
    """The values of a data class's fields, in order."""
    return _reader(type(item))[1](item)  # type: ignore[arg-type]


def as_dict(item: object) -> dict[str, object]:
    """A data class as a dictionary, its values as they are."""
    names, read = _reader(type(item))  # type: ignore[arg-type]
    return dict(zip(names, read(item), strict=True))


def _parts(text: str) -> tuple[str | int, ...]:
    pieces = _HOLE.split(text)
    return tuple(int(piece) if n % 2 else piece for n, piece in enumerate(pieces) if n % 2 or piece)
