"""What lawyers may report after what, and of which days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.legal.matters.rules import LONGEST_AHEAD, ReportKind, Told, refusal

SINCE, TODAY = date(2026, 3, 2), date(2026, 6, 1)
RECEIVED, FILED, HEARING = ReportKind.RECEIVED, ReportKind.FILED, ReportKind.HEARING
JUDGMENT, ENFORCEMENT, CLOSED = ReportKind.JUDGMENT, ReportKind.ENFORCEMENT, ReportKind.CLOSED
DAY = timedelta(days=1)


def field(kind: ReportKind, on: date, *earlier: Told, court: str = "District Court") -> str | None:
    found = refusal(Told(kind, on), earlier, court=court, with_lawyers_since=SINCE, today=TODAY)
    return found.field if found else None


@pytest.mark.parametrize(
    ("kind", "on", "wrong"),
    [
        (RECEIVED, SINCE - DAY, "on"),
        (RECEIVED, SINCE, None),
        (RECEIVED, TODAY, None),
        (RECEIVED, TODAY + DAY, "on"),
        (HEARING, TODAY + LONGEST_AHEAD, None),
        (HEARING, TODAY + LONGEST_AHEAD + DAY, "on"),
        (JUDGMENT, TODAY, None),  # late: nothing was reported before
        (CLOSED, TODAY + DAY, "on"),
    ],
)
def test_days(kind: ReportKind, on: date, wrong: str | None) -> None:
    assert field(kind, on) == wrong


def test_stages_go_forward() -> None:
    filed, heard = Told(FILED, date(2026, 4, 1)), Told(HEARING, date(2026, 7, 1))
    assert field(RECEIVED, date(2026, 4, 2), filed) == "kind"
    assert field(HEARING, date(2026, 8, 1), filed, heard) is None, "a hearing is put off"
    assert field(FILED, date(2026, 5, 1), filed) is None, "a second claim is filed"
    assert field(JUDGMENT, date(2026, 4, 1), filed) is None
    assert field(JUDGMENT, date(2026, 3, 31), filed) == "on", "no judgment before the claim was filed"
    assert field(JUDGMENT, date(2026, 5, 1), filed, heard) is None, "a judgment without the hearing"
    judged = Told(JUDGMENT, date(2026, 5, 1))
    assert field(HEARING, date(2026, 7, 1), filed, judged) == "kind"
    assert field(ENFORCEMENT, date(2026, 5, 1), filed, judged) is None


def test_nothing_follows_the_end_and_nothing_is_received_twice() -> None:
    assert field(RECEIVED, TODAY, Told(RECEIVED, SINCE)) == "kind"
    for kind in ReportKind:
        assert field(kind, TODAY, Told(CLOSED, date(2026, 5, 1))) == "kind"


@pytest.mark.parametrize("kind", [FILED, HEARING, JUDGMENT])
def test_a_court_is_named(kind: ReportKind) -> None:
    assert field(kind, TODAY, court=" ") == "court"
    assert field(ENFORCEMENT, TODAY, court="") is None
