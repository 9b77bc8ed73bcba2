"""Nightly work of a large portfolio on both databases: a business day, aging of a past day, refolding all accounts.

    python3 desk.py bench day                       1,000,000 accounts, 6 statements and 12 entries each; half an hour
    python3 desk.py bench day --accounts 100000
    python3 desk.py bench day --history             the cost of a ten times longer history, on a smaller portfolio

All work goes through the product's own commands, each in a process of its own, so seconds and memory are those of an
operator. Limits: a day 60 s and 700 MB, of it aging 15 s; `desk aging` 10 s; refolding 180 s; a day on ten
times the history at most 1.3 times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import _book as book  # noqa: E402
from tests import postgres  # noqa: E402

CODE = "BIG"


@dataclass(frozen=True)
class Run:
    """Result of a successful command: seconds, peak memory in MB and output."""

    seconds: float
    peak_mb: int
    printed: dict[str, object]


def desk(url: str, *arguments: str) -> Run:
    """Run one command of the product in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DESK_DATABASE_URL": url,
        "DESK_SECRET_KEY": "measure" * 8,
        "DESK_ENV_FILE": os.devnull,
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app.programs", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"desk {' '.join(arguments)} failed: {printed}")
    seconds = time.perf_counter() - started
    return Run(seconds, usage.ru_maxrss // 1024, json.loads(printed) if printed.startswith("{") else {})


@contextmanager
def databases(only: str) -> Iterator[dict[str, str]]:
    """Fresh databases, by the name of their engine."""
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder:
        urls = {"SQLite": f"sqlite:///{folder}/desk.db"}
        if only == "sqlite":
            yield urls
            return
        big = postgres.AS_IN_PRODUCTION
        with postgres.running(f"bench{os.getpid()}", "main", lambda _url: None, big) as server:
            urls["PostgreSQL"] = server.url(server.create(migrated=False))
            yield urls if only == "both" else {"PostgreSQL": urls["PostgreSQL"]}


def prepare(url: str, accounts: int, statements: int, entries: int) -> None:
    """Migrate, load the portfolio, close the day before the measured one, and load the measured day's files."""
    on = book.business_day()
    desk(url, "migrate")
    desk(
        url, "portfolio", "add", CODE, "--currency", book.CURRENCY, "--timezone", book.TIMEZONE,
        "--policy", book.PACK, "--contact-phone", "+442079460000", "--contact-email", "cards@bank.example",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as name:
        folder = Path(name)
        book.write_feeds(folder, accounts=accounts, statements=statements, entries=entries)
        load(url, folder, ("accounts", "statements", "transactions", "payments"))
        first = desk(url, "day", "--date", str(on - timedelta(days=1)), "--portfolio", CODE, "--json")
        print(
            f"    the first night of all, which folds everything: {first.seconds:.0f} s, {first.peak_mb} MB"
        )
        book.write_night(folder / "night", on, accounts=accounts)
        load(url, folder / "night", ("payments", "statements"))


def load(url: str, folder: Path, kinds: Sequence[str]) -> None:
    for kind in kinds:
        run = desk(url, "feed", "load", kind, str(folder / f"{kind}.csv"), "--portfolio", CODE, "--json")
        print(
            f"    loaded {run.printed['loaded']:>10,} {kind:<13}{run.seconds:>7.1f} s {run.peak_mb:>5} MB",
            flush=True,
        )


def close(url: str, on: date) -> tuple[Run, dict[str, float]]:
    run = desk(url, "day", "--date", str(on), "--portfolio", CODE, "--json")
    stages = run.printed["portfolios"][CODE]["stages"]  # type: ignore[index]
    for stage in stages:
        counts = ", ".join(f"{name} {n:,}" for name, n in stage["counts"].items())
        print(f"      {stage['name']:<12}{stage['seconds']:>7.2f} s  {counts}")
    return run, {stage["name"]: stage["seconds"] for stage in stages}


def verdict(what: str, figure: float, limit: float, unit: str) -> None:
    word = "ok" if figure <= limit else "TOO MUCH"
    print(
        f"    {what:<44}{figure:>9.1f} {unit:<4} limit {limit:>5.0f}  ratio {figure / limit:.2f}  {word}",
        flush=True,
    )


def measure(url: str, accounts: int) -> None:
    on = book.business_day()
    prepare(url, accounts, 6, 12)
    run, stages = close(url, on)
    scale = accounts / 1_000_000
    verdict("a business day", run.seconds, 60 * scale, "s")
    verdict("  of it aging", stages["age"], 15 * scale, "s")
    verdict("  memory", run.peak_mb, 700, "MB")
    for back in (0, 1, 45, 150):
        asked = desk(url, "aging", "--date", str(on - timedelta(days=back)), "--portfolio", CODE, "--json")
        verdict(f"desk aging, {back} days back", asked.seconds, 10 * scale, "s")
    verdict("refolding all", refold_all(url), 180 * scale, "s")


def refold_all(url: str) -> float:
    """Return the seconds of the invariant that folds every account anew and compares it with its state."""
    from app.book.portfolios.service import get_portfolio
    from app.core.database.engine import make_engine, reading
    from app.core.kit.parallel import collect_garbage_seldom
    from app.operations.invariants.delinquency import refolding_gives_the_same

    collect_garbage_seldom()  # as `desk invariants` does
    started = time.perf_counter()
    with reading(make_engine(url)) as session:
        wrong = list(refolding_gives_the_same(session, get_portfolio(session, CODE)))
    if wrong:
        raise SystemExit("\n".join(wrong[:10]))
    return time.perf_counter() - started


def compare_histories(only: str, accounts: int) -> None:
    seconds: dict[tuple[str, int], float] = {}
    for longer in (1, 10):
        with databases(only) as urls:
            for name, url in urls.items():
                print(f"  {name}, {accounts:,} accounts, {6 * longer} statements, {12 * longer} entries each")
                prepare(url, accounts, 6 * longer, 12 * longer)
                seconds[name, longer] = close(url, book.business_day())[0].seconds
    for name in {name for name, _ in seconds}:
        ratio = seconds[name, 10] / seconds[name, 1]
        word = "ok" if ratio <= 1.3 else "TOO MUCH"
        print(f"  {name}: ten times the history costs {ratio:.2f} times as much, limit 1.30  {word}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=0)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--history", action="store_true")
    given = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    if given.history:
        compare_histories(given.only, given.accounts or 100_000)
        return
    accounts = given.accounts or 1_000_000
    with databases(given.only) as urls:
        for name, url in urls.items():
            print(f"  {name}, {accounts:,} accounts, 6 statements and 12 entries each", flush=True)
            measure(url, accounts)


if __name__ == "__main__":
    main()
