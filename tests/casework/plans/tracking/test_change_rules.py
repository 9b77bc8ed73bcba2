"""When an instalment may be moved or skipped: below, at and above each bound, and the sentence of each refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.change_rules import MoveLimits, check_move, check_skip
from app.casework.plans.tracking.progress import PlanPayment, PlanProgress, progress
from app.core.errors import Conflict, DeskError, Invalid, NotFound

D1, D2, D3, D4 = date(2026, 4, 10), date(2026, 5, 8), date(2026, 6, 10), date(2026, 7, 10)
DAY = timedelta(days=1)
PLAN = [Instalment(n, day, 10_000) for n, day in enumerate((D1, D2, D3, D4), start=1)]
LIMITS = MoveLimits(days=14, a_month=1, moved_this_month=0)
PAID = (PlanPayment(D1, 10_000),)


def on(day: date, parts: list[Instalment] = PLAN, receipts: tuple[PlanPayment, ...] = PAID) -> PlanProgress:
    return progress(parts, receipts, on=day, grace_days=3)


@pytest.mark.parametrize(
    ("today", "n", "to", "limits", "refused", "said"),
    [
        (D1, 2, D2 + 14 * DAY, LIMITS, None, ""),
        (D1, 2, D2 + 15 * DAY, LIMITS, Invalid, "at most 14 days from 2026-05-08: from 2026-04-24 to 2026-05-22"),
        (D1, 2, D2 - 14 * DAY, LIMITS, None, ""),
        (D1, 2, D2 - 15 * DAY, LIMITS, Invalid, "at most 14 days"),
        (D2, 2, D2 - DAY, LIMITS, Invalid, "not be before today, 2026-05-08"),
        (D2 + DAY, 2, D2 + DAY, LIMITS, None, ""),
        (D2 + 3 * DAY, 2, D2 + 5 * DAY, LIMITS, None, ""),
        (D2 + 4 * DAY, 2, D2 + 5 * DAY, LIMITS, Conflict, "grace days are over"),
        (D2, 2, D2, LIMITS, Invalid, "due on 2026-05-08 already"),
        (D1, 1, D1 + DAY, LIMITS, Conflict, "Instalment 1 is paid"),
        (D1, 9, D1 + DAY, LIMITS, NotFound, "no instalment 9"),
        (D1, 2, D2 + DAY, replace(LIMITS, moved_this_month=1), Conflict, "moved once a month"),
        (D1, 2, D2 + DAY, replace(LIMITS, a_month=2, moved_this_month=1), None, ""),
        (D1, 2, D2 + DAY, replace(LIMITS, a_month=0), Conflict, "are not moved"),
        (D1, 2, D3 - DAY, replace(LIMITS, days=60), None, ""),
        (D1, 2, D3, replace(LIMITS, days=60), Invalid, "before instalment 3, due on 2026-06-10"),
        (D1, 3, D2, replace(LIMITS, days=60), Invalid, "after instalment 2, due on 2026-05-08"),
    ],
)  # fmt: skip
def test_a_date_moves_within_bounds_and_keeps_its_place(
    today: date, n: int, to: date, limits: MoveLimits, refused: type[DeskError] | None, said: str
) -> None:
    if refused is None:
        assert check_move(on(today), n, to, limits).n == n
        return
    with pytest.raises(refused, match=said) as error:
        check_move(on(today), n, to, limits)
    if refused is Invalid:
        assert error.value.field == "due_on"


def test_moving_again_does_not_move_the_bounds() -> None:
    moved = [PLAN[0], replace(PLAN[1], due_on=D2 + 10 * DAY, agreed_on=D2), *PLAN[2:]]
    assert check_move(on(D1, moved), 2, D2 + 14 * DAY, LIMITS)
    with pytest.raises(Invalid, match="from 2026-05-08"):
        check_move(on(D1, moved), 2, D2 + 15 * DAY, LIMITS)


@pytest.mark.parametrize(
    ("today", "n", "skipped", "allowed", "refused", "said"),
    [
        (D1, 2, (), 1, None, ""),
        (D1, 2, (), 0, Conflict, "the agreement does not say so"),
        (D1, 2, (4,), 1, Conflict, "that was used"),
        (D1, 3, (2,), 2, Conflict, "Instalment 2 is skipped: two in a row"),
        (D1, 2, (3,), 2, Conflict, "Instalment 3 is skipped: two in a row"),
        (D1, 2, (2,), 2, Conflict, "Instalment 2 is skipped. It cannot be skipped"),
        (D1, 4, (), 1, Conflict, "Instalment 4 is the last"),
        (D1, 1, (), 1, Conflict, "Instalment 1 is paid"),
        (D2 + 3 * DAY, 2, (), 1, None, ""),
        (D2 + 4 * DAY, 2, (), 1, Conflict, "grace days are over"),
        (D1, 7, (), 1, NotFound, "no instalment 7"),
        (D1, 0, (), 1, NotFound, "The agreement has no down payment"),
    ],
)
def test_as_many_are_skipped_as_was_agreed_and_no_two_in_a_row(
    today: date, n: int, skipped: tuple[int, ...], allowed: int, refused: type[DeskError] | None, said: str
) -> None:
    parts = [replace(part, is_skipped=part.n in skipped) for part in PLAN]
    if refused is None:
        line, last = check_skip(on(today, parts), n, allowed)
        assert (line.n, last.n) == (n, 4)
        return
    with pytest.raises(refused, match=said):
        check_skip(on(today, parts), n, allowed)
