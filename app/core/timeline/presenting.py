"""Presentation of events: the line that an event becomes on a timeline, the filter it stands under, and what a
presenter may ask of its reader. Pure; pages implement `Reader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol

from app.core.types import Values

Tone = Literal["good", "warn", "bad", "info", "neutral"]


class TimelineFilter(StrEnum):
    """Filters of a timeline, in the order shown. An event may stand under several."""

    PEOPLE = "people"
    CONTACTS = "contacts"
    REFUSALS = "refusals"
    PLANS = "plans"
    HOLDS = "holds"
    MONEY = "money"
    CASE = "case"


FILTER_LABELS: Mapping[TimelineFilter, str] = {
    TimelineFilter.PEOPLE: "Calls and notes",
    TimelineFilter.CONTACTS: "Messages",
    TimelineFilter.REFUSALS: "Refusals and waits",
    TimelineFilter.PLANS: "Promises and plans",
    TimelineFilter.HOLDS: "Holds and permissions",
    TimelineFilter.MONEY: "Payments and corrections",
    TimelineFilter.CASE: "Case and legal",
}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a timeline. A payload's presenter says what happened; the page adds when, who and how often."""

    title: str
    body: str = ""
    tone: Tone = "neutral"
    quoted: str = ""
    """A person's own words."""
    reasons: Sequence[Values] = ()
    """The reasons of an answer of the gate, as they are on record."""
    pack: str = ""
    message_id: int | None = None
    """The message whose exact words can be opened under this line."""
    at: datetime | None = None
    on: date | None = None
    """For what has a date only: a payment."""
    by: str = ""
    times: int = 1


class Reader(Protocol):
    """The reader that a presenter writes for: amounts, dates and names in that reader's spelling."""

    @property
    def channel(self) -> str:
        """The channel of the event in a word (`SMS`, `letter`); `message` where it has none."""

    def money(self, minor: int | None) -> str: ...

    def day(self, on: date | None) -> str: ...

    def instant(self, at: datetime | None) -> str: ...

    def language(self, tag: str) -> str: ...

    def plain(self, text: str) -> str:
        """A sentence with its ISO dates and instants as the reader writes them."""

    def name(self, username: str) -> str:
        """The name by which colleagues know a user."""


def sentence(text: object) -> str:
    """The text with a capital; empty for None."""
    said = str(text or "")
    return said[:1].upper() + said[1:]


def words(code: object) -> str:
    """A code as words: `card_lost` reads `card lost`."""
    return str(code or "").replace("_", " ").replace("-", " ")
