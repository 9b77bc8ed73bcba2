"""Month by month: where past-due amounts stood, where they went, and what was paid; and the cash that follows. Pure.

A Markov chain on month ends, in past-due amounts: O. Cyert, H. J. Davidson, G. L. Thompson, "Estimation of the
allowance for doubtful accounts by Markov chains", Management Science 8 (1962) 287-303. Amounts of customers with a live
agreement stand apart: they pay by schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.book.delinquency.days import CURRENT

AGREEMENT = "agreement"
"""Stands for a bucket: all of customers with a live agreement, regardless of days past due."""
MONTHS_OF_RATES = 6
"""Months whose rolls, yields and new arrears make the rates of the next."""
HORIZONS = (1, 2, 3)
"""Months ahead: 30, 60 and 90 days."""


@dataclass(frozen=True, slots=True)
class Roll:
    """The balances that began a month in one bucket and ended it in another."""

    accounts: int
    begun_minor: int
    """Past due at the start."""
    ended_minor: int
    """Past due of the same accounts at the end."""


@dataclass(frozen=True, slots=True)
class MonthFlow:
    """One month, from the month end before it to its own."""

    ends_on: date
    rolls: Mapping[tuple[str, str], Roll] = field(default_factory=dict)
    """Bucket then -> bucket at the end; without current -> current."""
    fell_minor: int = 0
    """Fell past due in the month on accounts that were current."""
    paid_minor: Mapping[str, int] = field(default_factory=dict)
    """Payments that went to unpaid dues, by the bucket at the start."""
    due_minor: Mapping[int, int] = field(default_factory=dict)
    """Instalments due 1, 2 and 3 months after the month's start, of agreements that were live then."""

    @property
    def cash(self) -> int:
        return sum(self.paid_minor.values())

    @property
    def begun(self) -> Mapping[str, int]:
        """Past due at the start by bucket; of current accounts, what fell past due later."""
        found: dict[str, int] = {CURRENT: self.fell_minor}
        for (before, _), roll in self.rolls.items():
            if before != CURRENT:
                found[before] = found.get(before, 0) + roll.begun_minor
        return found

    @property
    def ended(self) -> Mapping[str, int]:
        """Past due at the end by bucket."""
        found: dict[str, int] = {}
        for (_, after), roll in self.rolls.items():
            if after != CURRENT:
                found[after] = found.get(after, 0) + roll.ended_minor
        return found


@dataclass(frozen=True, slots=True)
class Rates:
    """Roll rates and yields over several months together."""

    rolls: Mapping[tuple[str, str], float]
    yields: Mapping[str, float]
    """Paid, per unit past due at the start; of agreements, per unit that was due and expected to be kept."""
    fell: float
    """Falls past due on current accounts in a month, minor units."""


def rates_of(flows: Sequence[MonthFlow], kept: float) -> Rates:
    """Pooled over the last six months of `flows`. `kept`: chance that an agreement is still kept a month later."""
    used = flows[-MONTHS_OF_RATES:]
    begun: dict[str, float] = {}
    moved: dict[tuple[str, str], float] = {}
    paid: dict[str, float] = {}
    for flow in used:
        for bucket, amount in flow.begun.items():
            begun[bucket] = begun.get(bucket, 0) + amount
        for pair, roll in flow.rolls.items():
            moved[pair] = moved.get(pair, 0) + roll.ended_minor
        for bucket, amount in flow.paid_minor.items():
            paid[bucket] = paid.get(bucket, 0) + amount
    due = sum(flow.due_minor.get(1, 0) for flow in used) * kept
    exposed = {**begun, AGREEMENT: due}
    return Rates(
        {pair: amount / begun[pair[0]] for pair, amount in moved.items() if begun.get(pair[0])},
        {bucket: amount / exposed[bucket] for bucket, amount in paid.items() if exposed.get(bucket)},
        sum(flow.fell_minor for flow in used) / max(1, len(used)),
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """Cash of the months up to a horizon."""

    months: int
    rolled: float
    """From past-due amounts."""
    agreed: float
    """From live agreements, times their chance of being kept."""

    @property
    def cash(self) -> float:
        return self.rolled + self.agreed


def expect(
    flows: Sequence[MonthFlow], standing: Mapping[str, int], due: Mapping[int, int], kept: float
) -> list[Expected]:
    """Expected cash one, two and three months ahead, cumulated, from how amounts stand after the last of `flows`.

    `standing`: past due by bucket now; `due`: instalments of live agreements by month ahead.
    """
    rates = rates_of(flows, kept)
    amounts: dict[str, float] = {bucket: float(amount) for bucket, amount in standing.items()}
    rolled = agreed = 0.0
    found = []
    for month in HORIZONS:
        # Agreements pay by their schedule; those that end on the way are back among the buckets by their rolls.
        working = {b: a for b, a in amounts.items() if b != AGREEMENT} | {CURRENT: rates.fell}
        rolled += sum(amount * rates.yields.get(bucket, 0.0) for bucket, amount in working.items())
        agreed += due.get(month, 0) * kept**month * rates.yields.get(AGREEMENT, 0.0)
        found.append(Expected(month, rolled, agreed))
        sources = amounts | {CURRENT: rates.fell}
        amounts = {}
        for (before, after), rate in rates.rolls.items():
            if after != CURRENT:
                amounts[after] = amounts.get(after, 0.0) + sources.get(before, 0.0) * rate
    return found
