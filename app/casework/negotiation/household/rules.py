"""Household statements: people, figures and debts, and what follows from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.casework.plans.terms import Payday


class Frequency(StrEnum):
    """The cadence of an income or a cost."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


TIMES_A_YEAR: Mapping[Frequency, int] = {
    Frequency.WEEKLY: 52,
    Frequency.FORTNIGHTLY: 26,
    Frequency.FOUR_WEEKLY: 13,
    Frequency.MONTHLY: 12,
    Frequency.YEARLY: 1,
}


class FigureSource(StrEnum):
    """The source of a figure."""

    SAID = "said"
    """As the customer says."""
    DOCUMENT = "document"
    """A payslip, a bill, a statement of the bank that somebody saw."""
    BANK_DATA = "bank_data"
    """Read from the customer's bank account with their consent."""
    ADVISER = "adviser"
    ESTIMATE = "estimate"


class Section(StrEnum):
    """The part of a statement to which a figure belongs."""

    INCOME = "income"
    FIXED = "fixed"
    FLEXIBLE = "flexible"


class Tenure(StrEnum):
    OWNER = "owner"
    MORTGAGE = "mortgage"
    PRIVATE_TENANT = "private_tenant"
    SOCIAL_TENANT = "social_tenant"
    WITH_PARENTS = "with_parents"
    OTHER = "other"


class Employment(StrEnum):
    FULL_TIME = "full_time"
    PART_TIME = "part_time"
    SELF_EMPLOYED = "self_employed"
    UNEMPLOYED = "unemployed"
    UNABLE_TO_WORK = "unable_to_work"
    RETIRED = "retired"
    CARER = "carer"
    STUDENT = "student"
    OTHER = "other"


MOST_PEOPLE = 20
"""Of one kind in one household; more is a typing error."""
MOST_DEBTS = 60
LONGEST_NOTE = 300
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Figure:
    """One income or cost as it was told, in minor units."""

    code: str
    amount_minor: int
    frequency: Frequency = Frequency.MONTHLY
    source: FigureSource = FigureSource.SAID
    as_of: date | None = None
    """The day of its source; None = the day of the statement."""
    note: str = ""

    @property
    def monthly_minor(self) -> int:
        return monthly(self.amount_minor, self.frequency)


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt of the household, in minor units."""

    creditor: str
    owed_minor: int
    offer_minor: int = 0
    """What is paid or offered each month."""
    is_priority: bool = False
    """Not paying it costs the home, energy or liberty: paid before ours."""
    has_judgment: bool = False
    is_ours: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """The people of the household."""

    adults: int = 1
    """The customer, and the partner in a joint statement."""
    children_under_16: int = 0
    children_16_18: int = 0
    other_dependants: int = 0
    non_dependants: int = 0
    vehicles: int = 0

    @property
    def total(self) -> int:
        children = self.children_under_16 + self.children_16_18
        return self.adults + children + self.other_dependants + self.non_dependants


@dataclass(frozen=True, slots=True)
class Household:
    """A statement as it was told: nothing in it is computed."""

    taken_on: date
    country: str
    """Name of the list of categories, such as `uk`."""
    currency: str
    people: People = People()
    tenure: Tenure | None = None
    employment: tuple[Employment, ...] = ()
    partner_employment: tuple[Employment, ...] = ()
    figures: tuple[Figure, ...] = ()
    debts: tuple[Debt, ...] = ()
    savings_minor: int | None = None
    """Put aside each month; None = as the rule of the country says."""
    payday: Payday | None = None
    review_on: date | None = None
    """None = as the list of categories says."""
    assets_considered: bool = False
    savings_considered: bool = False
    notes: str = ""


@dataclass(frozen=True, slots=True)
class SavingsRule:
    """The part of a surplus that a household may put aside before it pays debts."""

    percent: int
    most_minor: int | None
    """None = no limit is known in this currency."""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """The totals of a household each month, in minor units."""

    income_minor: int
    fixed_minor: int
    flexible_minor: int
    savings_minor: int
    priority_minor: int
    """Paid on priority debts."""
    our_debt_minor: int
    other_debts_minor: int
    """Non-priority debts of others."""

    @property
    def outgoings_minor(self) -> int:
        return self.fixed_minor + self.flexible_minor

    @property
    def surplus_minor(self) -> int:
        """Income less costs; negative where it does not cover them."""
        return self.income_minor - self.outgoings_minor

    @property
    def for_priority_minor(self) -> int:
        return max(0, self.surplus_minor - self.savings_minor)

    @property
    def disposable_minor(self) -> int:
        """The amount left for all non-priority debts."""
        return max(0, self.for_priority_minor - self.priority_minor)

    @property
    def needs_minor(self) -> int:
        """The floor of the household: income up to here is needed, and no payment may come from it."""
        return self.outgoings_minor + self.savings_minor + self.priority_minor

    @property
    def our_share_minor(self) -> int:
        """Our pro-rata share of the disposable income, rounded down; all of it where we are the only creditor."""
        total = self.our_debt_minor + self.other_debts_minor
        return self.disposable_minor * self.our_debt_minor // total if total else self.disposable_minor

    @property
    def share_percent(self) -> int:
        """Our debt's share of the non-priority debts, rounded down."""
        total = self.our_debt_minor + self.other_debts_minor
        return 100 * self.our_debt_minor // total if total else 100


def monthly(amount_minor: int, frequency: Frequency) -> int:
    """A figure as an amount a month: times a year / 12, half a minor unit rounded up. A year has 52 weeks."""
    return (2 * amount_minor * TIMES_A_YEAR[frequency] + 12) // 24


def savings_of(surplus_minor: int, rule: SavingsRule) -> int:
    """The savings that the rule takes from a surplus, rounded down; 0 where there is none."""
    share = max(0, surplus_minor) * rule.percent // 100
    return share if rule.most_minor is None else min(share, rule.most_minor)


def budget_of(
    household: Household, sections: Mapping[str, Section], savings: SavingsRule, our_debt_minor: int
) -> Budget:
    """Add a household up. `our_debt_minor` is what the ledger says; what the household believes to owe us does not
    count, nor do offers on non-priority debts."""
    sums = dict.fromkeys(Section, 0)
    for figure in household.figures:
        sums[sections[figure.code]] += figure.monthly_minor
    fixed, flexible = sums[Section.FIXED], sums[Section.FLEXIBLE]
    surplus = sums[Section.INCOME] - fixed - flexible
    put_aside = savings_of(surplus, savings) if household.savings_minor is None else household.savings_minor
    return Budget(
        income_minor=sums[Section.INCOME],
        fixed_minor=fixed,
        flexible_minor=flexible,
        savings_minor=min(put_aside, max(0, surplus)),
        priority_minor=sum(debt.offer_minor for debt in household.debts if debt.is_priority),
        our_debt_minor=max(0, our_debt_minor),
        other_debts_minor=sum(
            debt.owed_minor for debt in household.debts if not debt.is_priority and not debt.is_ours
        ),
    )


def shares(amount_minor: int, owed: Sequence[int]) -> list[int]:
    """Split an amount over debts in proportion; the parts sum exactly, the largest remainders take the rest."""
    total = sum(owed)
    if total == 0:
        return [0] * len(owed)
    parts = [amount_minor * each // total for each in owed]
    rest = amount_minor - sum(parts)
    largest = sorted(range(len(owed)), key=lambda n: (-(amount_minor * owed[n] % total), n))
    for n in largest[:rest]:
        parts[n] += 1
    return parts
