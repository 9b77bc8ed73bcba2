"""Simulation of 30 days on a portfolio of 30,000 accounts, compared with the same days for real.

    python3 desk.py bench dryrun                        the synthetic portfolio, on SQLite
    python3 desk.py bench dryrun --compare              then the same days are closed for real, and the counts compared
    python3 desk.py bench dryrun --database postgresql --accounts 5000 --days 10
    python3 desk.py bench dryrun --feeds FOLDER --from 2005-08-26 --currency TWD --timezone Asia/Taipei --policy cn

The live strategy and a candidate run side by side, from the copy of the portfolio to the list of contacts. Limit: 120 s
for 30,000 accounts and 30 days.

FOLDER holds accounts, statements, transactions and payments as .csv or .csv.gz in our feed format. `--from` is the
first day of the simulation in the files' own dates; all dates are moved to the days of the synthetic portfolio, because
the rules of a pack have a first day.

The real days run like a worker process: the night closes the day, delivery rechecks messages at every full hour, and
each channel's sender accepts everything and sends nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import polars as pl  # noqa: E402
import sqlalchemy as sa  # noqa: E402
import structlog  # noqa: E402
from pydantic import SecretStr  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402

from app.actions.feeds.loads import load  # noqa: E402
from app.book.ledger.models import Account  # noqa: E402
from app.book.ledger.rules import FeedKind  # noqa: E402
from app.book.portfolios.models import Portfolio  # noqa: E402
from app.book.portfolios.rules import CollectorKind  # noqa: E402
from app.book.portfolios.service import add_portfolio, get_portfolio  # noqa: E402
from app.casework.cases.events import CallTaskCreated  # noqa: E402
from app.core.clock import FixedClock, local_date, local_instant  # noqa: E402
from app.core.database.engine import make_engine, reading, table_of, transaction  # noqa: E402
from app.core.kit.parallel import collect_garbage_seldom  # noqa: E402
from app.core.migration import schema  # noqa: E402
from app.core.settings import Settings  # noqa: E402
from app.core.timeline.models import Event  # noqa: E402
from app.core.vocabulary import Channel  # noqa: E402
from app.operations.day.closing import run_days  # noqa: E402
from app.operations.simulation.rules import StrategyResult, measures  # noqa: E402
from app.operations.simulation.service import Comparison, simulate  # noqa: E402
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting, ContactWithheld  # noqa: E402
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult  # noqa: E402
from app.outreach.outbox.events import ContactSent  # noqa: E402
from app.outreach.strategy.ladders import shipped_text  # noqa: E402
from app.programs.ports import (  # noqa: E402
    WorkerPorts,  # noqa: E402
    make_catalog,  # noqa: E402
)
from app.programs.worker import Worker  # noqa: E402
from bench import _book as book  # noqa: E402
from tests import postgres  # noqa: E402

FOLDER = ROOT / "var" / "bench" / "dryrun"
CODE = "DRY"
FIRST = book.business_day()
SECONDS_A_DAY = 120 / (30_000 * 30)
"""The limit for any size: so many seconds an account and day, but at least those that starting takes."""
SECONDS_TO_START = 20
DATED = {
    FeedKind.ACCOUNTS: ("opened_on",),
    FeedKind.STATEMENTS: ("closing_on", "due_on"),
    FeedKind.TRANSACTIONS: ("posted_on",),
    FeedKind.PAYMENTS: ("paid_on",),
}
"""The columns of each feed that are moved; the feeds in the order in which they are loaded."""
WORDS = {
    ContactCleared.KIND: "cleared",
    ContactWaiting.KIND: "waiting",
    ContactRefused.KIND: "refused",
    ContactWithheld.KIND: "withheld",
    ContactSent.KIND: "sent",
    CallTaskCreated.KIND: "call_task",
}


def main() -> None:
    told = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    settings = Settings(secret_key=SecretStr("s" * 40), public_url="https://desk.example.org")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with _database(told.database) as url:
        engine = make_engine(url)
        _prepare(engine, told, settings)
        found, passed = measure(engine, told.days, settings)
        if told.compare:
            passed &= compare(engine, found.live, told.days, settings)
        engine.dispose()
    shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(0 if passed else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench dryrun", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--accounts", type=int, default=30_000, help="of the synthetic portfolio")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--compare", action="store_true", help="live the days for real and compare the counts"
    )
    parser.add_argument("--feeds", type=Path, help="a portfolio of yours instead of the synthetic one")
    parser.add_argument("--from", dest="begins", type=date.fromisoformat, default=FIRST)
    parser.add_argument("--currency", default=book.CURRENCY)
    parser.add_argument("--timezone", default=book.TIMEZONE)
    parser.add_argument("--policy", default=book.PACK)
    return parser.parse_args()


def say(passed: bool, text: str) -> bool:
    print("PASS" if passed else "FAIL", text, flush=True)
    return passed


# --- the simulation -----------------------------------------------------------------------------------------------


def measure(engine: Engine, days: int, settings: Settings) -> tuple[Comparison, bool]:
    """Simulate both strategies; print their counts, and whether the limit holds."""
    with reading(engine) as session:
        accounts = session.scalar(sa.select(sa.func.count()).select_from(table_of(Account))) or 0
    candidate = shipped_text("standard").replace('channels = ["sms"]', 'channels = ["email"]', 1)
    started = time.perf_counter()
    found = simulate(
        engine, CODE, FIRST, FIRST + timedelta(days=days - 1), settings, candidate, progress=lambda _: None
    )
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.candidate is not None
    for side in (found.live, found.candidate):
        figures = measures(asdict(side))
        told = ", ".join(f"{name} {n:,}" for name, n in figures.items() if n)
        print(f"     {side.strategy}: {told}")
    limit = max(SECONDS_TO_START, SECONDS_A_DAY * accounts * days)
    what = f"{days} days of {accounts:,} accounts, two strategies: {seconds:.1f} s, at most {limit:.0f}"
    return found, say(seconds <= limit, f"{what} ({used.ru_utime + used.ru_stime:.0f} of the processors)")


# --- the days themselves --------------------------------------------------------------------------------------------


class Nobody:
    """Provider that accepts everything and sends nothing."""

    def send(self, dispatch: Dispatch) -> SendResult:
        return Accepted(f"nobody-{dispatch.attempt_id}")


def compare(engine: Engine, said: StrategyResult, days: int, settings: Settings) -> bool:
    """Close the days for real, and compare the recorded counts with those of the simulation."""
    with reading(engine) as session:
        portfolio = get_portfolio(session, CODE)
        last_event = session.scalar(sa.select(sa.func.max(table_of(Event).c.id))) or 0
    started = time.perf_counter()
    run_for_real(engine, portfolio, days, settings)
    contacts, rules = on_record(engine, portfolio, last_event)
    print(
        f"     really lived in {time.perf_counter() - started:.0f} s, {contacts.total():,} decisions and outcomes"
    )
    promised = Counter({tuple(row[:3]): row[3] for row in said.contacts})
    passed = _equal("by day, channel and decision", promised, contacts)
    promised = Counter({(rule, via, what): n for rule, _, via, what, n in said.rules})
    return _equal("by rule, channel and decision", promised, rules) and passed


def run_for_real(engine: Engine, portfolio: Portfolio, days: int, settings: Settings) -> None:
    """Run a worker's work from the evening before the first day on, one tick an hour."""
    clock = FixedClock(_night_after(FIRST - timedelta(days=1), portfolio, settings))
    senders = dict.fromkeys((Channel.SMS, Channel.EMAIL, Channel.POST), Nobody())
    worker = Worker(engine, WorkerPorts(clock, make_catalog(settings), senders), settings)
    ends = _night_after(FIRST + timedelta(days=days), portfolio, settings)
    clock.advance(timedelta(hours=1))
    while clock.now() < ends:
        worker.night()
        worker.deliver()
        clock.advance(timedelta(hours=1))


def _night_after(on: date, portfolio: Portfolio, settings: Settings) -> datetime:
    return local_instant(on + timedelta(days=1), settings.night_hour, 0, portfolio.timezone)


def on_record(engine: Engine, portfolio: Portfolio, after: int) -> tuple[Counter[Any], Counter[Any]]:
    """Count recorded decisions after an event, by (day, channel, decision) and (rule, channel, decision)."""
    contacts, rules = Counter[Any](), Counter[Any]()
    event = table_of(Event)
    query = sa.select(event.c.kind, event.c.at, event.c.channel, event.c.data).where(
        event.c.id > after, event.c.kind.in_(WORDS)
    )
    with reading(engine) as session:
        for kind, at, channel, data in session.execute(query.execution_options(yield_per=5000)):
            decision, via, told = WORDS[kind], channel.value if channel else "", json.loads(data)
            # A step counts on the day that its night closes, a delivery on its own day.
            day = local_date(at, portfolio.timezone) - timedelta(days="step" in told)
            contacts[day.isoformat(), via, decision] += 1
            for reason in told.get("reasons", []):
                rules[reason["rule"], via, decision] += 1
    return contacts, rules


def _equal(what: str, said: Counter[Any], came: Counter[Any]) -> bool:
    differing = {key: (said[key], came[key]) for key in said.keys() | came.keys() if said[key] != came[key]}
    for key, (promised, real) in sorted(differing.items())[:20]:
        print(f"     {' '.join(key)}: the simulation said {promised:,}, it came to {real:,}")
    return say(not differing, f"counts {what}: {len(said | came)} figures, {len(differing)} differ")


# --- the portfolio --------------------------------------------------------------------------------------------------


def _prepare(engine: Engine, told: argparse.Namespace, settings: Settings) -> None:
    """Load the portfolio and close the day before the first day."""
    schema.upgrade(engine)
    now = local_instant(FIRST, settings.night_hour, 0, told.timezone)
    with transaction(engine) as session:
        add_portfolio(
            session, CODE, creditor="Harbour Bank", currency=told.currency, timezone=told.timezone, pack=told.policy,
            collector=CollectorKind.FIRST_PARTY, contact_phone="+44 20 7946 0000",
            contact_email="cards@harbour.example", by="bench", now=now,
        )  # fmt: skip
    folder = told.feeds
    if folder is None:
        folder = FOLDER / "book"
        book.write_feeds(folder, accounts=told.accounts)
    for kind in DATED:
        path = FOLDER / f"{kind.value}.csv"
        _move(folder, kind, path, FIRST - told.begins)
        report = load(engine, kind, path, CODE, rejects_dir=FOLDER, by="bench", now=now)
        print(f"     loaded {report.loaded:>9,} {kind.value}, {report.rejected:,} rejected", flush=True)
        if report.rejected:
            sys.exit("Some rows of the portfolio were rejected. Check --currency.")
    collect_garbage_seldom()
    run_days(engine, CODE, FIRST - timedelta(days=1), make_catalog(settings), now=now)


def _move(folder: Path, kind: FeedKind, to: Path, by: timedelta) -> None:
    """Write a feed with its dates moved, and payments only as far as they were made: the future is refused."""
    packed = folder / f"{kind.value}.csv.gz"
    source = pl.read_csv(packed if packed.exists() else folder / f"{kind.value}.csv", infer_schema=False)
    moved = [pl.col(name).str.to_date().dt.offset_by(f"{by.days}d").cast(pl.String) for name in DATED[kind]]
    rows = source.with_columns(moved)
    if kind is FeedKind.PAYMENTS:
        rows = rows.filter(pl.col("paid_on") < FIRST.isoformat())
    rows.write_csv(to)


@contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{FOLDER}/desk.db"
        return
    big = postgres.AS_IN_PRODUCTION
    with postgres.running(f"dryrun{os.getpid()}", "main", lambda _url: None, big) as server:
        yield server.url(server.create(migrated=False))


if __name__ == "__main__":
    main()
