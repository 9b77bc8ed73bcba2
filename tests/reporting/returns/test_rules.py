"""Periods of returns, the rows in which a complaint counts, and the definitions themselves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from app.reporting.returns.complaint_rules import Complaint, nth_business_day, rows_of_complaint
from app.reporting.returns.definitions.catalog import known_returns
from app.reporting.returns.document import write_document
from app.reporting.returns.lines import AMOUNT_COLUMNS
from app.reporting.returns.rules import (
    Measure,
    Period,
    ReturnKind,
    cells_of,
    faults_of,
    period_start,
)

ROOT = Path(__file__).parents[3]
HALF = Period(date(2026, 6, 30), 6)
EASTER = frozenset({date(2026, 4, 3), date(2026, 4, 6)})


@pytest.mark.parametrize(
    ("on", "months", "first_on"),
    [
        (date(2026, 6, 30), 6, date(2026, 1, 1)),
        (date(2026, 2, 28), 3, date(2025, 12, 1)),
        (date(2026, 3, 15), 3, date(2025, 12, 16)),
        (date(2026, 12, 31), 12, date(2026, 1, 1)),
    ],
)
def test_a_period_has_whole_months(on: date, months: int, first_on: date) -> None:
    assert period_start(on, months) == first_on


def test_a_day_without_a_period_begins_and_ends_with_itself() -> None:
    assert Period(date(2026, 6, 30), 0).first_on == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("received", "third"),
    [
        (date(2026, 5, 4), date(2026, 5, 7)),  # a Monday
        (date(2026, 5, 7), date(2026, 5, 12)),  # over a weekend
        (date(2026, 4, 1), date(2026, 4, 8)),  # over Easter
        (date(2026, 5, 9), date(2026, 5, 13)),  # on a Saturday
    ],
)
def test_the_third_business_day(received: date, third: date) -> None:
    assert nth_business_day(received, 3, EASTER) == third


def complained(received: date, ended: date | None = None, *, by_person: bool = True) -> dict[str, date]:
    return dict(rows_of_complaint(Complaint(1, 1, received, ended, by_person), HALF, EASTER))


@pytest.mark.parametrize(
    ("received", "ended", "rows"),
    [
        (date(2025, 12, 31), None, {"outstanding_before", "outstanding_after"}),
        (date(2025, 12, 31), date(2026, 1, 1), {"outstanding_before", "closed_3_days"}),
        (date(2025, 12, 20), date(2025, 12, 31), set()),
        (date(2026, 1, 1), None, {"opened", "cause_other", "outstanding_after"}),
        (date(2026, 5, 4), date(2026, 5, 7), {"opened", "cause_other", "closed_3_days"}),
        (date(2026, 5, 4), date(2026, 5, 8), {"opened", "cause_other", "closed_8_weeks"}),
        (date(2026, 3, 2), date(2026, 4, 27), {"opened", "cause_other", "closed_8_weeks"}),  # the 56th day
        (date(2026, 3, 2), date(2026, 4, 28), {"opened", "cause_other", "closed_later"}),
        (date(2026, 6, 30), date(2026, 7, 1), {"opened", "cause_other", "outstanding_after"}),
        (date(2026, 7, 1), None, set()),
    ],
)
def test_the_rows_in_which_a_complaint_counts(received: date, ended: date | None, rows: set[str]) -> None:
    assert complained(received, ended).keys() == rows


def test_a_complaint_that_its_day_ended_was_closed_by_nobody() -> None:
    assert complained(date(2026, 5, 4), date(2026, 5, 5), by_person=False).keys() == {
        "opened",
        "cause_other",
        "lapsed",
    }


@pytest.mark.parametrize("kind", list(ReturnKind))
def test_a_definition_can_be_right(kind: ReturnKind) -> None:
    definition = known_returns()[kind].definition
    assert faults_of(definition) == []
    assert len(set(definition.rows)) == sum(len(section.rows) for section in definition.sections)


def test_cells_of_nothing_are_zero_and_what_is_not_recorded_is_not() -> None:
    cells = cells_of(known_returns()[ReturnKind.UK_COMPLAINTS].definition, {})
    found = {cell.row: cell for cell in cells}
    assert (found["opened"].number, found["closed"].number) == (0, 0)
    arrears = {cell.row: cell for cell in cells_of(known_returns()[ReturnKind.UK_ARREARS].definition, {})}
    assert arrears["persistent_debt"].number is None
    assert arrears["persistent_debt"].missing
    assert found["per_1000"].ratio is None  # nothing to divide by


def test_a_sum_and_a_ratio_come_from_their_rows() -> None:
    definition = known_returns()[ReturnKind.CN_CARD_TIERS].definition
    sums = {
        ("normal", Measure.BALANCE): 900,
        ("loss", Measure.BALANCE): 60,
        ("doubtful", Measure.BALANCE): 40,
    }
    found = {(cell.row, cell.measure): cell for cell in cells_of(definition, sums)}
    assert found["non_performing", Measure.BALANCE].number == 100
    assert found["all", Measure.BALANCE].number == 1_000
    assert found["non_performing_ratio", Measure.RATIO].ratio == 10.0


def test_every_column_of_a_return_is_one_of_its_lines() -> None:
    columns = {
        measure
        for known in known_returns().values()
        for section in known.definition.sections
        for measure in section.columns
    }
    assert columns <= set(AMOUNT_COLUMNS)


def test_the_document_is_written_from_the_definitions() -> None:
    assert (ROOT / "docs" / "returns.md").read_text() == write_document(), (
        "write it again: python -m app.reporting.returns.document > docs/returns.md"
    )
