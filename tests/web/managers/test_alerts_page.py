"""The alerts page, and the banner that leads to it."""

from __future__ import annotations

import pytest

from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from tests.web.desk import NOW, Desk


@pytest.mark.parametrize(("role", "elsewhere"), [(Role.MANAGER, "/strategies"), (Role.ADMIN, "/admin/staff")])
def test_who_looks_after_the_desk_sees_what_failed_on_every_page(
    desk: Desk, role: Role, elsewhere: str
) -> None:
    browser = desk.sign_in(role)
    assert "Nothing has failed" in browser.get("/alerts").text
    with transaction(desk.engine) as session:
        raise_alert(session, AlertKind.INVARIANT, "CARDS", "Rows that disagree: 1 of one.", now=NOW)
    assert "something has failed" in browser.get(elsewhere).text
    shown = browser.get("/alerts").text
    assert "A consistency check failed: CARDS" in shown
    assert "desk invariants" in shown
    with transaction(desk.engine) as session:
        end_alert(session, AlertKind.INVARIANT, "CARDS", now=NOW)
    assert "something has failed" not in browser.get(elsewhere).text
    assert "Over" in browser.get("/alerts").text


def test_an_agent_is_not_asked_to_mend_the_desk(desk: Desk) -> None:
    with transaction(desk.engine) as session:
        raise_alert(session, AlertKind.INVARIANT, "CARDS", "Rows that disagree: 1 of one.", now=NOW)
    browser = desk.sign_in(Role.AGENT)
    assert browser.get("/alerts").status_code == 403
    assert "something has failed" not in browser.get("/worklist").text
