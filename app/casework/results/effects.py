"""Effects of a result code: a closed list. Pure.

Each is written in TOML as a table whose `do` names it, `{ do = "retry", attempts = 3 }`. An effect happens where its
fields are filled in; a code that needs it always requires them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.core.vocabulary import HoldKind


@dataclass(frozen=True, slots=True)
class Retry:
    """The call is still to be made: attempt n of `attempts`, no sooner than `after_minutes`."""

    DO: ClassVar[str] = "retry"
    attempts: int = 3
    after_minutes: int = 120
    other_slot: bool = True
    """In a part of the day (morning, afternoon, evening, weekend) in which none was tried yet."""


@dataclass(frozen=True, slots=True)
class NumberBad:
    """The number rests on every channel until a person confirms it."""

    DO: ClassVar[str] = "number_bad"
    why: str = "wrong number"
    look_for_another: bool = True
    """A task: look for another number."""
    replace_links: bool = False
    """Links in earlier SMS are with another person, and stop working."""


@dataclass(frozen=True, slots=True)
class PaymentClaimed:
    """A hold of `days` while a person looks for the payment; it ends when the payment is posted."""

    DO: ClassVar[str] = "payment_claimed"
    days: int = 10


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise to pay, checked against what is past due now."""

    DO: ClassVar[str] = "promise"


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback, at a time when a call is allowed."""

    DO: ClassVar[str] = "callback"


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """A hold of this kind; `days` until it ends, or comes up for review where only a person ends it."""

    DO: ClassVar[str] = "hold"
    kind: HoldKind = HoldKind.MANUAL
    days: int = 30


@dataclass(frozen=True, slots=True)
class OptOut:
    """The customer is not contacted by the channel that they named."""

    DO: ClassVar[str] = "opt_out"


@dataclass(frozen=True, slots=True)
class AskManager:
    """A request to a manager; the answer comes back as a task."""

    DO: ClassVar[str] = "ask_manager"


@dataclass(frozen=True, slots=True)
class Task:
    """Work for a person, due after `days`."""

    DO: ClassVar[str] = "task"
    text: str = ""
    days: int = 1


@dataclass(frozen=True, slots=True)
class ConductEnded:
    """The call was ended for abuse: on record with the customer's words, and a task for a supervisor."""

    DO: ClassVar[str] = "conduct_ended"


Effect = (
    Retry
    | NumberBad
    | PaymentClaimed
    | Promise
    | Callback
    | PlaceHold
    | OptOut
    | AskManager
    | Task
    | ConductEnded
)
