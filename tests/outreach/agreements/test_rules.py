"""Reminders of an agreement: below, at and above each of their days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.casework.contacts.rules import DeskStep
from app.outreach.agreements.rules import DueInstalment, ReminderDays, reminder_due

DUE = date(2026, 4, 20)
SHIPPED = ReminderDays(ahead=3, ahead_by_post=7, today=True, in_grace=1)
AHEAD, TODAY, GRACE = DeskStep.INSTALMENT_AHEAD, DeskStep.INSTALMENT_TODAY, DeskStep.INSTALMENT_GRACE


def due(known_since: date = date(2026, 3, 1), grace_days: int = 3) -> DueInstalment:
    return DueInstalment(DUE, grace_days, known_since)


@pytest.mark.parametrize(
    ("days_before", "leaves"),
    [
        (8, None), (4, None), (3, AHEAD), (2, AHEAD), (1, AHEAD), (0, TODAY),
        (-1, GRACE), (-2, GRACE), (-3, GRACE), (-4, None),
    ],
)  # fmt: skip
def test_each_reminder_has_its_days(days_before: int, leaves: DeskStep | None) -> None:
    on = DUE - timedelta(days=days_before)
    assert reminder_due(due(), SHIPPED, on, by_post=False) == leaves


@pytest.mark.parametrize(
    ("days_before", "leaves"), [(8, None), (7, AHEAD), (1, AHEAD), (0, None), (-1, None)]
)
def test_a_letter_by_post_leaves_earlier_and_only_ahead(days_before: int, leaves: DeskStep | None) -> None:
    assert reminder_due(due(), SHIPPED, DUE - timedelta(days=days_before), by_post=True) == leaves


@pytest.mark.parametrize(("known", "leaves"), [(7, AHEAD), (6, None), (2, None)])
def test_nobody_is_reminded_ahead_of_a_date_that_was_just_agreed(known: int, leaves: DeskStep | None) -> None:
    on = DUE - timedelta(days=2)
    assert reminder_due(due(DUE - timedelta(days=known)), SHIPPED, on, by_post=False) == leaves
    assert reminder_due(due(DUE - timedelta(days=known)), SHIPPED, DUE, by_post=False) == TODAY


def test_each_reminder_can_be_switched_off() -> None:
    off = ReminderDays(ahead=0, ahead_by_post=0, today=False, in_grace=0)
    for days in range(-5, 10):
        for by_post in (False, True):
            assert reminder_due(due(), off, DUE - timedelta(days=days), by_post=by_post) is None
    assert off.longest_ahead == 0


@pytest.mark.parametrize(("in_grace", "grace", "days_after", "leaves"), [
    (2, 3, 1, None), (2, 3, 2, GRACE), (2, 3, 3, GRACE), (2, 3, 4, None), (4, 3, 4, None), (1, 0, 1, None),
])  # fmt: skip
def test_a_missing_one_is_reminded_of_within_its_grace_days_only(
    in_grace: int, grace: int, days_after: int, leaves: DeskStep | None
) -> None:
    days = ReminderDays(ahead=3, ahead_by_post=7, today=True, in_grace=in_grace)
    assert (
        reminder_due(due(grace_days=grace), days, DUE + timedelta(days=days_after), by_post=False) == leaves
    )
