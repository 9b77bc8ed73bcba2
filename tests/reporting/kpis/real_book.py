"""A real portfolio lived month by month: what nights store, against what the feed files give."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from app.actions.feeds.loads import load
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.operations.day.stages import age, measure
from app.operations.day.work import Day
from app.reporting.kpis.definitions.roll_forward import LINES
from app.reporting.kpis.queries import bucket_flows, latest_versions
from tests import builders
from tests.reporting.kpis.from_files import Pairs, figures_on, read_cards

ZONE = "Asia/Taipei"
FILES = (FeedKind.ACCOUNTS, FeedKind.STATEMENTS, FeedKind.TRANSACTIONS, FeedKind.PAYMENTS)
BEGUN = date(2005, 3, 1)
"""Before the first entry; the figures of 30 days need a month before April."""
NIGHTS = [
    date(2005, month, 1) + timedelta(days=days)
    for month, days in ((4, 29), (5, 30), (6, 29), (7, 30), (8, 30))
]
NIGHTS.append(date(2005, 9, 8))
"""Month ends, and a day on which cures of three months before are looked at: money comes from the 3rd to the 18th."""
COMPARED = ("", "bucket", "product", "placement", "move", "us_ffiec", "cn_card", "cn_general", "in_rbi")


def compared(engine: Engine, folder: Path, rejects: Path) -> Iterator[tuple[date, Pairs, list[str]]]:
    """Load the files of a folder into an empty database and live through its nights: each with the figures that the
    files give, and those that are stored otherwise."""
    with transaction(engine) as session:
        builders.portfolio(session, currency="TWD", timezone=ZONE)
    for kind in FILES:
        report = load(
            engine, kind, folder / f"{kind.value}.csv.gz", builders.BOOK, rejects_dir=rejects,
            by=Actor.user("builder"), now=builders.NOW,
        )  # fmt: skip
        assert (report.rejected, report.conflicts) == (0, 0)
    cards = read_cards(folder, BEGUN, NIGHTS[-1])
    for on in NIGHTS:
        _night(engine, on)
        wanted = figures_on(cards, on)
        yield on, wanted, _differences(_stored(engine, on, {kpi for kpi, _, _ in wanted}), wanted)


def _night(engine: Engine, on: date) -> None:
    """The stages that figures of accounts are made by: aging and measuring."""
    now = builders.night_after(on, ZONE)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        session.add(DailyRun(portfolio_id=id_of(book), business_date=on, started_at=now, finished_at=now))
        session.expunge(book)
    day = Day(engine, book, on, now, builders.catalog(), now)
    age(day)
    measure(day)


def _stored(engine: Engine, on: date, kpis: set[str]) -> Pairs:
    with reading(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        found = {
            (kpi, dimension, member): (numerator, denominator)
            for (kpi, dimension, member), (_, numerator, denominator) in latest_versions(
                session, id_of(book), on
            ).items()
            if kpi in kpis
        }
        for bucket, flow in bucket_flows(session, book, on).items():
            assert flow.closes, (on, bucket)
            for line in LINES:
                found[f"roll_forward_{line}", "bucket", bucket] = (getattr(flow, line),) * 2
    return found


def _differences(stored: Pairs, wanted: Pairs) -> list[str]:
    """Figures that differ; where the files' figures name a dimension of a figure, all its members are compared."""
    named = {(kpi, dimension) for kpi, dimension, _ in wanted}
    keys = {key for key in stored if key[:2] in named and key[1] in COMPARED} | {
        key
        for key, pair in wanted.items()
        if any(pair) and not (key[0].startswith("roll_forward") and not key[1])
    }
    return [
        f"{key}: {stored.get(key, (0, 0))} is stored, the files give {wanted.get(key, (0, 0))}"
        for key in sorted(keys)
        if stored.get(key, (0, 0)) != wanted.get(key, (0, 0))
    ]
