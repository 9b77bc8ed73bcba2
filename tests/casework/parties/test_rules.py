"""What a third party may be told, and who speaks for the customer."""

from __future__ import annotations

from datetime import date

import pytest

from app.casework.parties.rules import MayBeTold, PartyKind, check_authority, check_quiet, in_force
from app.core.errors import Invalid

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest.mark.parametrize(
    ("kind", "told", "begins", "ends", "note", "field"),
    [
        (PartyKind.EMPLOYER, MayBeTold.EVERYTHING, MARCH, None, "", "may_be_told"),
        (PartyKind.EMPLOYER, MayBeTold.LIMITED, MARCH, None, "x", "may_be_told"),
        (PartyKind.FAMILY, MayBeTold.EVERYTHING, None, None, "", "authority_from"),
        (PartyKind.CARER, MayBeTold.LIMITED, None, None, "dates", "authority_from"),
        (PartyKind.ADVISER, MayBeTold.LIMITED, MARCH, None, "", "note"),
        (PartyKind.ATTORNEY, MayBeTold.EVERYTHING, APRIL, MARCH, "", "authority_until"),
        (PartyKind.EXECUTOR, MayBeTold.EVERYTHING, None, date(2026, 2, 28), "", "authority_until"),
    ],
)
def test_an_authority_that_contradicts_itself(
    kind: PartyKind, told: MayBeTold, begins: date | None, ends: date | None, note: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_authority(kind, told, begins, ends, note, today=MARCH)
    assert refused.value.field == field


@pytest.mark.parametrize("kind", [PartyKind.ATTORNEY, PartyKind.EXECUTOR])
def test_an_office_is_an_authority(kind: PartyKind) -> None:
    check_authority(kind, MayBeTold.EVERYTHING, None, None, "", today=MARCH)
    check_authority(kind, MayBeTold.EVERYTHING, None, MARCH, "", today=MARCH)
    assert in_force(None, None, MARCH)


@pytest.mark.parametrize(
    ("today", "stands"), [(date(2026, 2, 28), False), (MARCH, True), (APRIL, True), (date(2026, 4, 2), False)]
)
def test_an_authority_stands_from_its_first_to_its_last_day(today: date, stands: bool) -> None:
    assert in_force(MARCH, APRIL, today) is stands


@pytest.mark.parametrize(
    ("begins", "ends", "field"),
    [(1200, None, "quiet_until"), (None, 480, "quiet_from"), (480, 480, "quiet_until")],
)
def test_quiet_hours_that_are_none(begins: int | None, ends: int | None, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_quiet(begins, ends)
    assert refused.value.field == field


def test_quiet_hours_may_go_over_midnight() -> None:
    check_quiet(1200, 480)
    check_quiet(None, None)
