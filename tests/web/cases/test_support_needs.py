"""The page of support needs, and all the doors by which somebody who works no case might see one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from app.actions.people.support_needs import record_need
from app.book.ledger.models import Account, Customer
from app.casework.cases.models import CollectionsCase
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

TODAY = date(2026, 3, 2)
GIVEN = {"basis": "consent", "told_by": "customer"}
SECRETS = (
    "Call only with their carer",
    "Letters only, other people",
    "hospital ward",
    "vulnerable",
    "Vulnerable",
)


@pytest.fixture
def path(sqlite_desk: Desk) -> str:
    def write(session: Session) -> int:
        late = TODAY - timedelta(days=20)
        return id_of(builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)))

    return f"/cases/{sqlite_desk.write(write)}"


def needs(desk: Desk) -> list[SupportNeed]:
    return desk.read(lambda session: list(session.scalars(select(SupportNeed).order_by(SupportNeed.id))))  # type: ignore[arg-type]


def record(desk: Desk, path: str, code: str, **changes: Any) -> None:
    def write(session: Session) -> None:
        case = session.get_one(CollectionsCase, int(path.rpartition("/")[2]))
        new = NewNeed(code, Basis.CONSENT, ToldBy.CUSTOMER)
        record_need(
            session, case, new, builders.catalog(), by=Actor.user("mei"), now=builders.at(TODAY), **changes
        )

    desk.write(write)


def test_a_need_is_recorded_kept_and_ended(sqlite_desk: Desk, path: str) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    page = f"{path}/support-needs"
    assert "Thank" in ben.get(page).text, "the script stands beside the form"
    assert ben.submit(page, code="no_evening_calls", note="after the shift", **GIVEN).status_code == 303
    [need] = needs(sqlite_desk)
    assert "No evening calls (after the shift)" in ben.get(path).text, "it stands over the case"
    assert "No calls from 17:00 to 24:00" in ben.get(page).text
    until = TODAY + timedelta(days=90)
    assert ben.submit(f"{page}/{need.id}/keep", review_on=str(until)).status_code == 303
    assert needs(sqlite_desk)[0].review_on == until
    assert ben.submit(f"{page}/{need.id}/end", reason="works mornings").status_code == 303
    assert "case-needs" not in ben.get(path).text


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"code": ""}, "Choose what the customer needs."),
        ({"note": "has diabetes"}, "Write the support they need instead"),
        ({"basis": ""}, "Choose one."),
        ({"review_on": "yesterday"}, "This is not a date."),
        ({"code": "safe_contact"}, "Say which numbers and addresses are withheld."),
    ],
)
def test_a_refusal_stands_beside_its_field(
    sqlite_desk: Desk, path: str, typed: dict[str, str], wrong: str
) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    answer = ben.submit(f"{path}/support-needs", **{"code": "extra_time", **GIVEN, **typed})
    assert answer.status_code == 422
    assert wrong in answer.text
    assert needs(sqlite_desk) == []


def test_a_need_for_managers_is_named_to_them_alone(sqlite_desk: Desk, path: str) -> None:
    record(sqlite_desk, path, "custody")
    ben, eva = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "None that you may see." in ben.get(f"{path}/support-needs").text
    for page in (path, f"{path}?tab=timeline"):
        assert "Letters only, other people" not in ben.get(page).text
    assert "1 for managers" in ben.get(path).text, "and that it is in force is no secret"
    assert "Letters only, other people may open them" in eva.get(path).text


def test_a_withheld_address_is_on_no_page(sqlite_desk: Desk, path: str) -> None:
    customer = sqlite_desk.read(lambda session: session.scalars(select(Customer)).one())
    ben, eva = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    moved = {"address_line1": "9 Old Mill Lane", "city": "Suzhou"}
    was = {"country": "CN", "postcode": "200000", "mobile": customer.mobile, "email": customer.email}
    typed = {**was, **moved, "full_name": customer.full_name, "language": "en", "timezone": customer.timezone}
    assert ben.submit(f"{path}/contact", **typed, reason="told on the phone").status_code == 303
    assert "9 Old Mill Lane" in ben.get(f"{path}?tab=timeline").text
    record(sqlite_desk, path, "safe_contact", places=["address"])
    for page in (
        path,
        f"{path}?tab=timeline",
        f"{path}?tab=messages",
        f"{path}/contact-data",
        f"{path}/support-needs",
    ):
        assert "Old Mill Lane" not in ben.get(page).text, page
    assert "9 Old Mill Lane" in eva.get(f"{path}/support-needs").text, (
        "who may see the need sees what is withheld"
    )
    assert ben.submit(f"{path}/contact", **typed, reason="told on the phone").status_code in (409, 422)


def routes(desk: Desk, path: str) -> list[str]:
    """Every page of a case and its account that the legal team opens."""
    account = desk.read(lambda session: session.scalars(select(Account.id)).one())
    tabs = [f"{path}?tab={tab}" for tab in ("contacts", "money", "messages", "agreements", "timeline")]
    more = [
        f"{path}/{name}"
        for name in ("contact-data", "contacts", "contacts.csv", "household", "documents", "ledger.csv")
    ]
    found = [path, *tabs, *more, f"{path}/support-needs", f"/accounts/{account}?tab=record"]
    words = ("hospital", "carer", "ward", "vulnerable")
    return [*found, *(f"/find?q={word}" for word in words), *(f"/find/options?q={word}" for word in words)]


def test_the_legal_team_sees_no_need_by_any_door(sqlite_desk: Desk, path: str) -> None:
    record(sqlite_desk, path, "carer_present")
    record(sqlite_desk, path, "custody")
    record(sqlite_desk, path, "no_demands")
    ben = sqlite_desk.sign_in(Role.AGENT)
    call = {
        "result": "support_need",
        "consent": "yes",
        "support_type": "extra_time",
        "words": "on a hospital ward",
    }
    assert ben.submit(f"{path}/call", **call, note="on a hospital ward").status_code == 303
    builders.close_day(sqlite_desk.engine, TODAY - timedelta(days=1))
    lea = sqlite_desk.sign_in(Role.LEGAL)
    for page in routes(sqlite_desk, path):
        answer = lea.get(page)
        assert answer.status_code == 200, page
        shown = answer.text.replace(page.rpartition("q=")[2], "") if "q=" in page else answer.text
        for secret in SECRETS:
            assert secret not in shown, (page, secret)
    asked = lea.submit(f"{path}/support-needs/disclosure", reason="")
    assert asked.status_code == 422
    shown = lea.submit(f"{path}/support-needs/disclosure", reason="papers are to be served")
    assert "Letters only, other people may open them" in shown.text
    assert "papers are to be served" in ben.get(f"{path}?tab=timeline").text
    assert "carer" not in lea.get(f"{path}/support-needs").text, "once"
