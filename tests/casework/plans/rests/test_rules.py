"""An agreement that rested gets new dates: whole periods later, and late enough to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.casework.plans.rests.rules import TIME_TO_BE_TOLD, dates_after_rest
from app.casework.plans.rules import Cadence, Instalment, PlanKind, period_on
from app.casework.plans.schedule import SATURDAY_SUNDAY, days_off, due_dates
from app.casework.plans.terms import AgreementTerms, Payday

DUE = date(2026, 3, 26)
DAY, GRACE = timedelta(days=1), 3
PERIODS = {Cadence.WEEKLY: 1, Cadence.FORTNIGHTLY: 2, Cadence.FOUR_WEEKLY: 4}


def parts(cadence: Cadence, count: int = 3) -> list[Instalment]:
    cadence = Cadence.MONTHLY if cadence is Cadence.CUSTOM else cadence
    return [Instalment(n, period_on(DUE, cadence, n - 1), 10_000) for n in range(1, count + 1)]


def after(days: int, cadence: Cadence = Cadence.MONTHLY, paid: int = 0) -> dict[int, date]:
    """The new dates of a plan on the day so many days after its first payment was due."""
    payments = [(DUE, paid)] if paid else []
    found = dates_after_rest(
        parts(cadence),
        payments,
        cadence,
        today=DUE + days * DAY,
        ended_on=DUE + days * DAY,
        grace_days=GRACE,
        tolerance=0,
        is_off=lambda _: False,
    )
    return dict(found.open)


@pytest.mark.parametrize(
    ("days", "periods"), [(-14, 0), (-11, 0), (-10, 1), (0, 1), (GRACE + 1, 1), (17, 1), (18, 2), (60, 3)]
)
def test_all_open_payments_move_by_whole_periods(days: int, periods: int) -> None:
    found = after(days)
    if not periods:
        assert found == {}
        return
    assert found == {n: period_on(DUE, Cadence.MONTHLY, n - 1 + periods) for n in (1, 2, 3)}
    assert found[1] >= DUE + days * DAY + TIME_TO_BE_TOLD


def test_what_is_paid_keeps_its_date() -> None:
    moved = after(60, paid=10_000)
    assert moved == {2: date(2026, 6, 26), 3: date(2026, 7, 26)}
    assert after(60, paid=30_000) == {}


@pytest.mark.parametrize(
    ("amount", "tolerance", "paid"),
    [(10_000, 0, {1}), (20_000, 0, {1}), (9_950, 50, set()), (9_999, 0, set())],
)
def test_what_was_paid_after_its_time_counts_as_paid_in_time(
    amount: int, tolerance: int, paid: set[int]
) -> None:
    """On the day after the grace days of the first; the second is due a month after it."""
    today = DUE + 10 * DAY
    found = dates_after_rest(
        parts(Cadence.MONTHLY),
        [(DUE + (GRACE + 1) * DAY, amount)],
        Cadence.MONTHLY,
        today=today,
        ended_on=today,
        grace_days=GRACE,
        tolerance=tolerance,
        is_off=lambda _: False,
    )
    assert found.paid == dict.fromkeys(paid, today)
    assert set(found.open) == (set() if paid else {1, 2, 3})


@pytest.mark.parametrize("cadence", PERIODS)
def test_weeks_stay_weeks(cadence: Cadence) -> None:
    found = after(30, cadence)
    assert {(day - DUE).days % (7 * PERIODS[cadence]) for day in found.values()} == {0}
    assert min(found.values()) >= DUE + 30 * DAY + TIME_TO_BE_TOLD


def test_dates_of_ones_own_move_by_days_and_keep_their_distance() -> None:
    found = after(30, Cadence.CUSTOM)
    assert found[1] == DUE + 30 * DAY + TIME_TO_BE_TOLD
    assert found[2] - found[1] == parts(Cadence.CUSTOM)[1].due_on - DUE


@pytest.mark.parametrize("cadence", [Cadence.FORTNIGHTLY, Cadence.CUSTOM])
def test_a_later_night_changes_nothing_more(cadence: Cadence) -> None:
    """The first one falls due on the very last day of the time to be told, and has no grace days."""
    before = parts(cadence)
    for today in (DUE, DUE + DAY, DUE + 2 * DAY):
        found = dates_after_rest(
            before, [], cadence, today=today, ended_on=DUE, grace_days=0, tolerance=0, is_off=lambda _: False
        )
        assert bool(found.open) == (today == DUE)
        before = [replace(part, due_on=found.open.get(part.n, part.due_on)) for part in before]
    assert before[0].due_on == DUE + TIME_TO_BE_TOLD


@pytest.mark.parametrize(
    ("terms", "first_before", "first_after"),
    [
        (AgreementTerms(PlanKind.INSTALMENTS, 60_000, date(2026, 1, 31), 6, Cadence.MONTHLY), 2, 31),
        (
            AgreementTerms(
                PlanKind.INSTALMENTS, 60_000, date(2026, 1, 28), 6, Cadence.MONTHLY,
                payday=Payday(date(2026, 1, 28), Cadence.MONTHLY, 2),
            ), 30, 31,
        ),
    ],
    ids=["the end of the month", "after a payday"],
)  # fmt: skip
def test_new_dates_stay_on_the_agreed_schedule(
    terms: AgreementTerms, first_before: int, first_after: int
) -> None:
    """Not a month after a date that a week-end or a short month had moved."""
    on_schedule = due_dates(replace(terms, payments=12), ())
    assert on_schedule[0].day == first_before
    agreed = [Instalment(n, day, 10_000) for n, day in enumerate(on_schedule[:6], start=1)]
    over = date(2026, 3, 10)
    found = dates_after_rest(
        agreed, [], Cadence.MONTHLY, on_schedule=on_schedule, today=over, ended_on=over,
        grace_days=GRACE, tolerance=0, is_off=days_off((), SATURDAY_SUNDAY),
    )  # fmt: skip
    assert list(found.open.values()) == on_schedule[2:8]
    assert found.open[1].day == first_after
