"""Content of the outcome bar: the codes with their keys and fields, the chosen code, and the effects of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from string import ascii_lowercase

from babel import Locale

from app.casework.holds.rules import end_words
from app.casework.results.choices import CHOICES
from app.casework.results.effects import (
    AskManager,
    Callback,
    NumberBad,
    OptOut,
    PaymentClaimed,
    PlaceHold,
    Promise,
    Retry,
    Task,
)
from app.casework.results.queries import results_in
from app.casework.results.rules import CallField, ContactWay, ResultCode, ResultSet, SavedText
from app.core.labels import HOLD_LABELS
from app.core.vocabulary import HOLD_TRAITS
from app.http.formats import day_words
from app.http.rendering import slot


@dataclass(frozen=True, slots=True)
class OutcomeCode:
    """A code as the bar shows it."""

    code: str
    label: str
    key: str
    letter: str
    """Key after `0`, of a code without a digit of its own; '' = it has one, or no letter is left."""
    asks: str
    """Names of its fields, with spaces between."""
    ways: str
    """Ways of which it is a result, with spaces between; '' = every one."""
    preview: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class OutcomeBar:
    codes: tuple[OutcomeCode, ...]
    number: str
    """The number that a code may mark as bad, as the effects name it."""
    requires: Mapping[str, str]
    """Field -> the codes that require it, with spaces between."""
    texts: Sequence[SavedText]
    numbers: Sequence[tuple[str, str]] = ()

    @property
    def keyed(self) -> list[OutcomeCode]:
        return [each for each in self.codes if each.key]

    @property
    def more(self) -> list[OutcomeCode]:
        return [each for each in self.codes if not each.key]

    @property
    def chosen(self) -> OutcomeCode | None:
        return next((each for each in self.codes if each.chosen), None)

    @property
    def preview(self) -> str:
        """The effects of the chosen code; '' where none is chosen."""
        return self.chosen.preview.replace(NUMBER, self.number) if self.chosen else ""

    @property
    def asks(self) -> frozenset[str]:
        return frozenset(self.chosen.asks.split()) if self.chosen else frozenset()

    @property
    def choices(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {name.value: [("", "Choose"), *words.items()] for name, words in CHOICES.items()}

    @property
    def requires_key(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.requires.items())

    @property
    def texts_as_options(self) -> list[tuple[str, str]]:
        return [(each.text, each.name) for each in self.texts]

    @property
    def has_more_chosen(self) -> bool:
        return any(each.chosen for each in self.more)


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts of a case on which the effects of a code depend."""

    locale: Locale
    today: date
    attempts: int
    """Calls without an answer since the last conversation."""
    has_task: bool


NUMBER = slot("number")
"""Stands in the effects for the number of the customer, who is not the same on each page."""


def outcome_bar(
    codes: str | None,
    chosen: str,
    situation: Situation,
    number: str,
    numbers: Sequence[tuple[str, str]] = (),
) -> OutcomeBar:
    """The bar of the portfolio's codes, which are written in `codes`; None = as shipped."""
    results = results_in(codes)
    return OutcomeBar(
        codes=_shown(codes, chosen, situation),
        number=number or "The number",
        requires=_required(codes),
        texts=results.texts,
        numbers=numbers,
    )


@lru_cache(maxsize=500)
def _shown(codes: str | None, chosen: str, situation: Situation) -> tuple[OutcomeCode, ...]:
    results = results_in(codes)
    letters = letters_of(results)
    return tuple(
        OutcomeCode(
            code=each.code,
            label=each.label,
            key=each.key if each.key.isdigit() else "",
            letter=letters.get(each.code, ""),
            asks=" ".join(each.asks),
            ways="" if len(each.ways) == len(ContactWay) else " ".join(sorted(each.ways)),
            preview=foresee(each, situation),
            chosen=each.code == chosen,
        )
        for each in results.codes
    )


@lru_cache(maxsize=64)
def _required(codes: str | None) -> Mapping[str, str]:
    return {
        name.value: " ".join(code.code for code in results_in(codes).codes if name in code.requires)
        for name in CallField
    }


def letters_of(results: ResultSet) -> dict[str, str]:
    """Give each code without a digit the letter that its version names; otherwise the first of a word of its label, any
    letter of it, or any at all. The same version gives the same letters."""
    labels = {each.code: each.label for each in results.codes if not each.key.isdigit()}
    given = {each.code: each.key for each in results.codes if each.key.isalpha()}
    for rank in (_initials, lambda label: label, lambda _label: ascii_lowercase):
        for code, label in labels.items():
            if code in given:
                continue
            free = (c for c in rank(label).lower() if c in ascii_lowercase and c not in given.values())
            if letter := next(free, ""):
                given[code] = letter
    return given


def _initials(label: str) -> str:
    return "".join(word[:1] for word in label.split())


def foresee(code: ResultCode, situation: Situation) -> str:
    """The effects of saving the call, in one line."""
    said = list(_foreseen(code, situation))
    return "; ".join(said) if said else "Noted on the timeline"


def _foreseen(code: ResultCode, situation: Situation) -> Iterator[str]:
    for effect in code.effects:
        match effect:
            case PlaceHold(kind=kind, days=days):
                until = day_words(situation.today + timedelta(days=days), situation.locale)
                letter = "; a letter acknowledges it" if HOLD_TRAITS[kind].letter else ""
                yield f"{HOLD_LABELS[kind]} hold: {end_words(kind, until)}{letter}"
            case PaymentClaimed(days=days):
                until = day_words(situation.today + timedelta(days=days), situation.locale)
                yield f"Reminders pause until {until}, or until the payment is posted; task to look for it"
            case NumberBad(look_for_another=look):
                yield f"{NUMBER} rests on all channels until a person confirms it" + (
                    "; task to find another" if look else ""
                )
            case Retry(attempts=most, other_slot=other):
                yield _attempt(situation, most, other)
            case Promise() if CallField.AMOUNT in code.requires:
                yield "Promise recorded and confirmed in writing; reminders pause"
            case Callback() if CallField.CALLBACK_AT in code.requires:
                yield "Callback set; it comes first on the worklist when it is due"
            case OptOut():
                yield "No more contact by that channel"
            case AskManager():
                yield "A manager is asked; the answer comes back as a task"
            case Task(text=text, days=days):
                due = day_words(situation.today + timedelta(days=days), situation.locale)
                yield f"Task by {due}: {text}"


def _attempt(situation: Situation, most: int, other: bool) -> str:
    if not situation.has_task:
        return "Counts as an attempt"
    nth = situation.attempts + 1
    if nth >= most:
        return f"Attempt {nth} of {most}, the last: the call is done"
    when = "in another part of the day" if other else "soon"
    return f"Attempt {nth} of {most}: to be tried again {when}"
