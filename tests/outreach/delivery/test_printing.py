"""The day's letters as one batch: who is in it, and that no death of a worker prints a letter twice or loses one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.adapters.print.batch import PDF, PrintPress
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.vocabulary import Channel
from app.outreach.delivery.printing import LEASE, print_due
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.consent import set_consent
from app.outreach.outbox.channel_stops import start_channel, stop_channel
from app.outreach.outbox.dispatch import Misconfigured, TryLater
from app.outreach.outbox.events import ContactSent, PrintBatchEnded
from app.outreach.outbox.models import OutboxMessage, PrintBatch
from app.outreach.outbox.printing import BatchStatus, FinishedBatch, Piece, Press, PressDown
from app.outreach.outbox.queries import channel_stops
from app.outreach.outbox.rules import Destination, OutboxStatus
from tests import builders
from tests.chaos.processes import KILLED, in_child
from tests.paths import ROOT

LETTERS = ROOT / "letters"
ON = date(2026, 3, 13)
MORNING = builders.at(ON + timedelta(days=1), 9)
S, B = OutboxStatus, BatchStatus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "print"


def queue_letters(engine: Engine, letters: int, on: date = ON) -> None:
    """A letter each to so many customers, due in the morning after."""
    with transaction(engine) as session:
        for n in range(letters):
            case = builders.delinquent_case(session, due_on=on - timedelta(days=3), on=on)
            builders.queued_message(
                session, case, on=on, channel=Channel.POST, text=f"# Letter {n}\n\nDear customer,"
            )


def print_letters(
    engine: Engine, press: Press, now: datetime = MORNING, *, hour: int = 6, worker: str = "w"
) -> dict[str, int]:
    return print_due(engine, press, builders.catalog(), worker=worker, clock=FixedClock(now), hour=hour)


def batches(engine: Engine) -> list[PrintBatch]:
    with transaction(engine) as session:
        return list(session.scalars(select(PrintBatch).order_by(PrintBatch.id)))


def statuses(engine: Engine) -> list[OutboxStatus]:
    return [row.status for row in builders.messages(engine)]


def printed_keys(folder: Path) -> list[str]:
    """Every letter in every batch that a print shop would find."""
    found = []
    for manifest in folder.glob("*/batch-*/manifest.csv"):
        with manifest.open(newline="", encoding="utf-8") as file:
            found += [row["key"] for row in csv.DictReader(file)]
    return found


class PlainPress(PrintPress):
    """The real press with paper instead of PDF: a forked process cannot use the typesetter's threads."""

    def _fill(self, folder: Path, pieces: Sequence[Piece], day: date) -> FinishedBatch:
        lines = [f"{piece.dispatch.key},{n}" for n, piece in enumerate(pieces, start=1)]
        (folder / "manifest.csv").write_text("\n".join(["key,piece", *lines, ""]))
        return FinishedBatch(len(pieces), len(pieces), "0" * 64, {})


def test_the_letters_of_a_day_are_one_batch(engine: Engine, folder: Path) -> None:
    queue_letters(engine, 3)
    press = PrintPress(folder, LETTERS)
    assert print_letters(engine, press, hour=10) == {}, "not before its hour"
    assert print_letters(engine, press) == {"sent": 3}
    [batch] = batches(engine)
    assert (batch.status, batch.letters, batch.pages) == (B.PUBLISHED, 3, 3)
    assert (folder / batch.name / PDF).exists()
    rows = builders.messages(engine)
    assert {row.provider_ref for row in rows} == {f"{batch.name}#{n}" for n in (1, 2, 3)}
    assert sorted(printed_keys(folder)) == sorted(row.reference for row in rows)
    with transaction(engine) as session:
        assert len(builders.events(session, ContactSent.KIND)) == 3
        [told] = builders.events(session, PrintBatchEnded.KIND)
        assert told["sha256"] == batch.sha256

    queue_letters(engine, 1)
    assert print_letters(engine, press) == {}, "one batch a day"
    tomorrow = MORNING + timedelta(days=1)
    assert print_letters(engine, press, tomorrow) == {"sent": 1}
    assert len(batches(engine)) == 2


def test_the_gate_is_asked_again(engine: Engine, folder: Path) -> None:
    queue_letters(engine, 2)
    unwilling = builders.messages(engine)[0]
    with transaction(engine) as session:
        set_consent(
            session, session.get_one(Customer, unwilling.customer_id), Channel.POST, allowed=False,
            source="letter", by=Actor.user("anna"), now=MORNING,
        )  # fmt: skip
    print_letters(engine, PlainPress(folder, LETTERS))
    assert statuses(engine) == [S.WITHHELD, S.SENT]
    assert printed_keys(folder) == [builders.messages(engine)[1].reference]


def test_two_letters_to_one_person_are_judged_one_after_the_other(engine: Engine, folder: Path) -> None:
    queue_letters(engine, 1)
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, session.scalars(select(OutboxMessage.case_id)).one())
        builders.queued_message(session, case, on=ON, step="second", channel=Channel.POST)
    print_letters(engine, PlainPress(folder, LETTERS))
    assert len(printed_keys(folder)) == statuses(engine).count(S.SENT) >= 1
    assert not {S.CLAIMED, S.SENDING} & set(statuses(engine))


def test_a_letter_that_cannot_be_printed_is_undeliverable(engine: Engine, folder: Path) -> None:
    queue_letters(engine, 2)
    with transaction(engine) as session:
        session.scalars(select(OutboxMessage)).all()[0].text = "# สวัสดี\n\nDear"
    print_letters(engine, PrintPress(folder, LETTERS))
    assert statuses(engine) == [S.UNDELIVERED, S.SENT]
    assert "font" in builders.messages(engine)[0].error


def test_a_worker_may_die_at_any_moment(engine: Engine, folder: Path) -> None:
    """Each day it dies some statements later, until a day comes on which it lives. Every letter is printed once."""
    press = PlainPress(folder, LETTERS)
    died, day = KILLED, 0
    while died == KILLED:
        day += 1
        now = MORNING + timedelta(days=day)
        queue_letters(engine, 2, on=ON + timedelta(days=day))
        engine.dispose()
        died = in_child(partial(print_letters, engine, press, now), die_at=11 * day)
        assert died in (0, KILLED)
        deliver_due(engine, {}, worker="w2", clock=FixedClock(now + 2 * LEASE))
        print_letters(engine, press, now + 2 * LEASE, worker="w2")
    rows = builders.messages(engine)
    assert [row.status for row in rows] == [S.SENT] * 2 * day
    assert sorted(printed_keys(folder)) == sorted(row.reference for row in rows)
    assert not list(folder.glob("*/.*.part"))
    with transaction(engine) as session:
        assert len(builders.events(session, ContactSent.KIND)) == 2 * day
    ends = {batch.status for batch in batches(engine)}
    assert ends == {B.PUBLISHED, B.ABANDONED}, "it died both before and after the point of no return"


class Broken(PlainPress):
    def __init__(self, folder: Path, outcome: TryLater | Misconfigured) -> None:
        super().__init__(folder, LETTERS)
        self.outcome = outcome

    def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
        raise PressDown(self.outcome)


def test_a_full_disk_is_tried_again_the_same_day(sqlite_engine: Engine, folder: Path) -> None:
    queue_letters(sqlite_engine, 2)
    print_letters(sqlite_engine, Broken(folder, TryLater("no space left")))
    assert statuses(sqlite_engine) == [S.QUEUED] * 2
    assert [batch.status for batch in batches(sqlite_engine)] == [B.ABANDONED]
    print_letters(sqlite_engine, PlainPress(folder, LETTERS), MORNING + timedelta(hours=1))
    assert statuses(sqlite_engine) == [S.SENT] * 2


def test_a_folder_that_cannot_be_written_stops_letters_and_loses_none(
    sqlite_engine: Engine, folder: Path
) -> None:
    queue_letters(sqlite_engine, 2)
    print_letters(sqlite_engine, Broken(folder, Misconfigured("print folder cannot be written")))
    assert statuses(sqlite_engine) == [S.QUEUED] * 2
    press = PlainPress(folder, LETTERS)
    assert print_letters(sqlite_engine, press) == {}
    with transaction(sqlite_engine) as session:
        assert Destination.POST in channel_stops(session)
        start_channel(session, Destination.POST, by=Actor.user("maria"), now=MORNING)
    assert print_letters(sqlite_engine, press) == {"sent": 2}


def test_stopped_while_it_was_being_made_it_is_not_published(sqlite_engine: Engine, folder: Path) -> None:
    queue_letters(sqlite_engine, 1)

    class Slow(PlainPress):
        def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
            with transaction(sqlite_engine) as session:
                stop_channel(session, Destination.POST, "wrong words", by=Actor.user("maria"), now=MORNING)
            return super().make(batch, pieces, day=day)

    print_letters(sqlite_engine, Slow(folder, LETTERS))
    assert statuses(sqlite_engine) == [S.QUEUED]
    assert printed_keys(folder) == []
    assert not list(folder.glob("*/.*.part"))


def test_a_slow_worker_that_was_taken_for_dead_publishes_nothing(sqlite_engine: Engine, folder: Path) -> None:
    queue_letters(sqlite_engine, 2)
    quick = PlainPress(folder, LETTERS)

    class Slow(PlainPress):
        def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
            made = super().make(batch, pieces, day=day)
            print_letters(sqlite_engine, quick, MORNING + 2 * LEASE, worker="quick")
            return made

    print_letters(sqlite_engine, Slow(folder, LETTERS))
    assert [batch.status for batch in batches(sqlite_engine)] == [B.ABANDONED, B.PUBLISHED]
    assert statuses(sqlite_engine) == [S.SENT] * 2
    assert sorted(printed_keys(folder)) == sorted(row.reference for row in builders.messages(sqlite_engine))


def test_a_batch_that_is_gone_is_for_a_person_to_find(sqlite_engine: Engine, folder: Path) -> None:
    queue_letters(sqlite_engine, 1)

    class Vanishing(PlainPress):
        def publish(self, batch: str) -> bool:
            self.discard(batch)
            return super().publish(batch)

    print_letters(sqlite_engine, Vanishing(folder, LETTERS))
    assert statuses(sqlite_engine) == [S.UNKNOWN]
    assert [batch.status for batch in batches(sqlite_engine)] == [B.LOST]
    assert print_letters(sqlite_engine, PlainPress(folder, LETTERS), MORNING + timedelta(days=1)) == {}
