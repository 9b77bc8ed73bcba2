"""Forms as they were typed: read field by field, every fault noted beside its field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel

from app.cases.queries import Book
from app.clock import local_instant
from app.errors import DeskError
from app.money import BadAmount, to_minor

E = TypeVar("E", bound=StrEnum)


class Typed(BaseModel):
    """A form as it was typed: all text, so that what is wrong can be shown where it was typed."""

    def values(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.model_dump().items()}


class Wrong(Exception):
    """What was typed cannot be read: field -> what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__()
        self.errors = errors


class Fields:
    """Reads typed text; every fault is noted beside its field, and `done` raises them together."""

    def __init__(self, typed: Typed, book: Book, zone: str) -> None:
        self.values, self.book, self.zone = typed.values(), book, zone
        self.errors: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return bool(self.values[name].strip())

    def amount(self, name: str, default: int = 0) -> int:
        """Minor units of the portfolio's currency; `default` where nothing was typed."""
        if not self.has(name):
            return default
        try:
            minor = to_minor(self.values[name], self.book.currency)
        except BadAmount as error:
            self.errors[name] = f"{sentence(str(error))} Write it like 1250.00, without separators."
            return default
        if minor < 0:
            self.errors[name] = "An amount is not negative."
        return minor

    def day(self, name: str) -> date:
        try:
            on = date.fromisoformat(self.values[name].strip())
        except ValueError:
            self.errors[name] = "Choose a date." if not self.has(name) else "This is not a date."
            return self.book.today
        if not 2000 <= on.year <= 2150:
            self.errors[name] = "This date is out of range."
        return on

    def moment(self, name: str) -> datetime | None:
        """A wall-clock time where the customer lives; None where nothing was typed."""
        if not self.has(name):
            return None
        try:
            local = datetime.fromisoformat(self.values[name].strip())
            return local_instant(local.date(), local.hour, local.minute, self.zone)
        except (ValueError, OverflowError):
            self.errors[name] = "This is not a date and time."
            return None

    def whole(self, name: str) -> int:
        text = self.values[name].strip()
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            self.errors[name] = "Write a whole number."
            return 1
        return int(text)

    def choice(self, name: str, kind: type[E]) -> E:
        try:
            return kind(self.values[name])
        except ValueError:
            self.errors[name] = "Choose one."
            return next(iter(kind))

    def done(self) -> None:
        if self.errors:
            raise Wrong(self.errors)


def beside(refused: DeskError, typed: Typed, names: Mapping[str, str]) -> dict[str, str]:
    """The refusal at the field it is about; '' = at the form as a whole."""
    named = getattr(refused, "field", None) or ""
    name = names.get(named, named)
    return {name if name in typed.values() else "": sentence(refused.message)}


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
