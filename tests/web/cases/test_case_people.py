"""An agent puts contact data right on the case page; a manager decides what the creditor's file says."""

from __future__ import annotations

import html
import json
import re
from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from app.book.ledger.models import Account, Customer, ReportedChange
from app.book.ledger.rules import AccountStatus, ReportedWhat
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


def make_case(desk: Desk) -> int:
    def write(session: Session) -> int:
        made = builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=20), on=TODAY - timedelta(days=1), owner="ben"
        )
        return id_of(made)

    return desk.write(write)


def holder(desk: Desk) -> Customer:
    return desk.read(lambda session: session.scalars(select(Customer)).one())


def form_of(page: str) -> dict[str, str]:
    """The form as it opens: every field, and what stood in it."""
    [was] = re.findall(r'name="was" value="([^"]*)"', page)
    opened: dict[str, str] = json.loads(html.unescape(was))
    return {**opened, "was": html.unescape(was)}


def test_a_new_number_is_typed_shown_and_told_on_the_timeline(desk: Desk, ben: Browser) -> None:
    case = f"/cases/{make_case(desk)}"
    form = form_of(ben.get(f"{case}?do=contact").text)
    assert form["mobile"] == holder(desk).mobile
    answer = ben.submit(
        f"{case}/contact", **{**form, "mobile": "139 0000 0000", "reason": "told on the phone"}
    )
    assert answer.status_code == 303
    assert holder(desk).mobile == "+8613900000000"
    page = ben.get(case).text
    assert "Contact data changed" in page
    assert "told on the phone" in page
    assert "+8613900000000" in page


def test_only_what_was_typed_over_is_changed(desk: Desk, ben: Browser) -> None:
    """A form that was open while the file came does not take the file's news back."""
    case = f"/cases/{make_case(desk)}"
    form = form_of(ben.get(f"{case}?do=contact").text)

    def moved(session: Session) -> None:
        session.scalars(select(Customer)).one().city = "Suzhou"

    desk.write(moved)
    ben.submit(f"{case}/contact", **{**form, "email": "new@example.org", "reason": "e-mail"})
    assert (holder(desk).city, holder(desk).email) == ("Suzhou", "new@example.org")


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(desk: Desk, ben: Browser) -> None:
    case = f"/cases/{make_case(desk)}"
    form = form_of(ben.get(f"{case}?do=contact").text)
    answer = ben.submit(f"{case}/contact", **{**form, "mobile": "12", "city": "Suzhou", "reason": "phone"})
    assert answer.status_code == 422
    assert "is not a possible phone number" in answer.text
    assert 'value="Suzhou"' in answer.text


def test_a_manager_decides_what_the_file_says(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)

    def report(session: Session) -> int:
        who = session.get_one(CollectionsCase, case_id).customer_id
        account = session.scalars(select(Account).where(Account.customer_id == who)).one()
        change = ReportedChange(
            portfolio_id=account.portfolio_id, account_id=id_of(account), what=ReportedWhat.STATUS, value="sold",
            was="active", reported_at=NOW,
        )  # fmt: skip
        session.add(change)
        session.flush()
        return id_of(change)

    change_id = desk.write(report)
    assert ben.get("/reported-changes").status_code == 403
    mia = desk.sign_in(Role.MANAGER)
    assert "sold" in mia.get("/reported-changes").text
    path = f"/reported-changes/{change_id}/decision"
    assert mia.submit(path, decision="accept", reason="").status_code == 422
    assert mia.submit(path, decision="accept", reason="they wrote").status_code == 303
    accounts = desk.read(lambda session: list(session.scalars(select(Account.status))))
    assert accounts == [AccountStatus.SOLD]
    assert "Nothing waits" in mia.get("/reported-changes").text
