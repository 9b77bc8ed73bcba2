"""The suppression list: managers read it, add to it and take addresses off with a reason; what came back and nobody
recognised waits there."""

from __future__ import annotations

import pytest
from sqlmodel import select

from app.book.ledger.models import Customer
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.inbound.bounces.models import MailNotice
from app.outreach.gate.events import AddressRestored, AddressSuppressed
from app.outreach.gate.models import SuppressedAddress
from app.policy.facts import Suppression
from tests import builders
from tests.inbound.bounces.notices import take_notice
from tests.inbound.bounces.samples import BY_HAND, dsn
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def manager(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.MANAGER)


@pytest.fixture
def anna(sqlite_desk: Desk) -> Customer:
    return sqlite_desk.write(
        lambda session: builders.customer(
            session, builders.portfolio(session), full_name="Anna <b>Sol</b>", email="Anna@mail.example"
        )
    )


def test_an_empty_list_says_what_fills_it(manager: Browser) -> None:
    assert "No address is on the list" in manager.get("/suppressed").text
    assert "None was taken off" in manager.get("/suppressed?ended=1").text


def test_by_hand_on_and_off(sqlite_desk: Desk, manager: Browser, anna: Customer) -> None:
    assert manager.submit("/suppressed", address="nonsense", note="x").status_code == 422
    assert manager.submit("/suppressed", address="anna@mail.example", note="").status_code == 422
    for said in ("is on the list", "was on the list already"):
        answer = manager.submit("/suppressed", address="Anna@mail.example", note="Her employer reads it")
        assert (answer.status_code, answer.headers["location"]) == (303, "/suppressed")
        assert said in manager.get("/suppressed").text
    page = manager.get("/suppressed?q=anna@MAIL.example").text
    assert "Her employer reads it" in page
    assert "Anna &lt;b&gt;Sol" in page
    assert "This address is not here" in manager.get("/suppressed?q=other@mail.example").text

    row = sqlite_desk.read(lambda session: session.exec(select(SuppressedAddress)).one())
    assert (row.by, row.reason, row.channel) == ("user:mei", Suppression.MANUAL, Channel.EMAIL)
    manager.submit(f"/suppressed/{row.id}/restore", why="")
    assert "Nothing was changed" in manager.get("/suppressed").text
    manager.submit(f"/suppressed/{row.id}/restore", why="She asked for it")
    assert "may be used again" in manager.get("/suppressed").text
    assert "She asked for it" in manager.get("/suppressed?ended=1").text
    manager.submit(f"/suppressed/{row.id}/restore", why="The other manager")
    assert "is not on the suppression list" in manager.get("/suppressed").text
    told = sqlite_desk.read(lambda session: builders.events(session, customer_id=anna.id))
    assert [e["kind"] for e in told] == [AddressSuppressed.KIND, AddressRestored.KIND]


def test_what_nobody_recognised_is_read_and_dealt_with(sqlite_desk: Desk, manager: Browser) -> None:
    def come_back(session: builders.Session) -> None:
        take_notice(session, BY_HAND, now=NOW)
        take_notice(session, dsn(about="Subject: <script>alert(1)</script>\n"), now=NOW)

    sqlite_desk.write(come_back)
    page = manager.get("/suppressed").text
    assert "2 messages in the bounce mailbox for a person" in page
    assert "I paid this last week" in page
    assert "<script>alert" not in page
    for row in sqlite_desk.read(lambda session: list(session.exec(select(MailNotice)))):
        manager.submit(f"/suppressed/notices/{row.id}/done")
    assert "for a person" not in manager.get("/suppressed").text
