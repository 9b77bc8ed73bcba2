"""Figures of people and expected cash, as a manager and an agent see them."""

from __future__ import annotations

import re
from datetime import date

from httpx2 import Response
from sqlmodel import Session, select

from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account
from app.book.portfolios.models import DailyRun
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program
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
        else:
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
    assert "99.8 % limit, low" in page, "the funnel of days to close"
    assert "Chance above the team" in page
    own = words(ben.get("/people?month=2026-03"))
    assert "Your figures" in own
    assert [name for name in ("ada", "bo", "cy") if f" {name} " in own] == []
    assert "support need" not in own
    assert ben.get("/forecast").status_code == 403
    assert mei.get("/people?month=2026-04").status_code == 422
    assert mei.get("/people?month=x").status_code == 422
    assert mei.get("/people?portfolio=NONE").status_code == 404


def history(session: Session) -> None:
    """Nine months of a portfolio: each month two cards fall past due, and one of them is paid in full a month later."""
    portfolio = builders.portfolio(session)
    for month in range(1, 10):
        for n in range(2):
            card = builders.late_customer(session, portfolio, due_on=date(2025, month, 10), minimum=10_000)
            if n == 0:
                builders.payment(session, card, 10_000, date(2025, month + 1, 10 + month))
    cards = [id_of(card) for card in session.scalars(select(Account))]
    fold_accounts(session, portfolio, cards, through=date(2025, 12, 31))
    for on in (date(2025, 1, 31), date(2025, 12, 31)):
        session.add(
            DailyRun(
                portfolio_id=id_of(portfolio),
                business_date=on,
                started_at=builders.NOW,
                finished_at=builders.NOW,
            )
        )


def test_expected_cash_with_its_record(sqlite_desk: Desk) -> None:
    program = Program(sqlite_desk)
    assert program.get(f"/portfolios/{builders.BOOK}/forecast").status_code == 404
    sqlite_desk.write(history)
    page = words(sqlite_desk.sign_in(Role.MANAGER).get("/forecast"))
    assert "from the end of Dec 31, 2025 on" in page
    assert "Too little history: 3 past forecasts have an outcome, and 6 are needed." in page
    assert "5 past forecasts" in page
    answer = program.get(f"/portfolios/{builders.BOOK}/forecast").json()
    assert [each["days"] for each in answer["horizons"]] == [30, 60, 90]
    assert answer["horizons"][0]["expected"] is None
    assert answer["horizons"][0]["tests"] == 5
    assert (
        program.get(
            f"/portfolios/{builders.BOOK}/people", **{"from": "2025-12-01", "to": "2025-12-31"}
        ).json()["measures"][0]["people"]
        == []
    )
