"""The timeline's days: what they cover, that they can be made again, and their stamps and those of bundles."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.portfolios.events import PortfolioSet
from app.core.actor import SYSTEM
from app.core.database.engine import reading, transaction
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.timeline.models import StreamHead
from app.core.timeline.rules import GENESIS
from app.core.timeline.service import NewEvent, record
from app.legal.bundle import bag as fmt
from app.legal.bundle.build import build
from app.legal.bundle.models import Bundle
from app.legal.timestamps.days import holds, keep_day, make_day, text_of
from app.legal.timestamps.models import TimelineDay, TimeStamp
from app.legal.timestamps.service import Changed, NoStamp, Stamp, stamp_due, stamp_of, tag_manifest_of
from tests import builders
from tests.legal.builders import KEY, case_file, no_page

MONDAY = datetime(2026, 6, 1, 0, 1, tzinfo=UTC)


def at(day: int) -> datetime:
    return MONDAY + timedelta(days=day)


def happens(engine: Engine, *streams: str, day: int) -> None:
    with transaction(engine) as session:
        for stream in streams:
            changed = PortfolioSet({"name": "a"}, {"name": f"day {day}"})
            record(session, NewEvent(stream, changed), by=SYSTEM, now=at(day))


def head(session: Session, stream: str) -> str:
    return session.get_one(StreamHead, stream).hash


def made(engine: Engine, day: int) -> tuple[TimelineDay, list[str]]:
    with reading(engine) as session:
        row = make_day(session, now=at(day))
    assert row is not None
    with transaction(engine) as session:
        keep_day(session, row)
    with reading(engine) as session:
        lines = [line.decode() for line in text_of(session, row)]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == row.sha256
    return row, lines


def test_each_day_fixes_what_was_seen_the_day_before(engine: Engine) -> None:
    happens(engine, "staff:2", "staff:10", "portfolio:1", day=0)
    with reading(engine) as session:
        hashes = {name: head(session, name) for name in ("portfolio:1", "staff:10", "staff:2")}
    first, nothing = made(engine, 0)
    assert nothing == [f"before {GENESIS}\n"], "what an open transaction may still add is left for tomorrow"
    happens(engine, "staff:2", "staff:2", day=1)
    second, lines = made(engine, 1)
    assert lines == [f"before {first.sha256}\n", *(f"{name} 1 {hashes[name]}\n" for name in sorted(hashes))]
    assert second.streams == 3
    with reading(engine) as session:
        later = head(session, "staff:2")
    third, lines = made(engine, 4)
    assert lines == [f"before {second.sha256}\n", f"staff:2 3 {later}\n"], (
        "a day that was missed is made up for"
    )
    assert third.streams == 1
    with transaction(engine) as session:
        assert make_day(session, now=at(4)) is None
        assert make_day(session, now=at(3)) is None, "a clock that was set back makes no day"


def test_an_event_that_was_changed_is_found(engine: Engine) -> None:
    happens(engine, "staff:2", day=0)
    made(engine, 0)
    day, _ = made(engine, 1)
    with transaction(engine) as session:
        assert holds(session, session.get_one(TimelineDay, day.day))
        off, on = (
            (
                "ALTER TABLE timeline_event DISABLE TRIGGER ALL",
                "ALTER TABLE timeline_event ENABLE TRIGGER ALL",
            )
            if engine.dialect.name == "postgresql"
            else ("DROP TRIGGER timeline_event_no_update", "SELECT 1")
        )
        session.execute(sa.text(off))
        session.execute(sa.text("UPDATE timeline_event SET hash = :forged"), {"forged": "f" * 64})
        session.execute(sa.text(on))
    with reading(engine) as session:
        assert not holds(session, session.get_one(TimelineDay, day.day))
    authority = Authority()
    with pytest.raises(Changed, match="are not those that were digested"):
        stamp_due(engine, authority, now=at(1), stopping=lambda: False)
    assert authority.stamped == [f"before {GENESIS}\n".encode()], "what is not as it was is not certified"


class Authority:
    """Stamps in memory; the real one is tested over HTTP in tests/adapters."""

    name = "tsa.example.org"

    def __init__(self, gives: int = 100) -> None:
        self.stamped: list[bytes] = []
        self.gives = gives

    def stamp(self, content: bytes) -> Stamp:
        if len(self.stamped) == self.gives:
            raise NoStamp("tsa.example.org answers HTTP 503.")
        self.stamped.append(content)
        return Stamp(MONDAY, hashlib.sha256(content).digest())


def sealed(session: Session) -> Bundle:
    case = builders.delinquent_case(session, due_on=date(2026, 5, 1), on=date(2026, 5, 31))
    file = case_file()
    content = build(file, KEY, no_page)
    bundle = Bundle(
        reference=file.bundle_id,
        case_id=id_of(case),
        as_of=date(2026, 6, 26),
        sha256=fmt.sha256(content),
        size=len(content),
        content=content,
        complete=True,
        built_by="user:anna",
        built_at=MONDAY,
    )
    session.add(bundle)
    session.flush()
    return bundle


def test_bundles_and_days_are_stamped_once(engine: Engine) -> None:
    with transaction(engine) as session:
        bundle = sealed(session)
        reference, manifest = bundle.reference, tag_manifest_of(bundle)
    authority = Authority(gives=1)
    with pytest.raises(NoStamp):
        stamp_due(engine, authority, now=at(0), stopping=lambda: False)
    authority.gives = 100
    assert stamp_due(engine, authority, now=at(0), stopping=lambda: True) == 0
    assert stamp_due(engine, authority, now=at(0), stopping=lambda: False) == 1
    assert stamp_due(engine, authority, now=at(0), stopping=lambda: False) == 0
    assert authority.stamped == [f"before {GENESIS}\n".encode(), manifest]
    assert stamp_due(engine, authority, now=at(1), stopping=lambda: False) == 1
    with reading(engine) as session:
        kept = session.scalars(select(TimeStamp).order_by(col(TimeStamp.id))).all()
        assert [stamp.timeline_day for stamp in kept] == [date(2026, 6, 1), None, date(2026, 6, 2)]
        found = stamp_of(session, session.scalars(select(Bundle)).one())
        assert found.response == hashlib.sha256(manifest).digest()
        assert (found.authority, found.stamped_at) == ("tsa.example.org", MONDAY)
        assert reference.encode() not in b"".join(authority.stamped[1:2]), "hashes alone are stamped"


def test_a_bundle_without_a_stamp_says_when_there_will_be_one(engine: Engine) -> None:
    with transaction(engine) as session:
        bundle = sealed(session)
        with pytest.raises(NotFound, match="DESK_TSA_URL"):
            stamp_of(session, bundle)
