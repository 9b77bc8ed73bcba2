"""A key figure: its definition, its seed, its unit, and the figure of a day. Pure.

A definition's version changes whenever its meaning does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class Unit(StrEnum):
    """The thing that numerator and denominator count."""

    MONEY = "money"
    ACCOUNTS = "accounts"
    AGREEMENTS = "agreements"
    CALLS = "calls"
    MESSAGES = "messages"
    DECISIONS = "decisions"
    BUNDLES = "bundles"
    RE_AGES = "re-ages"
    COMPLAINTS = "complaints"
    REFERRALS = "referrals"
    ANSWERS = "answers"
    """Scores over answers to a survey."""
    DAYS = "days"
    """Days over cases: the value is a number of days, not a share."""


class Scale(StrEnum):
    """How a reader sees the value of a figure, the numerator over the denominator."""

    PERCENT = "percent"
    """A share of the denominator."""
    PER_1000 = "per_1000"
    """So many of the one for each thousand of the other; not a share."""
    SCORE = "score"
    """A mean score, of 5 at most."""
    DAYS = "days"

    @property
    def factor(self) -> int:
        """The value times this is the number that is shown."""
        return _FACTORS[self]

    @property
    def noticeable(self) -> float:
        """A smaller change of the value is shown as none: tenths are shown."""
        return 0.05 / self.factor


_SCALES = {Unit.DAYS: Scale.DAYS, Unit.ANSWERS: Scale.SCORE}
_FACTORS = {Scale.PERCENT: 100, Scale.PER_1000: 1000, Scale.SCORE: 1, Scale.DAYS: 1}


class Seed(StrEnum):
    """The five questions that the product was made to answer; every figure serves one."""

    RECOVERY = "recovery"
    REPAYMENT = "repayment"
    SATISFACTION = "satisfaction"
    RESOLUTION = "resolution"
    LEGAL = "legal"


SEED_TITLES: Mapping[Seed, str] = {
    Seed.RECOVERY: "Recovery success rate",
    Seed.REPAYMENT: "Overdue repayment rate",
    Seed.SATISFACTION: "Customer satisfaction",
    Seed.RESOLUTION: "Case resolution efficiency",
    Seed.LEGAL: "Co-operation with legal",
}


class Thing(StrEnum):
    """Kinds of things that a figure counts."""

    ACCOUNT = "account"
    MOVEMENT = "movement"
    """A change of an account's past-due amount."""
    AGREEMENT = "agreement"
    """A promise, plan or settlement."""
    CASE = "case"
    CALL = "call"
    """A call that was logged."""
    MESSAGE = "message"
    DECISION = "decision"
    """An answer of the gate."""
    REFERRAL = "referral"
    BUNDLE = "bundle"
    """A sealed case file."""
    RE_AGE = "re_age"
    CURE = "cure"
    """The end of a stretch of days past due."""
    COMPLAINT = "complaint"
    ENTRY = "entry"
    """A ledger entry."""


class Dimension(StrEnum):
    """Ways to slice a figure. The members of a dimension share out the whole portfolio: each thing has exactly one
    on each day, which may be empty (no agent works it)."""

    BUCKET = "bucket"
    PRODUCT = "product"
    AGENT = "agent"
    TEAM = "team"
    CHANNEL = "channel"
    STRATEGY = "strategy"
    """The version of the strategy that decides the next contact, such as `standard@2`."""
    ARM = "arm"
    """Arm of the running experiment."""
    PLACEMENT = "placement"
    """Month in which the account was placed, or else opened: `2026-03`."""
    SEGMENT = "segment"
    """Segment of the strategy whose ladder the case goes by."""
    RULE = "rule"
    """Contact rule that refused."""
    CHARGE_OFF = "charge_off"
    """Month in which the account was charged off here: `2026-03`."""
    MOVE = "move"
    """From one bucket to another: a cell of the roll-rate matrix."""
    US_FFIEC = "us_ffiec"
    """Supervisory class by that scheme (`definitions/outcomes/schemes.toml`), as the next three."""
    CN_CARD = "cn_card"
    CN_GENERAL = "cn_general"
    IN_RBI = "in_rbi"


class Statistic(StrEnum):
    """The way in which a figure is computed from the amounts of its things."""

    RATIO = "ratio"
    """The sum of one measure over the sum of another."""
    MEDIAN = "median"
    """The middle amount of its things; of an even number the mean of the two in the middle, kept as their sum over
    2."""


class Part(StrEnum):
    """The two sides of a figure, each with its own list."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


@dataclass(frozen=True, slots=True)
class Definition:
    """A key figure in words, and the two columns of its family's rows that it sums."""

    name: str
    title: str
    unit: Unit
    seed: Seed
    counted: str
    """What the numerator is, in words."""
    out_of: str
    """What the denominator is, in words."""
    numerator: str
    denominator: str
    more_is_better: bool
    version: str = "1"
    is_tile: bool = True
    """It reads as one figure; otherwise only its slices say something."""
    statistic: Statistic = Statistic.RATIO
    scheme: str = ""
    """The supervisors' scheme that it goes by, with the text it is from; '' = none."""
    per_1000: bool = False
    """It reads as so many for each thousand."""

    @property
    def scale(self) -> Scale:
        if self.unit in _SCALES:
            return _SCALES[self.unit]
        return Scale.PER_1000 if self.per_1000 else Scale.PERCENT

    @property
    def formula(self) -> str:
        return f"{self.counted} / {self.out_of}"

    def column(self, part: Part) -> str:
        return self.numerator if part is Part.NUMERATOR else self.denominator


OVERDUE_DAYS = (1, 30, 60, 90)


def median_pair(counts: Mapping[int, int]) -> tuple[int, int]:
    """Numerator and denominator of the median, given how many things have each amount; 0 of 0 without a thing."""
    number = sum(counts.values())
    if not number:
        return 0, 0
    middle = (number - 1) // 2, number // 2
    passed = 0
    found: list[int] = []
    for amount in sorted(counts):
        passed += counts[amount]
        found += [amount for place in middle[len(found) :] if place < passed]
    return sum(found), 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure of one day; money in minor units."""

    kpi: str
    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """None when there is nothing to divide by."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class BucketFlow:
    """opening + fell + moved_in - moved_out - cured - paid - adjusted = closing, in minor units."""

    opening: int = 0
    fell: int = 0
    moved_in: int = 0
    moved_out: int = 0
    cured: int = 0
    paid: int = 0
    adjusted: int = 0
    closing: int = 0

    @property
    def expected(self) -> int:
        """The closing amount that the other lines give."""
        came = self.opening + self.fell + self.moved_in
        return came - self.moved_out - self.cured - self.paid - self.adjusted

    @property
    def closes(self) -> bool:
        return self.expected == self.closing

    def __add__(self, other: BucketFlow) -> BucketFlow:
        return BucketFlow(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))
