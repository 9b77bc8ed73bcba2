"""Gate: answers a second, and contacts planned, cleared, rendered, queued and recorded a second.

    python3 desk.py bench gate                       on SQLite and on PostgreSQL
    python3 desk.py bench gate --contacts 20000 --databases sqlite

- review:  `review` alone on one core, for customers with 30 days of history at many instants, under two packs.
- night:   the contacts stage of `desk day` for as many cases whose first reminder, an SMS, is due that night:
           strategy, gate, rendering, the message in the outbox, the next step of the case, the answer in the
           hash-chained record, and its request beside it. Every contact is cleared.
- insert:  in the same run, one bare INSERT ... SELECT of the rows that the night wrote (contact, message, event,
           request) into empty tables of the same shape, with their keys and indexes. The messages alone, into a table
           without keys and indexes, are printed beside it.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import polars as pl  # noqa: E402
import sqlalchemy as sa  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402

from app.actions.feeds.loads import load  # noqa: E402
from app.book.ledger.rules import FeedKind  # noqa: E402
from app.book.portfolios.rules import CollectorKind  # noqa: E402
from app.book.portfolios.service import add_portfolio  # noqa: E402
from app.casework.contacts.models import PlannedContact  # noqa: E402
from app.core.clock import local_instant  # noqa: E402
from app.core.database.engine import make_engine, reading, table_of, transaction  # noqa: E402
from app.core.kit.parallel import collect_garbage_seldom  # noqa: E402
from app.core.migration import schema  # noqa: E402
from app.core.timeline.models import DecisionFacts, Event  # noqa: E402
from app.core.vocabulary import Channel, Purpose  # noqa: E402
from app.operations.day.stages import age, contact, work_cases  # noqa: E402
from app.operations.day.work import Day  # noqa: E402
from app.outreach.gate.events import ContactCleared  # noqa: E402
from app.outreach.letters.catalog import load_letters  # noqa: E402
from app.outreach.outbox.models import OutboxMessage  # noqa: E402
from app.outreach.planning.letterhead import LetterCatalog  # noqa: E402
from app.outreach.planning.links import LinkSigner  # noqa: E402
from app.policy.composition import stack  # noqa: E402
from app.policy.facts import Contact, ContactResult, Facts, PastContact  # noqa: E402
from app.policy.packfile import shipped_packs  # noqa: E402
from app.policy.review import review  # noqa: E402
from tests import postgres  # noqa: E402

FOLDER = ROOT / "var" / "bench" / "gate"
ON = date(2026, 6, 15)
REVIEWS_A_SECOND = 20_000
CONTACTS_A_SECOND = 5_000
SHARE_OF_INSERT = 0.1
REVIEWS = 20_000
PACKS = {"us-third-party": "America/New_York", "uk": "Europe/London"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench gate", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--contacts", type=int, default=50_000)
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"]
    )
    told = parser.parse_args()
    passed = [measure_reviews(pack) for pack in PACKS]
    for name in told.databases:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        with _database(name) as url:
            passed.append(measure_night(name, url, told.contacts))
    sys.exit(0 if all(passed) else 1)


def say(passed: bool, text: str) -> bool:
    print("PASS" if passed else "FAIL", text, flush=True)
    return passed


# --- review ---------------------------------------------------------------------------------------------------


def measure_reviews(code: str) -> bool:
    """Review contacts over a whole week, by day and by night, of customers with up to nine in the last 30 days."""
    pack = stack([shipped_packs()[code]])
    dice = random.Random(7305)  # noqa: S311 - synthetic data
    start = datetime(2026, 6, 15, tzinfo=UTC)
    questions = []
    for _ in range(REVIEWS):
        at = start + timedelta(minutes=dice.randrange(7 * 24 * 60))
        channel = dice.choice(list(Channel))
        facts = Facts((PACKS[code],), consent={channel: True}, history=tuple(_history(dice, at)))
        contact = Contact(
            channel, Purpose.REMINDER, "anna@example.org" if channel is Channel.EMAIL else "+1555"
        )
        questions.append((contact, facts, at))
    started = time.process_time()
    clear = sum(
        type(review(*question[:2], pack, question[2])).__name__ == "Clearance" for question in questions
    )
    rate = REVIEWS / (time.process_time() - started)
    what = f"review under {pack.label}: {rate:,.0f} a second on one core, at least {REVIEWS_A_SECOND:,}"
    return say(rate >= REVIEWS_A_SECOND, f"{what} ({clear / REVIEWS:.0%} cleared)")


def _history(dice: random.Random, at: datetime) -> Iterator[PastContact]:
    times = sorted(at - timedelta(minutes=dice.randrange(1, 30 * 24 * 60)) for _ in range(dice.randrange(10)))
    for when in times:
        channel = dice.choice([Channel.SMS, Channel.EMAIL, Channel.CALL])
        yield PastContact(when, channel, dice.choice(list(ContactResult)), "+1555")


# --- a night --------------------------------------------------------------------------------------------------


def measure_night(name: str, url: str, contacts: int) -> bool:
    engine = make_engine(url)
    day = _evening(engine, contacts)
    collect_garbage_seldom()  # as `desk day` does
    started = time.perf_counter()
    counts = contact(day)
    seconds = time.perf_counter() - started
    assert counts["cleared"] == contacts, counts
    _assert_on_record(engine, contacts)
    alone, insert = _bare_heap(engine, contacts), _bare_insert(engine, contacts)
    rate, bare = contacts / seconds, contacts / insert
    first = say(
        rate >= CONTACTS_A_SECOND,
        f"night on {name}: {contacts:,} contacts in {seconds:.1f} s, {rate:,.0f} a second, "
        f"at least {CONTACTS_A_SECOND:,}",
    )
    share = say(
        rate >= bare * SHARE_OF_INSERT,
        f"night on {name}: {rate / bare:.2f} of bare INSERT ... SELECT of the same rows ({bare:,.0f} contacts a "
        f"second), at least {SHARE_OF_INSERT}; {rate * alone / contacts:.2f} of the messages alone without indexes",
    )
    engine.dispose()
    return first and share


def _assert_on_record(engine: Engine, contacts: int) -> None:
    event = table_of(Event)
    with reading(engine) as session:
        count = sa.select(sa.func.count())
        cleared = session.scalar(count.select_from(event).where(event.c.kind == ContactCleared.KIND))
        queued = session.scalar(count.select_from(table_of(OutboxMessage)))
        kept = session.scalar(count.select_from(table_of(DecisionFacts)))
    assert cleared == queued == kept == contacts, (cleared, queued, kept)


def _bare_insert(engine: Engine, contacts: int) -> float:
    """Return the seconds for the rows of all four tables."""
    event = Event.__tablename__
    written = {
        PlannedContact.__tablename__: "", OutboxMessage.__tablename__: "", DecisionFacts.__tablename__: "", event: "",
    }  # fmt: skip
    written[event] = f" WHERE kind = '{ContactCleared.KIND}'"
    for table in written:
        _same_shape(engine, table)
    started = time.perf_counter()
    with engine.begin() as connection:
        for table, which in written.items():
            done = connection.exec_driver_sql(f"INSERT INTO bare_{table} SELECT * FROM {table}{which}")  # noqa: S608
            assert done.rowcount == contacts
    return time.perf_counter() - started


def _same_shape(engine: Engine, table: str) -> None:
    """Create an empty bare_`table` with the constraints and indexes of `table`."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
            return
        query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL"
        for (text,) in connection.exec_driver_sql(query, (table,)).all():
            text = re.sub(rf"\b{table}\b", f"bare_{table}", text)
            connection.exec_driver_sql(re.sub(r"INDEX (\w+)", r"INDEX bare_\1", text))


def _bare_heap(engine: Engine, contacts: int) -> float:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bare AS SELECT * FROM outbox_message WHERE 1 = 0")
    started = time.perf_counter()
    with engine.begin() as connection:
        done = connection.exec_driver_sql("INSERT INTO bare SELECT * FROM outbox_message")
    seconds = time.perf_counter() - started
    assert done.rowcount == contacts
    return seconds


def _evening(engine: Engine, count: int) -> Day:
    """Make a portfolio of `count` cardholders, one account each, 3 to 8 days late; aged, and with open cases."""
    schema.upgrade(engine)
    zone = PACKS["uk"]
    now = local_instant(ON + timedelta(days=1), 2, 30, zone)
    with transaction(engine) as session:
        portfolio = add_portfolio(
            session, "GATE", creditor="Harbour Bank", currency="GBP", timezone=zone, pack="uk",
            collector=CollectorKind.FIRST_PARTY, contact_phone="+44 20 7946 0000",
            contact_email="cards@harbour.example", by="bench", now=now,
        )  # fmt: skip
    _load_book(engine, count, zone, now)
    catalog = LetterCatalog(load_letters(ROOT / "letters"), LinkSigner("https://desk.example.org", "s" * 40))
    day = Day(engine, portfolio, ON, now, catalog, now)
    age(day)
    work_cases(day)
    return day


def _load_book(engine: Engine, count: int, zone: str, now: datetime) -> None:
    n = pl.int_range(count, eager=True).alias("n")
    number = n.cast(pl.String)
    reference = "A" + number
    due_on = pl.Series([ON - timedelta(days=3 + i % 6) for i in range(count)])
    closing_on = pl.Series([on - timedelta(days=25) for on in due_on])
    amount = (2_500 + n % 40_000).cast(pl.String).str.replace(r"(\d\d)$", ".$1")
    frames = {
        FeedKind.ACCOUNTS: {
            "account_ref": reference, "customer_ref": "C" + number, "full_name": "Robin Example " + number,
            "language": "en", "country": "GB", "timezone": zone, "address_line1": number + " Harbour Road",
            "city": "Leeds", "postcode": "LS1 4AP", "mobile": "+447" + (400_000_000 + n).cast(pl.String),
            "email": "robin" + number + "@example.org", "card_last4": (n % 10_000).cast(pl.String).str.zfill(4),
            "product": "Classic", "currency": "GBP", "credit_limit": "3000.00", "apr": "0.2290",
            "opened_on": "2020-05-04",
        },
        FeedKind.STATEMENTS: {
            "statement_ref": "S" + number, "account_ref": reference, "closing_on": closing_on, "due_on": due_on,
            "balance": amount, "minimum_due": amount,
        },
        FeedKind.TRANSACTIONS: {
            "transaction_ref": "T" + number, "account_ref": reference, "posted_on": closing_on, "kind": "purchase",
            "amount": amount, "description": "card purchase",
        },
    }  # fmt: skip
    for kind, columns in frames.items():
        path = FOLDER / f"{kind.value}.csv"
        given = [pl.lit(text).alias(name) for name, text in columns.items() if isinstance(text, str)]
        told = {name: values for name, values in columns.items() if not isinstance(values, str)}
        pl.DataFrame(told).with_columns(given).write_csv(path)
        report = load(engine, kind, path, "GATE", rejects_dir=FOLDER, by="bench", now=now)
        assert report.loaded == count, report


# --- databases ------------------------------------------------------------------------------------------------


@contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{FOLDER}/desk.db"
        return
    with postgres.running(
        f"gate{os.getpid()}", "main", lambda _url: None, postgres.AS_IN_PRODUCTION
    ) as server:
        yield server.url(server.create(migrated=False))


if __name__ == "__main__":
    main()
