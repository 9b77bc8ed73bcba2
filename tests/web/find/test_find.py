"""The search page, the list under the search box, and the address that a telephone system opens."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.core.database.engine import reading
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

ON = date(2026, 3, 2)


def a_case(desk: Desk, **changes: object) -> CollectionsCase:
    return desk.write(
        lambda session: builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON, **changes)
    )


def number_of(desk: Desk, case: CollectionsCase) -> str:
    with reading(desk.engine) as session:
        return session.get_one(Customer, case.customer_id).mobile


def give(desk: Desk, case: CollectionsCase, number: str) -> None:
    def write(session: Session) -> None:
        session.get_one(Customer, case.customer_id).mobile = number

    desk.write(write)


def test_the_page_finds_cases_of_colleagues_and_closed_ones_and_says_so(sqlite_desk: Desk) -> None:
    mine = a_case(sqlite_desk, owner="ben")
    over = a_case(sqlite_desk, status=CaseStatus.CLOSED, outcome=CaseOutcome.CURED, closed_on=ON)
    legal = a_case(sqlite_desk, with_legal_since=builders.NOW)
    text = sqlite_desk.sign_in(Role.LEGAL).get("/find?q=anna").text
    for case in (mine, over, legal):
        assert f'href="/cases/{case.id}"' in text
    assert "Closed" in text
    assert "With legal" in text
    assert "No owner" in text
    nothing = sqlite_desk.sign_in(Role.AGENT).get("/find?q=zzz<b>").text
    assert "Nothing matches" in nothing
    assert "<b>" not in nothing.partition("<main")[2].replace("<button", "")


def test_the_list_under_the_box_is_a_part_of_a_page(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    answer = sqlite_desk.sign_in(Role.AGENT).get(f"/find/options?q={case.reference.lower()}")
    assert answer.text.lstrip().startswith("<li")
    assert f'data-href="/cases/{case.id}"' in answer.text


def test_a_screen_pop_opens_the_one_case_lists_several_and_says_that_there_is_none(sqlite_desk: Desk) -> None:
    agent = sqlite_desk.sign_in(Role.AGENT)
    first, second = a_case(sqlite_desk), a_case(sqlite_desk)
    give(sqlite_desk, first, "+8613800138042")
    for spelled in ("+8613800138042", "%2B86 138 0013 8042", "013800138042"):
        answer = agent.get(f"/find?phone={spelled}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{first.id}"), spelled
    give(sqlite_desk, second, "+8613800138042")
    text = agent.get("/find?phone=13800138042").text
    assert "Several customers have this number" in text
    assert f"/cases/{first.id}" in text
    assert f"/cases/{second.id}" in text
    assert "No customer has this number" in agent.get("/find?phone=13999999999").text
    assert "This is not a telephone number" in agent.get("/find?phone=anonymous").text


def test_a_caller_without_a_case_opens_the_account(sqlite_desk: Desk) -> None:
    def write(session: Session) -> int:
        holder = builders.customer(session, builders.portfolio(session), mobile="+8613800138042")
        return id_of(builders.account(session, holder))

    account_id = sqlite_desk.write(write)
    answer = sqlite_desk.sign_in(Role.MANAGER).get("/find?phone=13800138042")
    assert answer.headers["location"] == f"/accounts/{account_id}"


@pytest.mark.parametrize("path", ["/find?q=anna", "/find/options?q=anna", "/find?phone=13800138042"])
def test_an_administrator_finds_no_customer(sqlite_desk: Desk, path: str) -> None:
    admin = sqlite_desk.sign_in(Role.ADMIN)
    assert admin.get(path).status_code == 403
    assert 'action="/find"' not in admin.get("/admin/staff").text


def test_a_program_finds_the_caller(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk, owner="ben")
    client, headers = sqlite_desk.anonymous(), sqlite_desk.token(Role.AGENT)
    found = client.get("/api/v1/find", params={"phone": number_of(sqlite_desk, case)}, headers=headers).json()
    [item] = found["items"]
    assert (item["case"], item["owner"], item["matched"][0]["way"]) == (case.reference, "ben", "phone")
    assert (
        client.get("/api/v1/find", params={"q": "anna"}, headers=headers).json()["items"][0]["status"]
        == "open"
    )
    assert client.get("/api/v1/find", params={"phone": "12"}, headers=headers).status_code == 422


def test_the_worklist_reads_a_number_as_the_search_does(sqlite_desk: Desk) -> None:
    case, other = a_case(sqlite_desk), a_case(sqlite_desk)
    give(sqlite_desk, case, "+8613800138042")
    agent = sqlite_desk.sign_in(Role.AGENT)
    for spelled in ("tel:%2B8613800138042", "0138 0013-8042", "%2B86 (0)138 0013 8042"):
        text = agent.get(f"/worklist?owner=all&state=all&q={spelled}").text
        assert f"/cases/{case.id}" in text, spelled
        assert f"/cases/{other.id}" not in text, spelled
