"""An agency that gets no statements: the creditor's own figures, and payments that come in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.feeds.loads import load
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Account, Entry, LedgerChange, Position
from app.book.ledger.positions import reconcile_positions, unreconciled
from app.book.ledger.rules import EntryKind, FeedKind
from app.book.ledger.service import post_entry
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import DelinquencySource
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from tests import builders

HEADER = "account_ref,as_of,balance,past_due_amount,oldest_due_on"
MARCH_1, MARCH_15, MARCH_20 = date(2026, 3, 1), date(2026, 3, 15), date(2026, 3, 20)

Load = Callable[..., LoadReport]


@pytest.fixture
def feed(engine: Engine, tmp_path: Path) -> Load:
    """Loads lines under the positions header into a book that is told what is past due."""
    with transaction(engine) as session:
        book = builders.portfolio(session, source=DelinquencySource.REPORTED)
        for n in (1, 2):
            builders.account(session, builders.customer(session, book), reference=f"A{n}")
        session.execute(sa.delete(LedgerChange))

    def run(*lines: str, kind: FeedKind = FeedKind.POSITIONS, header: str = HEADER) -> LoadReport:
        path = tmp_path / "feed.csv"
        path.write_text("\n".join([header, *lines, ""]))
        return load(
            engine,
            kind,
            path,
            builders.BOOK,
            rejects_dir=tmp_path / "rejects",
            by=Actor.user("ann"),
            now=builders.at(MARCH_20),
        )

    return run


def entries(session: Session) -> list[tuple[str, str, int, date]]:
    query = select(Entry).order_by(col(Entry.account_id), col(Entry.effective_on), col(Entry.id))
    return [(e.reference, e.kind.value, e.amount_minor, e.effective_on) for e in session.scalars(query)]


def balance(session: Session, on: date) -> int:
    """Of account A1 at the end of a day."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0))
        .join(Account, col(Account.id) == Entry.account_id)
        .where(col(Account.reference) == "A1", col(Entry.effective_on) <= on)
    )
    return int(session.scalar(query) or 0)


def test_the_first_position_opens_the_ledger_and_the_next_explains_what_changed(
    feed: Load, engine: Engine
) -> None:
    report = feed("A1,2026-03-01,1000.00,120.00,2026-01-20", "A2,2026-03-01,0,0,")
    assert (report.loaded, report.rejected) == (2, 0)
    feed("A1,2026-03-15,940.00,60.00,2026-02-20")
    with transaction(engine) as session:
        assert entries(session) == [
            ("position:A1:2026-03-01", "opening_balance", 100_000, MARCH_1),
            ("position:A1:2026-03-15", "adjustment", -6_000, MARCH_15),
        ]
        first = session.scalars(select(Position).order_by(col(Position.as_of))).first()
        assert first is not None
        assert (first.balance_minor, first.past_due_minor, first.oldest_due_on) == (
            100_000,
            12_000,
            date(2026, 1, 20),
        )
        changes = {c.account_id: c.earliest_on for c in session.scalars(select(LedgerChange))}
        assert list(changes.values()) == [MARCH_1, MARCH_1]


def test_a_payment_the_creditor_had_counted_already_is_not_counted_twice(feed: Load, engine: Engine) -> None:
    feed("A1,2026-03-01,1000.00,120.00,2026-01-20", "A1,2026-03-15,940.00,60.00,2026-02-20")
    feed(
        "P1,A1,2026-03-10,60.00,transfer",
        kind=FeedKind.PAYMENTS,
        header="payment_ref,account_ref,paid_on,amount,method",
    )
    feed(
        "P2,A1,2026-03-20,40.00,transfer",
        kind=FeedKind.PAYMENTS,
        header="payment_ref,account_ref,paid_on,amount,method",
    )
    with transaction(engine) as session:
        book = session.scalars(select(Portfolio)).one()
        ids = list(session.scalars(select(Account.id)))
        session.execute(sa.delete(LedgerChange))
        assert [row.difference for row in unreconciled(session, id_of(book))] == [6_000]
        assert list(reconcile_positions(session, book, ids, now=builders.NOW).values()) == [MARCH_15]
        assert reconcile_positions(session, book, ids, now=builders.NOW) == {}
        assert entries(session) == [
            ("position:A1:2026-03-01", "opening_balance", 100_000, MARCH_1),
            ("P1", "payment", -6_000, date(2026, 3, 10)),
            ("position:A1:2026-03-15", "adjustment", -6_000, MARCH_15),
            ("position:A1:2026-03-15:2", "adjustment", 6_000, MARCH_15),
            ("P2", "payment", -4_000, MARCH_20),
        ]
        assert [balance(session, on) for on in (MARCH_1, MARCH_15, MARCH_20)] == [100_000, 94_000, 90_000]


def test_an_older_position_that_comes_late_leaves_the_newer_balance_as_it_was(
    feed: Load, engine: Engine
) -> None:
    feed("A1,2026-03-15,940.00,0,")
    feed("A1,2026-03-01,1000.00,0,")
    with transaction(engine) as session:
        assert [balance(session, on) for on in (MARCH_1, MARCH_15)] == [100_000, 94_000]


def test_after_the_account_ended_here_a_reported_balance_does_not_revive_it(
    feed: Load, engine: Engine
) -> None:
    feed("A1,2026-03-01,1000.00,0,")
    with transaction(engine) as session:
        gone = session.scalars(select(Account).where(Account.reference == "A1")).one()
        post_entry(
            session, gone, EntryKind.WRITE_OFF, 100_000, effective_on=MARCH_15, posted_on=MARCH_15,
            reference="W1", by=Actor.user("ann"), now=builders.NOW,
        )  # fmt: skip
        gone.ended_on = MARCH_15
    feed("A1,2026-03-15,1000.00,0,", "A1,2026-03-20,1000.00,0,")
    with transaction(engine) as session:
        assert balance(session, MARCH_20) == 0


def test_the_same_position_again_changes_nothing_and_another_for_the_day_is_a_conflict(
    feed: Load, engine: Engine
) -> None:
    line = "A1,2026-03-01,1000.00,120.00,2026-01-20"
    first = feed(line, line, "A1,2026-03-01,999.00,120.00,2026-01-20")
    assert (first.loaded, first.unchanged, first.conflicts) == (1, 1, 1)
    again = feed(line, "A2,2026-03-01,5.00,0,")
    assert (again.loaded, again.unchanged, again.conflicts) == (1, 1, 0)
    assert first.rejects_file is not None
    assert "already loaded with another balance_minor" in Path(first.rejects_file).read_text()


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("A1,2026-03-01,10.00,-1.00,2026-01-20", "past_due_amount", "is negative"),
        ("A1,2026-03-01,10.00,1.00,", "oldest_due_on", "is not a date"),
        ("A1,2026-03-01,10.00,0,2026-01-20", "oldest_due_on", "nothing is past due"),
        ("A1,2026-03-01,10.00,1.00,2026-03-01", "oldest_due_on", "is not before as_of"),
        ("A9,2026-03-01,10.00,0,", "account_ref", "no such account"),
        ("A1,,10.00,0,", "as_of", "is not a date"),
    ],
)
def test_positions_that_make_no_sense_are_rejected_by_name(
    feed: Load, line: str, column: str, reason: str
) -> None:
    report = feed(line, "A2,2026-03-01,5.00,0,")
    assert (report.read, report.loaded, report.rejected) == (2, 1, 1)
    assert report.rejects_file is not None
    rejected = Path(report.rejects_file).read_text().splitlines()[1]
    assert rejected.startswith(f"2,{column},")
    assert reason in rejected


def test_positions_and_statements_exclude_each_other(feed: Load, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="takes past due from the creditor's positions"):
        feed(
            kind=FeedKind.STATEMENTS, header="statement_ref,account_ref,closing_on,due_on,balance,minimum_due"
        )
    with transaction(engine) as session:
        builders.portfolio(session, "LEDGER")
    path = tmp_path / "p.csv"
    path.write_text(HEADER + "\n")
    with pytest.raises(Invalid, match="Positions are for portfolios opened with --source reported"):
        load(
            engine,
            FeedKind.POSITIONS,
            path,
            "LEDGER",
            rejects_dir=tmp_path,
            by=Actor.user("ann"),
            now=builders.NOW,
        )
