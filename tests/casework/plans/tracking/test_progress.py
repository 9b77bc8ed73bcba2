"""Payments by instalment: named ones first, the rest to the oldest that is short; tolerance, grace, skips, moves."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.assessing import (
    Assessment,
    Broken,
    InGrace,
    Kept,
    Running,
    as_due,
    assess,
)
from app.casework.plans.tracking.progress import (
    InstalmentState,
    PlanPayment,
    PlanProgress,
    first_missed,
    match_payments,
    progress,
)

D1, D2, D3 = date(2026, 4, 10), date(2026, 5, 8), date(2026, 6, 10)
DAY = timedelta(days=1)
PLAN = [Instalment(1, D1, 10_000), Instalment(2, D2, 10_000), Instalment(3, D3, 10_000)]
SKIPPED = [PLAN[0], replace(PLAN[1], is_skipped=True), PLAN[2]]
S = InstalmentState


def after(parts: list[Instalment], *receipts: PlanPayment, on: date, tolerance: int = 0) -> PlanProgress:
    return progress(parts, receipts, on=on, grace_days=3, tolerance=tolerance)


@pytest.mark.parametrize(
    ("paid", "today", "expected"),
    [
        # Below, at and above what the tolerance of 500 lets an instalment be short.
        ([(D1, 9_499)], D1 + DAY, InGrace(1, 501, D1 + 3 * DAY)),
        ([(D1, 9_500)], D1 + DAY, Running(D2)),
        ([(D1, 9_501)], D1 + DAY, Running(D2)),
        ([(D1, 9_499)], D1 + 4 * DAY, Broken(1, D1, 501)),
        # Before its day the rest is still awaited.
        ([(D1 - DAY, 9_500)], D1 - DAY, Running(D1)),
        # The tolerance lies in what is short of each, and once in the whole.
        ([(D1, 9_500), (D2, 9_500)], D2 + DAY, Running(D3)),
        ([(D1, 9_500), (D2, 9_500), (D3, 10_500)], D3, Kept(D3)),
        ([(D1, 9_500), (D2, 9_500), (D3, 10_499)], D3 + DAY, InGrace(3, 501, D3 + 3 * DAY)),
        ([(D1, 9_500), (D2, 9_500), (D3, 10_499)], D3 + 4 * DAY, Broken(3, D3, 501)),
        ([(D1, 9_500), (D2, 10_000), (D3, 10_000)], D3, Kept(D3)),
        # What was short and comes later counts for the next.
        ([(D1, 9_500), (D2, 10_500), (D3, 9_500)], D3, Kept(D3)),
    ],
)
def test_a_tolerance_forgives_a_little_of_each_and_once_of_the_whole(
    paid: list[tuple[date, int]], today: date, expected: Assessment
) -> None:
    assert assess(PLAN, paid, today=today, grace_days=3, tolerance=500) == expected


@pytest.mark.parametrize(
    ("paid", "today", "expected"),
    [
        ([(D1, 10_000)], D2 + 9 * DAY, Running(D3)),
        ([(D1, 10_000), (D3, 20_000)], D3, Kept(D3)),
        ([(D1, 10_000), (D3, 19_999)], D3 + DAY, InGrace(3, 1, D3 + 3 * DAY)),
        ([], D1 + 4 * DAY, Broken(1, D1, 10_000)),
    ],
)
def test_a_skipped_instalment_falls_due_with_the_last(
    paid: list[tuple[date, int]], today: date, expected: Assessment
) -> None:
    assert [(part.n, part.amount) for part in as_due(SKIPPED)] == [(1, 10_000), (3, 20_000)]
    assert assess(SKIPPED, paid, today=today, grace_days=3) == expected


def test_a_moved_instalment_is_judged_by_its_new_day() -> None:
    moved = [PLAN[0], replace(PLAN[1], due_on=D2 + 9 * DAY, agreed_on=D2), PLAN[2]]
    paid = [PlanPayment(D1, 10_000)]
    assert after(moved, *paid, on=D2 + 9 * DAY).stands == Running(D2 + 9 * DAY)
    assert after(moved, *paid, on=D2 + 10 * DAY).stands == InGrace(2, 10_000, D2 + 12 * DAY)
    line = after(moved, *paid, on=D2).instalments[1]
    assert (line.agreed_on, line.due_on, line.state) == (D2, D2 + 9 * DAY, S.TO_COME)


@pytest.mark.parametrize(
    ("receipts", "on", "states", "paid", "beyond"),
    [
        ([], D1, (S.TO_COME, S.TO_COME, S.TO_COME), (0, 0, 0), 0),
        ([PlanPayment(D1, 4_000)], D1 + DAY, (S.IN_GRACE, S.TO_COME, S.TO_COME), (4_000, 0, 0), 0),
        ([PlanPayment(D1, 4_000)], D1 + 4 * DAY, (S.MISSED, S.TO_COME, S.TO_COME), (4_000, 0, 0), 0),
        ([PlanPayment(D1, 9_500)], D1, (S.NEARLY_PAID, S.TO_COME, S.TO_COME), (9_500, 0, 0), 0),
        ([PlanPayment(D1, 12_000)], D1, (S.PAID, S.TO_COME, S.TO_COME), (10_000, 2_000, 0), 0),
        # A named one first, its surplus to the oldest that is short.
        ([PlanPayment(D1, 13_000, 2)], D1, (S.TO_COME, S.PAID, S.TO_COME), (3_000, 10_000, 0), 0),
        ([PlanPayment(D1, 10_000, 2)], D1 + DAY, (S.COVERED, S.PAID, S.TO_COME), (0, 10_000, 0), 0),
        ([PlanPayment(D1, 10_000, 2)], D2 + DAY, (S.IN_GRACE, S.PAID, S.TO_COME), (0, 10_000, 0), 0),
        ([PlanPayment(D1, 10_000, 9)], D1 + DAY, (S.PAID, S.TO_COME, S.TO_COME), (10_000, 0, 0), 0),
        ([PlanPayment(D1, 31_000)], D1, (S.PAID, S.PAID, S.PAID), (10_000, 10_000, 10_000), 1_000),
    ],
)  # fmt: skip
def test_which_payment_pays_which_instalment(
    receipts: list[PlanPayment], on: date, states: tuple, paid: tuple, beyond: int
) -> None:
    found = after(PLAN, *receipts, on=on, tolerance=500)
    lines = found.instalments
    assert tuple(line.state for line in lines) == states
    assert tuple(line.paid for line in lines) == paid
    assert (found.beyond, found.paid, found.total) == (beyond, sum(paid), 30_000)


def test_a_plan_that_is_kept_within_the_tolerance_is_not_done_to_the_last_cent() -> None:
    found = after(
        PLAN, PlanPayment(D1, 10_000), PlanPayment(D2, 10_000), PlanPayment(D3, 9_800), on=D3, tolerance=500
    )
    assert found.stands == Kept(D3)
    assert (found.percent_done, found.left, found.next, found.overdue) == (99, 200, None, 0)
    assert found.instalments[2].state is S.NEARLY_PAID


def test_the_next_payment_is_the_oldest_that_is_wanted() -> None:
    found = after(PLAN, PlanPayment(D1, 10_000), PlanPayment(D1, 4_000), on=D1)
    assert found.next is not None
    assert (found.next.n, found.next.due, found.next.short, found.next.due_on) == (2, 10_000, 6_000, D2)
    assert found.instalments[0].paid_on == D1


# --- properties -----------------------------------------------------------------------------------------------

plans = st.lists(st.integers(1, 5_000), min_size=1, max_size=6).flatmap(
    lambda amounts: st.lists(st.booleans(), min_size=len(amounts), max_size=len(amounts)).map(
        lambda skips: [
            Instalment(n, D1 + timedelta(days=30 * n), amount, is_skipped=skip and n < len(amounts))
            for n, (amount, skip) in enumerate(zip(amounts, skips, strict=True), start=1)
        ]
    )
)
receipts = st.lists(
    st.builds(
        PlanPayment,
        st.dates(D1, D1 + timedelta(days=220)),
        st.integers(1, 6_000),
        st.one_of(st.none(), st.integers(0, 7)),
    ),
    max_size=8,
)
days = st.dates(D1, D1 + timedelta(days=230))
tolerances = st.integers(0, 3_000)


@given(plans, receipts)
def test_no_money_is_lost_or_made(parts: list[Instalment], came: list[PlanPayment]) -> None:
    found = match_payments(as_due(parts), came)
    shares = sum(amount for share in found.shares.values() for _, amount in share)
    assert shares + found.beyond == sum(receipt.amount for receipt in came)
    for part in as_due(parts):
        assert sum(amount for _, amount in found.shares.get(part.n, ())) <= part.amount


@given(plans, receipts, days, tolerances, st.randoms(use_true_random=False))
def test_the_order_of_payments_does_not_matter(
    parts: list[Instalment], came: list[PlanPayment], on: date, tolerance: int, dice: random.Random
) -> None:
    shuffled, mixed = came[:], parts[:]
    dice.shuffle(shuffled)
    dice.shuffle(mixed)
    assert after(parts, *came, on=on, tolerance=tolerance) == after(
        mixed, *shuffled, on=on, tolerance=tolerance
    )


@given(plans, receipts, days, tolerances)
def test_progress_agrees_with_itself(
    parts: list[Instalment], came: list[PlanPayment], on: date, tolerance: int
) -> None:
    found = after(parts, *came, on=on, tolerance=tolerance)
    counted = sum(receipt.amount for receipt in came if receipt.on <= on)
    assert found.paid + found.beyond == counted
    assert found.total == sum(part.amount for part in parts)
    assert 0 <= found.left <= found.total
    match found.stands:
        case Kept():
            assert found.left <= tolerance
        case InGrace(n=n, until=until):
            assert on <= until
            assert n in {line.n for line in found.instalments if line.state is S.IN_GRACE}
        case Running(next_due_on=day):
            assert day >= on or tolerance
            assert any(line.due_on == day for line in found.instalments if line.state is not S.SKIPPED)


@given(plans, receipts, days, tolerances)
def test_another_payment_never_makes_it_worse(
    parts: list[Instalment], came: list[PlanPayment], on: date, tolerance: int
) -> None:
    rank = {Kept: 0, Running: 1, InGrace: 2, Broken: 3}
    before = rank[type(after(parts, *came, on=on, tolerance=tolerance).stands)]
    more = after(parts, *came, PlanPayment(D1, 500), on=on, tolerance=tolerance)
    assert rank[type(more.stands)] <= before


@pytest.mark.parametrize(
    ("came", "on", "n"),
    [
        ([], D1 - DAY, 1),
        ([(D1 + 3 * DAY, 10_000, None)], D1 + 9 * DAY, 2),
        ([(D1 + 4 * DAY, 10_000, None)], D1 + 9 * DAY, 1),  # too late: it was short when its time was over
        ([(D1, 9_999, None)], D2 + 9 * DAY, 1),
        ([(D1, 10_000, 2)], D1 + 9 * DAY, 3),  # the first is covered by money that named the second
        ([(D2, 10_000, 2)], D2 + 9 * DAY, 1),
        ([(D1, 10_000, 1), (D3, 20_000, 3)], D3 + 9 * DAY, 2),
        ([(D1, 30_000, None)], D3 + 9 * DAY, 3),
    ],
)
def test_the_first_missed_instalment_was_short_when_its_time_was_over(
    came: list[tuple[date, int, int | None]], on: date, n: int
) -> None:
    payments = [PlanPayment(*each) for each in came]
    assert first_missed(PLAN, payments, on=on, grace_days=3) == n
