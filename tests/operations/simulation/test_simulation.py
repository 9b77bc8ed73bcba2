"""A simulation says what the days then really do, and nothing of it gets out."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import socket
import sys
import tempfile
import threading
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.adapters.twilio.sms import TwilioSmsSender
from app.book.ledger.models import Customer
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import CollectionsCase
from app.casework.holds.service import start_hold
from app.core.actor import Actor
from app.core.clock import local_date, local_instant
from app.core.database.engine import make_engine, reading, transaction
from app.core.errors import DeskError, Invalid
from app.core.migration import schema
from app.core.settings import Settings, get_settings
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.operations.simulation import run as living
from app.operations.simulation.processes import in_processes
from app.operations.simulation.rules import Tariff
from app.operations.simulation.run import SimulationPlan
from app.operations.simulation.service import Comparison, simulate
from app.operations.simulation.snapshot import LEFT_BEHIND, copy_portfolio
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting, ContactWithheld
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.strategy.ladders import shipped_text
from app.outreach.strategy.service import put_live, save_version
from app.programs.cli.main import main
from app.programs.ports import make_ports
from tests import builders as build
from tests.adapters.dispatches import a_dispatch, send_now
from tests.operations.simulation.in_turn import one_after_another

FIRST = date(2026, 3, 2)
LAST = date(2026, 3, 9)
SECRET = "s" * 40
EVERYWHERE = (Channel.SMS, Channel.EMAIL, Channel.POST)


def settings(**changes: Any) -> Settings:
    return Settings(secret_key=SECRET, public_url="https://desk.example.test", **changes)


@pytest.fixture(autouse=True)
def _letters_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "load_letters", lambda _: build.catalog().letters)


def book(session: Session, size: int = 45) -> None:
    """Cardholders from one day to three months late, in two zones; some unreachable, held or opted out."""
    cards = build.portfolio(session)
    for n in range(size):
        about: dict[str, Any] = {"language": "zh" if n % 5 == 0 else "en"}
        if n % 7 == 0:
            about["mobile"] = ""
        if n % 11 == 0:
            about["timezone"] = "Asia/Urumqi"
        build.late_customer(session, cards, due_on=FIRST - timedelta(days=1 + (n * 3) % 90), **about)


def trouble(session: Session) -> None:
    """What happened to some of them since."""
    cases = session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).all()
    for n, case in enumerate(cases):
        if n % 9 == 0:
            set_consent(
                session,
                session.get_one(Customer, case.customer_id),
                Channel.SMS,
                allowed=False,
                source="letter",
                by=Actor.user("x"),
                now=build.NOW,
            )
        if n % 13 == 0:
            start_hold(
                session, case, HoldKind.DISPUTE, "says it is not theirs", FIRST + timedelta(days=5),
                by=Actor.user("x"), today=FIRST, now=build.NOW,
            )  # fmt: skip


def lived_in(engine: Engine) -> None:
    """Three days closed for real, the messages of the last of them still queued."""
    with transaction(engine) as session:
        book(session)
    really_live(engine, FIRST - timedelta(days=3), FIRST - timedelta(days=2))
    with transaction(engine) as session:
        trouble(session)
    build.close_day(engine, FIRST - timedelta(days=1), now=night_after(FIRST - timedelta(days=1)))


def three_days_closed(engine: Engine, size: int = 20) -> None:
    with transaction(engine) as session:
        book(session, size)
    for days in (3, 2, 1):
        build.close_day(engine, FIRST - timedelta(days=days))


def night_after(on: date) -> datetime:
    return local_instant(on + timedelta(days=1), 2, 0, build.ZONE)


def really_live(engine: Engine, first: date, last: date) -> None:
    """Close the days for real and deliver at every full hour at which something is due, as the worker process does."""
    on = first - timedelta(days=1)
    while on <= last:
        night = night_after(on)
        if on >= first:
            build.close_day(engine, on, now=night)
        for hour in range(1, 24):
            now = night + timedelta(hours=hour)
            queued = OutboxMessage.status == OutboxStatus.QUEUED
            if build.count(engine, OutboxMessage, queued, OutboxMessage.not_before <= now):
                build.deliver(engine, now)
        on += timedelta(days=1)


def on_record(engine: Engine, after: int) -> tuple[Counter[Any], Counter[Any]]:
    """(day, channel, decision) and (rule, channel, decision) of what the real days put on record."""
    words = {
        ContactCleared.KIND: "cleared", ContactWaiting.KIND: "waiting", ContactRefused.KIND: "refused",
        ContactWithheld.KIND: "withheld", ContactSent.KIND: "sent", CallTaskCreated.KIND: "call_task",
    }  # fmt: skip
    contacts, rules = Counter[Any](), Counter[Any]()
    with reading(engine) as session:
        query = select(Event).where(col(Event.id) > after, col(Event.kind).in_(words))
        for event in session.scalars(query):
            decision, channel = words[event.kind], event.channel and event.channel.value
            data = json.loads(event.data)
            # The night after a day takes its steps; what happens at delivery, happens then.
            day = local_date(event.at, build.ZONE) - timedelta(days="step" in data)
            contacts[day.isoformat(), channel, decision] += 1
            for reason in data.get("reasons", []):
                rules[reason["rule"], channel, decision] += 1
    return contacts, rules


def last_event(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(sa.func.max(Event.id))) or 0


def simulate_days(engine: Engine, candidate: str = "", **about: Any) -> Comparison:
    return simulate(
        engine, build.BOOK, FIRST, LAST, settings(), candidate,
        progress=lambda _: None, run=one_after_another, **about,
    )  # fmt: skip


def everything(engine: Engine) -> dict[str, list[Any]]:
    with reading(engine) as session:
        return {
            table.name: [tuple(row) for row in session.execute(sa.select(table).order_by(*table.primary_key))]
            for table in schema.metadata().sorted_tables
        }


def test_eight_days_come_out_as_the_simulation_said(engine: Engine) -> None:
    lived_in(engine)
    before, since = everything(engine), last_event(engine)

    found = simulate_days(engine)
    assert everything(engine) == before

    really_live(engine, FIRST, LAST)
    contacts, rules = on_record(engine, since)
    assert {row[:3]: row[3] for row in found.live.contacts} == contacts
    assert Counter({(rule, via, what): n for rule, _, via, what, n in found.live.rules}) == rules
    assert {what for _, _, what in contacts} >= {"cleared", "sent", "refused", "waiting", "call_task"}
    lines = gzip.decompress(found.contacts).decode().splitlines()
    listed = Counter(row["decision"] for row in csv.DictReader(lines))
    assert listed["sent"] == sum(n for (_, _, what), n in contacts.items() if what == "sent")


def test_a_candidate_is_compared_with_the_live_strategy_and_both_are_listed(sqlite_engine: Engine) -> None:
    three_days_closed(sqlite_engine)
    no_calls = shipped_text("standard").replace('action = "call"', 'action = "task"\ntask = "look at it"')
    found = simulate(
        sqlite_engine, build.BOOK, FIRST, FIRST + timedelta(days=3), settings(), no_calls,
        progress=lambda _: None, run=one_after_another,
    )  # fmt: skip
    assert found.candidate is not None
    assert found.candidate.strategy == "standard@2"
    assert found.live.agent_minutes > 0
    assert (found.candidate.agent_minutes, found.candidate.call_tasks) == (0, [])
    assert found.candidate.tasks > 0
    lines = gzip.decompress(found.contacts).decode().splitlines()
    assert {row["side"] for row in csv.DictReader(lines)} == {"live", "candidate"}


def test_a_version_put_live_is_asked_about_cases_that_rest(sqlite_engine: Engine) -> None:
    """Under the shipped strategy the third day's SMS is followed by the ninth day's e-mail."""
    with transaction(sqlite_engine) as session:
        cards = build.portfolio(session)
        build.late_customer(session, cards, due_on=FIRST - timedelta(days=4))
    build.close_day(sqlite_engine, FIRST - timedelta(days=1))
    letters = build.catalog().letters
    with transaction(sqlite_engine) as session:
        text = shipped_text("standard").replace("day = 9\n", "day = 4\n")
        version = save_version(
            session, cards, "early", text, letters, by=Actor.user("mei"), now=build.at(FIRST)
        )
        put_live(session, cards, version, letters, by=Actor.user("mei"), now=build.at(FIRST))
    build.close_day(sqlite_engine, FIRST)
    with reading(sqlite_engine) as session:
        asked = build.events(session, ContactCleared.KIND, ContactWaiting.KIND)
    assert [each["step"] for each in asked] == ["friendly-sms", "friendly-email"]


def test_a_strategy_with_faults_and_days_already_closed_are_refused_before_anything_is_copied(
    sqlite_engine: Engine,
) -> None:
    three_days_closed(sqlite_engine)
    with pytest.raises(Invalid, match="There is no letter 'unknown'"):
        simulate_days(sqlite_engine, shipped_text("standard").replace('"first_reminder"', '"unknown"'))
    with pytest.raises(Invalid, match="closed already"):
        simulate(
            sqlite_engine, build.BOOK, FIRST - timedelta(days=1), LAST, settings(), progress=lambda _: None
        )


def test_every_table_is_copied_or_left_behind_on_purpose(engine: Engine, tmp_path: Path) -> None:
    three_days_closed(engine)
    with transaction(engine) as session:
        build.late_customer(session, build.portfolio(session, "OTHER"), due_on=FIRST)
    target = make_engine(f"sqlite:///{tmp_path / 'copy.db'}", durable=False)
    copy_portfolio(engine, 1, target, lambda _: None)
    before, after = everything(engine), everything(target)
    for name in (
        "account",
        "ledger_entry",
        "collections_case",
        "timeline_event",
        "outbox_message",
        "account_state",
    ):
        table = schema.metadata().tables[name]
        theirs = [row for row in before[name] if "portfolio_id" not in table.c or _of(row, table) == 1]
        assert after[name] == [row for row in theirs if name != "timeline_event" or row in after[name]], name
        assert after[name], name
    assert [row for name in LEFT_BEHIND for row in after[name]] == []
    assert len(after["portfolio"]) == 1
    target.dispose()


def _of(row: tuple[Any, ...], table: sa.Table) -> Any:
    return row[list(table.c.keys()).index("portfolio_id")]


class Door:
    """Takes connections, and counts them."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


def test_nothing_knocks_at_a_real_provider_and_the_book_stays_byte_for_byte(
    sqlite_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The command with settings that lead to real providers; the simulation is lived in a process of its own."""
    three_days_closed(sqlite_engine)
    door, printed, copies = Door(), tmp_path / "print", tmp_path / "tmp"
    copies.mkdir()
    (copies / "desk-simulation-left").mkdir()
    (copies / "desk-simulation-left" / "lock").touch()
    env = {
        "DESK_DATABASE_URL": str(sqlite_engine.url),
        "DESK_SECRET_KEY": SECRET,
        "DESK_SMS": "twilio", "DESK_TWILIO_ACCOUNT_SID": "AC1", "DESK_TWILIO_AUTH_TOKEN": "token",
        "DESK_TWILIO_FROM": "+12125550100", "DESK_TWILIO_API_URL": f"http://127.0.0.1:{door.port}",
        "DESK_EMAIL": "smtp", "DESK_SMTP_URL": f"smtp://127.0.0.1:{door.port}", "DESK_MAIL_FROM": "desk@post.example",
        "DESK_POST": "print", "DESK_PRINT_DIR": str(printed),
        "DESK_PRICE_CURRENCY": "USD", "DESK_PRICE_SMS_SEGMENT": "0.01",
    }  # fmt: skip
    before, rows = book_bytes(sqlite_engine), everything(sqlite_engine)
    command = [
        "desk", "simulate", "--from", str(FIRST), "--to", str(FIRST),
        "--portfolio", build.BOOK, "--list", str(tmp_path / "list.csv"), "--json",
    ]  # fmt: skip
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    monkeypatch.setattr(sys, "argv", command)
    get_settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    sent = sum(n for _, _, decision, n in found["live"]["contacts"] if decision == "sent")
    assert sent > 0
    assert float(found["live"]["costs"]["sms"]) == pytest.approx(0.01 * found["live"]["units"]["sms"])
    assert (tmp_path / "list.csv").read_text().count(",sent,") == sent
    assert (door.visits, printed.exists(), list(copies.iterdir())) == (0, False, [])
    assert everything(sqlite_engine) == rows
    assert book_bytes(sqlite_engine) == before

    # The same settings, for real: the door is where they lead.
    real = settings(sms="twilio", twilio_account_sid="AC1", twilio_auth_token="token", twilio_from="+12125550100",
                    twilio_api_url=f"http://127.0.0.1:{door.port}")  # fmt: skip
    sender = make_ports(real).senders[Channel.SMS]
    assert isinstance(sender, TwilioSmsSender)
    send_now(sender, a_dispatch(Channel.SMS))
    assert door.visits > 0
    door.socket.close()


def book_bytes(engine: Engine) -> str:
    """SHA-256 of the database's file once its log is folded in."""
    with engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return hashlib.sha256(Path(str(engine.url.database)).read_bytes()).hexdigest()


def test_a_side_that_cannot_go_on_says_so_and_nothing_hangs(tmp_path: Path) -> None:
    plan = SimulationPlan(
        "live",
        tmp_path / "none.db",
        "NONE",
        FIRST,
        LAST,
        2,
        "https://x.example",
        "",
        Tariff(),
        "",
        "",
        tmp_path / "l",
    )
    with pytest.raises(DeskError, match="simulation failed|no portfolio"):
        in_processes({"live": plan}, lambda _: None)
