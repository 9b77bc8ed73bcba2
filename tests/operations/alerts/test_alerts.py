"""A night or a check that fails reaches people by page, e-mail and webhook, once, and again when it is over."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from sqlalchemy.engine import Engine

from app.adapters.alerts import MailMessenger, WebhookMessenger
from app.book.delinquency.models import AccountState
from app.book.portfolios.models import Portfolio
from app.core.clock import FixedClock
from app.core.database.engine import reading, table_of, transaction
from app.core.settings import Settings
from app.operations.alerts.rules import About, AlertKind, AlertNews, due_news
from app.operations.alerts.service import end_alert, ended_alerts, open_alerts, raise_alert, tell_due
from app.operations.day import closing
from app.operations.day.stages import report_violations
from app.operations.day.work import Day
from app.operations.invariants.checks import quick
from app.programs.jobs import _guarded
from app.programs.ports import WorkerPorts
from app.programs.worker import Worker
from tests import builders

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 13, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("told", "hours_ago", "ended", "due"),
    [
        (None, 0, False, About.OPENED),
        (None, 0, True, None),  # over before anybody heard of it
        (About.OPENED, 23, False, None),
        (About.OPENED, 24, False, About.STILL_OPEN),
        (About.STILL_OPEN, 24, False, About.STILL_OPEN),
        (About.OPENED, 1, True, About.ENDED),
        (About.STILL_OPEN, 1, True, About.ENDED),
        (About.ENDED, 48, True, None),
    ],
)
def test_each_piece_of_news_is_told_once(
    told: About | None, hours_ago: int, ended: bool, due: About | None
) -> None:
    told_at = NOW - hours_ago * HOUR if told else None
    assert due_news(told, told_at, NOW - HOUR if ended else None, NOW) is due


class Listener:
    """A messenger that writes down what it hears, or is out of reach."""

    name = "listener"

    def __init__(self) -> None:
        self.heard: list[tuple[About, str, int]] = []
        self.broken = False

    def tell(self, news: AlertNews) -> None:
        if self.broken:
            raise ConnectionError
        self.heard.append((news.about, news.subject, news.times))


def test_an_alert_lasts_until_it_ends_and_messengers_that_were_away_hear_of_it(engine: Engine) -> None:
    clock, listener = FixedClock(NOW), Listener()
    for _ in range(2):
        with transaction(engine) as session:
            raise_alert(
                session, AlertKind.DAY_FAILED, "CARDS", "2026-03-12 could not be closed", now=clock.now()
            )
    listener.broken = True
    assert tell_due(engine, [listener], clock=clock) == 0
    listener.broken = False
    assert [tell_due(engine, [listener], clock=clock) for _ in range(2)] == [1, 0]
    clock.advance(25 * HOUR)
    tell_due(engine, [listener], clock=clock)
    with transaction(engine) as session:
        end_alert(session, AlertKind.DAY_FAILED, "CARDS", now=clock.now())
    tell_due(engine, [listener], clock=clock)
    assert listener.heard == [
        (About.OPENED, "CARDS", 2),
        (About.STILL_OPEN, "CARDS", 2),
        (About.ENDED, "CARDS", 2),
    ]
    with transaction(engine) as session:
        assert open_alerts(session) == []
        raise_alert(session, AlertKind.DAY_FAILED, "CARDS", "again", now=clock.now())
        assert [each.times for each in open_alerts(session)] == [1]
        assert len(ended_alerts(session)) == 1


@pytest.fixture
def late_book(engine: Engine) -> Engine:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=DAY - timedelta(days=20))
    builders.close_day(engine, DAY)
    return engine


def alerts(engine: Engine) -> list[tuple[AlertKind, str]]:
    with reading(engine) as session:
        return [(each.kind, each.subject) for each in open_alerts(session)]


def test_a_figure_that_does_not_agree_is_an_alert_until_it_does(late_book: Engine) -> None:
    with transaction(late_book) as session:
        session.execute(
            sa.update(table_of(AccountState)).values(past_due_minor=AccountState.past_due_minor + 1)
        )
    builders.close_day(late_book, DAY)  # closed already: nothing is checked again
    assert alerts(late_book) == []
    with reading(late_book) as session:
        portfolio = session.scalars(sa.select(Portfolio)).one()
        found = quick(session, portfolio)
    with transaction(late_book) as session:
        report_violations(session, portfolio, found, now=NOW)
        (alert,) = open_alerts(session)
        assert alert.detail.startswith("Rows that disagree: ")
        assert "states_match_movements" in alert.detail
        report_violations(session, portfolio, [], now=NOW)
        assert open_alerts(session) == []


def test_a_day_that_fails_is_an_alert_and_the_next_try_ends_it(
    late_book: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_day: Day) -> dict[str, int]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(closing, "STAGES", {**closing.STAGES, "kpis": broken})
        with pytest.raises(ZeroDivisionError):
            builders.close_day(late_book, DAY + timedelta(days=1))
    assert alerts(late_book) == [(AlertKind.DAY_FAILED, builders.BOOK)]
    builders.close_day(late_book, DAY + timedelta(days=1))
    assert alerts(late_book) == []


def test_a_tick_that_fails_three_times_in_a_row_is_an_alert(engine: Engine) -> None:
    worker = Worker(
        engine, WorkerPorts(FixedClock(NOW), builders.catalog(), {}), Settings(secret_key="s" * 40)
    )
    fails = True

    def work() -> None:
        if fails:
            raise RuntimeError

    run = _guarded(worker, work)
    run()
    run()
    assert alerts(engine) == []
    run()
    assert alerts(engine) == [(AlertKind.TICK_FAILED, "work")]
    fails = False
    run()
    assert alerts(engine) == []


NEWS = AlertNews(
    7,
    About.OPENED,
    AlertKind.INVARIANT,
    "CARDS",
    "Rows that disagree: 1 of roll_forward_closes.",
    NOW,
    NOW,
    1,
    None,
)


class Mailbox:
    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox(free_port: int) -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port)
    server.start()
    yield box, f"smtp://127.0.0.1:{free_port}"
    server.stop()


def test_people_are_told_by_e_mail_what_failed_and_what_to_do(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    people = ("ops@desk.example", "night@desk.example")
    MailMessenger(url, "desk@desk.example", people, "https://desk.example", FixedClock(NOW)).tell(NEWS)
    (envelope,) = box.received
    assert envelope.rcpt_tos == list(people)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "Arrears Desk: A consistency check failed: CARDS"
    text = message.get_content()
    for part in ("1 of roll_forward_closes", "Run `desk invariants`", "https://desk.example/alerts"):
        assert part in text


def test_a_webhook_can_be_verified_by_its_receiver(httpserver: HTTPServer) -> None:
    key = b"k" * 24
    secret = "whsec_" + base64.b64encode(key).decode()
    httpserver.expect_oneshot_request("/alerts", method="POST").respond_with_data("", status=204)
    WebhookMessenger(httpserver.url_for("/alerts"), secret, FixedClock(NOW)).tell(NEWS)
    (request, _answer) = httpserver.log[0]
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.data
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    body = json.loads(request.data)
    assert (body["type"], body["data"]["subject"]) == ("alert.opened", "CARDS")


def test_a_webhook_that_redirects_or_fails_did_not_hear_it(httpserver: HTTPServer) -> None:
    messenger = WebhookMessenger(httpserver.url_for("/"), "s" * 24, FixedClock(NOW))
    for status in (302, 500):
        httpserver.expect_oneshot_request("/").respond_with_data(
            "", status=status, headers={"location": "/else"}
        )
        with pytest.raises(ConnectionError, match=str(status)):
            messenger.tell(NEWS)
    assert len(httpserver.log) == 2
