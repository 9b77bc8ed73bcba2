"""Figures of people and expected cash, as a manager and an agent see them."""

from __future__ import annotations

import re
from datetime import date

from httpx2 import Response
from sqlmodel import Session

from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

ON = date(2026, 3, 31)


def words(answer: Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def book(session: Session) -> None:
    """Three people with sixty cases each, and one with a single case."""
    for n, owner in enumerate([*["ada", "bo", "agent"] * 60, "cy"]):
        late = date(2026, 2, 10) if n % 2 else date(2026, 1, 20)
        case = builders.delinquent_case(session, due_on=late, on=ON, owner=owner)
        case.opened_on = date(2026, 2, 20)
        if owner == "ada":
            case.status, case.closed_on = "closed", date(2026, 3, 2 + n % 20)
        elif n % 4 == 0:
            case.status, case.closed_on = "closed", date(2026, 3, 10 + n % 20)


def test_a_manager_sees_the_team_and_an_agent_only_themselves(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    mei, ben = desk.sign_in(Role.MANAGER), desk.sign_in(Role.AGENT)
    assert "No day was closed yet" in mei.get("/people").text
    assert "No forecast yet" in mei.get("/forecast").text
    desk.write(book)
    builders.close_day(desk.engine, ON)
    page = words(mei.get("/people?month=2026-03"))
    assert "Too few cases: nothing is said below 50." in page
    for name in ("ada", "bo", "cy"):
        assert f" {name} " in page
    assert "Customers with a support need, and others" in page
    own = words(ben.get("/people?month=2026-03"))
    assert "Your figures" in own
    assert [name for name in ("ada", "bo", "cy") if f" {name} " in own] == []
    assert "support need" not in own
    assert ben.get("/forecast").status_code == 403
    assert mei.get("/people?month=2026-04").status_code == 422
    assert mei.get("/people?month=x").status_code == 422
    assert mei.get("/people?portfolio=NONE").status_code == 404
