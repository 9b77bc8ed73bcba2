"""Small cells are not shown, nor is the cell that would give one away."""

from __future__ import annotations

import pytest

from app.reporting.people.parity import Days, Group, Outcome, Share, suppress

NEED, REST = Group.SUPPORT_NEED, Group.OTHERS


@pytest.mark.parametrize(
    ("need", "others", "shown"),
    [
        (Share(10, 20), Share(500, 900), True),
        (Share(9, 20), Share(500, 900), False),
        (Share(11, 20), Share(500, 900), False),  # nine others of the group are the cell beside it
        (Share(0, 40), Share(500, 900), False),
        (Share(20, 40), Share(3, 900), False),
        (Share(0, 0), Share(500, 900), True),
        (Days.of([5] * 10), Days.of([4] * 300), True),
        (Days.of([5] * 9), Days.of([4] * 300), False),
    ],
)
def test_a_handful_hides_both_cells_because_the_total_is_known(
    need: Share | Days, others: Share | Days, shown: bool
) -> None:
    row = suppress(Outcome.PLANS_KEPT, {NEED: need, REST: others})
    assert row.is_suppressed is not shown
    assert [cell is not None for cell in row.cells.values()] == [shown, shown]


def test_a_worse_outcome_is_named_only_where_intervals_do_not_meet() -> None:
    worse = suppress(Outcome.PLANS_KEPT, {NEED: Share(40, 100), REST: Share(700, 1_000)})
    same = suppress(Outcome.PLANS_KEPT, {NEED: Share(66, 100), REST: Share(700, 1_000)})
    assert (worse.differs, same.differs) == (True, False)
    hidden = suppress(Outcome.PLANS_KEPT, {NEED: Share(1, 100), REST: Share(700, 1_000)})
    assert not hidden.differs
