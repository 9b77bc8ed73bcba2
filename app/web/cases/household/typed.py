"""The form of a household statement: typed text to a statement, and a statement to typed text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from pydantic import ConfigDict

from app.casework.negotiation.household.categories import CategoryList
from app.casework.negotiation.household.faults import faults_of
from app.casework.negotiation.household.rules import (
    Debt,
    Employment,
    Figure,
    FigureSource,
    Frequency,
    Household,
    People,
    Tenure,
)
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.money import to_decimal_string
from app.web.forms import Fields, Typed

E = TypeVar("E", bound=StrEnum)

PEOPLE = {
    "children_under_16": "Children under 16",
    "children_16_18": "Children from 16 to 18",
    "other_dependants": "Other dependants",
    "non_dependants": "Other people",
    "vehicles": "Vehicles",
}
DEBT_KINDS = {"other": "Other creditor", "priority": "Priority debt", "ours": "Owed to us"}
LEAST_ROWS, MOST_ROWS = 4, 16
"""Lines for debts: three empty ones beyond those that are filled in."""


class HouseholdForm(Typed):
    """Every field as typed: which ones there are depends on the list of categories."""

    model_config = ConfigDict(extra="allow")
    fragment: str = ""
    """`1` from a script that wants the totals alone."""


def read_household(fields: Fields, categories: CategoryList, currency: str) -> Household:
    """The statement as typed; every fault is noted beside its field."""
    fields.values = defaultdict(str, fields.values)
    household = Household(
        taken_on=fields.day("taken_on"),
        country=categories.name,
        currency=currency,
        people=People(_count(fields, "adults", 1), *(_count(fields, name) for name in PEOPLE)),
        tenure=_choice(fields, "tenure", Tenure),
        employment=_ticked(fields, "work"),
        partner_employment=_ticked(fields, "partner"),
        figures=tuple(_figures(fields, categories)),
        debts=tuple(_debts(fields)),
        savings_minor=fields.amount("savings") if fields.has("savings") else None,
        payday=read_payday(fields),
        review_on=fields.day("review_on") if fields.has("review_on") else None,
        assets_considered=fields.has("assets_considered"),
        savings_considered=fields.has("savings_considered"),
        notes=fields.values["notes"].replace("\r\n", "\n").strip(),
    )
    if not fields.errors:
        for fault in faults_of(household, categories, fields.book.today):
            fields.errors.setdefault(_name_of(fault.field, fields), fault.text)
    return household


def read_payday(fields: Fields) -> Payday | None:
    if not fields.has("payday_on"):
        return None
    on, after = (
        fields.day("payday_on"),
        fields.whole("payday_days_after") if fields.has("payday_days_after") else 1,
    )
    return Payday(on, _choice(fields, "payday_cadence", Cadence) or Cadence.MONTHLY, after)


def _name_of(field: str, fields: Fields) -> str:
    """The form's name of a field of the statement; debts are counted without empty lines."""
    if not field.startswith("debts."):
        return field
    _, n, member = field.split(".")
    return f"debt-{_filled(fields)[int(n) - 1]}-{member}"


def _filled(fields: Fields) -> list[int]:
    return [
        n for n in range(1, MOST_ROWS + 1) if fields.has(f"debt-{n}-creditor") or fields.has(f"debt-{n}-owed")
    ]


def _count(fields: Fields, name: str, default: int = 0) -> int:
    return fields.whole(name) if fields.has(name) else default


def _choice(fields: Fields, name: str, kind: type[E]) -> E | None:
    return fields.choice(name, kind) if fields.has(name) else None


def _ticked(fields: Fields, name: str) -> tuple[Employment, ...]:
    return tuple(each for each in Employment if fields.has(f"{name}_{each.value}"))


def _figures(fields: Fields, categories: CategoryList) -> list[Figure]:
    found = []
    for category in categories.categories:
        code = category.code
        if not fields.has(code):
            continue
        found.append(
            Figure(
                code,
                fields.amount(code),
                _choice(fields, f"{code}-every", Frequency) or Frequency.MONTHLY,
                _choice(fields, f"{code}-source", FigureSource) or FigureSource.SAID,
                fields.day(f"{code}-of") if fields.has(f"{code}-of") else None,
                " ".join(fields.values[f"{code}-note"].split()),
            )
        )
    return found


def _debts(fields: Fields) -> list[Debt]:
    return [
        Debt(
            " ".join(fields.values[f"debt-{n}-creditor"].split()),
            fields.amount(f"debt-{n}-owed"),
            fields.amount(f"debt-{n}-offer"),
            is_priority=fields.values[f"debt-{n}-kind"] == "priority",
            has_judgment=fields.has(f"debt-{n}-judgment"),
            is_ours=fields.values[f"debt-{n}-kind"] == "ours",
            note=" ".join(fields.values[f"debt-{n}-note"].split()),
        )
        for n in _filled(fields)
    ]


def rows_for(debts: int) -> int:
    """Lines for debts that the form shows."""
    return min(max(LEAST_ROWS, debts + 3), MOST_ROWS)


def values_of(household: Household) -> dict[str, str]:
    """A statement as the form shows it: the day and the review are those of a new one."""
    currency = household.currency
    people = household.people
    found = {
        "adults": str(people.adults),
        **{name: str(getattr(people, name)) for name in PEOPLE},
        "tenure": household.tenure.value if household.tenure else "",
        **{f"work_{each.value}": "on" for each in household.employment},
        **{f"partner_{each.value}": "on" for each in household.partner_employment},
        "savings": ""
        if household.savings_minor is None
        else to_decimal_string(household.savings_minor, currency),
        "notes": household.notes,
        **payday_values(household.payday),
    }
    for figure in household.figures:
        found |= _figure_values(figure, currency)
    for n, debt in enumerate(household.debts[:MOST_ROWS], 1):
        found |= _debt_values(n, debt, currency)
    return found


def payday_values(payday: Payday | None) -> dict[str, str]:
    if payday is None:
        return {}
    return {
        "payday_on": payday.next_on.isoformat(),
        "payday_cadence": payday.cadence.value,
        "payday_days_after": str(payday.days_after),
    }


def _figure_values(figure: Figure, currency: str) -> Mapping[str, str]:
    return {
        figure.code: to_decimal_string(figure.amount_minor, currency),
        f"{figure.code}-every": figure.frequency.value,
        f"{figure.code}-source": figure.source.value,
        f"{figure.code}-of": figure.as_of.isoformat() if figure.as_of else "",
        f"{figure.code}-note": figure.note,
    }


def _debt_values(n: int, debt: Debt, currency: str) -> Mapping[str, str]:
    return {
        f"debt-{n}-creditor": debt.creditor,
        f"debt-{n}-owed": to_decimal_string(debt.owed_minor, currency),
        f"debt-{n}-offer": to_decimal_string(debt.offer_minor, currency) if debt.offer_minor else "",
        f"debt-{n}-kind": "priority" if debt.is_priority else "ours" if debt.is_ours else "other",
        f"debt-{n}-judgment": "on" if debt.has_judgment else "",
        f"debt-{n}-note": debt.note,
    }
