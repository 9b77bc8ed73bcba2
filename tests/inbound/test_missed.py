"""Messages that our webhook missed, read from Twilio's list by way of a real HTTP server."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.adapters.twilio.inbox import TwilioInbox
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.events import MessageReceived
from app.casework.correspondence.models import InboundMessage
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.vocabulary import Channel
from app.inbound.missed import fetch_missed
from app.outreach.gate.events import ConsentChanged
from tests import builders
from tests.inbound.correspondence import NOW, ON, US, a_customer, consents, the_job, told, writes

ANNA = "+8613911112222"
MINUTE = timedelta(minutes=1)


class Twilio:
    """Its list of messages, which grows."""

    def __init__(self, server: HTTPServer) -> None:
        self.server, self.messages = server, list[dict[str, object]]()

    def gets(self, text: str, sid: str, *, minutes_ago: int, sender: str = ANNA) -> None:
        at = format_datetime(NOW - minutes_ago * MINUTE)
        self.messages.insert(
            0,
            {"sid": sid, "from": sender, "to": US, "body": text, "direction": "inbound", "date_created": at},
        )

    def look(self, engine: Engine, *, after: timedelta = timedelta(0)) -> dict[str, int]:
        self.server.clear()
        self.server.expect_request("/2010-04-01/Accounts/AC1/Messages.json").respond_with_json(
            {"messages": self.messages, "next_page_uri": None}
        )
        inbox = TwilioInbox("AC1", "token", (US,), api_url=self.server.url_for(""))
        return fetch_missed(engine, inbox, builders.catalog(), clock=FixedClock(NOW + after))


@pytest.fixture
def twilio(httpserver: HTTPServer) -> Twilio:
    return Twilio(httpserver)


def received(engine: Engine) -> dict[str, InboundMessage]:
    with transaction(engine) as session:
        return {row.provider_ref: row for row in session.scalars(select(InboundMessage))}


def test_a_stop_that_never_reached_us_is_obeyed_and_read_only_once(engine: Engine, twilio: Twilio) -> None:
    """The desk is down for an hour. Anna's first message had come before; her second only Twilio has."""
    anna = a_customer(engine)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        builders.queued_message(session, case, on=ON)
    writes(engine, "Thanks", sid="SM1")
    twilio.gets("Thanks", "SM1", minutes_ago=90)
    twilio.gets("please stop texting me", "SM2", minutes_ago=40)
    assert twilio.look(engine) == {"fetched": 1}
    assert consents(engine, anna) == {Channel.SMS: False}, "at once, before any job reads it"
    assert builders.deliver(engine, NOW + timedelta(days=1)).sent == []
    row = received(engine)["SM2"]
    assert (row.received_at, row.intents, row.reviewed_at) == (NOW - 40 * MINUTE, "stop", None)
    [_, event] = told(engine, anna, MessageReceived.KIND)
    assert (event["text"], event["at"]) == ("please stop texting me", NOW - 40 * MINUTE)

    assert twilio.look(engine) == {}, "it is here now"
    assert writes(engine, "please stop texting me", sid="SM2") is None, "the webhook comes late"
    assert len(told(engine, anna, ConsentChanged.KIND)) == 1
    assert the_job(engine) == {"read": 1, "for_a_person": 1}, "only the first one was left to it"


def test_what_came_only_now_is_left_to_the_webhook(sqlite_engine: Engine, twilio: Twilio) -> None:
    a_customer(sqlite_engine)
    twilio.gets("STOP", "SM1", minutes_ago=4)
    assert twilio.look(sqlite_engine) == {}
    assert twilio.look(sqlite_engine, after=2 * MINUTE) == {"fetched": 1}


def test_a_start_from_before_a_refusal_opens_nothing(sqlite_engine: Engine, twilio: Twilio) -> None:
    """START was written first and missed; the STOP after it reached us."""
    anna = a_customer(sqlite_engine)
    writes(sqlite_engine, "STOP", sid="SM2")
    the_job(sqlite_engine)
    twilio.gets("START", "SM1", minutes_ago=30)
    assert twilio.look(sqlite_engine) == {"fetched": 1}
    assert consents(sqlite_engine, anna) == {Channel.SMS: False}
    assert received(sqlite_engine)["SM1"].reviewed_at is None, "a person looks"


def test_help_that_twilio_may_have_answered_itself_is_left_to_a_person(
    sqlite_engine: Engine, twilio: Twilio
) -> None:
    a_customer(sqlite_engine)
    twilio.gets("HELP", "SM1", minutes_ago=30)
    assert twilio.look(sqlite_engine) == {"fetched": 1}
    assert the_job(sqlite_engine) == {}
    assert builders.messages(sqlite_engine) == []
    assert received(sqlite_engine)["SM1"].reviewed_at is None


def test_half_a_character_keeps_nobody_out(sqlite_engine: Engine, twilio: Twilio) -> None:
    """JSON can spell what no database takes."""
    anna = a_customer(sqlite_engine)
    twilio.gets("\ud83d please stop texting me", "SM1", minutes_ago=30)
    assert twilio.look(sqlite_engine) == {"fetched": 1}
    assert received(sqlite_engine)["SM1"].body == "? please stop texting me"
    assert consents(sqlite_engine, anna) == {Channel.SMS: False}
