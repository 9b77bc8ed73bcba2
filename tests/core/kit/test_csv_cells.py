"""No cell of a file that the desk writes runs as a formula, in any language of the office; and it can be read back."""

from __future__ import annotations

import csv
import io
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.feeds.cells import Reject
from app.book.feeds.rejects import RejectsFile
from app.core.kit.csv_cells import export_cell, protect, unprotect

RUNS = re.compile(r'\s*"?[=+\-@\uff1d\uff0b\uff0d\uff20]')


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("A;=1+1", "A;'=1+1"),
        ("A; @SUM(B1)", "A; '@SUM(B1)"),
        ('A;"=1+1"', 'A;"\'=1+1"'),
        ("A\n=1+1", "A\n'=1+1"),
        ("A\t=1", "A\t'=1"),
        ("\t=1", "'\t'=1"),
        ("'=1", "''=1"),
        ("Alex; Oslo", "Alex; Oslo"),
        ("1-2", "1-2"),
        ("", ""),
    ],
)
def test_signs_that_begin_a_formula_are_disarmed(text: str, written: str) -> None:
    assert protect(text) == written
    assert unprotect(written) == text


@given(st.text("=+-@;,\t\r\n'\" aé\uff1d\uff0b", max_size=12))
def test_it_is_disarmed_wherever_a_spreadsheet_parts_cells_and_comes_back(text: str) -> None:
    written = protect(text)
    assert unprotect(written) == text
    cells = [text for line in re.split(r"[\r\n]", written) for text in re.split(r"[;\t]", line)]
    assert not any(RUNS.match(cell) for cell in cells)


def test_figures_stay_figures() -> None:
    assert [export_cell(text) for text in ("-12.50", "+3", "-1,5", "-x")] == ["-12.50", "+3", "-1,5", "'-x"]


def test_rejects_are_disarmed_hide_card_numbers_and_are_their_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "rejects" / "a.csv"
    with RejectsFile(path) as file:
        file.write([Reject(2, "city", "is too long", ("Alex", "Utrecht;=1+1"))])
    (_, row) = csv.reader(io.StringIO(path.read_text("utf-8")))
    assert row[3] == "Alex,Utrecht;'=1+1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
