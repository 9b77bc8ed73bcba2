"""SMS from customers as Twilio's list has them, read from a real HTTP server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from app.adapters.twilio.inbox import TwilioInbox
from app.inbound.rules import Arrived
from app.outreach.outbox.dispatch import Misconfigured, TryLater

SID, OURS, THEIRS = "AC" + "0" * 32, "+12125550100", "+12125550142"
NOW = datetime(2026, 11, 14, 17, tzinfo=UTC)
PATH = f"/2010-04-01/Accounts/{SID}/Messages.json"


def inbox(server: HTTPServer, *lines: str) -> TwilioInbox:
    return TwilioInbox(SID, "token", lines or (OURS,), api_url=server.url_for(""))


def listed(sid: str, **about: object) -> dict[str, object]:
    usual = {
        "sid": sid, "body": "STOP", "direction": "inbound", "status": "received", "from": THEIRS, "to": OURS,
        "num_media": "0", "date_created": "Sat, 14 Nov 2026 16:30:00 +0000",
    }  # fmt: skip
    return usual | about


def page(*messages: dict[str, object], more: str | None = None) -> dict[str, object]:
    return {"messages": list(messages), "next_page_uri": more, "page": 0, "page_size": 1000}


def test_what_came_since_then_is_told_the_oldest_first(httpserver: HTTPServer) -> None:
    """Twilio's filter knows whole days, lists the latest first, and a page at a time."""
    first = page(
        listed("SM3", num_media="2", body=None),
        listed("SM2", direction="outbound-reply"),
        more=f"{PATH}?Page=1",
    )
    earlier = page(
        listed("SM1", date_created="Fri, 13 Nov 2026 17:00:00 +0000"),
        listed("SM0", date_created="Fri, 13 Nov 2026 16:59:59 +0000"),
    )

    def answer(request: Request) -> Response:
        return Response(json.dumps(earlier if "Page" in request.args else first), mimetype="application/json")

    httpserver.expect_request(PATH, method="GET").respond_with_handler(answer)
    found = inbox(httpserver).arrived(since=NOW - timedelta(days=1))
    assert found == [
        Arrived("SM1", THEIRS, OURS, "STOP", at=NOW - timedelta(days=1)),
        Arrived("SM3", THEIRS, OURS, "", media=2, at=NOW - timedelta(minutes=30)),
    ]
    asked = httpserver.log[0][0].args
    assert asked["To"] == OURS, "the account's other numbers may be somebody else's business"
    assert asked["DateSent>"].startswith("2026-11-13")


def test_of_a_messaging_service_every_number_is_asked(httpserver: HTTPServer) -> None:
    service, empty = "/v1/Services/MG1", {"meta": {"key": "short_codes"}, "short_codes": []}
    numbers = {
        "meta": {"key": "phone_numbers"},
        "phone_numbers": [{"phone_number": n} for n in ("+1201", "+1202")],
    }
    httpserver.expect_request(f"{service}/PhoneNumbers").respond_with_json(numbers)
    httpserver.expect_request(f"{service}/ShortCodes").respond_with_json(empty)
    httpserver.expect_request(PATH).respond_with_json(page())
    assert inbox(httpserver, "MG1").arrived(since=NOW) == []
    httpserver.check()
    assert [request.args["To"] for request, _ in httpserver.log if request.path == PATH] == ["+1201", "+1202"]


@pytest.mark.parametrize(("status", "kind"), [(401, Misconfigured), (429, TryLater), (503, TryLater)])
def test_a_list_that_twilio_does_not_show(httpserver: HTTPServer, status: int, kind: type) -> None:
    httpserver.expect_request(PATH).respond_with_json({"code": 0}, status=status)
    found = inbox(httpserver).arrived(since=NOW)
    assert isinstance(found, kind)
    assert THEIRS not in str(found)


def test_nobody_listening_is_no_answer() -> None:
    nobody = TwilioInbox(SID, "token", (OURS,), api_url="http://127.0.0.1:9")
    assert isinstance(nobody.arrived(since=NOW), TryLater)
