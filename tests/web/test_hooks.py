"""What other machines call: Twilio's delivery reports and the unsubscribe link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest
from httpx2 import Response
from sqlmodel import select
from twilio.request_validator import RequestValidator

from app.adapters.twilio_sms import validate_signature
from app.compliance.models import Consent
from app.compliance.service import set_consent
from app.ledger.models import Customer
from app.outreach.models import OutboxMessage
from app.outreach.rules import OutboxStatus
from app.staff.rules import Role
from app.timeline.rules import Channel, Kind
from tests.builders import delinquent_case, events, portfolio, queued_message
from tests.web.book import FIRST_ON
from tests.web.desk import NOW, Desk

TOKEN = "the token of our account"
STATUS = "/hooks/twilio/status"


@pytest.fixture
def twilio(desk: Desk) -> Desk:
    """A desk that sends its SMS by Twilio and is known to the world under another address than it sees itself."""
    desk.settings.public_url = "https://desk.example.org/"
    desk.app.state.ports = replace(desk.app.state.ports, verify_twilio=partial(validate_signature, TOKEN))
    return desk


def sent_message(desk: Desk, sid: str = "SM1") -> OutboxMessage:
    def make(session: object) -> OutboxMessage:
        case = delinquent_case(session, due_on=FIRST_ON, on=NOW.date())  # type: ignore[arg-type]
        return queued_message(
            session,  # type: ignore[arg-type]
            case,
            on=NOW.date(),
            status=OutboxStatus.SENT,
            provider_ref=sid,
            sent_at=NOW,
        )

    return desk.write(make)


def report(desk: Desk, fields: Mapping[str, str], *, signed: Mapping[str, str] | None = None) -> Response:
    url = "https://desk.example.org" + STATUS
    signature = RequestValidator(TOKEN).compute_signature(url, dict(signed or fields))
    return desk.anonymous().post(STATUS, data=dict(fields), headers={"x-twilio-signature": signature})


def message(desk: Desk, row: OutboxMessage) -> OutboxMessage:
    return desk.read(lambda session: session.get_one(OutboxMessage, row.id))


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("delivered", OutboxStatus.DELIVERED, Kind.CONTACT_DELIVERED),
        ("undelivered", OutboxStatus.UNDELIVERED, Kind.CONTACT_FAILED),
        ("failed", OutboxStatus.UNDELIVERED, Kind.CONTACT_FAILED),
    ],
)
def test_a_delivery_report_settles_the_message_once(
    twilio: Desk, said: str, status: OutboxStatus, kind: Kind
) -> None:
    row = sent_message(twilio)
    fields = {"MessageSid": "SM1", "MessageStatus": said, "ErrorCode": "30003", "To": row.address}
    for _ in range(2):  # Twilio repeats itself
        assert report(twilio, fields).status_code == 204
    assert (message(twilio, row).status, message(twilio, row).error) == (status, "Twilio error 30003")
    [told] = twilio.read(lambda session: events(session, kind))
    assert (told["key"], told["detail"]) == (row.key, "Twilio error 30003")


def test_steps_on_the_way_and_messages_we_do_not_know_change_nothing(twilio: Desk) -> None:
    row = sent_message(twilio)
    for fields in (
        {"MessageSid": "SM1", "MessageStatus": "sending"},
        {"MessageSid": "SM1"},
        {"MessageSid": "SM-of-somebody-else", "MessageStatus": "delivered"},
        {"MessageSid": "", "MessageStatus": "delivered"},
    ):
        assert report(twilio, fields).status_code == 204
    assert message(twilio, row).status is OutboxStatus.SENT
    assert twilio.read(lambda session: events(session, Kind.CONTACT_DELIVERED, Kind.CONTACT_FAILED)) == []


def test_what_twilio_did_not_sign_is_refused(twilio: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    row = sent_message(twilio)
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+8613812345678"}
    assert report(twilio, fields, signed={**fields, "MessageStatus": "failed"}).status_code == 403
    assert twilio.anonymous().post(STATUS, data=fields).status_code == 403
    headers = {"x-twilio-signature": "AAAA"}
    assert twilio.anonymous().post(STATUS, data=fields, headers=headers).status_code == 403
    assert twilio.anonymous().post(STATUS, headers=headers).status_code == 403
    assert message(twilio, row).status is OutboxStatus.SENT
    said = capsys.readouterr()
    assert "+8613812345678" not in said.out + said.err


def test_without_twilio_nobody_is_believed(desk: Desk) -> None:
    row = sent_message(desk)
    assert report(desk, {"MessageSid": "SM1", "MessageStatus": "delivered"}).status_code == 403
    assert message(desk, row).status is OutboxStatus.SENT


# --- unsubscribe --------------------------------------------------------------------------------------------


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
