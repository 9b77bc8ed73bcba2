"""A dry-run says what the days then really do, and nothing of it gets out."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app import schema
from app.cases.models import CollectionsCase
from app.cases.rules import HoldKind
from app.cases.service import place_hold
from app.clock import local_date, local_instant
from app.compliance.service import set_consent
from app.db import reading, transaction
from app.dryrun.service import Comparison, one_after_another, simulate
from app.ledger.models import Customer
from app.settings import Settings
from app.timeline.models import Event
from app.timeline.rules import Channel, Kind
from tests import builders as build

FIRST = date(2026, 3, 2)
LAST = date(2026, 3, 11)
SECRET = "s" * 40
EVERYWHERE = (Channel.SMS, Channel.EMAIL, Channel.POST)


def settings(**changes: Any) -> Settings:
    return Settings(secret_key=SECRET, public_url="https://desk.example.test", **changes)


def book(session: Session) -> None:
    """Sixty cardholders from one day to three months late, in two zones; some unreachable, held or opted out."""
    cards = build.portfolio(session)
    for n in range(60):
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
                by="user:x",
                now=build.NOW,
            )
        if n % 13 == 0:
            place_hold(
                session, case, HoldKind.DISPUTE, "says it is not theirs", FIRST + timedelta(days=5),
                by="user:x", today=FIRST, now=build.NOW,
            )  # fmt: skip


def lived_in(engine: Engine) -> None:
    """Three days closed for real, the messages of the last of them still queued."""
    with transaction(engine) as session:
        book(session)
    really_live(engine, FIRST - timedelta(days=3), FIRST - timedelta(days=2))
    with transaction(engine) as session:
        trouble(session)
    build.close_day(engine, FIRST - timedelta(days=1), now=night_after(FIRST - timedelta(days=1)))


def night_after(on: date) -> datetime:
    return local_instant(on + timedelta(days=1), 2, 0, build.ZONE)


def really_live(engine: Engine, first: date, last: date) -> None:
    """Close the days for real and deliver at every full hour, as the worker process does."""
    on = first - timedelta(days=1)
    while on <= last:
        night = night_after(on)
        if on >= first:
            build.close_day(engine, on, now=night)
        for hour in range(1, 24):
            build.deliver(engine, night + timedelta(hours=hour))
        on += timedelta(days=1)


def on_record(engine: Engine, after: int) -> tuple[Counter[Any], Counter[Any]]:
    """(day, channel, decision) and (rule, channel, decision) of what the real days put on record."""
    words = {
        Kind.CONTACT_CLEARED: "cleared", Kind.CONTACT_WAITING: "waiting", Kind.CONTACT_REFUSED: "refused",
        Kind.CONTACT_WITHHELD: "withheld", Kind.CONTACT_SENT: "sent", Kind.CALL_TASK_CREATED: "call_task",
    }  # fmt: skip
    contacts, rules = Counter[Any](), Counter[Any]()
    with reading(engine) as session:
        query = select(Event).where(col(Event.id) > after, col(Event.kind).in_(words))
        for event in session.scalars(query):
            decision, channel = words[event.kind], event.channel and event.channel.value
            day = local_date(event.at, build.ZONE)
            if decision not in ("sent", "withheld"):
                day -= timedelta(days=1)
            contacts[day.isoformat(), channel, decision] += 1
            for reason in json.loads(event.data).get("reasons", []):
                rules[reason["rule"], channel, decision] += 1
    return contacts, rules


def last_event(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(sa.func.max(Event.id))) or 0


def dry_run(engine: Engine, candidate: str = "", **about: Any) -> Comparison:
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


def test_ten_days_come_out_as_the_dry_run_said(engine: Engine) -> None:
    lived_in(engine)
    before, since = everything(engine), last_event(engine)

    found = dry_run(engine)
    assert everything(engine) == before

    really_live(engine, FIRST, LAST)
    contacts, rules = on_record(engine, since)
    assert {row[:3]: row[3] for row in found.live.contacts} == contacts
    assert Counter({(rule, via, what): n for rule, _, via, what, n in found.live.rules}) == rules
    assert {what for _, _, what in contacts} >= {"cleared", "sent", "refused", "waiting", "call_task"}
    lines = gzip.decompress(found.contacts).decode().splitlines()
    listed = Counter(row["decision"] for row in csv.DictReader(lines))
    assert listed["sent"] == sum(n for (_, _, what), n in contacts.items() if what == "sent")
