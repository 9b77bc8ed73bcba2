"""The sample's feeds, dated up to yesterday and loaded day by day as any creditor's."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from app.actions.feeds.loads import load
from app.book.ledger.rules import FeedKind
from app.core.actor import SYSTEM
from app.core.settings import Settings

SAMPLE = Path(__file__).parent / "sample"
CODE = "FORMOSA"
DATED = {
    FeedKind.ACCOUNTS: ("opened_on",),
    FeedKind.STATEMENTS: ("closing_on", "due_on"),
    FeedKind.TRANSACTIONS: ("posted_on",),
    FeedKind.PAYMENTS: ("paid_on",),
    FeedKind.CONTACTS: ("noted_on",),
}


class SampleFeeds:
    """The sample's feeds with dates moved by `shift`, of the first `accounts` accounts, loaded as the days pass: what
    a day brought is known from the night after it on, as with any creditor."""

    def __init__(self, engine: Engine, settings: Settings, shift: timedelta, accounts: int) -> None:
        self.engine = engine
        self.folder = settings.print_dir.parent / "feeds"
        self.folder.mkdir(exist_ok=True)
        self.headers: dict[FeedKind, Sequence[str]] = {}
        self.waiting: dict[FeedKind, list[tuple[date, dict[str, str]]]] = {}
        chosen: set[str] = set()
        holders: set[str] = set()
        for kind in DATED:
            with gzip.open(SAMPLE / f"{kind.value}.csv.gz", "rt", encoding="utf-8", newline="") as source:
                reader = csv.DictReader(source)
                self.headers[kind] = reader.fieldnames or ()
                rows = self.waiting[kind] = []
                for row in reader:
                    if kind is FeedKind.ACCOUNTS and len(chosen) < accounts:
                        chosen.add(row["account_ref"])
                        holders.add(row["customer_ref"])
                    if row.get("account_ref") in chosen or (
                        kind is FeedKind.CONTACTS and row["customer_ref"] in holders
                    ):
                        rows.append((_move(row, DATED[kind], shift), row))

    def load_until(self, last: date, now: datetime) -> dict[FeedKind, int]:
        """Load the rows of days up to `last` that wait. Returns how many of each feed were loaded."""
        loaded = {}
        for kind, rows in self.waiting.items():
            due = [row for on, row in rows if on <= last]
            if not due:
                continue
            self.waiting[kind] = [(on, row) for on, row in rows if on > last]
            path = self.folder / f"{kind.value}-{last}.csv"
            with path.open("w", encoding="utf-8", newline="") as target:
                writer = csv.DictWriter(target, self.headers[kind])
                writer.writeheader()
                writer.writerows(due)
            report = load(self.engine, kind, path, CODE, rejects_dir=self.folder, by=SYSTEM, now=now)
            loaded[kind] = report.loaded
        return loaded


def _move(row: dict[str, str], columns: Sequence[str], shift: timedelta) -> date:
    """Move the row's dates; return the first of them, the day of the row."""
    for column in columns:
        row[column] = (date.fromisoformat(row[column]) + shift).isoformat()
    return date.fromisoformat(row[columns[0]])
