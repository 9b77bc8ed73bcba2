"""Requests that no page of ours sends are refused, never a defect."""

from __future__ import annotations

import base64
import json

import pytest

from app.core.staff.rules import Role
from tests.web.desk import Desk

HUGE = 10**20


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.ADMIN, f"/admin/staff/{HUGE}"),
        (Role.LEGAL, f"/legal/{HUGE}"),
        (Role.MANAGER, f"/outbox?cursor={cursor(HUGE)}"),
        (Role.MANAGER, f"/outbox?cursor={cursor('x')}"),
        (Role.MANAGER, f"/accounts?cursor={cursor('', 1)}"),
        (Role.MANAGER, f"/accounts?cursor={cursor(HUGE, 1)}"),
        (Role.MANAGER, f"/contacts?cursor={cursor('never', 1)}"),
        (Role.MANAGER, f"/strategies/edit?base={HUGE}"),
        (Role.MANAGER, f"/suppression?cursor={cursor(None)}"),
        (Role.MANAGER, "/outbox?cursor=" + base64.urlsafe_b64encode(b"[" * 100_000).decode()[:60_000]),
    ],
)
def test_addresses_that_nobody_was_given(desk: Desk, role: Role, path: str) -> None:
    answer = desk.sign_in(role).get(path)
    assert 400 <= answer.status_code < 500, answer.text[-300:]


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/legal/1/decide", "/legal/1"),
        ("/unmatched/1/match", "/unmatched/1"),
        ("/accounts/1/entries/2/waive", "/accounts/1"),
        ("/waivers/1/decide", "/approvals?open=waiver-1"),
        ("/reported-changes/1/decision", "/reported-changes"),
        ("/cases/1/contact", "/cases/1?do=contact&draft=1#do-contact"),
        ("/cases/1/links/replace", "/cases/1"),
    ],
)
def test_the_address_of_a_form_leads_to_its_page(sqlite_desk: Desk, path: str, above: str) -> None:
    answer = sqlite_desk.sign_in(Role.MANAGER).get(path)
    assert (answer.status_code, answer.headers.get("location")) == (303, above)


def test_tokens_and_staff_of_huge_numbers(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)
    assert alma.submit(f"/admin/tokens/{HUGE}/revoke").status_code == 422
    assert alma.submit(f"/admin/staff/{HUGE}/password").status_code == 422
    assert alma.submit(f"/admin/staff/{HUGE}/active", active="true").status_code == 422


@pytest.mark.parametrize("text", ["[" * 20_000, "x = " + "9" * 5000, "a." * 10_000, 'x = "\\ud800"'])
def test_strategies_that_no_reader_survives(desk: Desk, text: str) -> None:
    mei = desk.sign_in(Role.MANAGER)
    answer = mei.submit("/strategies/edit", portfolio="NOWHERE", code="x", text=text, do="check")
    assert 400 <= answer.status_code < 500
