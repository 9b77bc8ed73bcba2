"""Loading a creditor's files, validated and with a rejects file, against plain bulk inserts.

The reference is the same rows into the same migrated tables in the same run: with ids already resolved, table-shaped
and unchecked, by `COPY` on PostgreSQL and by `csv.reader` and `executemany` on SQLite. Ours reads the feed files, each
in a process of its own, and prints its peak memory. One row in a hundred thousand is bad and rejected.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import polars as pl  # noqa: E402
import psycopg  # noqa: E402

from app.actions.feeds.loads import load  # noqa: E402
from app.book.ledger.rules import FeedKind  # noqa: E402
from app.book.portfolios.rules import CollectorKind  # noqa: E402
from app.book.portfolios.service import add_portfolio  # noqa: E402
from app.core.actor import SYSTEM  # noqa: E402
from app.core.database.engine import make_engine, transaction  # noqa: E402
from app.core.migration import schema  # noqa: E402
from bench import _book as book  # noqa: E402
from tests import postgres  # noqa: E402

NOW = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
LIMIT = 1.3
MAX_RSS_MB = 600
PARTS = {
    "accounts": ("accounts",),
    "statements": ("statements",),
    "entries": ("transactions", "payments"),
}
"""What is measured -> the feeds it consists of."""
TABLES = {"accounts": ("customer", "account"), "statements": ("statement",), "entries": ("ledger_entry",)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench feed", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], help="one of them only")
    parser.add_argument("--load", nargs=3, metavar=("URL", "KIND", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        _load(*given.load)
        return
    folder = ROOT / "var" / "bench" / "feed"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        rows = _write_files(folder, given.accounts)
        for engine in [given.engine] if given.engine else ["sqlite", "postgresql"]:
            _measure(engine, folder, rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(engine: str, folder: Path, rows: dict[str, int]) -> None:
    with _database(engine, folder, "raw") as url:
        raw = _raw(url, folder)
    with _database(engine, folder, "ours") as url:
        ours = {part: [_in_a_process(url, kind, folder) for kind in kinds] for part, kinds in PARTS.items()}
    reference = "COPY" if engine == "postgresql" else "executemany"
    print(f"\n{engine:12} {'rows':>12} {reference:>12} {'ours':>9} {'rows/s':>9} {'ratio':>6} {'peak MB':>8}")
    seconds = {part: sum(run["seconds"] for run in runs) for part, runs in ours.items()}
    peak = {part: max(run["peak_mb"] for run in runs) for part, runs in ours.items()}
    for part in PARTS:
        _line(part, rows[part], raw[part], seconds[part], peak[part])
    total, reference_total = sum(seconds.values()), sum(raw.values())
    _line("total", sum(rows.values()), reference_total, total, max(peak.values()))
    rejected = sum(run["rejected"] for runs in ours.values() for run in runs)
    passed = total <= LIMIT * reference_total and max(peak.values()) < MAX_RSS_MB
    print(
        f"{'PASS' if passed else 'FAIL'}: at most {LIMIT} times {reference}, under {MAX_RSS_MB} MB; {rejected} rejects"
    )


def _line(part: str, rows: int, raw: float, ours: float, peak: float) -> None:
    print(f"{part:12} {rows:12,} {raw:11.1f}s {ours:8.1f}s {rows / ours:9,.0f} {ours / raw:6.2f} {peak:8.0f}")


# --- ours -----------------------------------------------------------------------------------------------------


def _in_a_process(url: str, kind: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--load", url, kind, str(folder / f"{kind}.csv")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def _load(url: str, kind: str, file: str) -> None:
    engine = make_engine(url)
    start = time.perf_counter()
    report = load(
        engine,
        FeedKind(kind),
        Path(file),
        "BENCH",
        rejects_dir=Path(file).parent / "rejects",
        by=SYSTEM,
        now=NOW,
    )
    seconds = time.perf_counter() - start
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rejected": report.rejected}))


# --- the reference --------------------------------------------------------------------------------------------


def _raw(url: str, folder: Path) -> dict[str, float]:
    """Return the seconds of each part."""
    seconds = {}
    for part, tables in TABLES.items():
        start = time.perf_counter()
        for table in tables:
            file = folder / "raw" / f"{table}.csv"
            if url.startswith("sqlite"):
                _executemany(url.removeprefix("sqlite:///"), table, file)
            else:
                _copy(url, table, file)
        seconds[part] = time.perf_counter() - start
    return seconds


def _copy(url: str, table: str, file: Path) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor, file.open("rb") as handle:
        names = handle.readline().decode()
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)".encode()) as copy:
            while chunk := handle.read(1 << 20):
                copy.write(chunk)


def _executemany(path: str, table: str, file: Path) -> None:
    """Insert with the pragmas of our own connections, in one transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    with file.open(encoding="utf-8", newline="") as handle:
        rows = csv.reader(handle)
        names = next(rows)
        marks = ", ".join("?" * len(names))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        connection.execute("COMMIT")
    connection.close()


# --- set-up ---------------------------------------------------------------------------------------------------


class _database:  # noqa: N801 - used as a function
    """Yield the URL of a migrated database with one portfolio, removed at the end of the block."""

    def __init__(self, engine: str, folder: Path, name: str) -> None:
        self._engine, self._path = engine, folder / f"{name}.db"

    def __enter__(self) -> str:
        if self._engine == "sqlite":
            url = f"sqlite:///{self._path}"
        else:
            self._running = postgres.running(
                "bench-feed", "main", lambda _url: None, postgres.AS_IN_PRODUCTION
            )
            server = self._running.__enter__()
            url = server.url(server.create(migrated=False))
        engine = make_engine(url)
        schema.upgrade(engine)
        with transaction(engine) as session:
            add_portfolio(
                session,
                "BENCH",
                creditor="Harbour Bank",
                currency=book.CURRENCY,
                timezone=book.TIMEZONE,
                pack=book.PACK,
                collector=CollectorKind.FIRST_PARTY,
                by=SYSTEM,
                now=NOW,
            )
        engine.dispose()
        return url

    def __exit__(self, *error: object) -> None:
        if self._engine == "sqlite":
            for path in self._path.parent.glob(f"{self._path.name}*"):
                path.unlink()
        else:
            self._running.__exit__(None, None, None)


def _write_files(folder: Path, accounts: int) -> dict[str, int]:
    """Write the feeds and, under raw/, the same rows in the form of the tables; return the rows by part."""
    book.write_feeds(folder, accounts=accounts, statements=6, entries=12)
    (folder / "raw").mkdir()
    ids = pl.scan_csv(folder / "accounts.csv", infer_schema=False).select("account_ref")
    ids = ids.with_row_index("account_id", offset=1)
    for table, frame in _tables(folder, ids):
        frame.sink_csv(folder / "raw" / f"{table}.csv")
    for kind in ("accounts", "statements", "transactions", "payments"):
        _spoil(folder / f"{kind}.csv", accounts // 100_000 + 1)
    return {
        part: sum(_lines(folder / f"{kind}.csv") for kind in kinds) - len(kinds)
        for part, kinds in PARTS.items()
    }


def _tables(folder: Path, ids: pl.LazyFrame) -> Iterator[tuple[str, pl.LazyFrame]]:
    feeds = {
        kind: pl.scan_csv(folder / f"{kind}.csv", infer_schema=False)
        for kind in ("accounts", "statements", "transactions", "payments")
    }
    portfolio = pl.lit(1).alias("portfolio_id")
    accounts = feeds["accounts"].with_row_index("id", offset=1)
    people = (
        "full_name",
        "language",
        "country",
        "timezone",
        "address_line1",
        "city",
        "postcode",
        "mobile",
        "email",
    )
    empty = [pl.lit("").alias(name) for name in ("region", "address_line2")]
    yield (
        "customer",
        accounts.select("id", portfolio, pl.col("customer_ref").alias("reference"), *people, *empty),
    )
    yield (
        "account",
        accounts.select(
            portfolio,
            pl.col("id").alias("customer_id"),
            pl.col("account_ref").alias("reference"),
            "card_last4",
            "product",
            _minor("credit_limit"),
            pl.lit(229_000).alias("apr_millionths"),
            "opened_on",
            pl.lit("active").alias("status"),
        ),
    )
    yield (
        "statement",
        feeds["statements"]
        .join(ids, on="account_ref", maintain_order="left")
        .select(
            portfolio,
            "account_id",
            pl.col("statement_ref").alias("reference"),
            "closing_on",
            "due_on",
            _minor("balance"),
            _minor("minimum_due"),
            pl.col("closing_on").alias("posted_on"),
        ),
    )
    entries = [
        feed.join(ids, on="account_ref", maintain_order="left").select(
            portfolio,
            "account_id",
            kind,
            (_minor("amount") * sign).alias("amount_minor"),
            pl.col(on).alias("effective_on"),
            pl.col(on).alias("posted_on"),
            pl.col(reference).alias("reference"),
            pl.lit(f"feed:{name}").alias("source"),
            pl.col(description).alias("description"),
            pl.lit("2026-09-01 06:00:00.000000").alias("created_at"),
        )
        for name, feed, kind, sign, on, reference, description in (
            (
                "transactions",
                feeds["transactions"],
                pl.col("kind"),
                1,
                "posted_on",
                "transaction_ref",
                "description",
            ),
            (
                "payments",
                feeds["payments"],
                pl.lit("payment").alias("kind"),
                -1,
                "paid_on",
                "payment_ref",
                "method",
            ),
        )
    ]
    yield "ledger_entry", pl.concat(entries)


def _minor(column: str) -> pl.Expr:
    return (pl.col(column).cast(pl.Float64) * 100).round().cast(pl.Int64).alias(f"{column}_minor")


def _spoil(file: Path, rows: int) -> None:
    """Append invalid rows."""
    with file.open("r+b") as handle:
        width = handle.readline().count(b",")
        handle.seek(0, 2)
        handle.write((b"?" + b"," * width + b"\n") * rows)


def _lines(file: Path) -> int:
    with file.open("rb") as handle:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 20), b""))


if __name__ == "__main__":
    main()
