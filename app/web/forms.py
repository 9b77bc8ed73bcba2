"""Forms as they were typed: read field by field, every fault noted beside its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from babel import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from pydantic import BaseModel, ConfigDict

from app.casework.cases.listing import PortfolioToday
from app.casework.plans.rules import Instalment
from app.core.clock import local_instant
from app.core.errors import DeskError
from app.core.money import BadAmount, typed_minor
from app.core.text import sentence

E = TypeVar("E", bound=StrEnum)


class Typed(BaseModel):
    """A form as it was typed: all text, so that what is wrong can be shown where it was typed."""

    model_config = ConfigDict(defer_build=True)

    once: str = ""
    """The number drawn for this form; the same number twice is the same page sent twice."""
    seen: str = ""
    """For a form with a second look: the mark of the figures that the person saw."""

    def values(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.model_dump(exclude={"once", "seen"}).items()}


class Wrong(Exception):
    """Input that cannot be used: field -> the error. For unusual input that a person has to confirm,
    `asks` is the answer that confirms it."""

    def __init__(self, errors: Mapping[str, str], asks: str = "") -> None:
        super().__init__()
        self.errors, self.asks = errors, asks


class Fields:
    """Reads typed text; every fault is noted beside its field, and `done` raises them together."""

    def __init__(self, typed: Typed, book: PortfolioToday, zone: str, locale: Locale | None = None) -> None:
        """`locale`: how the reader writes numbers; without one, as in English."""
        self.values, self.book, self.zone = typed.values(), book, zone
        self.locale = locale or Locale("en")
        self.errors: dict[str, str] = {}
        self._questions: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return bool(self.values[name].strip())

    def amount(self, name: str, default: int = 0) -> int:
        """Minor units of the portfolio's currency; `default` where nothing was typed."""
        if not self.has(name):
            return default
        try:
            minor = typed_minor(
                self.values[name],
                self.book.currency,
                grouping=get_group_symbol(self.locale),
                point=get_decimal_symbol(self.locale),
            )
        except BadAmount as error:
            self.errors[name] = sentence(str(error))
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

    def reason(self, name: str = "reason") -> str:
        """The reason, required where the protection of a customer ends."""
        if not self.has(name):
            self.errors[name] = "Say why."
        return self.values[name].strip()

    def confirm(self, answer: str, question: str) -> None:
        """Go on only if the form says that this is meant; `answer` names what was asked, so that a yes to another
        amount does not count."""
        self._questions[answer] = question

    def done(self) -> None:
        if self.errors:
            raise Wrong(self.errors)
        asks = ",".join(self._questions)
        if asks and asks != self.values.get("sure", ""):
            raise Wrong({"sure": " ".join(self._questions.values())}, asks)


def chosen_row(fields: Fields, name: str) -> int | None:
    """The id that was chosen, which `whole` would find too long; None = none."""
    text = fields.values[name].strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        fields.errors[name] = "Choose one of the list."
        return None
    return int(text)


def beside(refused: DeskError, typed: Typed, names: Mapping[str, str]) -> dict[str, str]:
    """The refusal at the field it is about; '' = at the form as a whole."""
    named = getattr(refused, "field", None) or ""
    name = names.get(named, named)
    return {name if name in typed.values() else "": sentence(refused.message)}


class ReasonForm(Typed):
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AnswerPreview:
    """An SMS as it would be sent, and its number of billed segments."""

    text: str
    segments: int
    encoding: str
    cost: str
    """'' = no price is set."""


@dataclass(frozen=True, slots=True)
class LetterPreview:
    """A letter as it would leave now."""

    subject: str
    text: str
    lang: str
    language: str
    """The language in words."""
    address: str
    mark: str
    """Mark of the words: the letter is sent only if they are still these."""
    sms: AnswerPreview | None = None


@dataclass(frozen=True, slots=True)
class FormState:
    """The action a page shows open: what was typed, what is wrong with it, and a schedule if one was asked for."""

    opened: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    schedule: Sequence[Instalment] = ()
    answer: AnswerPreview | None = None
    letter: LetterPreview | None = None
    asks: str = ""
    """The value of the box that confirms something unusual; '' = nothing is asked."""
    drafted_at: datetime | None = None
    """When the values were kept as a draft, where that is what they are."""

    def of(self, form: str) -> FormState:
        """The state of one of the page's forms."""
        return self if form == self.opened else FormState()
