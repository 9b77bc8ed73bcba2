"""The solver's request and its answer. Pure values: a stored request gives the same answer again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.casework.plans.rules import Instalment, PlanKind
from app.casework.plans.terms import AgreementLimits, AgreementTerms, Authority, Limit, Payday


class OptionKind(StrEnum):
    """Kinds of offer, in the order in which they are tried."""

    PAY_NOW = "pay_now"
    PROMISE = "promise"
    SHORT_PLAN = "short_plan"
    LONG_PLAN = "long_plan"
    SETTLEMENT = "settlement"
    HARDSHIP = "hardship"
    RE_AGE = "re_age"


class Basis(StrEnum):
    """The source of an affordable amount."""

    STATEMENT = "statement"
    """A household statement: our share of its surplus."""
    SAID = "said"
    """What the customer says that they can pay."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Affordability:
    """The amount that a household can pay us each month, in minor units."""

    basis: Basis
    monthly_minor: int = 0
    """Our share; 0 where nothing is known."""
    disposable_minor: int = 0
    """The whole surplus after costs, priority debts and savings; 0 where no statement says it."""
    share_percent: int = 100
    """Our debt's share of the non-priority debts."""
    once_minor: int = 0
    """What can be paid at once, as the customer says."""
    payday: Payday | None = None
    statement_id: int | None = None
    as_of: date | None = None
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account that is worked, as of now, in minor units."""

    account_id: int
    balance_minor: int
    past_due_minor: int
    """What is past due and owed."""
    apr_millionths: int
    """The rate that runs here; 0 where the creditor posts interest and we do not."""
    fees_minor: int
    """Fees that may still be waived."""
    days_past_due: int
    is_charged_off: bool = False
    may_re_age: bool = False
    why_not_re_age: str = ""
    """The sentence of the rule that forbids it."""
    minimum_minor: int = 0
    """The minimum payment of its latest statement: it goes on falling due beside a plan for the arrears."""
    held: str = ""
    """Why the account is left out of any agreement, as a sentence; '' = it is not."""


@dataclass(frozen=True, slots=True)
class SolverFacts:
    """Everything the solver knows: it reads no database and no clock. Stored as JSON with each decision."""

    today: date
    currency: str
    accounts: tuple[AccountFacts, ...]
    affordability: Affordability
    limits: AgreementLimits
    authority: Authority
    """Of the person who negotiates."""
    manager: Authority
    """Of a manager: what is beyond `authority` and within this one needs approval."""
    holidays: frozenset[date] = frozenset()
    """Public holidays of the customer's country from today on, where due dates are moved off them."""
    day_count: int = 365
    """Days of a year of interest."""
    re_age_payments: Limit | None = None
    """Consecutive minimum payments before a re-age, by the pack's rule; None = the pack has no rule."""
    blocked: str = ""
    """Why nothing may be agreed now, as a sentence; '' = it may."""
    rates_apart: bool = False
    """Each account bears its own rate in a plan. False in negotiations of solver 2 and before: all ran at the
    lowest."""


Chance = Callable[[AgreementTerms, list[Instalment]], list[float]]
"""For each instalment the chance that the plan still runs after it (falls from one instalment to the next)."""


@dataclass(frozen=True, slots=True)
class Option:
    """A feasible offer."""

    kind: OptionKind
    plan_kind: PlanKind
    terms: AgreementTerms
    parts: tuple[Instalment, ...]
    total_cost_minor: int
    """All payments, with interest to come."""
    waived_minor: int
    ends_on: date
    share_of_disposable: int | None
    """Per cent of the monthly disposable income that it takes; None where that is not known."""
    chance_kept: float
    expected_kept_minor: int
    """Each instalment times the chance that the plan still runs, in minor units."""
    may_grant: str
    """`agent`, `manager` or `two`: the least authority that may grant it alone, or two managers."""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """A kind that is not offered, and why."""

    kind: OptionKind
    why: str
    """A sentence with the figures."""
    rule: str
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Solution:
    """The solver's answer: up to three options a kind, the best first, and a reason for each kind without one."""

    options: tuple[Option, ...]
    not_offered: tuple[NotOffered, ...]
    floor_minor: int
    """What is left to the household stays above this monthly payment's limit; 0 = not known."""
