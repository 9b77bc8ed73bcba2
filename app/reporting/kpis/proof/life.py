"""An account as the ledger has it, folded from nothing: what a proof counts from. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.book.delinquency.days import CURRENT
from app.book.delinquency.facts import Folded, Standing
from app.book.ledger.rules import AccountStatus
from app.reporting.kpis.rules import Dimension

Counted = tuple[str, str, int, int]
"""Figure, bucket, numerator, denominator: what one account adds."""
Key = tuple[str, Dimension, str]
"""Figure, dimension and member."""


@dataclass(frozen=True, slots=True)
class Life:
    """What the ledger says of an account, and its fold from nothing through the day that is counted."""

    status: AccountStatus
    opened_on: date
    ended_on: date | None
    works_charged_off: bool
    """Accounts that came charged off count in its portfolio."""
    known_from: date | None
    """First day on which its creditor reported it; None = its ledger is kept from the beginning."""
    edges: tuple[int, ...]
    balance: int
    """At the end of the day that is counted."""
    balance_then: int
    """At the end of the month before."""
    folded: Folded
    re_aged_on: Sequence[date] = ()
    money_in: Sequence[tuple[date, int]] = ()
    """Day and amount of payments and recoveries that were not reversed."""
    charged_off: Sequence[tuple[date, int]] = ()
    """Day and amount of what was taken off the book as charged off here and stands."""

    def stands(self, on: date) -> Standing | None:
        """Its standing at the end of a day; None = current."""
        changes = self.folded.standings
        place = bisect_right(changes, on, key=lambda change: change[0])
        return changes[place - 1][1] if place else None

    def bucket(self, on: date) -> str:
        stands = self.stands(on)
        return stands.bucket if stands else CURRENT

    def past_due(self, on: date) -> int:
        stands = self.stands(on)
        return stands.past_due if stands else 0

    def is_counted(self, on: date) -> bool:
        """It was open, and not charged off, by the end of the day."""
        if self.opened_on > on:
            return False
        if self.status is not AccountStatus.CHARGED_OFF:
            return True
        return self.works_charged_off if self.ended_on is None else self.ended_on > on
