"""A break is judged again with the payments that are known now, each on its own date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.casework.plans.restoration.rules import MORE_TIME, Break, Restored, judge_break
from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.assessing import Kept, Running

DAY = timedelta(days=1)
DUE = date(2026, 3, 26)
GRACE = 3
PARTS = [Instalment(n, DUE + (n - 1) * 30 * DAY, 10_000) for n in (1, 2, 3)]
FOUND = Break(1, DUE + (GRACE + 1) * DAY)
"""The night after the grace days of the first instalment."""


def judge(
    payments: list[tuple[date, int]], today: date, parts: list[Instalment] = PARTS, tolerance: int = 0
) -> Restored | None:
    """All of the payments were posted after the break."""
    return judge_break(parts, payments, payments, FOUND, today=today, grace_days=GRACE, tolerance=tolerance)


@pytest.mark.parametrize(
    ("paid_on", "amount", "tolerance", "stands"),
    [
        (DUE, 10_000, 0, True),
        (DUE + GRACE * DAY, 10_000, 0, True),
        (DUE + (GRACE + 1) * DAY, 10_000, 0, False),
        (DUE, 9_999, 0, False),
        (DUE, 9_900, 100, True),
        (DUE, 9_899, 100, False),
    ],
)
def test_a_payment_in_its_grace_days_restores_and_one_after_them_does_not(
    paid_on: date, amount: int, tolerance: int, stands: bool
) -> None:
    found = judge([(paid_on, amount)], FOUND.on + DAY, tolerance=tolerance)
    assert (found is not None) is stands
    if found is not None:
        assert found == Restored(Running(PARTS[1].due_on))


def test_a_plan_of_which_all_was_paid_in_time_is_kept() -> None:
    assert judge([(DUE, 30_000)], FOUND.on + DAY) == Restored(Kept(FOUND.on + DAY))


@pytest.mark.parametrize(
    ("days_after_due", "gets_time"),
    [
        (-14, False),  # due on the first day on which a payment may be due by
        (GRACE - 14, False),
        (GRACE - 13, True),  # its grace days end a day too soon
        (-1, True),
        (0, True),
        (GRACE, True),  # the last day of its grace
    ],
)
def test_who_read_that_it_was_over_has_the_time_to_be_told_what_is_due(
    days_after_due: int, gets_time: bool
) -> None:
    today = PARTS[1].due_on + days_after_due * DAY
    new_date = today + MORE_TIME
    time = Restored(Running(new_date), (PARTS[1],), new_date)
    assert judge([(DUE, 10_000)], today) == (time if gets_time else Restored(Running(PARTS[1].due_on)))


def test_an_instalment_of_which_nothing_is_missing_keeps_its_date() -> None:
    due = PARTS[1].due_on
    assert judge([(DUE, 20_000)], due + DAY) == Restored(Running(PARTS[2].due_on))


def test_what_ran_out_of_time_meanwhile_gets_a_new_date_and_what_is_still_to_come_does_not() -> None:
    today = PARTS[1].due_on + (GRACE + 1) * DAY
    found = judge([(DUE, 10_000)], today)
    assert found == Restored(Running(today + MORE_TIME), (PARTS[1],), today + MORE_TIME)
    much_later = PARTS[2].due_on + 90 * DAY
    found = judge([(DUE, 10_000)], much_later)
    assert found is not None
    assert [part.n for part in found.more_time] == [2, 3]


def test_an_earlier_payment_that_is_missing_is_missing_still() -> None:
    second = Break(2, PARTS[1].due_on + (GRACE + 1) * DAY)
    late = [(PARTS[1].due_on, 10_000)]
    found = judge_break(PARTS, late, late, second, today=second.on + DAY, grace_days=GRACE)
    assert found is None, "the first instalment was never paid"


@pytest.mark.parametrize(("paid", "stands"), [(0, False), (30_000, True)])
def test_a_settlement_that_broke_before_its_day_wants_its_money(paid: int, stands: bool) -> None:
    """Its payment came back before it was due; a second one is made in time."""
    early = Break(1, DUE - 4 * DAY)
    payments = [(DUE - DAY, paid)] if paid else []
    found = judge_break(PARTS[:1], payments, payments, early, today=DUE, grace_days=GRACE)
    assert (found is not None) is stands


def test_an_agreement_of_which_nothing_was_missing_broke_for_another_reason() -> None:
    """All of a settlement was paid in time, and a payment from before its offer came back: a later one changes
    nothing."""
    paid, later = (DUE, 10_000), (DUE + 20 * DAY, 10_000)
    found = judge_break(
        PARTS[:1], [paid, later], [later], Break(1, DUE + 10 * DAY), today=DUE + 20 * DAY, grace_days=GRACE
    )
    assert found is None
