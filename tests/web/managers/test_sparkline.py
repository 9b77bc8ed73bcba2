"""The small line beside a figure."""

from __future__ import annotations

import pytest

from app.web.managers.morning.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([], []),
        ([None, 1.0], []),
        ([0.0, 1.0], ["2,26 118,2"]),
        ([None, None, 0.0, 1.0], ["2,26 118,2"]),
        ([3.0, 3.0, 3.0, 3.0], ["2,14 118,14"]),
        ([0.0, 0.0, 0.0, 1.0, 1.0], ["2,26 60,26 89,2 118,2"]),
        ([0.0, 1.0, None, 1.0, 1.0], ["2,26 31,2", "89,2 118,2"]),
    ],
)
def test_level_stretches_are_drawn_by_their_ends(values: list[float | None], lines: list[str]) -> None:
    assert sparkline(values) == lines
