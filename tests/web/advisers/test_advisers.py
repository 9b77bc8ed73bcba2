"""The pages of debt advisers: by hand, with files, and what is wrong beside its field."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from httpx2 import Response
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.casework.advisers.models import AdviserProposal, LumpPayment
from app.casework.advisers.rules import ProposalStatus
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import Browser, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
__all__ = ["served"]

TODAY = date(2026, 3, 2)
OFFER = {"amount": "100.00", "frequency": "monthly", "first-on": "2026-03-20"}


@pytest.fixture
def mei(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.MANAGER)


@pytest.fixture
def case(sqlite_desk: Desk) -> str:
    def write(session: Session) -> str:
        late = TODAY - timedelta(days=20)
        return builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)).reference

    return sqlite_desk.write(write)


def upload(browser: Browser, path: str, name: str, content: bytes, **fields: str) -> Response:
    return browser.post(
        path,
        data={"csrf_token": browser.csrf_token, **fields},
        files={name: (f"{name}.txt", content)},
        headers={"origin": "http://testserver"},
    )


def with_client(browser: Browser, case: str) -> None:
    assert browser.submit("/advisers", code="HELP", name="Help with Debt").status_code == 303
    assert browser.submit("/advisers/HELP/clients", case=case, authority_from="2026-02-01").status_code == 303


def test_an_adviser_is_added_and_put_on_file(sqlite_desk: Desk, mei: Browser, case: str) -> None:
    assert "No adviser yet" in mei.get("/advisers").text
    wrong = mei.submit("/advisers", code="x", name="Help")
    assert wrong.status_code == 422
    assert 'id="f-code-error">A code has 2 to 20' in wrong.text
    with_client(mei, case)
    for fields, said in [
        ({"case": "soon", "authority_from": "2026-02-01"}, "Write the case&#39;s reference"),
        ({"case": case, "authority_from": ""}, "Choose a date."),
        ({"case": case, "authority_from": "2026-02-01"}, "acts for the customer"),
    ]:
        assert said in mei.submit("/advisers/HELP/clients", **fields).text
    number = sqlite_desk.read(lambda session: id_of(session.scalars(select(CollectionsCase)).one()))
    assert "Help with Debt" in mei.get(f"/cases/{number}/contact-data").text
    name = sqlite_desk.read(lambda session: session.scalars(select(Customer.full_name)).one())
    assert f"<bdi>{name}</bdi>" in mei.get("/advisers/HELP").text, (
        "a list of references tells nobody who it is"
    )
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert ben.submit("/advisers", code="OTHER", name="Other").status_code == 403
    assert sqlite_desk.sign_in(Role.LEGAL).get("/advisers").status_code == 403


def test_a_wrong_address_is_marked_beside_it_and_used_again_by_a_manager(
    sqlite_desk: Desk, mei: Browser, case: str
) -> None:
    new = {"code": "HELP", "name": "Help with Debt", "address": "3 Harbour Lane\r\nLeeds"}
    assert 'id="f-email-error"' in mei.submit("/advisers", **new, email="x").text
    assert mei.submit("/advisers", **new, email="plans@help.example").status_code == 303
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "Correct the contact data" not in ben.get("/advisers/HELP").text
    assert ben.submit("/advisers/HELP/contact", email="").status_code == 403
    wrong = {"address": "3 Harbour Lane\r\nLeeds", "reason": ""}
    answer = ben.submit("/advisers/HELP/addresses/wrong", **wrong)
    assert answer.status_code == 422
    assert 'id="address-2-reason-error">Say how you know.' in answer.text
    assert (
        "This is no address of Help with Debt."
        in ben.submit("/advisers/HELP/addresses/wrong", address="x@y.example", reason="z").text
    )
    assert ben.submit("/advisers/HELP/addresses/wrong", **{**wrong, "reason": "moved"}).status_code == 303
    page = ben.get("/advisers/HELP").text
    assert "a person says that it is wrong; moved" in page
    assert "Use it again" not in page, "a manager's"
    assert ben.submit("/advisers/HELP/addresses/again", **wrong).status_code == 403
    assert "Use it again" in mei.get("/advisers/HELP").text
    assert mei.submit("/advisers/HELP/addresses/again", **{**wrong, "reason": "mended"}).status_code == 303
    assert "Nothing is sent there" not in mei.get("/advisers/HELP").text
    bad = mei.submit("/advisers/HELP/contact", email="plans@help.example", address="", by_post="on")
    assert 'id="contact-address-error">Letters need a postal address.' in bad.text
    good = mei.submit("/advisers/HELP/contact", email="", address="1 New Street\r\nLeeds", by_post="on")
    assert good.status_code == 303
    said = sqlite_desk.read(
        lambda session: [
            event["address"]
            for kind in ("adviser.address_closed", "adviser.address_opened", "adviser.corrected")
            for event in builders.events(session, kind)
        ]
    )
    assert said == ["3 Harbour Lane\nLeeds", "3 Harbour Lane\nLeeds", "1 New Street\nLeeds"]


def test_a_file_is_loaded_and_decided(sqlite_desk: Desk, mei: Browser, case: str) -> None:
    with_client(mei, case)
    path = "/advisers/HELP/files"
    assert "Choose a portfolio." in upload(mei, path, "file", b"{}").text
    assert "not JSON" in upload(mei, path, "file", b"{", portfolio="CARDS").text
    assert "Choose a file." in mei.submit(path, portfolio="CARDS").text
    plans = [{"reference": case, "offer": OFFER}, {"reference": case, "offer": {**OFFER, "amount": "=1"}}]
    content = json.dumps({"plans": plans}).encode()
    loaded = upload(mei, path, "file", content, portfolio="CARDS")
    assert loaded.status_code == 303, loaded.text
    page = mei.get(loaded.headers["location"]).text
    assert "Accept 1 within your limits" in page
    assert "offer.amount" in page
    csv = mei.get(f"{loaded.headers['location']}?format=csv").text
    assert "2," in csv.splitlines()[1]
    at = loaded.headers["location"]
    assert "Say why" in mei.submit(f"{at}/proposals/1/decline", why=" ").text
    assert mei.submit(f"{at}/accept").status_code == 303
    [row] = sqlite_desk.read(lambda session: list(session.scalars(select(AdviserProposal))))
    assert row.status is ProposalStatus.ACCEPTED
    page = mei.get(at).text
    assert "1 of 1 decided" in page
    assert f"/plans/{row.plan_id}" in page
    assert mei.submit(f"{at}/proposals/1/accept").status_code == 409
    assert upload(mei, path, "file", content, portfolio="CARDS").headers["location"] == at


def test_a_payment_is_split_and_taken_back(sqlite_desk: Desk, mei: Browser, case: str) -> None:
    with_client(mei, case)
    path, schedule = "/advisers/HELP/lumps", f"reference,amount\n{case},20.00\nC-999999,5.00\n".encode()
    told = {"portfolio": "CARDS", "reference": "BK-1", "paid_on": "2026-03-02", "amount": "30"}
    for changes, said in [
        ({"amount": "x"}, "split-amount-error"),
        ({"paid_on": ""}, "Choose a date."),
        ({"amount": "24"}, "more than was paid"),
        ({"unmatched_id": "9"}, "has no unmatched payment 9"),
    ]:
        answer = upload(mei, path, "schedule", schedule, **{**told, **changes})
        assert answer.status_code == 422
        assert said in answer.text
    made = upload(mei, path, "schedule", schedule, **told)
    assert made.status_code == 303, made.text
    again = {**told, "reference": "BK-2"}
    asked = upload(mei, path, "schedule", schedule, **again)
    assert (asked.status_code, "split already, as payment BK-1" in asked.text) == (422, True)
    [answer] = re.findall(r'name="sure" value="([^"]+)"', asked.text)
    assert upload(mei, path, "schedule", schedule, **again, sure="lump_payment:0:0").status_code == 422
    assert upload(mei, path, "schedule", schedule, **again, sure=answer).status_code == 303
    at = made.headers["location"]
    page = mei.get(at).text
    assert "names no plan, case, account or customer" in page
    assert "CN¥10.00" in page, "five of an unknown reference and five that no line names wait"
    assert "BK-1" in mei.get("/advisers/HELP").text
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "Take the payment back" not in ben.get(at).text
    assert ben.submit(f"{at}/take-back", reason="x").status_code == 403
    assert "Say why" in mei.submit(f"{at}/take-back", reason="").text
    assert mei.submit(f"{at}/take-back", reason="the bank took it back").status_code == 303
    assert "Taken back" in mei.get(at).text
    lump, _ = sqlite_desk.read(lambda session: list(session.scalars(select(LumpPayment).order_by("id"))))
    assert lump.reversed_by == "user:mei"


def test_the_pages_in_a_browser(served: tuple[Desk, int], browser: Chromium) -> None:
    desk, case_id = served
    mei = desk.sign_in(Role.MANAGER)
    origin = {"origin": desk.settings.public_url}
    mei.headers.update(origin)
    tab = sign_in(desk, browser, "mei")
    tab.goto("/advisers")
    tab.fill("#f-code", "HELP")
    tab.fill("#f-name", "Help with Debt")
    tab.get_by_role("button", name="Add adviser").click()
    tab.wait_for_url("**/advisers/HELP")
    tab.fill("#client-case", f"C-{case_id:06d}")
    tab.fill("#client-from", "2026-02-01")
    tab.get_by_role("button", name="Put on file").click()
    tab.wait_for_selector("text=acts for the customer")
    assert_fits_and_is_accessible(tab)
    schedule = f"reference,amount\nC-{case_id:06d},20.00\n".encode()
    tab.select_option("#split-portfolio", "CARDS")
    tab.fill("#split-reference", "BK-9")
    tab.fill("#split-paid", "2026-03-02")
    tab.fill("#split-amount", "25")
    tab.set_input_files("#split-schedule", {"name": "s.csv", "mimeType": "text/csv", "buffer": schedule})
    tab.get_by_role("button", name="Split payment").click()
    tab.wait_for_selector("h1:has-text('Lump payment')")
    assert_fits_and_is_accessible(tab)
    plans = [{"reference": f"C-{case_id:06d}", "offer": {**OFFER, "first-on": "2099-01-01"}}]
    tab.goto("/advisers/HELP")
    tab.select_option("#load-portfolio", "CARDS")
    content = json.dumps({"plans": plans}).encode()
    tab.set_input_files("#load-file", {"name": "p.json", "mimeType": "application/json", "buffer": content})
    tab.get_by_role("button", name="Load").click()
    tab.wait_for_selector("h1:has-text('p.json')")
    assert_fits_and_is_accessible(tab)
