"""What protects a customer, or binds us, ends with a reason and never by one click."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.scenarios.desk_day.formosa import LU, TODAY, Formosa

SOON = (TODAY + timedelta(days=5)).isoformat()
BEGINS = [
    ("holds", {"kind": "hardship", "reason": "Lost the job", "until": SOON}, r"holds/\d+/end"),
    (
        "preferences",
        {"kind": "inconvenient_time", "end": "10:00", "source": "phone"},
        r"preferences/\d+/end",
    ),
    ("call", {"result": "call_back", "callback_at": "2026-03-03T15:00"}, "callback/forget"),
    ("promise", {"amount": "2786", "due_on": SOON}, r"plans/\d+/cancel"),
    ("plans", {"total": "2786", "months": "2", "first_due_on": SOON}, r"plans/\d+/cancel"),
]


@pytest.mark.parametrize(("path", "fields", "end"), BEGINS, ids=[each[0] for each in BEGINS])
def test_an_end_asks_for_its_reason_beside_its_field(
    day: Formosa, path: str, fields: dict[str, str], end: str
) -> None:
    """Bug 17: "End this hold", "No longer so", "Forget", "Withdraw": one click, no reason, no way back."""
    day.send(LU, path, **fields)
    page = day.ben.get(f"/cases/{day.case(LU)}").text
    found = re.search(rf'action="/cases/\d+/({end})', page)
    assert found is not None
    form = page[found.start() :].partition("</form>")[0]
    assert 'name="reason"' in form
    assert "required" in form
    day.refused(LU, found[1])
    assert found[1] in day.ben.get(f"/cases/{day.case(LU)}").text, "it stands"
    day.send(LU, found[1], reason="They said so today")
    assert found[1] not in day.ben.get(f"/cases/{day.case(LU)}").text
