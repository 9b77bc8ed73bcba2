"""The Twilio adapter against a local server that speaks its form protocol, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from twilio.request_validator import RequestValidator
from werkzeug import Request, Response

from app.adapters.twilio.sms import TwilioSmsSender, validate_signature
from app.core.clock import FixedClock
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import (
    Accepted,
    Misconfigured,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)
from app.outreach.outbox.lookup import ProviderMessage
from app.outreach.outbox.rules import OutboxStatus
from tests.adapters.dispatches import a_dispatch, send_now
from tests.adapters.test_smtp_email import a_certificate

SID, TOKEN, OURS = "AC" + "0" * 32, "token", "+12125550100"
CLOCK = FixedClock(datetime(2026, 11, 14, 17, tzinfo=UTC))
PATH = f"/2010-04-01/Accounts/{SID}/Messages.json"


def sender(api_url: str, *, ours: str = OURS, timeout: float = 5) -> TwilioSmsSender:
    return TwilioSmsSender(SID, TOKEN, ours, CLOCK, api_url=api_url, timeout_seconds=timeout)


def send(by: TwilioSmsSender, **changes: Any) -> SendResult:
    return send_now(by, a_dispatch(Channel.SMS, **changes))


def refusing(server: HTTPServer, status: int, code: int) -> SendResult:
    """What the adapter makes of an error answer; Twilio's sentence repeats the number."""
    body = {"code": code, "message": "The 'To' number +12125550142 is not valid", "status": status}
    server.expect_request(PATH, method="POST").respond_with_json(body, status=status)
    outcome = send(sender(server.url_for("")))
    assert len(server.log) == 1, "sent once, never again"
    return outcome


def test_accepted_with_the_message_sid(httpserver: HTTPServer) -> None:
    def create(request: Request) -> Response:
        credentials = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        assert request.headers["Authorization"] == f"Basic {credentials}"
        assert request.form.to_dict() == {
            "To": "+12125550142",
            "From": OURS,
            "Body": "您的款項 $120 尚未入帳",
            "StatusCallback": "https://desk.example/hooks/twilio/status",
        }
        return Response('{"sid": "SM123", "status": "queued"}', status=201, content_type="application/json")

    httpserver.expect_request(PATH, method="POST").respond_with_handler(create)
    outcome = send(sender(httpserver.url_for("/")), text="您的款項 $120 尚未入帳")
    httpserver.check()
    assert outcome == Accepted("SM123")


def test_a_messaging_service_instead_of_a_number(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH, method="POST").respond_with_json({"sid": "SM1"}, status=201)
    assert send(sender(httpserver.url_for(""), ours="MG123")) == Accepted("SM1")
    form = httpserver.log[0][0].form
    assert form["MessagingServiceSid"] == "MG123"
    assert "From" not in form


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, 20429, TryLater),
        (429, 0, TryLater),
        (400, 21611, TryLater),
        (429, 63038, TryLater),
        (401, 20003, Misconfigured),
        (404, 20404, Misconfigured),
        (403, 20005, Misconfigured),
        (403, 99999, Misconfigured),
        (302, 0, Misconfigured),
        (400, 21606, Misconfigured),
        (400, 21211, Undeliverable),
        (400, 21614, Undeliverable),
        (400, 21610, Undeliverable),
        (403, 21408, Undeliverable),
        (400, 30003, Undeliverable),
        (400, 99999, Undeliverable),
        (408, 0, Uncertain),
        (500, 20500, Uncertain),
        (503, 20503, Uncertain),
        (504, 0, Uncertain),
    ],
)
def test_what_a_refusal_means(httpserver: HTTPServer, status: int, code: int, kind: type) -> None:
    outcome = refusing(httpserver, status, code)
    assert isinstance(outcome, kind), outcome
    assert not isinstance(outcome, Accepted)
    assert "555" not in outcome.reason, "no number in a reason"


def test_the_number_of_the_pool_and_how_long_it_may_wait_there(httpserver: HTTPServer) -> None:
    """A message that a busy number keeps in Twilio's queue must not leave when the hours are over."""
    httpserver.expect_request(PATH, method="POST").respond_with_json({"sid": "SM1"}, status=201)
    closing = CLOCK.now() + timedelta(minutes=90)
    send(sender(httpserver.url_for("")), line="+12125550101", not_after=closing)
    form = httpserver.log[0][0].form
    assert (form["From"], form["ValidityPeriod"]) == ("+12125550101", "5400")


@pytest.mark.parametrize(("code", "dead"), [(21614, True), (21211, True), (21610, False), (30003, False)])
def test_a_number_that_never_gets_an_sms_is_told_from_one_that_did_not_now(
    httpserver: HTTPServer, code: int, dead: bool
) -> None:
    outcome = refusing(httpserver, 400, code)
    assert isinstance(outcome, Undeliverable)
    assert outcome.no_such_address is dead


def test_what_twilio_took_is_found_on_its_list(httpserver: HTTPServer) -> None:
    def message(sid: str, **about: object) -> dict[str, object]:
        usual = {
            "sid": sid, "body": "您的款項", "direction": "outbound-api", "status": "sent", "error_code": None,
            "date_created": "Sat, 14 Nov 2026 16:59:30 +0000", "to": "+12125550142",
        }  # fmt: skip
        return usual | about

    messages = [
        message("SM1"),
        message("SM2", status="undelivered", error_code=30005),
        message("SM3", direction="inbound"),
        message("SM4", date_created="Sat, 14 Nov 2026 16:00:00 +0000"),
        message("SM5", status="queued", direction="outbound-reply"),
    ]
    page = {"messages": messages, "next_page_uri": None, "page": 0, "page_size": 50}
    httpserver.expect_request(PATH, method="GET").respond_with_json(page)
    since = CLOCK.now() - timedelta(minutes=2)
    found = sender(httpserver.url_for("")).find("+12125550142", since=since)
    assert httpserver.log[0][0].args["To"] == "+12125550142"
    assert found == [
        ProviderMessage("SM1", "您的款項", CLOCK.now() - timedelta(seconds=30), OutboxStatus.SENT),
        ProviderMessage(
            "SM2",
            "您的款項",
            CLOCK.now() - timedelta(seconds=30),
            OutboxStatus.UNDELIVERED,
            "Twilio error 30005",
        ),
        ProviderMessage("SM5", "您的款項", CLOCK.now() - timedelta(seconds=30), OutboxStatus.SENT),
    ]


@pytest.mark.parametrize(("status", "kind"), [(401, Misconfigured), (429, TryLater), (503, TryLater)])
def test_a_list_that_twilio_does_not_show(httpserver: HTTPServer, status: int, kind: type) -> None:
    httpserver.expect_request(PATH, method="GET").respond_with_json({"code": 0}, status=status)
    assert isinstance(sender(httpserver.url_for("")).find("+12125550142", since=CLOCK.now()), kind)


@pytest.mark.parametrize("body", ["", "<html>gateway</html>", "[]", '{"status": "queued"}', '{"sid": ""}'])
def test_an_unreadable_yes_is_uncertain(httpserver: HTTPServer, body: str) -> None:
    httpserver.expect_request(PATH).respond_with_data(body, status=201)
    assert isinstance(send(sender(httpserver.url_for(""))), Uncertain)


def test_an_unreadable_server_error_is_uncertain(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("<html>bad gateway</html>", status=502)
    assert isinstance(send(sender(httpserver.url_for(""))), Uncertain)


@pytest.fixture
def rude_server() -> Iterator[Callable[..., str]]:
    """A server that reads the whole request, answers with the bytes given, and hangs up or falls silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def start(answer: bytes, *, silent: bool = False) -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                received = b""
                while b"Body=" not in received:
                    received += connection.recv(65536)
                connection.sendall(answer)
                if silent:
                    done.wait(5)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    done.set()
    listener.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"])
def test_a_connection_that_drops_after_the_request_is_uncertain(
    rude_server: Callable[..., str], answer: bytes
) -> None:
    assert isinstance(send(sender(rude_server(answer))), Uncertain)


def test_too_slow_an_answer_is_uncertain(rude_server: Callable[..., str]) -> None:
    outcome = send(sender(rude_server(b"", silent=True), timeout=0.2))
    assert isinstance(outcome, Uncertain)


def test_nobody_listening_is_certainly_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(send(sender(f"http://127.0.0.1:{port}")), TryLater)


def test_an_unknown_host_is_certainly_not_sent() -> None:
    assert isinstance(send(sender("http://no-such-host.invalid")), TryLater)


def test_a_certificate_that_nobody_vouches_for_stops_the_channel(tmp_path: Path) -> None:
    own, _ = a_certificate(tmp_path)
    with HTTPServer(host="127.0.0.1", ssl_context=own) as server:
        assert isinstance(send(sender(server.url_for(""))), Misconfigured)
        assert server.log == []


class Keeping(BaseHTTPRequestHandler):
    """Answers on one connection as long as the other side keeps it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"sid": "SM1"}'
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.asked_on.append(self.client_address)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


def test_a_connection_is_kept_while_it_is_in_use_and_each_event_loop_has_its_own() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Keeping) as server:
        asked_on = server.asked_on = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ours = sender(f"http://127.0.0.1:{server.server_address[1]}")

        async def some(number: int) -> list[SendResult]:
            outcomes = [await ours.send(a_dispatch(Channel.SMS)) for _ in range(number)]
            await ours.disconnect()
            return outcomes

        assert asyncio.run(some(3)) + asyncio.run(some(2)) == [Accepted("SM1")] * 5
        server.shutdown()
    assert asked_on[0] == asked_on[1] == asked_on[2] != asked_on[3] == asked_on[4]


def test_a_name_server_that_does_not_answer_in_time_is_certainly_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(0.6))
    assert isinstance(send(sender("http://slow-to-find.example", timeout=0.3)), TryLater)


def test_an_api_address_that_is_none_stops_the_channel() -> None:
    assert isinstance(send(sender("api.example")), Misconfigured)


def test_without_credentials_nothing_is_attempted() -> None:
    assert isinstance(send(TwilioSmsSender("", "", "", CLOCK)), Misconfigured)


class TestWebhookSignature:
    URL = "https://desk.example/hooks/twilio/status"
    PARAMS = {"MessageSid": "SM1", "MessageStatus": "delivered"}

    def sign(self, url: str = URL, token: str = TOKEN) -> str:
        return str(RequestValidator(token).compute_signature(url, self.PARAMS))

    def test_twilios_own_is_valid_with_and_without_the_port(self) -> None:
        assert validate_signature(TOKEN, self.URL, self.PARAMS, self.sign())
        with_port = self.sign("https://desk.example:443/hooks/twilio/status")
        assert validate_signature(TOKEN, self.URL, self.PARAMS, with_port)

    def test_anything_changed_is_not(self) -> None:
        good = self.sign()
        assert not validate_signature(TOKEN, self.URL, {**self.PARAMS, "MessageStatus": "failed"}, good)
        assert not validate_signature(TOKEN, self.URL + "?x=1", self.PARAMS, good)
        assert not validate_signature("other", self.URL, self.PARAMS, good)
        assert not validate_signature(TOKEN, self.URL, self.PARAMS, "")

    def test_an_empty_token_never_validates(self) -> None:
        assert not validate_signature("", self.URL, self.PARAMS, self.sign(token=""))
