"""The link in every message: without signing in, and for whoever holds it."""

from __future__ import annotations

import pytest
from sqlmodel import select

from app.compliance.models import Consent
from app.compliance.service import set_consent
from app.ledger.models import Customer
from app.staff.rules import Role
from app.timeline.rules import Channel, Kind
from tests.builders import delinquent_case, events, portfolio
from tests.web.book import FIRST_ON
from tests.web.desk import NOW, Desk


def link(desk: Desk, channel: Channel = Channel.EMAIL, **changes: str) -> tuple[int, str]:
    """(customer id, path) as it stands in a message to a new customer."""

    def make(session: object) -> int:
        case = delinquent_case(session, due_on=FIRST_ON, on=NOW.date())  # type: ignore[arg-type]
        customer = session.get_one(Customer, case.customer_id)  # type: ignore[attr-defined]
        for name, value in changes.items():
            setattr(customer, name, value)
        return case.customer_id

    customer_id = desk.write(make)
    url = desk.app.state.ports.stationery.unsubscribe_url(customer_id, channel)
    return customer_id, url.removeprefix("http://testserver")


def consents(desk: Desk, customer_id: int) -> dict[Channel, bool]:
    query = select(Consent).where(Consent.customer_id == customer_id)
    return desk.read(lambda session: {row.channel: row.allowed for row in session.scalars(query)})


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_opening_the_link_changes_nothing_and_asks_in_the_customers_language(desk: Desk) -> None:
    customer_id, path = link(desk)
    page = desk.anonymous().get(path)
    assert page.status_code == 200
    assert "Do you want no more e-mails from Harbour Bank?" in page.text
    assert '<html lang="en">' in page.text
    assert "Anna" not in page.text
    assert consents(desk, customer_id) == {}
    _, path = link(desk, Channel.SMS, language="zh-TW")
    page = desk.anonymous().get(path).text
    assert '<html lang="zh-Hant">' in page
    assert "停止接收簡訊" in page


@pytest.mark.parametrize("as_files", [False, True])
def test_one_click_of_a_mail_program_is_enough_and_twice_is_once(desk: Desk, as_files: bool) -> None:
    customer_id, path = link(desk)
    body = {"files": {"List-Unsubscribe": (None, "One-Click")}} if as_files else {"data": ONE_CLICK}
    for _ in range(2):
        answer = desk.anonymous().post(path, **body, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 200
        assert "will send you no more e-mails" in answer.text
        assert "set-cookie" not in answer.headers
    assert consents(desk, customer_id) == {Channel.EMAIL: False}
    [told] = desk.read(lambda session: events(session, Kind.CONSENT_CHANGED, customer_id=customer_id))
    assert (told["allowed"], told["channel"], told["source"]) == (False, Channel.EMAIL, "unsubscribe link")


def test_a_consent_given_before_is_taken_back(desk: Desk) -> None:
    customer_id, path = link(desk, Channel.SMS)

    def allow(session: object) -> None:
        customer = session.get_one(Customer, customer_id)  # type: ignore[attr-defined]
        set_consent(session, customer, Channel.SMS, allowed=True, source="call", by="user:ben", now=NOW)  # type: ignore[arg-type]

    desk.write(allow)
    assert desk.anonymous().post(path, data=ONE_CLICK).status_code == 200
    assert consents(desk, customer_id) == {Channel.SMS: False}


def test_a_post_without_the_one_click_field_only_asks_again(desk: Desk) -> None:
    customer_id, path = link(desk)
    answer = desk.anonymous().post(path)
    assert answer.status_code == 422
    assert "<button" in answer.text
    assert consents(desk, customer_id) == {}


def test_a_link_we_did_not_make_tells_nothing(desk: Desk) -> None:
    customer_id, path = link(desk)
    gone = desk.app.state.ports.stationery.unsubscribe_url(999_999, Channel.SMS)
    bodies = set()
    for bad in (
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path.replace(".email.", ".sms."),
        path.replace(f"/{customer_id}.", f"/{customer_id + 1}."),
        "/u/x",
        "/u/1.email.%00%ff",
        gone.removeprefix("http://testserver"),
    ):
        for answer in (desk.anonymous().get(bad), desk.anonymous().post(bad, data=ONE_CLICK)):
            assert answer.status_code == 404, bad
            bodies.add(answer.text)
    assert len(bodies) == 1  # the same whether the customer exists or not
    assert consents(desk, customer_id) == {}


def test_the_link_needs_no_sign_in_and_shows_staff_nothing_more(desk: Desk) -> None:
    _, path = link(desk)
    assert desk.sign_in(Role.MANAGER).get(path).text == desk.anonymous().get(path).text


def test_the_portfolio_builder_names_the_sender(desk: Desk) -> None:
    """An agency writes under its own name, and that is whose messages stop."""
    desk.write(lambda session: portfolio(session, agency="North Agency"))
    _, path = link(desk)
    assert "from North Agency?" in desk.anonymous().get(path).text
