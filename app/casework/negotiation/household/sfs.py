"""A household statement as JSON, in the published structure of the UK Standard Financial Statement (budget summary,
data definition 1.1), with what it has no word for: how often a figure comes, its source and its day. See
docs/household.md. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from app.casework.negotiation.household.categories import CategoryList
from app.casework.negotiation.household.rules import (
    Budget,
    Debt,
    Employment,
    Figure,
    FigureSource,
    Frequency,
    Household,
    Section,
    Tenure,
    shares,
)
from app.core.money import to_decimal_string
from app.core.types import JsonObject

TENURES: Mapping[Tenure, str] = {
    Tenure.OWNER: "Owner",
    Tenure.MORTGAGE: "Mortgage",
    Tenure.PRIVATE_TENANT: "Tenant - private sector",
    Tenure.SOCIAL_TENANT: "Tenant - social",
    Tenure.WITH_PARENTS: "Living with parents",
    Tenure.OTHER: "other",
}
EMPLOYMENTS: Mapping[Employment, str] = {
    Employment.FULL_TIME: "Full-time",
    Employment.PART_TIME: "Part-time",
    Employment.SELF_EMPLOYED: "Self-employed",
    Employment.UNEMPLOYED: "Unemployed",
    Employment.UNABLE_TO_WORK: "Not working due to illness / disability",
    Employment.RETIRED: "Retired",
    Employment.CARER: "Carer",
    Employment.STUDENT: "Student",
    Employment.OTHER: "Other",
}
PEOPLE: Mapping[str, str] = {
    "children_under_16": "dependent-children-under-16",
    "children_16_18": "dependent-children-16-18",
    "other_dependants": "other-dependents",
    "non_dependants": "non-dependents",
    "vehicles": "vehicles",
}
"""A field of `People` -> its name in the standard, which counts the adults as one or two applicants."""
PLACES: Mapping[Section, tuple[str, ...]] = {
    Section.INCOME: ("monthly-income",),
    Section.FIXED: ("monthly-outgoings", "fixed-costs"),
    Section.FLEXIBLE: ("monthly-outgoings", "flexible-costs"),
}
TOTALS: Mapping[Section, str] = {
    Section.INCOME: "total-monthly-income",
    Section.FIXED: "total-fixed-costs",
    Section.FLEXIBLE: "total-flexible-costs",
}


def write_statement(
    household: Household, budget: Budget, categories: CategoryList, *, review_on: date
) -> JsonObject:
    """The statement with its totals, and our share of what is left."""
    writer = _Writer(household, budget, categories)
    people = household.people
    found: JsonObject = {
        "categories": household.country,
        "currency": household.currency,
        "date": household.taken_on.isoformat(),
        "review-date": review_on.isoformat(),
        "is-joint-application": people.adults == 2,
        **{name: getattr(people, field) for field, name in PEOPLE.items()},
        "total-number-in-household": people.total,
        "housing-tenure": TENURES[household.tenure] if household.tenure else None,
        "client-employment-status": [EMPLOYMENTS[each] for each in household.employment],
        "partner-employment-status": [EMPLOYMENTS[each] for each in household.partner_employment],
        "overview": writer.overview(),
        "monthly-income": writer.section(Section.INCOME),
        "monthly-outgoings": {
            "fixed-costs": writer.section(Section.FIXED),
            "flexible-costs": writer.section(Section.FLEXIBLE),
            "total-monthly-outgoings": writer.money(budget.outgoings_minor),
        },
        "debts": writer.debts(),
        "confirmations": {
            "asset-use-considered": household.assets_considered,
            "savings-contribution-considered": household.savings_considered,
        },
        "notes": household.notes.split("\n") if household.notes else [],
        "our-share": {
            "our-debt": writer.money(budget.our_debt_minor),
            "share-percent": budget.share_percent,
            "monthly-amount": writer.money(budget.our_share_minor),
        },
    }
    if household.payday is not None:
        found["payday"] = {
            "next-on": household.payday.next_on.isoformat(),
            "frequency": household.payday.cadence.value,
            "days-after": household.payday.days_after,
        }
    return found


class _Writer:
    def __init__(self, household: Household, budget: Budget, categories: CategoryList) -> None:
        self.household, self.budget, self.categories = household, budget, categories

    def money(self, minor: int) -> str:
        return to_decimal_string(minor, self.household.currency)

    def overview(self) -> JsonObject:
        budget = self.budget
        return {
            "total-monthly-income": self.money(budget.income_minor),
            "total-monthly-outgoings": self.money(budget.outgoings_minor),
            "savings-contribution": self.money(budget.savings_minor),
            "total-available-for-priority-debts": self.money(budget.for_priority_minor),
            "total-available-for-non-priority-debts": self.money(budget.disposable_minor),
        }

    def section(self, section: Section) -> JsonObject:
        told = {figure.code: figure for figure in self.household.figures}
        lines: JsonObject = {}
        total = 0
        for category in self.categories.of(section):
            figure = told.get(category.code)
            lines[category.code] = self.figure(figure) if figure else self.money(0)
            total += figure.monthly_minor if figure else 0
        return {**lines, TOTALS[section]: self.money(total)}

    def figure(self, figure: Figure) -> str | JsonObject:
        """A plain amount a month; an object where more was told of it."""
        if figure == Figure(figure.code, figure.amount_minor):
            return self.money(figure.amount_minor)
        found: JsonObject = {"amount": self.money(figure.amount_minor)}
        if figure.frequency is not Frequency.MONTHLY:
            found |= {
                "frequency": figure.frequency.value,
                "monthly-amount": self.money(figure.monthly_minor),
            }
        if figure.source is not FigureSource.SAID:
            found["source"] = figure.source.value
        if figure.as_of is not None:
            found["as-of"] = figure.as_of.isoformat()
        if figure.note:
            found["notes"] = figure.note
        return found

    def debts(self) -> JsonObject:
        debts, budget = self.household.debts, self.budget
        others = [debt for debt in debts if not debt.is_priority]
        priority = [debt for debt in debts if debt.is_priority]
        parts = shares(budget.disposable_minor, [debt.owed_minor for debt in others])
        return {
            "priority-debts": [self.debt(debt) for debt in priority],
            "total-priority-debts": self.money(sum(debt.owed_minor for debt in priority)),
            "non-priority-debts": [
                {**self.debt(debt), "ccj": debt.has_judgment, "pro-rata-share": self.money(part)}
                for debt, part in zip(others, parts, strict=True)
            ],
            "total-non-priority-debts": self.money(sum(debt.owed_minor for debt in others)),
        }

    def debt(self, debt: Debt) -> JsonObject:
        found: JsonObject = {
            "creditor": debt.creditor,
            "amount-owed": self.money(debt.owed_minor),
            "repayment-offer": self.money(debt.offer_minor),
        }
        if debt.is_ours:
            found["is-ours"] = True
        if debt.note:
            found["notes"] = debt.note
        return found
