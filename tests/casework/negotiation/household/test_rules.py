"""What a household's figures come to, and what it can pay: below, at and above each edge."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.negotiation.facts import Basis
from app.casework.negotiation.household.affordability import Said, Stated, affordability, next_payday
from app.casework.negotiation.household.categories import list_for, list_names, named_list
from app.casework.negotiation.household.faults import faults_of
from app.casework.negotiation.household.rules import (
    Budget,
    Debt,
    Employment,
    Figure,
    Frequency,
    Household,
    People,
    SavingsRule,
    Section,
    Tenure,
    budget_of,
    monthly,
    savings_of,
    shares,
)
from app.casework.negotiation.household.warnings import (
    GuidelineFigure,
    WarningKind,
    questions_of,
    warnings_of,
)
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday

TODAY = date(2026, 3, 10)
UK = named_list("uk", "GBP")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def household(**changes: object) -> Household:
    given: dict[str, object] = {"taken_on": TODAY, "country": "uk", "currency": "GBP", **changes}
    return Household(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "frequency", "expected"),
    [
        (10_000, Frequency.MONTHLY, 10_000),
        (10_000, Frequency.WEEKLY, 43_333),  # 43,333.33
        (10_000, Frequency.FORTNIGHTLY, 21_667),  # 21,666.67
        (10_000, Frequency.FOUR_WEEKLY, 10_833),
        (120_000, Frequency.YEARLY, 10_000),
        (6, Frequency.YEARLY, 1),  # half a minor unit is rounded up
        (5, Frequency.YEARLY, 0),
        (0, Frequency.WEEKLY, 0),
    ],
)
def test_a_figure_is_told_a_month(amount: int, frequency: Frequency, expected: int) -> None:
    assert monthly(amount, frequency) == expected


@pytest.mark.parametrize(
    ("surplus", "expected"),
    [(-5, 0), (0, 0), (9, 0), (10, 1), (18_559, 1_855), (20_000, 2_000), (20_001, 2_000), (90_000, 2_000)],
)
def test_savings_are_a_tenth_of_the_surplus_up_to_a_limit(surplus: int, expected: int) -> None:
    assert savings_of(surplus, SavingsRule(10, 2_000)) == expected
    assert savings_of(surplus, SavingsRule(10, None)) == max(0, surplus) // 10


def test_the_figures_of_a_household_add_up() -> None:
    told = household(
        figures=(
            Figure("total-earnings", 50_000, Frequency.WEEKLY),  # 2,166.67
            Figure("rent", 90_000),
            Figure("total-food-housekeeping", 60_000),
        ),
        debts=(
            Debt("Council", 50_000, offer_minor=5_000, is_priority=True),
            Debt("Other Bank", 300_000),
            Debt("Harbour Bank", 999, is_ours=True),
        ),
    )
    budget = budget_of(told, UK.sections, UK.savings, our_debt_minor=100_000)
    assert (budget.income_minor, budget.outgoings_minor, budget.surplus_minor) == (216_667, 150_000, 66_667)
    assert budget.savings_minor == 2_000, "ten per cent, at most 20.00"
    assert budget.for_priority_minor == 64_667
    assert budget.disposable_minor == 59_667
    assert budget.needs_minor == 150_000 + 2_000 + 5_000
    assert budget.other_debts_minor == 300_000, (
        "ours is what the ledger says, not what the household believes"
    )
    assert budget.share_percent == 25
    assert budget.our_share_minor == 14_916, "a quarter, rounded down"


def test_a_household_without_a_surplus_affords_nothing() -> None:
    told = household(figures=(Figure("total-earnings", 1_000), Figure("rent", 1_500)))
    budget = budget_of(told, UK.sections, UK.savings, 100_000)
    assert (budget.surplus_minor, budget.savings_minor, budget.disposable_minor, budget.our_share_minor) == (
        -500,
        0,
        0,
        0,
    )


def test_savings_that_were_told_take_no_more_than_the_surplus() -> None:
    told = household(figures=(Figure("total-earnings", 1_000),), savings_minor=5_000)
    assert budget_of(told, UK.sections, UK.savings, 1).savings_minor == 1_000


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), max_size=12))
def test_shares_sum_exactly_and_follow_the_debts(amount: int, owed: list[int]) -> None:
    parts = shares(amount, owed)
    total = sum(owed)
    assert sum(parts) == (amount if total else 0)
    assert all(
        abs(part * total - amount * each) < total for part, each in zip(parts, owed, strict=True) if total
    )


BUDGET = Budget(200_000, 100_000, 40_000, 2_000, 8_000, our_debt_minor=100_000, other_debts_minor=300_000)
"""50,000 disposable, 12,500 of it for us."""


def stated(taken_on: date = date(2026, 3, 1), review_on: date = date(2027, 3, 1)) -> Stated:
    return Stated(7, taken_on, NOON, review_on, BUDGET, Payday(date(2026, 3, 25)))


def test_a_statement_gives_our_share() -> None:
    found = affordability(stated(), None, TODAY)
    assert (found.basis, found.monthly_minor, found.disposable_minor) == (Basis.STATEMENT, 12_500, 50_000)
    assert (found.share_percent, found.statement_id, found.review_on) == (25, 7, date(2027, 3, 1))
    assert found.payday == Payday(date(2026, 3, 25))


@pytest.mark.parametrize(("said", "expected"), [(12_499, 12_499), (12_500, 12_500), (20_000, 12_500)])
def test_newer_words_lower_a_statement_and_never_raise_it(said: int, expected: int) -> None:
    words = Said(TODAY, NOON, said, once_minor=3_000, payday=Payday(date(2026, 3, 20)))
    found = affordability(stated(), words, TODAY)
    assert (found.basis, found.monthly_minor, found.once_minor) == (Basis.STATEMENT, expected, 3_000)
    assert found.payday == Payday(date(2026, 3, 20))


def test_older_words_say_nothing_beside_a_statement() -> None:
    words = Said(date(2026, 2, 1), NOON, 1_000, payday=Payday(date(2026, 3, 20)))
    assert affordability(stated(), words, TODAY) == affordability(stated(), None, TODAY)


@pytest.mark.parametrize(
    ("review_on", "basis"),
    [(date(2026, 3, 11), Basis.STATEMENT), (TODAY, Basis.STATEMENT), (date(2026, 3, 9), Basis.SAID)],
)
def test_a_statement_past_its_review_gives_way_to_newer_words(review_on: date, basis: Basis) -> None:
    found = affordability(stated(review_on=review_on), Said(TODAY, NOON, 5_000), TODAY)
    assert found.basis is basis
    assert affordability(stated(review_on=review_on), None, TODAY).basis is Basis.STATEMENT


def test_words_alone_are_enough() -> None:
    words = Said(TODAY, NOON, 5_000, payday=Payday(date(2026, 3, 27), Cadence.WEEKLY, 2))
    found = affordability(None, words, TODAY)
    assert (found.basis, found.monthly_minor, found.payday) == (Basis.SAID, 5_000, words.payday)
    assert affordability(None, Said(TODAY, NOON, payday=words.payday), TODAY).basis is Basis.UNKNOWN
    assert affordability(None, None, TODAY).basis is Basis.UNKNOWN


@pytest.mark.parametrize(
    ("cadence", "last", "expected"),
    [
        (Cadence.WEEKLY, date(2026, 3, 3), TODAY),
        (Cadence.WEEKLY, date(2026, 3, 4), date(2026, 3, 11)),
        (Cadence.FORTNIGHTLY, date(2026, 3, 3), date(2026, 3, 17)),
        (Cadence.FOUR_WEEKLY, date(2026, 2, 10), TODAY),
        (Cadence.MONTHLY, date(2026, 2, 9), date(2026, 4, 9)),
        (Cadence.MONTHLY, date(2026, 2, 10), TODAY),
        (Cadence.MONTHLY, date(2025, 12, 31), date(2026, 3, 31)),
        (Cadence.MONTHLY, date(2026, 4, 1), date(2026, 4, 1)),
    ],
)
def test_a_payday_is_the_next_one(cadence: Cadence, last: date, expected: date) -> None:
    found = next_payday(Payday(last, cadence, 3), TODAY)
    assert found == Payday(expected, cadence, 3)


def kinds(told: Household, *lines: GuidelineFigure, review_on: date = date(2027, 3, 1)) -> list[WarningKind]:
    budget = budget_of(told, UK.sections, UK.savings, 100_000)
    found = warnings_of(
        told, budget, lines, UK.labels,
        most_savings_minor=UK.savings.most_minor, most_minor=UK.most_minor, review_on=review_on, today=TODAY, told=str,
    )  # fmt: skip
    asked = (WarningKind.NO_COSTS, WarningKind.UNLIKELY)  # their own test asks about them
    return [warning.kind for warning in found if warning.kind not in asked]


@pytest.mark.parametrize(
    ("income", "costs", "expected"),
    [
        (200_000, 0, [WarningKind.NO_COSTS]),
        (200_000, 20_000, []),
        (200_000, 19_999, [WarningKind.UNLIKELY]),
        (20_000, 200_000, []),
        (20_000, 200_001, [WarningKind.UNLIKELY]),
        (0, 0, []),
        (0, 200_000, []),
        (UK.most_minor, UK.most_minor, []),
        (UK.most_minor + 1, UK.most_minor, [WarningKind.UNLIKELY]),
        (UK.most_minor, UK.most_minor + 1, [WarningKind.UNLIKELY]),
    ],
)
def test_totals_that_are_asked_about(income: int, costs: int, expected: list[WarningKind]) -> None:
    """No cost at all, more than ten times apart, or more in all than one figure may be."""
    budget = Budget(income, costs, 0, 0, 0, 0, 0)
    found = questions_of(budget, UK.most_minor, str)
    assert [each.kind for each in found] == expected


EARNS = Figure("total-earnings", 200_000)
FOOD = GuidelineFigure("total-food-housekeeping", 10_000, 8_000, 3_000, 5_000)


@pytest.mark.parametrize(
    ("food", "note", "expected"),
    [(34_000, "", []), (34_001, "", [WarningKind.ABOVE_GUIDELINE]), (34_001, "Coeliac: needs a diet.", [])],
)
def test_a_cost_above_its_guideline_needs_a_note(food: int, note: str, expected: list[WarningKind]) -> None:
    people = People(adults=2, children_under_16=2, children_16_18=1, other_dependants=0, non_dependants=3)
    costs = Figure("total-food-housekeeping", food, note=note)
    told = household(people=people, figures=(EARNS, costs))
    assert kinds(told, GuidelineFigure("total-food-housekeeping", 15_000, 8_000, 3_000, 5_000)) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (household(figures=(Figure("rent", 1),)), [WarningKind.NO_INCOME]),
        (household(figures=(Figure("total-earnings", 100), Figure("rent", 101))), [WarningKind.SHORT]),
        (household(figures=(EARNS,), tenure=Tenure.MORTGAGE), [WarningKind.DOES_NOT_ADD_UP]),
        (household(figures=(EARNS,), tenure=Tenure.SOCIAL_TENANT), [WarningKind.DOES_NOT_ADD_UP]),
        (household(figures=(EARNS, Figure("total-school", 100))), [WarningKind.DOES_NOT_ADD_UP]),
        (
            household(figures=(EARNS,), partner_employment=(Employment.FULL_TIME,)),
            [WarningKind.DOES_NOT_ADD_UP],
        ),
        (household(figures=(EARNS,), savings_minor=2_000), []),
        (household(figures=(EARNS,), savings_minor=2_001), [WarningKind.SAVINGS_ABOVE_LIMIT]),
        (household(figures=(EARNS,), debts=(Debt("Us", 100_000, is_ours=True),)), []),
        (
            household(figures=(EARNS,), debts=(Debt("Us", 99_999, is_ours=True),)),
            [WarningKind.OUR_DEBT_DIFFERS],
        ),
        (
            household(figures=(EARNS,), debts=(Debt("Council", 10**6, 198_001, is_priority=True),)),
            [WarningKind.PRIORITY_NOT_COVERED],
        ),
    ],
)
def test_a_household_that_does_not_add_up_is_doubted(told: Household, expected: list[WarningKind]) -> None:
    assert kinds(told) == expected


def test_a_statement_past_its_review_is_doubted() -> None:
    told = household(figures=(EARNS,))
    assert kinds(told, review_on=TODAY) == []
    assert kinds(told, review_on=date(2026, 3, 9)) == [WarningKind.PAST_REVIEW]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"taken_on": date(2026, 3, 11)}, ["taken_on"]),
        ({"taken_on": date(2025, 3, 10)}, []),
        ({"taken_on": date(2025, 3, 9)}, ["taken_on"]),
        ({"review_on": TODAY}, ["review_on"]),
        ({"review_on": date(2028, 3, 11)}, ["review_on"]),
        ({"people": People(adults=0)}, ["adults"]),
        ({"people": People(adults=3)}, ["adults"]),
        ({"people": People(children_under_16=21, vehicles=-1)}, ["children_under_16", "vehicles"]),
        ({"figures": (Figure("rent", -1),)}, ["rent"]),
        ({"figures": (Figure("rent", 20_000_000),)}, []),
        ({"figures": (Figure("rent", 20_000_001),)}, ["rent"]),
        ({"figures": (Figure("yacht", 1),)}, ["yacht"]),
        ({"figures": (Figure("rent", 1), Figure("rent", 2))}, ["rent"]),
        ({"figures": (Figure("rent", 1, as_of=date(2026, 3, 11)),)}, ["rent"]),
        ({"figures": (Figure("rent", 1, note="card 4111 1111 1111 1111"),)}, ["rent"]),
        ({"savings_minor": -1}, ["savings"]),
        ({"debts": (Debt(" ", 1),)}, ["debts.1.creditor"]),
        ({"debts": (Debt("A", 1), Debt("B", -1))}, ["debts.2.owed"]),
        ({"debts": (Debt("A", 100, 101),)}, ["debts.1.offer"]),
        ({"debts": (Debt("A", 100, 101, is_priority=True),)}, []),
        ({"payday": Payday(date(2026, 6, 11))}, ["payday_on"]),
        ({"payday": Payday(TODAY, Cadence.ONCE, 4)}, ["payday_cadence", "payday_days_after"]),
    ],
)
def test_what_cannot_be_stored_is_told_at_its_field(changes: dict[str, object], fields: list[str]) -> None:
    assert [fault.field for fault in faults_of(household(**changes), UK, TODAY)] == fields


def test_every_country_has_a_list_with_the_structure_of_the_standard() -> None:
    assert list_names() == ["cn", "generic", "id", "nl", "no", "tw", "uk", "us"]
    for country, currency in [
        ("GB", "GBP"),
        ("US", "USD"),
        ("CN", "CNY"),
        ("TW", "TWD"),
        ("ID", "IDR"),
        ("FR", "EUR"),
    ]:
        found = list_for(country, currency)
        assert all(found.of(section) for section in Section)
        assert len(found.labels) == len(found.categories), "no code twice"
    assert list_for("GB", "EUR").savings.most_minor is None, "a limit counts in its own currency only"
