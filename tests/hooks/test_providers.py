"""What other machines call: Twilio's delivery reports and the unsubscribe link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from httpx2 import Response
from sqlmodel import Session, col, select
from twilio.request_validator import RequestValidator

from app.adapters.twilio.sms import validate_signature
from app.book.ledger.models import Customer
from app.casework.correspondence.models import InboundMessage
from app.core.actor import CUSTOMER, SYSTEM, Actor
from app.core.vocabulary import Channel
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ConsentChanged
from app.outreach.gate.models import Consent, SuppressedAddress
from app.outreach.outbox.channel_stops import is_stopped, start_channel, stop_channel
from app.outreach.outbox.events import ContactDelivered, ContactFailed
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from tests.builders import delinquent_case, events, queued_message
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
        ("delivered", OutboxStatus.DELIVERED, ContactDelivered.KIND),
        ("undelivered", OutboxStatus.UNDELIVERED, ContactFailed.KIND),
        ("failed", OutboxStatus.UNDELIVERED, ContactFailed.KIND),
    ],
)
def test_a_delivery_report_settles_the_message_once(
    twilio: Desk, said: str, status: OutboxStatus, kind: str
) -> None:
    row = sent_message(twilio)
    fields = {"MessageSid": "SM1", "MessageStatus": said, "ErrorCode": "30003", "To": row.address}
    for _ in range(2):  # Twilio repeats itself
        assert report(twilio, fields).status_code == 204
    assert (message(twilio, row).status, message(twilio, row).error) == (status, "Twilio error 30003")
    [told] = twilio.read(lambda session: events(session, kind))
    assert (told["message"], told["detail"]) == (row.id, "Twilio error 30003")


@pytest.mark.parametrize(
    ("code", "closed", "opted_out", "stopped"),
    [
        ("21211", True, False, False),
        ("21614", True, False, False),
        ("30005", True, False, False),
        ("30006", True, False, False),
        ("21610", False, True, False),
        ("30002", False, False, True),
        ("30034", False, False, True),
        ("30003", False, False, False),
        ("30007", False, False, False),
        ("99999", False, False, False),
        ("", False, False, False),
    ],
)
def test_a_code_that_comes_later_does_what_it_does_at_once(
    twilio: Desk, code: str, closed: bool, opted_out: bool, stopped: bool
) -> None:
    row = sent_message(twilio)
    fields = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": code, "To": row.address}
    for _ in range(2):
        assert report(twilio, fields).status_code == 204
    on_list = select(SuppressedAddress).where(SuppressedAddress.address == row.address)
    refused = select(Consent).where(Consent.customer_id == row.customer_id, col(Consent.allowed).is_(False))
    assert message(twilio, row).status is OutboxStatus.UNDELIVERED
    assert len(twilio.read(lambda session: session.scalars(on_list).all())) == closed
    assert len(twilio.read(lambda session: session.scalars(refused).all())) == opted_out
    assert twilio.read(lambda session: is_stopped(session, Destination.SMS)) is stopped
    assert len(twilio.read(lambda session: events(session, ConsentChanged.KIND))) == opted_out


def test_a_late_report_stops_no_channel_that_was_started_again_and_ends_no_consent_given_since(
    twilio: Desk,
) -> None:
    first, second = sent_message(twilio, "SM1"), sent_message(twilio, "SM2")

    def mended(session: Session) -> None:
        later = NOW + timedelta(minutes=1)
        stop_channel(session, Destination.SMS, "the account was suspended", by=SYSTEM, now=NOW)
        start_channel(session, Destination.SMS, by=Actor.user("root"), now=later)
        customer = session.get_one(Customer, second.customer_id)
        set_consent(session, customer, Channel.SMS, allowed=True, source="START", by=CUSTOMER, now=later)

    twilio.write(mended)
    for sid, code in (("SM1", "30034"), ("SM2", "21610")):
        report(twilio, {"MessageSid": sid, "MessageStatus": "undelivered", "ErrorCode": code})
    assert message(twilio, first).status is OutboxStatus.UNDELIVERED
    assert not twilio.read(lambda session: is_stopped(session, Destination.SMS))
    [said] = twilio.read(lambda session: session.scalars(select(Consent)).all())
    assert said.allowed


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
    assert twilio.read(lambda session: events(session, ContactDelivered.KIND, ContactFailed.KIND)) == []


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


# --- what customers write -------------------------------------------------------------------------------------

SMS = "/hooks/twilio/sms"


def writes(
    desk: Desk, text: str, *, sid: str = "SM9", url: str = "https://desk.example.org" + SMS, **more: str
) -> Response:
    fields = {
        "MessageSid": sid,
        "From": "+8613911112222",
        "To": "+8621555000",
        "Body": text,
        "NumMedia": "0",
        **more,
    }
    signature = RequestValidator(TOKEN).compute_signature(url, fields)
    return desk.anonymous().post(SMS, data=fields, headers={"x-twilio-signature": signature})


def anna(desk: Desk) -> int:
    def make(session: object) -> int:
        case = delinquent_case(session, due_on=FIRST_ON, on=NOW.date())  # type: ignore[arg-type]
        session.get_one(Customer, case.customer_id).mobile = "+8613911112222"  # type: ignore[attr-defined]
        return case.customer_id

    return desk.write(make)


def received(desk: Desk) -> list[InboundMessage]:
    return desk.read(lambda session: list(session.scalars(select(InboundMessage))))


def test_an_sms_is_on_record_and_obeyed_before_twilio_has_its_answer(twilio: Desk) -> None:
    customer_id = anna(twilio)
    for _ in range(2):  # Twilio repeats itself
        answer = writes(twilio, "please stop texting me")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert answer.text.endswith("<Response/>"), "nothing is sent past the outbox"
    [message] = received(twilio)
    assert (message.provider_ref, message.sender, message.interpreted_at) == ("SM9", "+8613911112222", None)
    allowed = twilio.read(
        lambda session: session.scalars(
            select(Consent.allowed).where(Consent.customer_id == customer_id)
        ).all()
    )
    assert allowed == [False]


@pytest.mark.parametrize("port", ["", ":443"])
def test_behind_a_proxy_the_public_address_counts_with_or_without_its_port(twilio: Desk, port: str) -> None:
    assert writes(twilio, "hello", url=f"https://desk.example.org{port}{SMS}").status_code == 200
    assert len(received(twilio)) == 1


def test_an_sms_that_twilio_did_not_sign_is_refused(twilio: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert writes(twilio, "hello", url="http://testserver" + SMS).status_code == 403
    assert writes(twilio, "hello", url="https://desk.example.org:8443" + SMS).status_code == 403
    forged = {"MessageSid": "SM9", "From": "+8613911112222", "Body": "START"}
    assert twilio.anonymous().post(SMS, data=forged).status_code == 403
    assert received(twilio) == []
    said = capsys.readouterr()
    assert "+8613911112222" not in said.out + said.err


def test_a_flood_is_refused_and_odd_fields_do_no_harm(twilio: Desk) -> None:
    assert writes(twilio, "x" * 70_000).status_code == 413
    assert writes(twilio, "hello", sid="").status_code == 200
    assert received(twilio) == []
    assert writes(twilio, "<script>\u202e\0", NumMedia="many", From="+" + "9" * 300).status_code == 200
    [message] = received(twilio)
    assert (message.body, message.media, len(message.sender)) == ("<script>\u202e", 0, 40)
