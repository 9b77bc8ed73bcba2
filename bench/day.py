"""Nightly work of a large portfolio on both databases: a business day, aging of a past day, refolding all accounts.

    python3 desk.py bench day                       1,000,000 accounts, 6 statements and 12 entries each; half an hour
    python3 desk.py bench day --accounts 100000
    python3 desk.py bench day --history             the cost of a ten times longer history, on a smaller portfolio
    python3 desk.py bench day --care                the same night with and without 100,000 open disputes, complaints
                                                    with holds and duties, on 125,000 accounts, most of them past due

All work goes through the product's own commands, each in a process of its own, so seconds and memory are those of an
operator. Limits: a day 60 s and 700 MB, of it aging 15 s; `desk aging` 10 s; refolding 180 s; a day on ten
times the history at most 1.3 times as long; a night with 100,000 of each at most 10 s longer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
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
    cpu_seconds: float
    """Of the command itself, without the database server's."""
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
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, usage.ru_maxrss // 1024, json.loads(printed) if printed.startswith("{") else {})


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


def prepare(url: str, accounts: int, statements: int, entries: int, stopped: int = 3) -> None:
    """Migrate, load the portfolio, close the day before the measured one, and load the measured day's files."""
    on = book.business_day()
    desk(url, "migrate")
    desk(
        url, "portfolio", "add", CODE, "--currency", book.CURRENCY, "--timezone", book.TIMEZONE,
        "--policy", book.PACK, "--contact-phone", "+442079460000", "--contact-email", "cards@bank.example",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as name:
        folder = Path(name)
        book.write_feeds(folder, accounts=accounts, statements=statements, entries=entries, stopped=stopped)
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


def measure_care(url: str, accounts: int, care: int) -> None:
    """The same two nights on two equal databases, one of them with open disputes, complaints and duties. The second is
    measured: in the first, all that came at once is looked at once."""
    from bench import _care

    on = book.business_day()
    prepare(url, accounts, 2, 4, stopped=88)
    other = copied(url)
    cases = _care.fill(other, on, care)
    print(f"    without them, {accounts:,} accounts", flush=True)
    bare, bare_stages, bare_server = second_night(url, on, accounts)
    print(f"    with a dispute, a complaint, its hold and a duty of {cases:,} cases", flush=True)
    run, stages, server = second_night(other, on, accounts)
    for name, seconds in stages.items():
        print(f"      {name:<12}{seconds - bare_stages[name]:>+8.2f} s")
    print(
        f"    CPU seconds: {bare.cpu_seconds:.1f} and of the server {bare_server:.1f} without,"
        f" {run.cpu_seconds:.1f} and {server:.1f} with them; memory {bare.peak_mb} and {run.peak_mb} MB"
    )
    limit = 10 * care / 100_000
    slower = sum(max(0.0, seconds - bare_stages[name]) for name, seconds in stages.items())
    verdict("a night longer by", run.seconds - bare.seconds, limit, "s")
    verdict("  stages that grew, by", slower, limit, "s")
    cpu = run.cpu_seconds + server - bare.cpu_seconds - bare_server
    verdict("  CPU", cpu, limit, "s")


def second_night(url: str, on: date, accounts: int) -> tuple[Run, dict[str, float], float]:
    """Close the day after `on`, and `on` before it: the run, its stages, and CPU seconds of the server."""
    next_day = on + timedelta(days=1)
    first = desk(url, "day", "--date", str(on), "--portfolio", CODE, "--json")
    print(f"      the night before took {first.seconds:.0f} s")
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder:
        book.write_night(Path(folder), next_day, accounts=accounts)
        load(url, Path(folder), ("payments", "statements"))
    before = server_cpu(url)
    run, stages = close(url, next_day)
    return run, stages, server_cpu(url) - before


def copied(url: str) -> str:
    """The URL of a copy of this database, beside it."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(path, path.with_name("care.db"))
        return f"sqlite:///{path.with_name('care.db')}"
    import psycopg

    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(url.replace(f"/{name}", "/postgres", 1), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_care" TEMPLATE "{name}" STRATEGY FILE_COPY'.encode())
    return url.replace(f"/{name}", f"/{name}_care", 1)


def server_cpu(url: str) -> float:
    """CPU seconds of the ended connections of the database's server; 0 for SQLite, which is in the command."""
    if url.startswith("sqlite"):
        return 0.0
    import psycopg

    with psycopg.connect(url) as connection:
        [folder] = connection.execute("SELECT current_setting('data_directory')").fetchone() or [""]
    pid = (Path(folder) / "postmaster.pid").read_text().splitlines()[0]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")  # those of children waited for


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
    parser.add_argument("--care", type=int, nargs="?", const=100_000, default=0)
    given = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    if given.history:
        compare_histories(given.only, given.accounts or 100_000)
        return
    accounts = given.accounts or (125_000 if given.care else 1_000_000)
    with databases(given.only) as urls:
        for name, url in urls.items():
            each = (2, 4) if given.care else (6, 12)
            print(
                f"  {name}, {accounts:,} accounts, {each[0]} statements and {each[1]} entries each",
                flush=True,
            )
            if given.care:
                measure_care(url, accounts, given.care)
            else:
                measure(url, accounts)


if __name__ == "__main__":
    main()
