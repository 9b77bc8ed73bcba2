"""The page of letters that are owed: the overdue ones first, with the law."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.duties.models import Duty
from app.policy.kinds.duty import DutyEvent
from tests import builders
from tests.web.book import lived_in
from tests.web.desk import Desk


def owe(session: Session, letter: str, due_on: date, rule: str) -> None:
    book = get_portfolio(session, "CARDS")
    case = session.scalars(select(CollectionsCase)).first()
    assert case is not None
    session.add(
        Duty(
            portfolio_id=id_of(book), customer_id=case.customer_id, case_id=id_of(case), rule=rule,
            citation="12 CFR 1006.34(a)(1)", verified=rule != "x.late", event=DutyEvent.FIRST_CONTACT,
            letters=letter, channels="post", arose_on=date(2026, 1, 1), due_on=due_on, created_at=builders.NOW,
        )
    )  # fmt: skip


def test_what_is_owed_and_what_is_overdue(desk: Desk) -> None:
    lived_in(desk.engine)
    manager = desk.sign_in(Role.MANAGER)
    assert "No letter is owed in CARDS" in manager.get("/duties").text
    desk.write(lambda session: owe(session, "validation_notice", date(2090, 1, 1), "x.early"))
    desk.write(lambda session: owe(session, "debt_verification", date(2026, 1, 6), "x.late"))
    page = manager.get("/duties").text
    assert "2 owed, 1 of them overdue" in page
    assert page.index("Debt verification") < page.index("Validation notice"), "the oldest due day first"
    assert page.count("Overdue") == 1
    assert page.count("Not verified") == 1
    name = desk.read(lambda session: session.scalars(select(Customer)).first())
    assert name is not None
    assert desk.sign_in(Role.AGENT).get("/duties").status_code == 403
