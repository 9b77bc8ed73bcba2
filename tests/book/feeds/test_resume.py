"""A load that was killed goes on where it stood; a file that is known is not loaded again."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.actions.feeds.loads import load
from app.book.feeds import service
from app.book.feeds.events import FeedLoaded
from app.book.feeds.models import FeedLoad
from app.book.feeds.queries import history
from app.book.feeds.reading import lines as reading
from app.book.feeds.reading.mapping_file import parse_mapping
from app.book.feeds.service import begin
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.rules import AccountStatus, EntryKind, FeedKind
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import table_of, transaction
from app.core.errors import DeskError
from tests import builders

HEADER = "payment_ref,account_ref,paid_on,amount,method\n"
ROWS = 3000
BAD = 100
"""Every so many rows there is one without an amount."""


@dataclass
class Book:
    """A portfolio with the account A1, and loads into it."""

    engine: Engine
    folder: Path

    def load(self, text: str, name: str = "payments.csv", **options: object) -> LoadReport:
        path = self.folder / name
        path.write_text(text)
        told = {"rejects_dir": self.folder / "rejects", "by": "user:ann", "now": builders.NOW, **options}
        return load(self.engine, FeedKind.PAYMENTS, path, builders.BOOK, **told)  # type: ignore[arg-type]

    def loads(self) -> list[FeedLoad]:
        with transaction(self.engine) as session:
            account = session.scalars(select(Account)).first()
            assert account
            return history(session, account.portfolio_id, 20)


@pytest.fixture
def book(engine: Engine, tmp_path: Path) -> Book:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        builders.account(session, builders.customer(session, portfolio), reference="A1")
    return Book(engine, tmp_path)


def payments(rows: int = ROWS, bad: int = BAD) -> str:
    lines = [
        f"P{n},A1,2026-01-{n % 28 + 1:02d},{'' if bad and n % bad == 7 else '1.50'},transfer\n"
        for n in range(rows)
    ]
    return HEADER + "".join(lines)


KILLED_LOAD = """
import json, os, signal, sys
from datetime import datetime
from pathlib import Path
import sqlalchemy as sa
from app.core.actor import Actor
from app.core.database.engine import make_engine
from app.actions.feeds.loads import load
from app.book.feeds import service
from app.book.feeds.reading import lines as reading
from app.book.ledger.rules import FeedKind

url, file, rejects, at, how, now = sys.argv[1:]
reading.BLOCK = 8192
batches = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Rejects(service.RejectsFile):
    def write(self, rejects):
        super().write(rejects)
        if how == "rejects written, batch not committed" and batches == int(at):
            die()

service.RejectsFile = Rejects

def progress(read):
    global batches
    batches += 1
    if how == "batch committed" and batches == int(at):
        die()

engine = make_engine(url)
load(engine, FeedKind.PAYMENTS, Path(file), "CARDS", rejects_dir=Path(rejects), by=Actor.user("ann"),
             now=datetime.fromisoformat(now), progress=progress)
"""


@pytest.mark.parametrize("at", [1, 6])
@pytest.mark.parametrize("how", ["batch committed", "rejects written, batch not committed"])
def test_a_killed_load_goes_on_where_it_stood(
    book: Book,
    database_url: str,
    process_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    how: str,
) -> None:
    path = book.folder / "payments.csv"
    path.write_text(payments())
    arguments = [
        database_url,
        str(path),
        str(book.folder / "rejects"),
        str(at),
        how,
        builders.NOW.isoformat(),
    ]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_LOAD, *arguments], env=process_env, cwd=book.folder, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    [half] = book.loads()
    assert half.finished_at is None
    assert 0 < half.rows_done == half.read < ROWS
    assert 0 < half.bytes_done < half.bytes_total == path.stat().st_size
    assert builders.count(book.engine, Entry) == half.loaded > 0

    monkeypatch.setattr(reading, "BLOCK", 10_000)
    report = book.load(payments())
    assert (report.read, report.loaded) == (ROWS, ROWS - ROWS // BAD)
    assert (report.unchanged, report.rejected) == (0, ROWS // BAD), "no row was read a second time"
    assert builders.count(book.engine, Entry) == report.loaded
    assert report.rejects_file
    with open(report.rejects_file, encoding="utf-8", newline="") as handle:
        lines = [int(row["line"]) for row in csv.DictReader(handle)]
    assert lines == [n + 2 for n in range(ROWS) if n % BAD == 7], "each bad row once, in order"
    done, before = book.loads()
    assert done.finished_at
    assert (done.rows_done, done.failure) == (ROWS, "")
    assert before.failure == f"interrupted; load {done.id} went on with it"


def test_progress_can_be_followed_on_the_history_row(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 8192)
    with transaction(book.engine) as session:
        portfolio = get_portfolio(session, builders.BOOK)
        load_id = begin(
            session, portfolio, FeedKind.PAYMENTS, "theirs.csv", by=Actor.user("ann"), now=builders.NOW
        )
    seen: list[tuple[int, int, int]] = []

    def progress(read: int) -> None:
        with transaction(book.engine) as session:
            row = session.get_one(FeedLoad, load_id)
            assert row.read == row.rows_done == read
            seen.append((row.rows_done, row.bytes_done, row.bytes_total))

    book.load(payments(), load_id=load_id, file_name="theirs.csv", progress=progress)
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1][0] == ROWS
    assert seen[-1][1] == seen[-1][2]
    [row] = book.loads()
    assert (row.id, row.file_name) == (load_id, "theirs.csv")
    assert Path(row.rejects_file).exists()


def test_the_same_file_again_is_recognised(book: Book) -> None:
    assert book.load(payments(bad=0)).loaded == ROWS
    again = book.load(payments(bad=0), "the same under another name.csv")
    assert (again.read, again.unchanged, again.loaded) == (ROWS, ROWS, 0)
    second, first = book.loads()
    assert second.sha256 == first.sha256
    assert (second.unchanged, second.finished_at) == (ROWS, builders.NOW)
    with transaction(book.engine) as session:
        assert len(builders.events(session, FeedLoaded.KIND)) == 2


def test_a_file_with_rejects_is_looked_at_again(book: Book) -> None:
    """What was rejected may be welcome now: an account that was not there yet."""
    text = HEADER + "P1,A1,2026-01-01,5.00,transfer\nP2,LATER,2026-01-01,5.00,transfer\n"
    assert book.load(text).rejected == 1
    with transaction(book.engine) as session:
        account = session.scalars(select(Account)).one()
        holder = builders.customer(session, get_portfolio(session, builders.BOOK))
        assert account.reference == "A1"
        builders.account(session, holder, reference="LATER")
    again = book.load(text)
    assert (again.loaded, again.unchanged, again.rejected) == (1, 1, 0)


def test_under_another_mapping_the_same_file_is_another(book: Book) -> None:
    text = "Ref,Acct,Day,Cents,How\nP1,A1,2026-01-01,500,transfer\n"
    columns = 'payment_ref = "Ref"\naccount_ref = "Acct"\npaid_on = "Day"\nmethod = "How"\n'
    cents = parse_mapping(
        f'[columns]\n{columns}amount = {{ column = "Cents", unit = "cents" }}', "theirs.toml"
    )
    units = parse_mapping(f'[columns]\n{columns}amount = "Cents"', "theirs.toml")
    assert book.load(text, mapping=cents).loaded == 1
    assert book.load(text, mapping=cents).unchanged == 1
    assert book.load(text, mapping=units).conflicts == 1, "five, or five hundred?"
    with transaction(book.engine) as session:
        assert session.scalars(select(Entry)).one().amount_minor == -500


def test_why_a_file_could_not_be_read_is_on_its_history_row(book: Book) -> None:
    with pytest.raises(DeskError, match="unknown columns"):
        book.load("payment_ref,iban\n")
    [row] = book.loads()
    assert "unknown columns: 'iban'" in row.failure
    assert row.finished_at


def test_standard_input_is_recognised_too(book: Book, database_url: str, process_env: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-m",
        "app.programs",
        "feed",
        "load",
        "payments",
        "-",
        "--portfolio",
        builders.BOOK,
        "--json",
    ]
    env = {**process_env, "DESK_DATABASE_URL": database_url, "DESK_SECRET_KEY": "s" * 40}

    def pipe() -> dict[str, object]:
        done = subprocess.run(
            command,
            input=payments(40, 0),
            env=env,
            cwd=book.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        report: dict[str, object] = json.loads(done.stdout)
        return report

    assert pipe()["loaded"] == 40
    assert pipe()["unchanged"] == 40
    assert [row.file_name for row in book.loads()] == ["-", "-"]


def test_a_file_that_grows_every_night_brings_only_its_new_rows(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known rows all through the file, over many batches, in a book that is read at once and in one that is not."""
    monkeypatch.setattr(reading, "BLOCK", 8192)
    assert book.load(payments(1000, 0)).loaded == 1000
    monkeypatch.setattr(service, "MANY_BYTES", 1)
    grown = book.load(payments(2000, 0))
    assert (grown.loaded, grown.unchanged) == (1000, 1000)
    other = (
        payments(2000, 0).replace("P1500,A1,2026-01-17,1.50", "P1500,A1,2026-01-17,1.60")
        + "P1500,A1,2026-01-17,1.50,transfer\n"
    )
    mended = book.load(other)
    assert (mended.read, mended.unchanged, mended.conflicts) == (2001, 2000, 1)


def test_an_account_is_marked_from_its_earliest_new_row_on(book: Book) -> None:
    rows = ["P1,A1,2026-02-10,1.00,x", "P2,A1,2026-02-03,1.00,x", "P3,A1,2026-02-20,1.00,x"]
    with transaction(book.engine) as session:
        session.execute(sa.delete(LedgerChange))
    for upto, earliest in ((1, date(2026, 2, 10)), (2, date(2026, 2, 3)), (3, date(2026, 2, 3))):
        book.load(HEADER + "\n".join(rows[:upto]) + "\n")
        with transaction(book.engine) as session:
            assert session.scalars(select(LedgerChange)).one().earliest_on == earliest


def test_what_is_paid_on_a_charged_off_account_is_a_recovery(book: Book) -> None:
    ended_on = date(2026, 1, 15)
    rows = [f"P{n},A1,{ended_on + timedelta(days=n)},5.00,transfer\n" for n in (-1, 0, 1)]
    assert book.load(HEADER + rows[2]).loaded == 1
    with transaction(book.engine) as session:
        account = session.scalars(select(Account)).one()
        account.status, account.ended_on = AccountStatus.CHARGED_OFF, ended_on
    report = book.load(HEADER + "".join(rows) + f"P2,A1,{ended_on + timedelta(days=2)},5.00,transfer\n")
    assert (report.loaded, report.unchanged) == (3, 1), (
        "it was a payment when it came, and is the same payment now"
    )
    with transaction(book.engine) as session:
        query = select(Entry.reference, Entry.kind).order_by(col(Entry.effective_on))
        assert [tuple(row) for row in session.execute(query)] == [
            ("P-1", EntryKind.PAYMENT),
            ("P0", EntryKind.PAYMENT),
            ("P1", EntryKind.PAYMENT),
            ("P2", EntryKind.RECOVERY),
        ]
    grown = book.load(HEADER + "".join(rows) + f"P2,A1,{ended_on + timedelta(days=2)},5.00,transfer\n" + "\n")
    assert grown.unchanged == 4
    with transaction(book.engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(table_of(Entry))) == 4
