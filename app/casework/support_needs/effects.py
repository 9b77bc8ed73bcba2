"""Effects of a support need: a closed list. Pure.

Each is written in TOML as a table whose `do` names it, `{ do = "quiet_time", channels = ["call"], start = "17:00" }`.
A need has an effect on contact by facts that the gate knows already: preferences, holds, and addresses that are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.core.vocabulary import Channel, HoldKind


@dataclass(frozen=True, slots=True)
class QuietTime:
    """No contact by these channels from `start` to `end`, minutes after local midnight."""

    DO: ClassVar[str] = "quiet_time"
    channels: tuple[Channel, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NoChannel:
    """No contact by these channels at all."""

    DO: ClassVar[str] = "no_channel"
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """A hold of this kind for `days`. `by_person`: no date ends it, and the day is that of its review."""

    DO: ClassVar[str] = "hold"
    kind: HoldKind
    days: int
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class LargePrint:
    """Letters and e-mails are written in a bigger face."""

    DO: ClassVar[str] = "large_print"


@dataclass(frozen=True, slots=True)
class WithholdPlaces:
    """The numbers and addresses that are named with the need are taken off every page and written to no more."""

    DO: ClassVar[str] = "withhold_places"


NeedEffect = QuietTime | NoChannel | PlaceHold | LargePrint | WithholdPlaces
