"""The outbox: exact words, messages of unknown fate, and channels that are stopped."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlmodel import select

from app.core.actor import SYSTEM
from app.core.staff.rules import Role
from app.outreach.outbox.channel_stops import stop_channel
from app.outreach.outbox.events import ChannelStarted, ChannelStopped, ContactFailed, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.queries import channel_stops
from app.outreach.outbox.rules import Destination, OutboxStatus
from tests import builders
from tests.builders import events
from tests.web import book
from tests.web.book import LOST, lived_in
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return lived_in(desk.engine, LOST)


@pytest.fixture
def manager(desk: Desk, lived: book.Book) -> Browser:
    return desk.sign_in(Role.MANAGER)


def unknown_one(desk: Desk) -> OutboxMessage:
    [row] = [m for m in builders.messages(desk.engine) if m.status is OutboxStatus.UNKNOWN]
    return row


def test_only_managers_open_it_and_an_empty_outbox_says_what_fills_it(sqlite_desk: Desk) -> None:
    for role in Role:
        answer = sqlite_desk.sign_in(role).get("/outbox")
        assert answer.status_code == (200 if role is Role.MANAGER else 403), role
        assert (role is not Role.MANAGER) or "The outbox is empty" in answer.text


def test_it_shows_the_exact_words_and_why_something_failed(manager: Browser, lived: book.Book) -> None:
    page = manager.get("/outbox").text
    dispatched = lived.sender.sent[0]
    assert dispatched.text.split("\n")[0][:40] in page
    assert "the answer was lost" in page
    assert "may or may not have left" in page


def test_filters_and_export(manager: Browser, lived: book.Book) -> None:
    everything = list(
        csv.DictReader(io.StringIO(manager.get("/outbox?format=csv").text.removeprefix("\ufeff")))
    )
    assert {row["status"] for row in everything} >= {"unknown", "sent"}
    assert {row["case"][:2] for row in everything} == {"C-"}  # a message is found from its case and back
    only = list(
        csv.DictReader(
            io.StringIO(manager.get("/outbox?format=csv&status=unknown").text.removeprefix("\ufeff"))
        )
    )
    assert [row["status"] for row in only] == ["unknown"]
    assert "No message matches" in manager.get("/outbox?status=bounced").text
    assert manager.get("/outbox?status=nonsense&destination=pigeon").status_code == 200


@pytest.mark.parametrize(
    ("was_sent", "status", "kind"),
    [("true", OutboxStatus.SENT, ContactSent.KIND), ("false", OutboxStatus.FAILED, ContactFailed.KIND)],
)
def test_a_person_settles_an_unknown_message_once(
    desk: Desk, manager: Browser, lived: book.Book, was_sent: str, status: OutboxStatus, kind: str
) -> None:
    row = unknown_one(desk)
    answer = manager.submit(f"/outbox/{row.id}/resolve", was_sent=was_sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/outbox")
    after = desk.read(lambda session: session.get_one(OutboxMessage, row.id))
    assert after.status is status
    told = desk.read(lambda session: events(session, kind, customer_id=row.customer_id))[-1]
    assert (told["by"], told["resolved_by"], told["message"]) == ("user:mei", "user:mei", row.id)

    count = desk.read(lambda session: len(events(session)))
    again = manager.submit(f"/outbox/{row.id}/resolve", was_sent="true")  # the other manager's click
    assert again.status_code == 303
    assert "Nothing was changed" in manager.get("/outbox").text
    assert desk.read(lambda session: len(events(session))) == count
    assert desk.read(lambda session: session.get_one(OutboxMessage, row.id)).status is status


def test_agents_and_the_legal_team_settle_nothing(desk: Desk, lived: book.Book) -> None:
    row = unknown_one(desk)
    for role in (Role.AGENT, Role.LEGAL, Role.ADMIN):
        browser = desk.sign_in(role)
        assert browser.submit(f"/outbox/{row.id}/resolve", was_sent="true").status_code == 403
        stopped = browser.submit("/outbox/channels/sms/stop", reason="x").status_code
        assert stopped == (303 if role is Role.ADMIN else 403)
    assert unknown_one(desk).status is OutboxStatus.UNKNOWN
    assert desk.sign_in(Role.MANAGER).submit("/outbox/999/resolve", was_sent="true").status_code == 404


def test_a_channel_is_stopped_with_a_reason_and_started_again(
    desk: Desk, manager: Browser, lived: book.Book
) -> None:
    assert manager.submit("/outbox/channels/sms/stop", reason="  ").status_code == 422
    assert manager.submit("/outbox/channels/pigeon/stop", reason="x").status_code == 422
    assert manager.submit("/outbox/channels/sms/stop", reason="wrong words in the letter").status_code == 303
    stop = desk.read(lambda session: channel_stops(session)[Destination.SMS])
    assert (stop.reason, stop.by) == ("wrong words in the letter", "user:mei")
    [told] = desk.read(lambda session: events(session, ChannelStopped.KIND))
    assert (told["by"], told["destination"], told["reason"]) == (
        "user:mei",
        "sms",
        "wrong words in the letter",
    )
    assert "wrong words in the letter" in manager.get("/outbox").text

    def another(session: builders.Session) -> None:
        of_cai = builders.CollectionsCase.customer_id == lived.cai
        case = session.scalars(select(builders.CollectionsCase).where(of_cai)).one()
        builders.queued_message(session, case, on=book.LAST_ON, step="later")

    desk.write(another)
    builders.deliver(desk.engine, NOW + timedelta(hours=1))
    assert any(m.status is OutboxStatus.QUEUED for m in builders.messages(desk.engine))

    assert manager.submit("/outbox/channels/sms/start").status_code == 303
    assert Destination.SMS not in desk.read(channel_stops)
    [told] = desk.read(lambda session: events(session, ChannelStarted.KIND))
    assert (told["by"], told["destination"]) == ("user:mei", "sms")
    manager.submit("/outbox/channels/sms/start")  # started already: nothing to tell
    assert len(desk.read(lambda session: events(session, ChannelStarted.KIND))) == 1
    builders.deliver(
        desk.engine, NOW + timedelta(hours=24)
    )  # one reminder in 24 hours: an e-mail left this morning
    assert not any(m.status is OutboxStatus.QUEUED for m in builders.messages(desk.engine))


def test_everything_is_stopped_at_once_and_what_stopped_by_itself_says_so(desk: Desk) -> None:
    manager = desk.sign_in(Role.MANAGER)

    def wrong_token(session: builders.Session) -> None:
        stop_channel(session, Destination.SMS, "Twilio 20003: authentication failed", by=SYSTEM, now=NOW)

    desk.write(wrong_token)
    page = manager.get("/outbox").text
    assert "SMS stopped by itself" in page
    assert "Twilio 20003: authentication failed" in page
    assert manager.submit("/outbox/stop", reason=" ").status_code == 422
    assert manager.submit("/outbox/stop", reason="wrong words").status_code == 303
    stops = desk.read(channel_stops)
    assert set(stops) == set(Destination)
    assert stops[Destination.SMS].reason == "Twilio 20003: authentication failed", "what stopped it first"
    assert {stops[d].by for d in Destination if d is not Destination.SMS} == {"user:mei"}
    assert manager.submit("/outbox/start").status_code == 303
    assert desk.read(channel_stops) == {}
    for role in (Role.AGENT, Role.LEGAL):
        assert desk.sign_in(role).submit("/outbox/stop", reason="x").status_code == 403
        assert desk.sign_in(role).submit("/outbox/start").status_code == 403


def test_an_administrator_stops_all_sending_and_sees_nobodys_message(desk: Desk, lived: book.Book) -> None:
    [row, *_] = builders.messages(desk.engine)
    alma = desk.sign_in(Role.ADMIN)
    assert 'href="/outbox/sending"' in alma.get("/admin/staff").text
    page = alma.get("/outbox/sending").text
    assert "Stop all sending" in page
    assert row.address not in page
    assert "/outbox?" not in page, "the numbers lead nowhere"
    answer = alma.submit("/outbox/stop", reason="wrong words in a letter")
    assert (answer.status_code, answer.headers["location"]) == (303, "/outbox/sending")
    assert "wrong words in a letter" in alma.get("/outbox/sending").text
    [stopped, *_] = desk.read(lambda session: events(session, ChannelStopped.KIND))
    assert stopped["by"] == "user:alma"
    assert alma.submit("/outbox/start").status_code == 303
    assert alma.get("/outbox?format=csv").status_code == 403
    assert desk.sign_in(Role.AGENT).get("/outbox/sending").status_code == 403
