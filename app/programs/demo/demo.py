"""`desk demo`: a department that has been at work for weeks, on real accounts, ready in a few minutes.

Everything goes through the same feeds, days, gate, outbox and services as in production; only the clock, the
people and the SMS and e-mail providers are simulated. The legal desk is the real reference receiver.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.knowledge.editing import load_starter
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import add_portfolio
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock, SystemClock, local_date, local_instant
from app.core.database.engine import make_engine, transaction
from app.core.errors import DeskError
from app.core.ids import id_of
from app.core.migration import schema
from app.core.settings import PostAdapter, Settings, get_settings
from app.core.staff.service import add_user
from app.core.vocabulary import Channel
from app.http.ports import Ports
from app.legal.bundle.bag import public_key_pem
from app.operations.digests.rules import DigestCadence, DigestWay
from app.operations.digests.service import add_recipient
from app.operations.thresholds.rules import ThresholdTest
from app.operations.thresholds.service import set_threshold
from app.programs.demo.department import STAFF, Department
from app.programs.demo.negotiations import negotiate_for_the_visitor
from app.programs.demo.playback import NIGHT, DemoSender, play_days
from app.programs.demo.sample import CODE, SampleFeeds
from app.programs.demo.serving import (
    free_port,
    make_certificate,
    make_key,
    serve_demo,
    serve_in_background,
    write_env,
)
from app.programs.demo.terminal import Progress, introduce, say
from app.programs.demo.visitor import leave_for_the_visitor
from app.programs.ports import make_ports
from reference.legal_desk.receiver import create_legal_desk

STORY_ENDS = date(2005, 9, 23)
"""Two days after a due date was missed: tonight's first reminders are about to leave."""
DAYS_LIVED = 32


def run_demo(*, port: int, serve: bool, accounts: int, home: Path) -> None:
    """Build the demo from nothing in the folder `home`, print who can sign in, and serve it."""
    started = time.perf_counter()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("error"),
    )
    _clear(home)
    key_file = make_key(home)
    legal_port = free_port()
    settings = Settings(
        database_url=f"sqlite:///{home / 'desk.db'}",
        secret_key=SecretStr(secrets.token_urlsafe(32)),
        public_url=f"http://127.0.0.1:{port}",
        post=PostAdapter.PRINT,
        print_dir=home / "print",
        upload_dir=home / "uploads",
        legal_url=f"http://127.0.0.1:{legal_port}",
        bundle_key=SecretStr(str(key_file)),
        seal_certificate=SecretStr(str(make_certificate(home))),
    )
    write_env(home, settings)
    # Keyed hashes of the demo's rows are known again by every command that reads demo.env.
    os.environ["DESK_SECRET_KEY"] = settings.secret_key.get_secret_value()
    get_settings.cache_clear()
    ports = make_ports(settings)
    assert ports.seal is not None
    serve_in_background(create_legal_desk(home / "legal-desk", [public_key_pem(ports.seal.key)]), legal_port)
    passwords = _build(settings, ports, accounts)
    say(f"Ready after {time.perf_counter() - started:.0f} s.\n")
    introduce(port, passwords, home)
    if serve:
        serve_demo(settings, ports, port)


def _clear(home: Path) -> None:
    """An empty folder for the demo. Only what a demo made is replaced. DeskError for anybody else's folder."""
    if home.is_dir() and any(home.iterdir()) and not (home / "demo.env").exists():
        raise DeskError(f"{home} holds something that no demo made. Name another folder with --dir.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _build(settings: Settings, ports: Ports, accounts: int) -> Mapping[str, str]:
    """Load the sample and live through its last weeks. Returns passwords by user name."""
    now = SystemClock().now()
    # Nothing is lost if the machine stops while a demo is being built: it is built again from nothing.
    engine = make_engine(settings.database_url, durable=False)
    schema.upgrade(engine)
    with transaction(engine) as session:
        portfolio = add_portfolio(
            session,
            CODE,
            creditor="Formosa Card Bank",
            currency="TWD",
            timezone="Asia/Taipei",
            pack="tw",
            collector=CollectorKind.FIRST_PARTY,
            contact_phone="+886 2 5550 0100",
            contact_email="help@formosa.example.com",
            legal_min_minor=3000,
            waive_limit_minor=1000,
            agent_max_discount_percent=5,
            by=SYSTEM,
            now=now,
        )
        passwords = _hire(session, now)
        _watch(session, portfolio, now)
        load_starter(session, None, by=SYSTEM, now=now)
    yesterday = local_date(now, portfolio.timezone) - timedelta(days=1)
    shift = yesterday - STORY_ENDS
    feeds = SampleFeeds(engine, settings, shift, accounts)
    _live(engine, ports, portfolio, feeds, yesterday, now)
    leave_for_the_visitor(engine, settings, portfolio, yesterday, now)
    negotiate_for_the_visitor(engine, portfolio, ports.catalog, yesterday, now)
    engine.dispose()
    return passwords


def _hire(session: Session, now: datetime) -> dict[str, str]:
    passwords = {}
    for username, name, role in STAFF:
        passwords[username] = secrets.token_urlsafe(10)
        add_user(session, username, name, role, passwords[username], by=SYSTEM, now=now)
    return passwords


def _watch(session: Session, portfolio: Portfolio, now: datetime) -> None:
    """The manager gets the digest, and is told when too much is late."""
    grace = Actor.user("grace")
    add_recipient(
        session, portfolio, DigestWay.EMAIL, username="grace", email="grace@formosa.example.com",
        cadence=DigestCadence.DAILY, private=False, by=grace, now=now,
    )  # fmt: skip
    set_threshold(
        session, portfolio, "overdue_rate_balance_30", "5 %", test=ThresholdTest.ABOVE, by=grace, now=now
    )


def _live(
    engine: Engine, ports: Ports, portfolio: Portfolio, feeds: SampleFeeds, yesterday: date, now: datetime
) -> None:
    clock = FixedClock()
    chance = random.Random(20050926)  # noqa: S311 - a story, not a secret
    simulated = Ports(
        clock=clock,
        catalog=ports.catalog,
        senders={
            Channel.SMS: DemoSender(chance),
            Channel.EMAIL: DemoSender(chance),
            Channel.POST: ports.senders.get(Channel.POST, DemoSender(chance)),
        },
        legal_desk=ports.legal_desk,
        seal=ports.seal,
    )
    first = yesterday - timedelta(days=DAYS_LIVED - 1)
    taken_over = local_instant(first, *NIGHT, portfolio.timezone)
    for kind, loaded in feeds.load_until(first - timedelta(days=1), taken_over).items():
        say(f"  {loaded:>6,} {kind.value} loaded")
    department = Department(engine, simulated, id_of(portfolio), chance, yesterday)
    with Progress(DAYS_LIVED) as step:
        play_days(
            engine,
            portfolio,
            first,
            yesterday,
            simulated,
            clock,
            stop_at=now,
            feeds=feeds.load_until,
            people=department.work,
            progress=step,
        )
