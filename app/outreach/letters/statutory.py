"""Statutory figures of notices: the amount that the law lets a collector ask, and the day until which it must wait.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from app.policy.calendars import Holidays

COSTS_LETTER = "fourteen_day_letter"
"""The letter that names the costs before they are owed."""
COSTS_CURRENCY = "EUR"
_COSTS_SCALE = ((2_500_00, 15_0), (5_000_00, 10_0), (10_000_00, 5_0), (200_000_00, 1_0), (None, 5))
"""Up to which principal (cents), and how many thousandths of that part."""
_LEAST_COSTS, _MOST_COSTS = 40_00, 6_775_00


def collection_costs(principal_minor: int) -> int:
    """Most that a Dutch consumer owes for out-of-court collection of a principal, both in euro cents, without VAT.

    Besluit vergoeding voor buitengerechtelijke incassokosten, art. 2: 15 % of the first 2,500 euros, 10 % of the next
    2,500, 5 % of the next 5,000, 1 % of the next 190,000, 0.5 % of the rest; at least 40, at most 6,775 euros.
    """
    if principal_minor <= 0:
        raise ValueError("costs are asked on a positive principal")
    thousandths, before = 0, 0
    for upto, rate in _COSTS_SCALE:
        part = (principal_minor if upto is None else min(principal_minor, upto)) - before
        if part <= 0:
            break
        thousandths += part * rate
        before += part
    return min(max(thousandths // 1000, _LEAST_COSTS), _MOST_COSTS)


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """Until when a letter asks for an answer: so many days after it is written, or after it is taken to be received."""

    days: int
    receipt_business_days: int = 0
    """Days that are neither Saturday, Sunday nor a public holiday; 0 = counted from the day of writing."""
    country: str = ""
    """Country of those public holidays."""
    before: bool = False
    """The letter says "before" the day, so that the day before it is the last."""
    shown: bool = True
    """The letter names the day. Where it counts from a receipt that nobody knows, only the gate does."""

    def last_day(self, written_on: date) -> date:
        """The last day on which the customer may do what the letter asks."""
        return self.ends(written_on) - timedelta(days=1 if self.before else 0)

    def ends(self, written_on: date) -> date:
        received, left = written_on, self.receipt_business_days
        holidays = Holidays(self.country)
        while left:
            received += timedelta(days=1)
            if received.weekday() < 5 and not holidays.name_of(received):
                left -= 1
        return received + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Itemization:
    """Growth of a debt since a date, in minor units (12 CFR 1006.34(b)(3), (c)(2)(vi)-(viii))."""

    owed: int
    interest: int
    fees: int
    other: int
    """Purchases and all other charges since."""
    paid: int
    """Paid or credited since, as a positive number."""

    @property
    def now(self) -> int:
        return self.owed + self.interest + self.fees + self.other - self.paid


@dataclass(frozen=True, slots=True)
class ItemLine:
    """Growth of the debt on one account since a date (12 CFR 1006.34(c)(2)); amounts already formatted."""

    product: str
    last4: str
    since: str
    owed: str
    interest: str
    fees: str
    other: str
    """'' = nothing else was charged."""
    paid: str
    now: str


@dataclass(frozen=True, slots=True)
class OldDebtLine:
    """What has to be said of debts that are too old to be sued for."""

    MOST_CHARACTERS: ClassVar[int] = 4000
    """A law's words are ours, and not cut as a value from outside is."""

    cards: str
    """The last digits of the cards that it is about; '' = all of the letter."""
    text: str
    """The law's own words, in its language; '' = it prescribes none."""


@dataclass(frozen=True, slots=True)
class DefaultSumLine:
    """A fee for a missed payment (Consumer Credit Act 1974 s.86E); already formatted."""

    product: str
    last4: str
    amount: str
    charged_on: str


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """The claim from one account and how its interest was calculated (RDG s. 13a(1)); formatted, '' = none."""

    product: str
    last4: str
    contract_on: str
    """The day of the card agreement."""
    balance: str
    charged: str
    interest: str
    fees: str
    paid: str
    rate: str
    since: str
    until: str
    first_base: str
    """The balance on which the first interest of the period was charged."""
    last_base: str


_PAID = frozenset({"payment", "refund", "credit", "recovery"})


def itemize(owed: int, entries: Sequence[tuple[str, int]]) -> Itemization:
    """`owed` on the itemization date, and (kind, signed amount) of each ledger entry since; an entry that undoes
    another has the other's kind, so that a payment that came back was not paid."""
    interest = sum(amount for kind, amount in entries if kind == "interest")
    fees = sum(amount for kind, amount in entries if kind == "fee")
    paid = sum(amount for kind, amount in entries if kind in _PAID)
    rest = [amount for kind, amount in entries if kind not in {"interest", "fee", *_PAID}]
    # More came back than was paid since: an earlier payment is owed again.
    charged = sum(a for a in rest if a > 0) + max(paid, 0)
    return Itemization(owed, interest, fees, charged, -sum(a for a in rest if a < 0) - min(paid, 0))
