"""What is printed to the console is never said to be sent, and a customer's own link is shown to nobody else."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import get_args

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.adapters.console import ConsoleSender
from app.api.cases.decisions import Name
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import transaction
from app.core.vocabulary import Channel
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from app.outreach.gate.queries import DECISIONS
from app.outreach.outbox.events import ContactConsoleOnly, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LINK_GONE, redact_links
from app.outreach.planning.links import LINK_EPOCH, LinkSigner
from tests import builders

DUE = date(2026, 3, 10)
ON = DUE + timedelta(days=3)


def test_the_record_and_the_court_file_say_that_nothing_left(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=DUE)
    builders.close_day(engine, ON)
    console = ConsoleSender(io.StringIO())
    builders.deliver(engine, builders.at(ON + timedelta(days=1)), console)  # type: ignore[arg-type]
    with transaction(engine) as session:
        [row] = session.scalars(select(OutboxMessage)).all()
        assert row.console_only
        assert builders.events(session, ContactSent.KIND) == []
        [event] = builders.events(session, ContactConsoleOnly.KIND)
        assert event["message"] == row.id
        case = session.scalars(select(CollectionsCase)).one()
        file = load_case_file(session, case, bundle_id="X", now=builders.at(ON + timedelta(days=1)))
    [message] = file.messages
    assert (message.sent_at, message.provider_ref) == (None, "")
    assert message.status == "printed to the console, nothing left"
    assert "contact.reminder" in {item.id for item in completeness(file) if not item.ok}
    assert "/u/" not in message.text + message.html
    assert message.exact_sha256["text"]


LINKS = LinkSigner("https://desk.example.test", "s" * 40)
BORN = date(2026, 3, 10)


@pytest.mark.parametrize(
    "link",
    [
        LINKS.url(7, Channel.SMS, on=BORN),
        LINKS.url(123_456, Channel.EMAIL, 3, on=BORN),
        LINKS.url(7, Channel.POST, 2, on=BORN),
        LINKS.url(7, Channel.SMS, on=BORN) + "/stop",
        LINKS.url(7, Channel.SMS, on=BORN).replace("https://", "http://"),
    ],
)
@pytest.mark.parametrize(
    "around", ["Stop: {}.", '<a href="{}">here</a>', "{}\nBye", "({})", "> quoted {} text"]
)
def test_no_link_of_a_reader_is_shown_to_another(link: str, around: str) -> None:
    shown = redact_links(around.format(link))
    assert shown == around.format(LINK_GONE)


def test_other_links_stay() -> None:
    text = "Pay at https://pay.example.test/u/about or https://x.test/users/7.sms"
    assert redact_links(text) == text


@pytest.mark.parametrize(("days", "ended"), [(0, False), (390, False), (399, False), (420, True)])
def test_a_link_ends_after_thirteen_months(days: int, ended: bool) -> None:
    link = LINKS.read(LINKS.url(7, Channel.SMS, 1, on=BORN).rpartition("/")[2])
    assert link is not None
    assert (link.customer_id, link.number) == (7, 1)
    assert link.has_ended(BORN + timedelta(days=days)) is ended


def test_a_link_cannot_be_dated_anew() -> None:
    token = LINKS.url(7, Channel.SMS, on=BORN).rpartition("/")[2]
    week = (BORN - LINK_EPOCH).days // 7
    assert LINKS.read(token) is not None
    assert LINKS.read(token.replace(f"w{week}", f"w{week + 52}")) is None
    assert LINKS.read(token.replace(f".0w{week}", "")) is None, "every link is dated"


def test_the_api_names_every_decision_that_can_stand_on_record() -> None:
    assert set(get_args(Name)) == set(DECISIONS)
