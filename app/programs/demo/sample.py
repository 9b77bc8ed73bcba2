"""The sample's feeds, dated up to yesterday and loaded as any creditor's."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from app.actions.feeds.loads import load
from app.book.ledger.rules import FeedKind
from app.core.actor import SYSTEM
from app.core.settings import Settings
from app.programs.demo.terminal import say

SAMPLE = Path(__file__).parent / "sample"
CODE = "FORMOSA"
DATED = {
    FeedKind.ACCOUNTS: ("opened_on",),
    FeedKind.STATEMENTS: ("closing_on", "due_on"),
    FeedKind.TRANSACTIONS: ("posted_on",),
    FeedKind.PAYMENTS: ("paid_on",),
    FeedKind.CONTACTS: ("noted_on",),
}


def load_sample(engine: Engine, settings: Settings, shift: timedelta, accounts: int, now: datetime) -> None:
    """Write the sample's feeds with shifted dates and load them like any creditor's."""
    folder = settings.print_dir.parent / "feeds"
    folder.mkdir(exist_ok=True)
    chosen: set[str] = set()
    holders: set[str] = set()
    for kind in DATED:
        path = folder / f"{kind.value}.csv"
        with (
            gzip.open(SAMPLE / f"{kind.value}.csv.gz", "rt", encoding="utf-8", newline="") as source,
            path.open("w", encoding="utf-8", newline="") as target,
        ):
            reader = csv.DictReader(source)
            writer = csv.DictWriter(target, reader.fieldnames or ())
            writer.writeheader()
            for row in reader:
                if kind is FeedKind.ACCOUNTS and len(chosen) < accounts:
                    chosen.add(row["account_ref"])
                    holders.add(row["customer_ref"])
                if row.get("account_ref") in chosen or (
                    kind is FeedKind.CONTACTS and row["customer_ref"] in holders
                ):
                    for column in DATED[kind]:
                        row[column] = (date.fromisoformat(row[column]) + shift).isoformat()
                    writer.writerow(row)
        report = load(engine, kind, path, CODE, rejects_dir=folder, by=SYSTEM, now=now)
        say(f"  {report.loaded:>6,} {kind.value} loaded")
