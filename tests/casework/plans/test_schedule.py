"""Schedules: dates by cadence and payday, working days, amounts that sum exactly, interest as the ledger posts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import pyxirr
from hypothesis import assume, given
from hypothesis import strategies as st

from app.book.charges.rules import accrue
from app.casework.plans.rules import Cadence, Instalment, PlanKind
from app.casework.plans.schedule import (
    MOST_PAYMENTS,
    grows,
    grows_at,
    level_parts,
    longest_months,
    portions_of,
    schedule,
    shared,
)
from app.casework.plans.terms import AgreementTerms, Payday, Portion, Reduced
from app.core.dates import add_months
from app.core.errors import Invalid
from app.core.money import exponent

MONDAY = date(2026, 6, 1)
PLAN = AgreementTerms(PlanKind.INSTALMENTS, 90_000, MONDAY, payments=3, cadence=Cadence.MONTHLY)
REGULAR = [Cadence.WEEKLY, Cadence.FORTNIGHTLY, Cadence.FOUR_WEEKLY, Cadence.MONTHLY]

THURSDAY = date(2026, 6, 4)
WEEKLY, FOUR_WEEKLY = {"cadence": Cadence.WEEKLY}, {"cadence": Cadence.FOUR_WEEKLY}
DOWN = {"down_payment_minor": 10}


def days(terms: AgreementTerms, *holidays: date) -> list[str]:
    return [part.due_on.strftime("%a %d %b").replace(" 0", " ") for part in schedule(terms, holidays)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cadence": Cadence.WEEKLY}, ["Mon 1 Jun", "Mon 8 Jun", "Mon 15 Jun"]),
        ({"cadence": Cadence.FORTNIGHTLY}, ["Mon 1 Jun", "Mon 15 Jun", "Mon 29 Jun"]),
        ({"cadence": Cadence.FOUR_WEEKLY}, ["Mon 1 Jun", "Mon 29 Jun", "Mon 27 Jul"]),
        ({}, ["Mon 1 Jun", "Wed 1 Jul", "Mon 3 Aug"]),  # 1 August is a Saturday
        ({"first_due_on": date(2026, 7, 31)}, ["Fri 31 Jul", "Mon 31 Aug", "Wed 30 Sep"]),
        ({"first_due_on": date(2026, 12, 31)}, ["Thu 31 Dec", "Mon 1 Feb", "Mon 1 Mar"]),  # 31 January, 28 February
        ({"down_payment_minor": 1_000}, ["Mon 1 Jun", "Wed 1 Jul", "Mon 3 Aug", "Tue 1 Sep"]),
        ({"cadence": Cadence.ONCE, "payments": 1, "first_due_on": date(2026, 6, 6)}, ["Sat 6 Jun"]),  # as they said
        ({"cadence": Cadence.ONCE, "payments": 1, "down_payment_minor": 5}, ["Mon 1 Jun", "Wed 1 Jul"]),
    ],
)  # fmt: skip
def test_due_dates_follow_the_cadence_and_move_to_working_days(changes: dict, expected: list[str]) -> None:
    assert days(replace(PLAN, **changes)) == expected


def test_a_public_holiday_moves_a_due_date_forward() -> None:
    assert days(PLAN, date(2026, 7, 1), date(2026, 7, 2)) == ["Mon 1 Jun", "Fri 3 Jul", "Mon 3 Aug"]
    assert days(replace(PLAN, first_due_on=date(2026, 6, 19)), date(2026, 6, 19))[0] == "Mon 22 Jun"


def test_holidays_longer_than_a_period_leave_each_instalment_a_day_of_its_own() -> None:
    spring = [date(2026, 6, 1) + timedelta(days=n) for n in range(9)]
    weekly = replace(PLAN, cadence=Cadence.WEEKLY)
    assert days(weekly, *spring) == ["Wed 10 Jun", "Thu 11 Jun", "Mon 15 Jun"]


@pytest.mark.parametrize(
    ("payday", "changes", "expected"),
    [
        (Payday(date(2026, 5, 25)), {}, ["Fri 26 Jun", "Mon 27 Jul", "Wed 26 Aug"]),  # 26 May lies before 1 June
        (Payday(date(2026, 5, 29)), {}, ["Mon 1 Jun", "Tue 30 Jun", "Thu 30 Jul"]),
        (Payday(date(2026, 6, 25), days_after=3), {}, ["Tue 30 Jun", "Wed 29 Jul", "Fri 28 Aug"]),
        (Payday(date(2026, 1, 31)), {}, ["Mon 1 Jun", "Wed 1 Jul", "Mon 3 Aug"]),
        (Payday(THURSDAY, Cadence.WEEKLY), WEEKLY, ["Fri 5 Jun", "Fri 12 Jun", "Fri 19 Jun"]),
        (Payday(THURSDAY, Cadence.WEEKLY), {}, ["Fri 5 Jun", "Fri 10 Jul", "Fri 7 Aug"]),
        (Payday(THURSDAY, Cadence.FORTNIGHTLY), FOUR_WEEKLY, ["Fri 5 Jun", "Fri 3 Jul", "Fri 31 Jul"]),
        (Payday(date(2026, 5, 29)), DOWN, ["Mon 1 Jun", "Tue 30 Jun", "Thu 30 Jul", "Mon 31 Aug"]),
        (Payday(date(2026, 6, 25)), {"cadence": Cadence.ONCE, "payments": 1}, ["Fri 26 Jun"]),
    ],
)  # fmt: skip
def test_on_payday_an_instalment_falls_due_one_to_three_working_days_later(
    payday: Payday, changes: dict, expected: list[str]
) -> None:
    assert days(replace(PLAN, payday=payday, **changes)) == expected


def test_a_holiday_between_payday_and_due_date_is_no_working_day() -> None:
    on_payday = replace(PLAN, payday=Payday(date(2026, 6, 25), days_after=2))
    assert days(on_payday)[0] == "Mon 29 Jun"
    assert days(on_payday, date(2026, 6, 26))[0] == "Tue 30 Jun"


@pytest.mark.parametrize(
    ("total", "payments", "expected"),
    [
        (90_000, 3, [30_000] * 3), (10_000, 3, [3_334, 3_334, 3_332]), (5_000, 3, [1_667, 1_667, 1_666]),
        (100, 60, [1] * 59 + [41]), (60, 60, [1] * 60), (7, 1, [7]),
    ],
)  # fmt: skip
def test_the_last_instalment_takes_the_rounding(total: int, payments: int, expected: list[int]) -> None:
    assert level_parts(total, payments) == expected


AGREED = (Instalment(1, date(2026, 6, 20), 30_000), Instalment(2, date(2026, 6, 6), 60_000))


def test_dates_and_amounts_of_ones_own_stand_as_agreed() -> None:
    custom = replace(PLAN, cadence=Cadence.CUSTOM, parts=AGREED)
    assert schedule(custom, [date(2026, 6, 20)]) == [
        Instalment(1, date(2026, 6, 6), 60_000),
        Instalment(2, date(2026, 6, 20), 30_000),
    ]


CUSTOM = {"cadence": Cadence.CUSTOM, "parts": AGREED}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"total_minor": 0}, "amount"),
        ({"total_minor": -5}, "amount"),
        ({"total_minor": 2}, "amount"),
        ({"down_payment_minor": 89_998}, "amount"),
        ({"down_payment_minor": 90_001}, "amount"),
        ({"down_payment_minor": -1}, "down_payment"),
        ({"payments": 0}, "payments"),
        ({"payments": -3}, "payments"),
        ({"payments": MOST_PAYMENTS + 1}, "payments"),
        ({"payments": 10_000}, "payments"),
        ({"cadence": Cadence.ONCE}, "cadence"),
        ({"apr_millionths": -1}, "apr"),
        ({"apr_millionths": 1_000_001}, "apr"),
        ({"first_due_on": date(9990, 1, 1)}, "due_on"),
        ({"apr_millionths": 10, "interest_from": date(2026, 6, 2)}, "due_on"),
        ({"payday": Payday(date(9990, 1, 1))}, "due_on"),
        ({"payday": Payday(date(1, 1, 1))}, "payday"),
        ({"payday": Payday(MONDAY - timedelta(days=367))}, "payday"),
        ({"payday": Payday(MONDAY, days_after=0)}, "payday"),
        ({"payday": Payday(MONDAY, days_after=4)}, "payday"),
        ({"payday": Payday(MONDAY, Cadence.ONCE)}, "payday"),
        ({"payday": Payday(MONDAY), "cadence": Cadence.WEEKLY}, "cadence"),
        (CUSTOM | {"payday": Payday(MONDAY)}, "payday"),
        (CUSTOM | {"parts": ()}, "parts"),
        (CUSTOM | {"total_minor": 89_999}, "parts"),
        (CUSTOM | {"parts": (AGREED[0], replace(AGREED[0], n=2, amount=60_000))}, "parts"),
        (CUSTOM | {"parts": (replace(AGREED[0], amount=-1), replace(AGREED[1], amount=90_001))}, "parts"),
        (CUSTOM | {"apr_millionths": 10}, "apr"),
        (CUSTOM | {"down_payment_minor": 10}, "down_payment"),
    ],
)
def test_terms_without_a_schedule_name_their_field(changes: dict, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        schedule(replace(PLAN, **changes), [])
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


amounts = st.one_of(st.integers(1, 200), st.integers(1, 10**9))
dates = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@given(
    st.sampled_from(["JPY", "USD", "KWD"]), amounts, st.integers(0, 10**6), st.integers(1, 120),
    st.sampled_from(REGULAR), dates, st.booleans(),
)  # fmt: skip
def test_every_schedule_sums_exactly_in_currencies_of_0_2_and_3_decimals(
    currency: str, units: int, down: int, payments: int, cadence: Cadence, first: date, on_payday: bool
) -> None:
    total = units * 10 ** exponent(currency) + units % 10 ** exponent(currency)
    terms = AgreementTerms(
        PlanKind.INSTALMENTS,
        total,
        first,
        payments,
        cadence,
        down,
        Payday(first, cadence) if on_payday else None,
    )
    if total - down < payments:
        with pytest.raises(Invalid):
            schedule(terms, [])
        return
    parts = schedule(terms, [date(2030, 5, 1), date(2030, 5, 2)])
    assert sum(part.amount for part in parts) == total
    assert min(part.amount for part in parts) > 0
    assert [part.n for part in parts] == list(range(0 if down else 1, payments + 1))
    assert [part.due_on for part in parts] == sorted({part.due_on for part in parts})
    level = {part.amount for part in parts[1 if down else 0 : -1]}
    assert len(level) <= 1
    assert parts[0].due_on >= first
    assert all(part.due_on.weekday() < 5 for part in parts if part.n)


# --- interest ---------------------------------------------------------------------------------------------


def with_rate(
    total: int,
    apr: int,
    payments: int,
    cadence: Cadence,
    *,
    down: int = 0,
    first: date = MONDAY,
    day_count: int = 365,
) -> AgreementTerms:
    begin = first - timedelta(days=20)
    return AgreementTerms(
        PlanKind.HARDSHIP, total, first, payments, cadence, down,
        apr_millionths=apr, interest_from=begin, day_count=day_count,
    )  # fmt: skip


rated = st.builds(
    with_rate, st.integers(50_000, 10**8), st.integers(1, 360_000), st.integers(1, 60), st.sampled_from(REGULAR),
    down=st.sampled_from([0, 1, 10_000]), first=dates, day_count=st.sampled_from([360, 365]),
)  # fmt: skip


@given(rated)
def test_with_a_rate_the_payments_are_worth_the_debt_by_an_independent_library(terms: AgreementTerms) -> None:
    """pyxirr's net present value at the effective yearly rate, by actual days, is zero to the minor unit."""
    parts = schedule(terms, [])
    assume(not grows(parts))
    daily = terms.apr_millionths / 1_000_000 / terms.day_count  # type: ignore[operator]
    count = pyxirr.DayCount.ACT_360 if terms.day_count == 360 else pyxirr.DayCount.ACT_365F
    assert terms.interest_from is not None
    worth = pyxirr.xnpv(
        (1 + daily) ** terms.day_count - 1,
        [terms.interest_from, *[part.due_on for part in parts]],
        [-terms.total_minor, *[part.amount for part in parts]],
        day_count=count,
    )
    assert worth is not None
    assert abs(worth) <= 1.0


@given(rated)
def test_the_ledger_owes_nothing_after_the_last_instalment(terms: AgreementTerms) -> None:
    parts = schedule(terms, [])
    interest = sum(part.interest for part in parts)
    assert sum(part.amount for part in parts) == terms.total_minor + interest
    assert terms.interest_from is not None
    found = accrue(
        [(terms.interest_from, terms.total_minor), *[(part.due_on, -part.amount) for part in parts]],
        first_on=terms.interest_from + timedelta(days=1),
        through=parts[-1].due_on,
        apr_millionths=terms.apr_millionths or 0,
        day_count=terms.day_count,
    )
    assert found.before + found.last == interest


@given(rated)
def test_level_instalments_pay_their_interest_and_the_last_is_not_larger(terms: AgreementTerms) -> None:
    parts = [part for part in schedule(terms, []) if part.n]
    assert len({part.amount for part in parts[:-1]}) <= 1
    if len(parts) > 1:
        assert parts[-1].amount <= parts[0].amount


def test_a_short_schedule_in_figures() -> None:
    """1,200.00 at 12 % a year from 12 May: 20 days, then a month each."""
    parts = schedule(with_rate(120_000, 120_000, 3, Cadence.MONTHLY), [])
    assert [(part.amount, part.interest) for part in parts] == [(40_675, 791), (40_675, 794), (40_674, 439)]


def test_the_interest_of_a_long_wait_can_be_more_than_an_instalment() -> None:
    far = replace(with_rate(100_000, 360_000, 60, Cadence.MONTHLY), interest_from=MONDAY - timedelta(days=90))
    first = grows(schedule(far, []))
    assert first is not None
    assert first.n == 1
    assert grows(schedule(replace(far, interest_from=MONDAY - timedelta(days=20)), [])) is None


def test_months_of_a_schedule_are_counted_begun() -> None:
    assert longest_months(schedule(PLAN, [])) == 3  # to 3 August, for the holiday
    assert longest_months(schedule(replace(PLAN, payments=2), [])) == 1
    assert longest_months(schedule(replace(PLAN, payments=1), [])) == 0


# --- several rates ----------------------------------------------------------------------------------------

debts = st.lists(
    st.tuples(st.integers(-500, 10**7), st.sampled_from([0, 90_000, 180_000, 239_900])),
    min_size=1,
    max_size=5,
)


@given(rated, debts)
def test_each_account_is_paid_off_at_its_own_rate_by_its_share(
    terms: AgreementTerms, debts: list[tuple[int, int]]
) -> None:
    """The portions' own schedules, posted as the ledger posts them, make the interest of the whole."""
    portions = portions_of(terms, debts)
    if not any(balance > 0 for balance, _ in debts):
        assert portions == ()
        return
    assert sum(portion.minor for portion in portions) == terms.total_minor
    assert {portion.apr_millionths for portion in portions} <= {
        min(rate, terms.apr_millionths or 0) for balance, rate in debts if balance > 0
    }
    parts = schedule(replace(terms, portions=portions), [])
    assert sum(part.amount - part.interest for part in parts) == terms.total_minor
    assert len({part.amount for part in parts if part.n} - {parts[-1].amount}) <= 1
    downs = shared(terms.down_payment_minor, [portion.minor for portion in portions])
    alone = [
        schedule(
            replace(
                terms,
                total_minor=portion.minor,
                apr_millionths=portion.apr_millionths,
                down_payment_minor=down,
            ),
            [],
        )
        for portion, down in zip(portions, downs, strict=True)
    ]
    assert [part.amount for part in parts] == [
        sum(part.amount for part in due) for due in zip(*alone, strict=True)
    ]


def test_two_cards_at_two_rates_in_figures() -> None:
    """600.00 at 24 % and 600.00 at 12 %, none above the agreed 18 %: 603.14 + 605.70 for one payment of 16 days."""
    terms = replace(with_rate(120_000, 180_000, 1, Cadence.MONTHLY), first_due_on=MONDAY)
    portions = portions_of(terms, [(60_000, 240_000), (60_000, 120_000)])
    assert portions == (Portion(60_000, 120_000), Portion(60_000, 180_000))
    [one] = schedule(replace(terms, portions=portions), [])
    assert one.interest == pytest.approx(60_000 * (0.12 + 0.18) * 20 / 365, abs=8)


# --- smaller at the beginning -----------------------------------------------------------------------------


def test_half_for_six_months_then_the_rest() -> None:
    terms = AgreementTerms(PlanKind.HARDSHIP, 120_000, MONDAY, 18, Cadence.MONTHLY, reduced=Reduced(6, 4_000))
    assert [part.amount for part in schedule(terms, [])] == [4_000] * 6 + [8_000] * 12


@given(rated, st.integers(1, 30), st.integers(1, 100))
def test_reduced_instalments_come_first_and_the_others_pay_the_debt_off(
    terms: AgreementTerms, payments: int, percent: int
) -> None:
    assume(payments < terms.payments)
    level = schedule(terms, [])[-2].amount
    terms = replace(terms, reduced=Reduced(payments, max(1, level * percent // 100)))
    try:
        parts = [part for part in schedule(terms, []) if part.n]
    except Invalid:
        return  # there is no room for so little, or so much
    assert {part.amount for part in parts[:payments]} == {terms.reduced.amount_minor}  # type: ignore[union-attr]
    assert parts[-2].amount >= parts[-1].amount > 0 or payments == terms.payments - 1
    found = accrue(
        [
            (terms.interest_from, terms.total_minor),
            *[(part.due_on, -part.amount) for part in schedule(terms, [])],
        ],  # type: ignore[list-item]
        first_on=terms.interest_from + timedelta(days=1),  # type: ignore[operator]
        through=parts[-1].due_on,
        apr_millionths=terms.apr_millionths or 0,
        day_count=terms.day_count,
    )
    assert found.before + found.last == sum(part.interest for part in schedule(terms, []))


@pytest.mark.parametrize(
    ("changes", "says", "field"),
    [
        ({"reduced": Reduced(18, 4_000)}, "at least one is not", "reduced_payments"),
        ({"reduced": Reduced(6, 0)}, "Agree on a skip", "reduced_amount"),
        ({"reduced": Reduced(6, 6_667)}, "no smaller", "reduced_amount"),
        ({"reduced": Reduced(17, 7_100)}, "alone pay", "reduced_amount"),
        ({"reduced": Reduced(1, 4_000), "cadence": Cadence.ONCE, "payments": 1}, "repeat", "cadence"),
    ],
)
def test_a_reduction_that_is_none_is_refused(changes: dict[str, object], says: str, field: str) -> None:
    terms = AgreementTerms(PlanKind.HARDSHIP, 120_000, MONDAY, 18, Cadence.MONTHLY)
    with pytest.raises(Invalid, match=says) as refused:
        schedule(replace(terms, **changes), [])  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("total", "payments", "owed_by_rate", "n"),
    [
        (100_000, 36, {240_000: 100_000}, None),
        (100_000, 60, {240_000: 100_000}, 1),
        (100_000, 60, {0: 90_000, 240_000: 10_000}, None),  # all of it would grow at the highest rate
        (100_000, 60, {0: 10_000, 240_000: 90_000}, 1),
        (100_000, 60, {0: 50_000, 240_000: 50_000}, 27),  # where the free account is paid first
        (10_000, 6, {0: 90_000, 240_000: 10_000}, None),
        (10_000, 60, {0: 90_000, 240_000: 10_000}, 1),  # part of the debt: the dearest
        (10_000, 60, {}, None),
    ],
)
def test_debt_that_would_grow_is_found_at_the_rate_of_each_account(
    total: int, payments: int, owed_by_rate: dict[int, int], n: int | None
) -> None:
    begins = date(2026, 3, 20)
    parts = [
        Instalment(k, add_months(begins, k), amount)
        for k, amount in enumerate(level_parts(total, payments), start=1)
    ]
    found = grows_at(parts, owed_by_rate, 365, begins)
    assert (found.n if found else None) == n
