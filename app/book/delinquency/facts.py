"""Events that the delinquency of an account is folded from, and the state that the fold carries. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from app.book.delinquency.days import Interval


class MovementKind(StrEnum):
    FELL_PAST_DUE = "fell_past_due"
    PAID = "paid"
    """By payments."""
    ADJUSTED = "adjusted"
    """By refunds and other credits, waivers, a re-age, a creditor's position, or the account's end (a charge-off)."""


class Credit(NamedTuple):
    """A payment, refund or credit that was not reversed, on its effective date."""

    on: date
    amount: int
    is_payment: bool


class Waived(NamedTuple):
    """A charge that was forgiven, wholly or in part, and that a statement had billed; not reversed."""

    on: date
    amount: int
    closing_on: date
    due_on: date
    """Closing and due date of the statement that billed it, or of the position that reported it."""


class Closing(NamedTuple):
    """A statement: closing date, due date (after it) and minimum."""

    on: date
    due_on: date
    minimum: int


class Reported(NamedTuple):
    """Past due at the end of a day as the placing creditor reports it; no oldest due date = nothing."""

    on: date
    past_due: int
    oldest_due_on: date | None


@dataclass(slots=True)
class Events:
    """Events to be folded: `Credit`, `Closing`, `Reported`, `Waived`, or plain tuples of their shape.

    Lists may come in any order; credits of one date count in the order given. `pauses` and `ended_on` are all that
    the account has, whenever they are; the rest only what lies in the stretch to be folded.
    """

    credits: Sequence[tuple[date, int, bool]] = ()
    closings: Sequence[tuple[date, date, int]] = ()
    positions: Sequence[tuple[date, int, date | None]] = ()
    re_ages: Sequence[date] = ()
    pauses: Sequence[Interval] = ()
    ended_on: date | None = None
    waivers: Sequence[tuple[date, int, date, date]] = ()
    prepays: bool = False
    """Money beyond what is due counts toward the next statements: of a loan paid in instalments, not of a card."""


@dataclass(slots=True)
class State:
    """State that the fold carries from day to day. `through` None = nothing folded yet."""

    through: date | None = None
    dues: list[tuple[date, int]] = field(default_factory=list)
    """Unpaid dues (due_on, amount), oldest first."""
    minimums: list[tuple[date, date, int]] = field(default_factory=list)
    """Open minimums (closing_on, due_on, amount), oldest first."""
    prepaid: int = 0
    """Money beyond what was due, kept for the next minimums where the product says so; otherwise 0."""

    @property
    def past_due(self) -> int:
        return sum(amount for _, amount in self.dues)

    @property
    def oldest_due_on(self) -> date | None:
        return self.dues[0][0] if self.dues else None


class Standing(NamedTuple):
    """Standing of an account that is past due, at the end of a day."""

    bucket: str
    counted_from: date
    """Days past due on D are D - this: the oldest unpaid due's date, later by as many days as were paused since.
    On a paused day it moves along, so that a comparison of dates needs no pauses."""
    past_due: int


@dataclass(slots=True)
class Folded:
    """Result of folding some days: movements, and the days on which the standing changed (None = current)."""

    movements: list[tuple[date, MovementKind, int]] = field(default_factory=list)
    standings: list[tuple[date, Standing | None]] = field(default_factory=list)
