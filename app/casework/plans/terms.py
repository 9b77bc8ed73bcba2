"""Terms of an agreement: what is paid, how often, at what rate, and who may grant it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from app.casework.plans.rules import PERIODS_A_YEAR, Cadence, Instalment, PlanKind
from app.core.errors import Invalid
from app.core.kit.frozen_json import later


@dataclass(frozen=True, slots=True)
class Payday:
    """The day on which the customer is paid, and how often. An instalment falls due one to three working days later."""

    next_on: date
    cadence: Cadence = Cadence.MONTHLY
    days_after: int = 1
    """Working days from the payday to the due date, 1 to 3."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of the total that bears its own rate: that of one account, or of several alike."""

    minor: int
    apr_millionths: int


@dataclass(frozen=True, slots=True)
class Reduced:
    """Smaller instalments at the beginning: "half of it for six months, then the rest"."""

    payments: int
    """How many; the others follow."""
    amount_minor: int
    """Of each."""


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """Everything that a promise, plan, settlement or hardship plan is agreed on, in minor units."""

    kind: PlanKind
    total_minor: int
    """The part of the debt that it pays: the sum of all payments without the interest to come."""
    first_due_on: date
    payments: int = 1
    """Instalments, without the down payment."""
    cadence: Cadence = Cadence.ONCE
    down_payment_minor: int = 0
    """Paid on `first_due_on`; the instalments follow one period later each."""
    payday: Payday | None = None
    """Due dates follow the payday instead of `first_due_on` plus whole periods."""
    parts: tuple[Instalment, ...] = ()
    """The dates and amounts themselves, for `Cadence.CUSTOM`."""
    apr_millionths: int | None = None
    """The yearly rate while the plan is kept: 0 = no interest; None = the accounts' own, whose interest is no part of
    the schedule."""
    interest_from: date | None = None
    """The day after whose end interest runs; None = `first_due_on`."""
    day_count: int = 365
    """Days of a year of interest."""
    waived_fees_minor: int = 0
    """Fees that are waived when it is accepted, on top of `total_minor`."""
    waived_minor: int = 0
    """What a settlement waives once it is paid: the balances settled less `total_minor`."""
    skips_allowed: int = 0
    re_age: bool = False
    """The accounts are brought current when the plan is kept."""
    portions: tuple[Portion, ...] = later(())
    """Parts of the total with their rates, none above `apr_millionths`, where accounts have different ones. () = all of
    it bears `apr_millionths`."""
    reduced: Reduced | None = later(None)
    is_token: bool = later(False)
    """Small payments while the household recovers: they pay a part of the debt, and the rest is agreed on later."""
    review_on: date | None = later(None)
    """The day on which a person looks at it with the customer: the end of token payments, or of reduced ones."""

    @property
    def relief_payments(self) -> int:
        """Payments of the time for which a household is given relief: token payments, or reduced ones."""
        return self.count if self.is_token else self.reduced.payments if self.reduced else 0

    @property
    def relief_months(self) -> int:
        """Months of that time, a begun one counted; a payment on agreed dates counts as a month."""
        return self.months_of(self.relief_payments)

    def months_of(self, payments: int) -> int:
        """Months that so many payments take, a begun one counted; a payment on agreed dates counts as a month."""
        return -(-12 * payments // PERIODS_A_YEAR.get(self.cadence, 12))

    @property
    def count(self) -> int:
        """Payments without the down payment."""
        return len(self.parts) if self.cadence is Cadence.CUSTOM else self.payments


def rate_text(apr_millionths: int) -> str:
    """A yearly rate in per cent: 59000 as `5.9`."""
    return f"{apr_millionths / 10_000:.4f}".rstrip("0").rstrip(".")


def rate_of(text: str) -> int:
    """A yearly rate as typed in per cent: `5.9` as 59000 millionths. Invalid, for `apr`, for another text."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", text, re.ASCII):
        raise Invalid("Enter the rate in per cent a year, such as 5.9, with at most 4 decimals.", "apr")
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(4, "0"))


_STORED = TypeAdapter(AgreementTerms)


def stored_terms(terms: AgreementTerms) -> str:
    """Terms as JSON, as a request keeps them."""
    return _STORED.dump_json(terms).decode()


def read_terms(text: str) -> AgreementTerms:
    """The terms that `stored_terms` wrote."""
    return _STORED.validate_json(text)


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that bounds an agreement, and where it is from."""

    value: int
    rule: str
    """Id of the pack's rule, or the name of the portfolio setting."""
    citation: str = ""
    """The law or standard, of a pack's rule."""


@dataclass(frozen=True, slots=True)
class AgreementLimits:
    """The limits of a portfolio and the customer's packs, for every role."""

    promise_days: Limit
    """Days from today to the last payment of a promise."""
    settlement_days: Limit
    """Days from today to the last payment of a settlement."""
    settlement_payments: Limit
    longest_months: Limit
    """Months from the first to the last instalment of a plan."""
    first_within_days: Limit
    """Days from today to the first payment of a plan or settlement."""
    min_apr_millionths: Limit | None = None
    """The lowest rate a concession may set; None = 0."""
    must_amortise: Limit | None = None
    """Each instalment pays more than the interest of its period (no negative amortisation)."""
    stops_collection: Limit | None = None
    """Collection stops by law while the plan is kept."""
    skips: Limit | None = None
    """Instalments that may be skipped; None = none."""
    token_months: Limit | None = None
    """Months of token payments; None = none are agreed on."""
    reduced_months: Limit | None = None
    """Months for which instalments may be reduced; None = none are."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority of one person of a role, in one portfolio."""

    role: str
    max_payments: int
    max_discount_percent: int
    max_waived_fees_minor: int
    may_lower_rate: bool
    may_re_age: bool
    waived_before_minor: int = 0
    """Fees that agreements of this case waived before: they count toward the maximum."""
    max_skips_a_year: int = 12
    """Instalments that may be skipped in a year of an agreement."""
    max_relief_months: int = 24
    """Months of token or reduced payments."""
