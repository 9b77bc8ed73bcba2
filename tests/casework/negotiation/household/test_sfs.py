"""The JSON of a statement: out and in again, and every wrong member told at its place."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest

from app.casework.negotiation.household.categories import named_list
from app.casework.negotiation.household.rules import (
    Debt,
    Employment,
    Figure,
    FigureSource,
    Frequency,
    Household,
    People,
    Tenure,
    budget_of,
)
from app.casework.negotiation.household.sfs import write_statement
from app.casework.negotiation.household.sfs_reading import read_statement
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday

TODAY = date(2026, 3, 10)
UK = named_list("uk", "GBP")
TOLD = Household(
    taken_on=date(2026, 3, 2),
    country="uk",
    currency="GBP",
    people=People(2, 1, 1, 0, 2, 1),
    tenure=Tenure.SOCIAL_TENANT,
    employment=(Employment.PART_TIME, Employment.CARER),
    partner_employment=(Employment.UNABLE_TO_WORK,),
    figures=(
        Figure("total-earnings", 50_000, Frequency.WEEKLY, FigureSource.DOCUMENT, date(2026, 2, 28), "Overtime."),
        Figure("total-benefits", 30_005),
        Figure("rent", 90_000),
        Figure("council-tax-rates", 120_000, Frequency.YEARLY),
        Figure("total-food-housekeeping", 60_000, note="A diet."),
    ),
    debts=(
        Debt("Council", 50_000, 5_000, is_priority=True, note="Arrears of rent."),
        Debt("Harbour Bank", 100_000, 1_000, is_ours=True),
        Debt("Other Bank", 300_000, has_judgment=True),
    ),
    savings_minor=1_500,
    payday=Payday(date(2026, 3, 25), Cadence.FOUR_WEEKLY, 2),
    review_on=date(2026, 9, 2),
    assets_considered=True,
    notes="One.\nTwo.",
)  # fmt: skip


def written(told: Household = TOLD) -> dict[str, Any]:
    budget = budget_of(told, UK.sections, UK.savings, 100_000)
    return json.loads(json.dumps(write_statement(told, budget, UK, review_on=told.review_on or TODAY)))


def test_a_statement_goes_out_and_comes_back() -> None:
    found, faults = read_statement(written(), "GBP", UK, TODAY)
    assert faults == []
    assert found == TOLD


def test_the_json_has_the_published_structure() -> None:
    found = written()
    assert found["monthly-income"] == {
        "total-earnings": {
            "amount": "500.00", "frequency": "weekly", "monthly-amount": "2166.67",
            "source": "document", "as-of": "2026-02-28", "notes": "Overtime.",
        },
        "total-benefits": "300.05",
        "total-pensions": "0.00",
        "total-other-income": "0.00",
        "total-monthly-income": "2466.72",
    }  # fmt: skip
    assert found["overview"] == {
        "total-monthly-income": "2466.72",
        "total-monthly-outgoings": "1600.00",
        "savings-contribution": "15.00",
        "total-available-for-priority-debts": "851.72",
        "total-available-for-non-priority-debts": "801.72",
    }
    shares = [debt["pro-rata-share"] for debt in found["debts"]["non-priority-debts"]]
    assert shares == ["200.43", "601.29"], "each creditor's share; together they are what is left"
    assert found["total-number-in-household"] == 6
    assert found["our-share"] == {"our-debt": "1000.00", "share-percent": 25, "monthly-amount": "200.43"}


def test_a_stranger_sends_plain_numbers_and_who_the_person_is() -> None:
    told = {
        "client-name": "Jo Sample", "client-date-of-birth": "1980-01-01", "is-joint-application": False,
        "dependent-children-under-16": 1, "vehicles": 1, "total-number-in-household": 2,
        "housing-tenure": "other", "housing-tenure-other": "Hostel",
        "client-employment-status": ["Unemployed"],
        "monthly-income": {"total-benefits": 812.5, "total-monthly-income": 812.5},
        "monthly-outgoings": {
            "fixed-costs": {"rent": 300, "total-fixed-costs": 300},
            "flexible-costs": {"total-food-housekeeping": "240.10", "total-flexible-costs": 240.1},
            "total-monthly-outgoings": 540.1,
        },
        "debts": {"non-priority-debts": [{"creditor": "Shop", "amount-owed": 100, "ccj": True}]},
        "confirmations": {"asset-use-considered": True, "savings-contribution-considered": True},
    }  # fmt: skip
    found, faults = read_statement(told, "GBP", UK, TODAY)
    assert faults == []
    assert found.figures == (
        Figure("total-benefits", 81_250),
        Figure("rent", 30_000),
        Figure("total-food-housekeeping", 24_010),
    )
    assert (found.taken_on, found.savings_minor, found.notes) == (TODAY, None, "Housing: Hostel")
    assert found.debts == (Debt("Shop", 10_000, has_judgment=True),)


def put(path: str, value: object) -> dict[str, Any]:
    found: Any = copy.deepcopy(written())
    *outer, last = path.split(".")
    place = found
    for name in outer:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("currency", "EUR", "currency"),
        ("categories", "us", "categories"),
        ("surprise", 1, "surprise"),
        ("card-4111111111111111", 1, "(not shown)"),
        ("payday.frequency", ["monthly"], "payday.frequency"),
        ("date", "yesterday", "date"),
        ("date", "2026-03-11", "date"),
        ("review-date", "2026-03-02", "review-date"),
        ("vehicles", "one", "vehicles"),
        ("vehicles", 21, "vehicles"),
        ("total-number-in-household", 7, "total-number-in-household"),
        ("housing-tenure", "Castle", "housing-tenure"),
        ("client-employment-status", ["King"], "client-employment-status.0"),
        ("monthly-income", [], "monthly-income"),
        ("monthly-income.total-benefits", "-3.00", "monthly-income.total-benefits"),
        ("monthly-income.total-benefits", True, "monthly-income.total-benefits"),
        ("monthly-income.total-benefits", 1e300, "monthly-income.total-benefits"),
        ("monthly-income.lottery", "1.00", "monthly-income.lottery"),
        ("monthly-income.total-monthly-income", "2466.00", "monthly-income.total-monthly-income"),
        ("monthly-income.total-earnings.frequency", "daily", "monthly-income.total-earnings.frequency"),
        ("monthly-income.total-earnings.monthly-amount", "9.00", "monthly-income.total-earnings.monthly-amount"),
        ("monthly-outgoings.fixed-costs.rent", "1.001", "monthly-outgoings.fixed-costs.rent"),
        ("monthly-outgoings.total-monthly-outgoings", "1", "monthly-outgoings.total-monthly-outgoings"),
        ("overview.total-monthly-outgoings", "1", "overview.total-monthly-outgoings"),
        ("overview.savings-contribution", "-1", "overview.savings-contribution"),
        ("debts.priority-debts.0.amount-owed", None, "debts.priority-debts.0.amount-owed"),
        ("debts.non-priority-debts.1.creditor", " ", "debts.non-priority-debts.1.creditor"),
        ("debts.non-priority-debts.0.repayment-offer", "1000.01", "debts.non-priority-debts.0.repayment-offer"),
        ("debts.total-non-priority-debts", "1.00", "debts.total-non-priority-debts"),
        ("confirmations.asset-use-considered", "yes", "confirmations.asset-use-considered"),
        ("payday.frequency", "once", "payday.frequency"),
        ("payday.next-on", None, "payday"),
        ("notes", ["card 4111 1111 1111 1111"], "notes"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_told_at_its_place(path: str, value: object, field: str) -> None:
    _, faults = read_statement(put(path, value), "GBP", UK, TODAY)
    assert field in [fault.field for fault in faults]
    assert len(faults) == 1 or path == "monthly-income"
