"""Doubts about a household statement: a person is told, and decides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.casework.negotiation.household.rules import Budget, Household, People, Tenure


class WarningKind(StrEnum):
    SHORT = "short"
    """Costs are above the income."""
    NO_INCOME = "no_income"
    NO_COSTS = "no_costs"
    """Income, and no cost at all."""
    UNLIKELY = "unlikely"
    """Totals that no household has, or costs and income that are far apart."""
    ABOVE_GUIDELINE = "above_guideline"
    SAVINGS_ABOVE_LIMIT = "savings_above_limit"
    DOES_NOT_ADD_UP = "does_not_add_up"
    OUR_DEBT_DIFFERS = "our_debt_differs"
    PRIORITY_NOT_COVERED = "priority_not_covered"
    PAST_REVIEW = "past_review"


@dataclass(frozen=True, slots=True)
class StatementWarning:
    """A doubt, as a sentence, at the field that it is about ('' = the statement as a whole)."""

    kind: WarningKind
    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class GuidelineFigure:
    """The monthly spending up to which a cost needs no explanation, by person, in minor units."""

    code: str
    first_adult_minor: int
    further_adult_minor: int
    child_under_16_minor: int
    child_16_18_minor: int

    def for_people(self, people: People) -> int:
        """Other dependants count as further adults; people who are no dependants pay for themselves."""
        further = max(0, people.adults - 1) + people.other_dependants
        return (
            self.first_adult_minor
            + further * self.further_adult_minor
            + people.children_under_16 * self.child_under_16_minor
            + people.children_16_18 * self.child_16_18_minor
        )


FAR_APART = 10
"""Costs and income of a household differ by less than this factor; more is often a figure of a year taken for a
month."""

Told = Callable[[int], str]
"""Writes an amount in minor units."""


def warnings_of(
    household: Household,
    budget: Budget,
    guidelines: Sequence[GuidelineFigure],
    labels: Mapping[str, str],
    *,
    most_savings_minor: int | None,
    most_minor: int,
    review_on: date,
    today: date,
    told: Told,
) -> list[StatementWarning]:
    """Every doubt about a statement, as sentences for the person who reads it."""
    found = [
        *questions_of(budget, most_minor, told),
        *_sums(budget, told),
        *_contradictions(household, labels),
    ]
    found += _above(household, guidelines, labels, told)
    most = most_savings_minor
    if most is not None and budget.savings_minor > most:
        text = f"Savings of {told(budget.savings_minor)} a month are above the limit of {told(most)}."
        found.append(StatementWarning(WarningKind.SAVINGS_ABOVE_LIMIT, text, "savings"))
    ours = sum(debt.owed_minor for debt in household.debts if debt.is_ours)
    if ours and ours != budget.our_debt_minor:
        text = (
            f"The statement says that {told(ours)} is owed to us; the ledger says {told(budget.our_debt_minor)}. "
            "The share is computed with the ledger's figure."
        )
        found.append(StatementWarning(WarningKind.OUR_DEBT_DIFFERS, text, "debts"))
    if review_on < today:
        text = f"This statement was to be reviewed by {review_on.isoformat()}. Take a new one."
        found.append(StatementWarning(WarningKind.PAST_REVIEW, text, "review_on"))
    return found


def questions_of(budget: Budget, most_minor: int, told: Told) -> list[StatementWarning]:
    """The questions before a statement is recorded. `most_minor`: the largest single figure of a month; the whole
    income or all costs above it are a typing error too."""
    income, costs = budget.income_minor, budget.outgoings_minor
    sums = (("Income", income), ("Costs", costs), ("Payments on priority debts", budget.priority_minor))
    found = [
        StatementWarning(
            WarningKind.UNLIKELY, f"{name} of {told(total)} a month are too much for one household."
        )
        for name, total in sums
        if total > most_minor
    ]
    if found:
        return found
    if income > 0 and costs == 0:
        text = f"An income of {told(income)} a month is stated, and no cost at all. Ask for rent, food and bills."
        return [StatementWarning(WarningKind.NO_COSTS, text)]
    if income > 0 and (costs > FAR_APART * income or income > FAR_APART * costs):
        text = (
            f"Costs of {told(costs)} a month and an income of {told(income)} are far apart. Check the amounts and how "
            "often they come."
        )
        return [StatementWarning(WarningKind.UNLIKELY, text)]
    return []


def _sums(budget: Budget, told: Told) -> list[StatementWarning]:
    if budget.income_minor == 0:
        return [
            StatementWarning(WarningKind.NO_INCOME, "No income is stated. Ask what the household lives on.")
        ]
    if budget.surplus_minor < 0:
        text = (
            f"Costs are {told(-budget.surplus_minor)} a month above the income: nothing can be paid from it. "
            "Consider a hardship hold or a debt adviser."
        )
        return [StatementWarning(WarningKind.SHORT, text)]
    if budget.priority_minor > budget.for_priority_minor:
        short = told(budget.priority_minor - budget.for_priority_minor)
        text = f"Priority debts ask for {short} a month more than there is: nothing is left for us."
        return [StatementWarning(WarningKind.PRIORITY_NOT_COVERED, text, "debts")]
    return []


def _contradictions(household: Household, labels: Mapping[str, str]) -> list[StatementWarning]:
    """Answers that do not go together."""
    spent = {figure.code for figure in household.figures if figure.amount_minor}
    people = household.people
    checks = (
        (
            household.tenure is Tenure.MORTGAGE and "mortgage" in labels and "mortgage" not in spent,
            "The home has a mortgage, and no payment on it is stated.",
            "mortgage",
        ),
        (
            household.tenure in (Tenure.PRIVATE_TENANT, Tenure.SOCIAL_TENANT)
            and "rent" in labels
            and "rent" not in spent,
            "The home is rented, and no rent is stated.",
            "rent",
        ),
        (
            bool(household.partner_employment) and people.adults < 2,
            "The partner's work is stated, and the household has one adult.",
            "adults",
        ),
        (
            "total-school" in spent and people.children_under_16 + people.children_16_18 == 0,
            "Costs of school or childcare are stated, and the household has no children.",
            "total-school",
        ),
    )
    return [
        StatementWarning(WarningKind.DOES_NOT_ADD_UP, text, field) for is_so, text, field in checks if is_so
    ]


def _above(
    household: Household, guidelines: Sequence[GuidelineFigure], labels: Mapping[str, str], told: Told
) -> list[StatementWarning]:
    spent = {figure.code: figure for figure in household.figures}
    found = []
    for line in guidelines:
        figure, most = spent.get(line.code), line.for_people(household.people)
        if figure is None or figure.monthly_minor <= most or figure.note:
            continue
        text = (
            f"{labels[line.code]}: {told(figure.monthly_minor)} a month is above the guideline of {told(most)}. "
            "Write a note that explains it."
        )
        found.append(StatementWarning(WarningKind.ABOVE_GUIDELINE, text, line.code))
    return found
