"""Reads the JSON of `app.casework.negotiation.household.sfs`: every fault beside the member it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from app.casework.negotiation.household.categories import CategoryList
from app.casework.negotiation.household.faults import Fault, faults_of, shown
from app.casework.negotiation.household.rules import (
    Debt,
    Employment,
    Figure,
    FigureSource,
    Frequency,
    Household,
    People,
    Section,
)
from app.casework.negotiation.household.sfs import EMPLOYMENTS, PEOPLE, PLACES, TENURES, TOTALS
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.money import BadAmount, to_decimal_string, to_minor
from app.core.text import sentence
from app.core.types import JsonObject

E = TypeVar("E", bound=StrEnum)

NOT_KEPT = frozenset({
    "client-name", "client-date-of-birth", "client-address", "partner-name", "partner-date-of-birth",
    "client-employment-status-other", "partner-employment-status-other", "our-share",
})  # fmt: skip
"""Members of the standard, or of our own answer, that are read over: who the person is we know by their reference."""
KNOWN = NOT_KEPT | set(PEOPLE.values()) | {
    "categories", "currency", "date", "review-date", "is-joint-application", "total-number-in-household",
    "housing-tenure", "housing-tenure-other", "client-employment-status", "partner-employment-status", "overview",
    "monthly-income", "monthly-outgoings", "debts", "confirmations", "notes", "payday",
}  # fmt: skip
MOST_NOTES = 60


def read_statement(
    data: JsonObject, currency: str, categories: CategoryList, today: date
) -> tuple[Household, list[Fault]]:
    """The statement, and every fault with the path of its member. With a fault the statement is not to be used."""
    reader = _Reader(data, currency, categories)
    household = reader.household(today)
    if not reader.faults:
        found = faults_of(household, categories, today)
        reader.faults = [replace(fault, field=_path(fault.field, household, categories)) for fault in found]
    return household, reader.faults


def _path(field: str, household: Household, categories: CategoryList) -> str:
    """The member of the JSON that a field of `Household` came from."""
    if field.startswith("debts."):
        _, n, member = field.split(".")
        first = sum(debt.is_priority for debt in household.debts)
        kind, place = ("priority", int(n)) if int(n) <= first else ("non-priority", int(n) - first)
        names = {"owed": "amount-owed", "offer": "repayment-offer", "note": "notes"}
        return f"debts.{kind}-debts.{place - 1}.{names.get(member, member)}"
    section = categories.sections.get(field)
    if section is not None:
        return ".".join((*PLACES[section], field))
    ours = {
        **PEOPLE,
        "taken_on": "date",
        "review_on": "review-date",
        "adults": "is-joint-application",
        "savings": "overview.savings-contribution",
        "payday_on": "payday.next-on",
        "payday_cadence": "payday.frequency",
        "payday_days_after": "payday.days-after",
    }
    return ours.get(field, field)


class _Reader:
    def __init__(self, data: JsonObject, currency: str, categories: CategoryList) -> None:
        self.data, self.currency, self.categories = data, currency, categories
        self.faults: list[Fault] = []

    def household(self, today: date) -> Household:
        data = self.data
        self.unknown(data, KNOWN, "")
        told = data.get("currency", self.currency)
        if told != self.currency:
            self.fault("currency", f"The currency of this portfolio is {self.currency}.")
        if data.get("categories", self.categories.name) != self.categories.name:
            self.fault("categories", f"This customer's list of categories is {self.categories.name!r}.")
        figures = tuple(figure for section in Section for figure in self.section(section))
        debts = self.debts()
        joint = self.flag(data, "is-joint-application", "")
        people = People(2 if joint else 1, *(self.count(name) for name in PEOPLE.values()))
        if "total-number-in-household" in data and self.count("total-number-in-household") != people.total:
            self.fault("total-number-in-household", f"The people in the statement are {people.total}.")
        overview = self.inner(data, "overview", "")
        savings = overview.get("savings-contribution")
        household = Household(
            taken_on=self.day(data, "date", "") or today,
            country=self.categories.name,
            currency=self.currency,
            people=people,
            tenure=self.named(data.get("housing-tenure"), TENURES, "housing-tenure"),
            employment=self.several(data, "client-employment-status"),
            partner_employment=self.several(data, "partner-employment-status"),
            figures=figures,
            debts=debts,
            savings_minor=None if savings is None else self.amount(savings, "overview.savings-contribution"),
            payday=self.payday(),
            review_on=self.day(data, "review-date", ""),
            assets_considered=self.flag(self.inner(data, "confirmations", ""), "asset-use-considered", "confirmations"),
            savings_considered=self.flag(
                self.inner(data, "confirmations", ""), "savings-contribution-considered", "confirmations"
            ),
            notes=self.notes(),
        )  # fmt: skip
        self.check_totals(household, overview)
        return household

    # --- members ---------------------------------------------------------------------------------------------

    def fault(self, path: str, text: str) -> None:
        self.faults.append(Fault(path, text))

    def unknown(self, found: Mapping[str, object], known: frozenset[str] | set[str], path: str) -> None:
        for name in found:
            if name not in known:
                self.fault(f"{path}.{shown(name)}".lstrip("."), "This member is not known. Take it out.")

    def inner(self, data: JsonObject, name: str, path: str) -> JsonObject:
        found = data.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.fault(f"{path}.{name}".lstrip("."), "This must be an object.")
            return {}
        return found

    def items(self, data: JsonObject, name: str, path: str) -> list[object]:
        found = data.get(name)
        if found is None:
            return []
        if not isinstance(found, list):
            self.fault(f"{path}.{name}".lstrip("."), "This must be an array.")
            return []
        return found

    def amount(self, value: object, path: str) -> int:
        """Minor units of a decimal string or a number; a fault leaves 0."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fault(path, "Write an amount as a number or a decimal string.")
            return 0
        try:
            minor = to_minor(str(value), self.currency)
        except BadAmount as error:
            self.fault(path, sentence(str(error)))
            return 0
        if minor < 0:
            self.fault(path, "An amount is not negative.")
        return max(0, minor)

    def count(self, name: str) -> int:
        value = self.data.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(name, "Write a whole number.")
            return 0
        return value

    def flag(self, data: JsonObject, name: str, path: str) -> bool:
        value = data.get(name, False)
        if not isinstance(value, bool):
            self.fault(f"{path}.{name}".lstrip("."), "Write true or false.")
        return value is True

    def text(self, data: JsonObject, name: str, path: str) -> str:
        value = data.get(name, "")
        if not isinstance(value, str):
            self.fault(f"{path}.{name}", "Write a text.")
            return ""
        return " ".join(value.split())

    def day(self, data: JsonObject, name: str, path: str) -> date | None:
        value = data.get(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fault(f"{path}.{name}".lstrip("."), "Write a date as 2026-01-31.")
            return None

    def named(self, value: object, names: Mapping[E, str], path: str) -> E | None:
        if value is None or value == "":
            return None
        for found, name in names.items():
            if value in (name, found.value):
                return found
        self.fault(path, f"Write one of: {', '.join(names.values())}.")
        return None

    def several(self, data: JsonObject, name: str) -> tuple[Employment, ...]:
        found = [
            self.named(each, EMPLOYMENTS, f"{name}.{n}") for n, each in enumerate(self.items(data, name, ""))
        ]
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def choice(self, data: JsonObject, name: str, kind: type[E], default: E, path: str) -> E:
        value = data.get(name, default.value)
        if not isinstance(value, str) or value not in set(kind):
            self.fault(f"{path}.{name}", f"Write one of: {', '.join(kind)}.")
            return default
        return kind(value)

    # --- parts -----------------------------------------------------------------------------------------------

    def section(self, section: Section) -> Iterator[Figure]:
        outer, *rest = PLACES[section]
        place = self.inner(self.data, outer, "")
        path = outer
        for name in rest:
            self.unknown(place, {"fixed-costs", "flexible-costs", "total-monthly-outgoings"}, path)
            place, path = self.inner(place, name, path), f"{path}.{name}"
        known = {each.code for each in self.categories.of(section)}
        for code, value in place.items():
            if code == TOTALS[section]:
                continue
            if code not in known:
                self.fault(
                    f"{path}.{shown(code)}",
                    f"The list of {self.categories.title} has no such figure. Take it out.",
                )
                continue
            figure = self.figure(code, value, f"{path}.{code}")
            if figure != Figure(code, 0):
                yield figure

    def figure(self, code: str, value: object, path: str) -> Figure:
        if not isinstance(value, dict):
            return Figure(code, self.amount(value, path))
        self.unknown(value, {"amount", "frequency", "monthly-amount", "source", "as-of", "notes"}, path)
        before = len(self.faults)
        figure = Figure(
            code,
            self.amount(value.get("amount", value.get("monthly-amount")), f"{path}.amount"),
            self.choice(value, "frequency", Frequency, Frequency.MONTHLY, path),
            self.choice(value, "source", FigureSource, FigureSource.SAID, path),
            self.day(value, "as-of", path),
            self.text(value, "notes", path),
        )
        if "monthly-amount" in value and len(self.faults) == before:
            told = self.amount(value["monthly-amount"], f"{path}.monthly-amount")
            if abs(told - figure.monthly_minor) > 1:
                self.fault(f"{path}.monthly-amount", "This is not the amount at its frequency.")
        return figure

    def debts(self) -> tuple[Debt, ...]:
        place = self.inner(self.data, "debts", "")
        totals = {"total-priority-debts", "total-non-priority-debts", "token-payments"}
        self.unknown(place, totals | {"priority-debts", "non-priority-debts"}, "debts")
        found: list[Debt] = []
        for name, is_priority in (("priority-debts", True), ("non-priority-debts", False)):
            lines = self.items(place, name, "debts")
            those = [self.debt(line, f"debts.{name}.{n}", is_priority) for n, line in enumerate(lines)]
            self.total(place, f"total-{name}", sum(debt.owed_minor for debt in those), "debts", 0)
            found += those
        return tuple(found)

    def debt(self, line: object, path: str, is_priority: bool) -> Debt:
        if not isinstance(line, dict):
            self.fault(path, "This must be an object.")
            return Debt("?", 0)
        self.unknown(
            line,
            {"creditor", "amount-owed", "repayment-offer", "ccj", "is-ours", "notes", "pro-rata-share"},
            path,
        )
        return Debt(
            self.text(line, "creditor", path),
            self.amount(line.get("amount-owed"), f"{path}.amount-owed"),
            self.amount(line.get("repayment-offer", "0"), f"{path}.repayment-offer"),
            is_priority,
            self.flag(line, "ccj", path),
            self.flag(line, "is-ours", path),
            self.text(line, "notes", path),
        )

    def payday(self) -> Payday | None:
        place = self.inner(self.data, "payday", "")
        if not place:
            return None
        self.unknown(place, {"next-on", "frequency", "days-after"}, "payday")
        on, after = self.day(place, "next-on", "payday"), place.get("days-after", 1)
        if on is None or isinstance(after, bool) or not isinstance(after, int):
            self.fault(
                "payday",
                "A payday has the day of the next pay, its frequency, and 1 to 3 working days after it.",
            )
            return None
        return Payday(on, self.choice(place, "frequency", Cadence, Cadence.MONTHLY, "payday"), after)

    def notes(self) -> str:
        lines = self.items(self.data, "notes", "")
        if len(lines) > MOST_NOTES or not all(isinstance(line, str) for line in lines):
            self.fault("notes", f"Write at most {MOST_NOTES} texts.")
            return ""
        other = self.data.get("housing-tenure-other")
        more = [f"Housing: {other}"] if isinstance(other, str) and other.strip() else []
        return "\n".join(" ".join(str(line).split()) for line in [*lines, *more])

    # --- totals ----------------------------------------------------------------------------------------------

    def check_totals(self, household: Household, overview: JsonObject) -> None:
        """Totals that the statement gives are those of its figures; a minor unit a figure may be rounding."""
        self.unknown(
            overview,
            {
                "total-monthly-income", "total-monthly-outgoings", "savings-contribution", "debt-admin-fee",
                "total-available-for-priority-debts", "total-available-for-non-priority-debts",
            },
            "overview",
        )  # fmt: skip
        if self.faults:
            return
        sections, sums, slack = self.categories.sections, dict.fromkeys(Section, 0), len(household.figures)
        for figure in household.figures:
            sums[sections[figure.code]] += figure.monthly_minor
        outgoings = self.inner(self.data, "monthly-outgoings", "")
        spent = sums[Section.FIXED] + sums[Section.FLEXIBLE]
        for section, name in TOTALS.items():
            place = self.data
            for part in PLACES[section]:
                place = self.inner(place, part, "") if isinstance(place, dict) else {}
            self.total(place, name, sums[section], ".".join(PLACES[section]), slack)
        self.total(outgoings, "total-monthly-outgoings", spent, "monthly-outgoings", slack)
        self.total(overview, "total-monthly-income", sums[Section.INCOME], "overview", slack)
        self.total(overview, "total-monthly-outgoings", spent, "overview", slack)

    def total(self, place: JsonObject, name: str, expected: int, path: str, slack: int) -> None:
        if name not in place or self.faults:
            return
        told = self.amount(place[name], f"{path}.{name}")
        if abs(told - expected) > slack:
            sums = to_decimal_string(expected, self.currency)
            self.fault(f"{path}.{name}", f"The figures add up to {sums}. Correct the total or the figures.")
