"""Simulation rules: prices, what a channel can carry, pages of a letter, and the result. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.labels import CHANNEL_PLURALS
from app.core.types import Values
from app.core.vocabulary import Channel


class RunStatus(StrEnum):
    WAITING = "waiting"
    """For another simulation to end: there is one at a time."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


LONGEST_DAYS = 92
"""Further ahead it would be a guess: in a simulation no customer pays and nothing new falls due."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Costs of contacts, and the speed of each channel."""

    currency: str = ""
    """Currency of the prices; '' = no price is known."""
    sms_segment: Decimal = Decimal(0)
    email: Decimal = Decimal(0)
    letter: Decimal = Decimal(0)
    """With its first page and the postage."""
    letter_page: Decimal = Decimal(0)
    """Each further page."""
    call_minutes: int = 6
    """Minutes that an agent needs for one call task, all in."""
    sms_segments_per_second: float = 1.0
    """1 is what a United States long code carries; toll-free numbers 3, short codes up to 100."""
    emails_per_second: float = 10.0
    letters_per_day: int = 5000

    def cost(self, channel: Channel, units: int) -> Decimal:
        """The cost of one message of `units` segments or pages."""
        if channel is Channel.SMS:
            return self.sms_segment * units
        if channel is Channel.POST:
            return self.letter + self.letter_page * (units - 1)
        return self.email

    def seconds(self, channel: Channel, units: int) -> float:
        """Seconds for which one message of `units` segments keeps its channel busy."""
        if channel is Channel.SMS:
            return units / self.sms_segments_per_second
        if channel is Channel.POST:
            return 86_400 / self.letters_per_day
        return 1 / self.emails_per_second


# --- what a channel can carry -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transmission:
    """A message handed over for sending."""

    at: datetime
    until: datetime | None
    """The end of the window it is cleared for; None = it may leave at any time."""
    seconds: float
    """Seconds for which its channel is busy with it."""


@dataclass(frozen=True, slots=True)
class TransmissionEnd:
    at: datetime
    """Time at which the channel is through with it."""
    late: bool
    """True if that is after the end of its window: the gate would have to be asked again."""
    waited: timedelta


def through_channel(leaving: Iterable[Transmission]) -> Iterator[TransmissionEnd]:
    """One after the other through one sender, first come, first served. `leaving` by time."""
    free: datetime | None = None
    for message in leaving:
        begins = message.at if free is None else max(message.at, free)
        free = begins + timedelta(seconds=message.seconds)
        late = message.until is not None and free > message.until
        yield TransmissionEnd(free, late, begins - message.at)


# --- pages of a letter ------------------------------------------------------------------------------------------

# letters/_base/letter.typ in figures; a test compares the result with what is really typeset. Millimetres.
_BODY, _HEAD, _WIDTH = 252.0, 72.0, 165.0
_EM = 3.704
_LINE, _LEADING, _SPACING = 0.714 * _EM, 0.7 * _EM, 1.2 * _EM
_ROW = 6.6
_NARROW, _WIDE = 0.54 * _EM, 1.0 * _EM
_RULE = 2.8 * _EM
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def letter_pages(text: str) -> int:
    """Pages that the words of a letter fill, computed from their length without typesetting them."""
    height = _HEAD
    for part in filter(None, (part.strip() for part in re.split(r"\n\s*\n", text))):
        if part == "---":
            height += _RULE
        elif part.startswith("|"):
            height += len(part.splitlines()) * _ROW + _SPACING
        else:
            lines = sum(_lines(line) for line in part.splitlines())
            height += lines * _LINE + (lines - 1) * _LEADING + _SPACING
    return max(1, math.ceil(height / _BODY))


def _lines(line: str) -> int:
    wide = len(_CJK.findall(line))
    return max(1, math.ceil((wide * _WIDE + (len(line) - wide) * _NARROW) / _WIDTH))


# --- the result -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class StrategyResult:
    """The result of a strategy in a simulation, ready for JSON. Days are the portfolio's own: a decision counts on the
    day that was closed, a message on the day on which it left."""

    strategy: str
    contacts: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(day, channel, decision, number): the gate's answers and what became of messages."""
    rules: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """(rule, citation, channel, decision, number) of every objection; one answer may hold several."""
    withheld: list[tuple[str, int]] = field(default_factory=list)
    """(why, number) at delivery."""
    steps: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(step, channel, decision, number)."""
    hours: dict[str, list[int]] = field(default_factory=dict)
    """Channel -> messages through by local hour of the day, at the channel's own speed."""
    units: dict[str, int] = field(default_factory=dict)
    """Channel -> SMS segments, e-mails, pages of letters."""
    costs: dict[str, str] = field(default_factory=dict)
    """Channel -> cost as a decimal, in the tariff's currency."""
    call_tasks: list[tuple[str, int]] = field(default_factory=list)
    """(day, number)."""
    tasks: int = 0
    duties_made: int = 0
    """Letters that the law came to want within some days of an event."""
    duties_overdue: int = 0
    """Of those and the earlier ones, the letters that did not leave in time."""
    agent_minutes: int = 0
    bottlenecks: list[tuple[str, str, int, int]] = field(default_factory=list)
    """(day, channel, messages not through within their window, longest wait in minutes)."""
    longest_wait: dict[str, int] = field(default_factory=dict)
    """Channel -> minutes."""
    customers: int = 0
    """Different customers to whom anything left or a call task was given."""


def total(side: Values, decision: str, channel: str = "") -> int:
    """Sum of a decision over all days. `side` is a StrategyResult as JSON."""
    return sum(n for _, via, what, n in side["contacts"] if what == decision and channel in ("", via))


def measures(side: Values) -> dict[str, int | Decimal]:
    """The figures two strategies are compared by, of a StrategyResult as JSON."""
    units = side["units"]
    return {
        "customers": side["customers"],
        "sms": total(side, "sent", "sms"),
        "sms_segments": units.get("sms", 0),
        "emails": total(side, "sent", "email"),
        "letters": total(side, "sent", "post"),
        "letter_pages": units.get("post", 0),
        "call_tasks": total(side, "call_task"),
        "agent_minutes": side["agent_minutes"],
        "tasks": side["tasks"],
        # A result of before duties were counted has none.
        "duties_made": side.get("duties_made", 0),
        "duties_overdue": side.get("duties_overdue", 0),
        "refused": total(side, "refused"),
        "waiting": total(side, "waiting"),
        "withheld": total(side, "withheld"),
        "late": sum(row[2] for row in side["bottlenecks"]),
        "cost": sum(map(Decimal, side["costs"].values()), Decimal(0)),
    }


MEASURE_WORDS = {
    "customers": "Customers reached",
    "sms": CHANNEL_PLURALS["sms"],
    "sms_segments": "SMS segments",
    "emails": CHANNEL_PLURALS["email"],
    "letters": CHANNEL_PLURALS["post"],
    "letter_pages": "Pages of letters",
    "call_tasks": "Call tasks",
    "agent_minutes": "Agent minutes",
    "tasks": "Other tasks",
    "duties_made": "Letters that come to be owed",
    "duties_overdue": "Owed letters overdue",
    "refused": "Refused by the gate",
    "waiting": "Asked to wait, per night",
    "withheld": "Stopped before sending",
    "late": "Not through in time",
    "cost": "Cost",
}
