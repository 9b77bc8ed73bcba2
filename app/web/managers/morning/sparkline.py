"""A small line beside a figure: its last days, drawn as SVG on the server."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile

WIDTH, HEIGHT = 120, 28
MARGIN = 2


def sparkline(values: Sequence[float | None]) -> list[str]:
    """Points of the lines through the values, on a field of WIDTH by HEIGHT; a day without a value ends a line. The
    lowest value stands at the bottom, the highest at the top; equal values in the middle."""
    values = list(dropwhile(lambda value: value is None, values))  # a young portfolio's line is wide, too
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    low, span = min(known), max(known) - min(known)
    step = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    lines: list[list[tuple[int, int]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        part = (value - low) / span if span else 0.5
        point = round(MARGIN + n * step), round(HEIGHT - MARGIN - part * (HEIGHT - 2 * MARGIN))
        if len(lines[-1]) > 1 and lines[-1][-1][1] == lines[-1][-2][1] == point[1]:
            lines[-1].pop()  # a level stretch is drawn by its two ends
        lines[-1].append(point)
    return [" ".join(f"{x},{y}" for x, y in line) for line in lines if len(line) > 1]
