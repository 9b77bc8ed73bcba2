"""docs/ledger-stories.md, lived: real accounts of the shipped sample, the real loader, real nights, both databases."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.delinquency.history import as_known
from app.book.delinquency.queries import aging
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.operations.invariants.checks import thorough
from app.programs.demo.sample import SAMPLE
from tests import builders
from tests.paths import ROOT

PAGE = ROOT / "docs" / "ledger-stories.md"
ZONE = "Asia/Taipei"
FILES = (FeedKind.ACCOUNTS, FeedKind.STATEMENTS, FeedKind.TRANSACTIONS, FeedKind.PAYMENTS)

Row = dict[str, str]
Figures = tuple[int, int, int]
"""Balance, past due, days past due."""


@dataclass
class TimelineEntry:
    """One story of the page."""

    account: str
    ledger: list[tuple[str, ...]] = field(default_factory=list)
    figures: list[tuple[date, Figures, Figures]] = field(default_factory=list)
    """At the end of a day: before the news, and with it."""


def _date(text: str) -> date:
    return datetime.strptime(f"{text} 2005", "%d %b %Y").date()


def _words(iso: str) -> str:
    on = date.fromisoformat(iso)
    return f"{on.day} {on:%b}"


def _stories() -> Iterable[TimelineEntry]:
    told: TimelineEntry | None = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            told = TimelineEntry(line.rpartition(": ")[2])
            yield told
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if told is None or not cells or not cells[0][:1].isdigit():
            continue
        if len(cells) == 3:
            told.ledger.append(tuple(cells))
        else:
            balance, past_due, days, *now = map(int, cells[1:7])
            told.figures.append((_date(cells[0]), (balance, past_due, days), (now[0], now[1], now[2])))


STORIES = {story.account: story for story in list(_stories())}
BOUNCED, BACK_DATED, TWICE = "TW02596", "TW03751", "TW02701"


def shipped(kind: FeedKind, account: str) -> list[Row]:
    with gzip.open(SAMPLE / f"{kind.value}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["account_ref"] == account]


@pytest.mark.parametrize("account", [BOUNCED, BACK_DATED, TWICE])
def test_the_page_shows_what_the_files_hold(account: str) -> None:
    lines: list[tuple[str, str, int]] = []
    for row in shipped(FeedKind.TRANSACTIONS, account):
        what = f"{row['kind'].replace('_', ' ')} {row['amount']}"
        lines.append((row["posted_on"], what, int(row["amount"])))
    for row in shipped(FeedKind.PAYMENTS, account):
        lines.append((row["paid_on"], f"payment {row['amount']}", -int(row["amount"])))
    for row in shipped(FeedKind.STATEMENTS, account):
        what = f"statement: minimum {row['minimum_due']}, due {_words(row['due_on'])}"
        lines.append((row["closing_on"], what, 0))
    balance, found = 0, []
    for on, what, amount in sorted(lines):
        balance += amount
        found.append((_words(on), what, str(balance)))
    assert STORIES[account].ledger == found


class Life:
    """The files of one account, loaded as a creditor's and lived through night by night."""

    def __init__(self, engine: Engine, account: str, folder: Path) -> None:
        self.engine, self.account, self.folder = engine, account, folder
        self.told = STORIES[account]
        with transaction(engine) as session:
            builders.portfolio(session, currency="TWD", timezone=ZONE)

    def load_all(self, *, but_payment: str = "") -> None:
        for kind in FILES:
            rows = shipped(kind, self.account)
            report = self.load(kind, [row for row in rows if row.get("payment_ref") != but_payment])
            assert (report.rejected, report.conflicts) == (0, 0)

    def load(self, kind: FeedKind, rows: list[Row]) -> LoadReport:
        path = self.folder / f"{kind.value}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return load(
            self.engine,
            kind,
            path,
            builders.BOOK,
            rejects_dir=self.folder,
            by=Actor.user("builder"),
            now=builders.NOW,
        )

    def close_through(self, on: str) -> None:
        builders.close_day(self.engine, _date(on), now=builders.night_after(_date(on), ZONE))

    def stood(self, on: date, known_on: date | None = None) -> Figures:
        with transaction(self.engine) as session:
            book = get_portfolio(session, builders.BOOK)
            account = session.scalars(select(Account)).one()
            stands = as_known(session, book, id_of(account), on, known_on)
            total = aging(session, book, on)
            if known_on is None:
                found = (total.balance, total.past_due_amount, total.buckets[stands.bucket].accounts)
                assert found == (stands.balance, stands.past_due, 1), "the aging says otherwise"
            return stands.balance, stands.past_due, stands.days_past_due

    def assert_before_the_news(self) -> None:
        assert [(on, self.stood(on)) for on, _, _ in self.told.figures] == [
            (on, before) for on, before, _ in self.told.figures
        ]

    def assert_after_the_news(self, news_on: str) -> None:
        """Every day as the page has it now, and those before the news also as they were known then."""
        assert [(on, self.stood(on)) for on, _, _ in self.told.figures] == [
            (on, now) for on, _, now in self.told.figures
        ]
        eve = _date(news_on) - timedelta(days=1)
        past = [(on, before) for on, before, _ in self.told.figures if on <= eve]
        assert past
        assert [(on, self.stood(on, eve)) for on, _ in past] == past
        with transaction(self.engine) as session:
            assert thorough(session, get_portfolio(session, builders.BOOK)) == []


@pytest.fixture
def live(engine: Engine, tmp_path: Path) -> Callable[[str], Life]:
    return lambda account: Life(engine, account, tmp_path)


def test_a_payment_bounces(live: Callable[[str], Life]) -> None:
    life = live(BOUNCED)
    life.load_all()
    life.close_through("14 Jul")
    life.assert_before_the_news()
    with transaction(life.engine) as session:
        paid = session.scalars(select(Entry).where(Entry.reference == "TW02596-P07")).one()
        reverse_entry(
            session,
            paid,
            reason="returned by the bank",
            posted_on=_date("15 Jul"),
            by=Actor.user("builder"),
            now=builders.at(_date("15 Jul"), zone=ZONE),
        )
    life.close_through("15 Jul")
    life.close_through("21 Jul")
    life.assert_after_the_news("15 Jul")


def test_a_payment_comes_in_late_dated_back(live: Callable[[str], Life]) -> None:
    life = live(BACK_DATED)
    life.load_all(but_payment="TW03751-P06")
    life.close_through("20 Jun")
    life.close_through("24 Jun")
    life.assert_before_the_news()
    late = [row for row in shipped(FeedKind.PAYMENTS, BACK_DATED) if row["payment_ref"] == "TW03751-P06"]
    assert life.load(FeedKind.PAYMENTS, late).loaded == 1
    life.close_through("25 Jun")
    life.assert_after_the_news("25 Jun")


def test_the_same_file_twice(live: Callable[[str], Life]) -> None:
    life = live(TWICE)
    life.load_all()
    life.close_through("21 Jul")
    life.assert_before_the_news()
    payments = shipped(FeedKind.PAYMENTS, TWICE)
    again = life.load(FeedKind.PAYMENTS, payments)
    assert (again.read, again.loaded, again.unchanged) == (6, 0, 6)
    otherwise = life.load(FeedKind.PAYMENTS, payments[::-1])
    assert (otherwise.loaded, otherwise.unchanged, otherwise.conflicts) == (0, 6, 0)
    july = next(row for row in payments if row["payment_ref"] == "TW02701-P07")
    wrong = life.load(FeedKind.PAYMENTS, [{**july, "amount": "800"}])
    assert (wrong.loaded, wrong.unchanged, wrong.conflicts) == (0, 0, 1)
    life.close_through("22 Jul")
    life.assert_after_the_news("22 Jul")
    assert builders.count(life.engine, Entry) == 11
    assert builders.count(life.engine, DailyRun) == 2
