"""Pages of a large portfolio, read by 16 connections at once, on both databases.

    python3 desk.py bench pages                           1,000,000 accounts; the first run builds them (see below)
    python3 desk.py bench pages --accounts 100000 --only sqlite --pages case,worklist
    python3 desk.py bench pages --only postgresql --pages drilldown --processes 2

One uvicorn process on one core answers over HTTP, as `desk serve` does; the client has the other core. Of several
processes each has a core, and an equal share of the connections; so has the reference. Each request
is signed in. Beside requests a second: the 99th percentile in milliseconds, SQL statements and bytes of one request.
The reference is read in the same run: the same customer's page by six queries of SQLModel entities and one template,
which does nothing else.

Databases are built once and kept in `--folder` (var/bench); `--fresh` builds them anew.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import _pages_book as book  # noqa: E402

CONNECTIONS = 16

KB = 1000
WARM_UP = 3
"""Seconds: PostgreSQL plans a statement anew for each connection until it has run ten times."""


@dataclass(frozen=True)
class Limits:
    """What a page must reach. `alone` is the time of one request, in milliseconds, without others beside it."""

    rate: float = 0
    p99: float = 0
    statements: int = 0
    alone: float = 0
    size: int = 60 * KB


@dataclass(frozen=True)
class Measured:
    page: str
    rate: float
    p50: float
    p99: float
    alone: float
    """95th percentile of single requests."""
    statements: float
    size: int


LIMITS = {
    "case": Limits(rate=150, p99=150, statements=12),
    "worklist": Limits(rate=100, size=0),
    "dashboard": Limits(alone=200),
    "search": Limits(alone=100, size=0),
    "drilldown": Limits(alone=100, size=0),
}


# --- a client -----------------------------------------------------------------------------------------------------


class Connection:
    """A kept-alive connection that reads pages."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def get(self, path: str, *, ok: Sequence[int] = (200,)) -> bytes:
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: desk_session={self.cookie}\r\n\r\n"
        self.writer.write(head.encode())
        answer = await self.reader.readuntil(b"\r\n\r\n")
        status, length, chunked = int(answer[9:12]), 0, False
        for line in answer.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            chunked = chunked or line.startswith(b"transfer-encoding: chunked")
        body = await self._chunks() if chunked else await self.reader.readexactly(length)
        if status not in ok:
            raise SystemExit(f"GET {path} answered {status}: {body[:2000].decode()}")
        return body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body


async def measure(
    ports: Sequence[int], cookie: str, page: str, paths: Sequence[str], seconds: float
) -> Measured:
    for port in ports[1:]:
        await _read_once(port, cookie, paths[:5])
    one = Connection(ports[0], cookie)
    await one.open()
    for path in paths[:5]:
        await one.get(path)
    before, size = int(await one.get("/-/statements")), 0
    for path in paths[:5]:
        size = max(size, len(await one.get(path)))
    statements = (int(await one.get("/-/statements")) - before) / len(paths[:5])
    alone = []
    until = time.perf_counter() + seconds / 2
    while time.perf_counter() < until and len(alone) < 500:
        started = time.perf_counter()
        await one.get(paths[len(alone) % len(paths)])
        alone.append(time.perf_counter() - started)
    taken = await _crowd(ports, cookie, paths, seconds)
    return Measured(
        page, len(taken) / seconds, _percentile(taken, 0.5), _percentile(taken, 0.99),
        _percentile(alone, 0.95), statements, size,
    )  # fmt: skip


async def _read_once(port: int, cookie: str, paths: Sequence[str]) -> None:
    connection = Connection(port, cookie)
    await connection.open()
    for path in paths:
        await connection.get(path)


async def _crowd(ports: Sequence[int], cookie: str, paths: Sequence[str], seconds: float) -> list[float]:
    taken: list[float] = []
    start = time.perf_counter() + WARM_UP

    async def read(n: int) -> None:
        connection, drawn = Connection(ports[n % len(ports)], cookie), random.Random(n)
        await connection.open()
        while (began := time.perf_counter()) < start + seconds:
            await connection.get(drawn.choice(paths))
            if began >= start:
                taken.append(time.perf_counter() - began)

    await asyncio.gather(*(read(n) for n in range(CONNECTIONS)))
    return taken


def _percentile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")


# --- what is read -------------------------------------------------------------------------------------------------


def addresses(url: str) -> dict[str, tuple[str, list[str]]]:
    """For each page: the role that reads it, and addresses."""
    from app.core.database.engine import make_engine

    engine = make_engine(url)
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT id, customer_id FROM collections_case WHERE status = 'open' ORDER BY id")
        ).all()
        closed = connection.execute(sa.text("SELECT max(business_date) FROM daily_run")).scalar_one()
    engine.dispose()
    some = random.Random(1).sample([row[0] for row in found], min(2000, len(found)))
    return {
        "case": ("agent", [f"/cases/{case_id}" for case_id in some]),
        "worklist": ("agent", ["/worklist", "/worklist?owner=all", "/worklist?owner=all&sort=-past_due"]),
        "dashboard": ("manager", ["/dashboard"]),
        "search": ("agent", [f"/find/options?q={quote(text)}" for text in SEARCHES]),
        "drilldown": (
            "manager",
            [f"/figures/{kpi}?portfolio={book.CODE}&date={closed}&part=numerator" for kpi in FIGURES],
        ),
    }


FIGURES = ("overdue_rate_accounts_30", "overdue_rate_balance_1", "overdue_rate_balance_90", "recovery_rate")
SEARCHES = (
    "smith", "smi", "smith anna", "anna zzz", "berg o", "müll", "de vries", "陳", "志明", "陳志明", "zzzzz",
    "+44 7400 000042", "07400 000042", "000042", "0042", "**** 5294", "robin42@example.org", "c44", "44", "a00000044",
    "P44-0-0", "salary", "salary comes", "fee wants", "nobody wrote this",
)  # fmt: skip
"""What people type: names that thousands have and that nobody has, numbers, references, words of notes."""


@contextmanager
def serving(what: str, url: str, processes: int) -> Iterator[list[int]]:
    """The ports of so many processes."""
    with ExitStack() as stack:
        yield [stack.enter_context(_process(what, url, core)) for core in range(processes)]


@contextmanager
def _process(what: str, url: str, core: int) -> Iterator[int]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DESK_ENV_FILE": os.devnull}
    command = [sys.executable, "-m", "bench._pages_server", what, url, str(core)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit("the server did not start")
        yield int(address.rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


def show(measured: Measured, reference: float) -> None:
    limits = LIMITS.get(measured.page, Limits(size=0))
    faults = [
        text
        for text, bad in (
            (f"under {limits.rate:.0f} a second", limits.rate and measured.rate < limits.rate),
            (f"p99 over {limits.p99:.0f} ms", limits.p99 and measured.p99 > limits.p99),
            (f"more than {limits.statements} statements", 0 < limits.statements < measured.statements),
            (f"alone over {limits.alone:.0f} ms", limits.alone and measured.alone > limits.alone),
            (f"over {limits.size // KB} kB", 0 < limits.size < measured.size),
        )
        if bad
    ]
    share = f"{measured.rate / reference:>6.2f}" if reference else "     1"
    figures = (
        f"{measured.page:<12}{measured.rate:>8.1f}/s {share} of ref",
        f"p50 {measured.p50:>7.1f}  p99 {measured.p99:>7.1f} ms  alone p95 {measured.alone:>7.1f} ms",
        f"{measured.statements:>5.1f} statements {measured.size / KB:>6.1f} kB",
        "; ".join(faults) or "ok",
    )
    print("    " + "  ".join(figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--pages", default="", help="names with commas between; all without")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--processes", type=int, default=1, help="web processes, each on a core")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("--fresh", action="store_true", help="build the databases anew")
    given = parser.parse_args()
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
    for databases in book.prepared(given.folder.resolve(), given.only, given.accounts, fresh=given.fresh):
        for name, url in databases.items():
            print(f"  {name}, {given.accounts:,} accounts, {CONNECTIONS} connections", flush=True)
            read(url, given)


def read(url: str, given: argparse.Namespace) -> None:
    cookies, found = book.sessions(url), addresses(url)
    wanted = given.pages.split(",") if given.pages else list(found)
    with serving("reference", url, given.processes) as ports:
        reference = asyncio.run(measure(ports, "", "reference", found["case"][1], given.seconds))
    show(reference, 0)
    with serving("desk", url, given.processes) as ports:
        for page in wanted:
            role, paths = found[page]
            show(asyncio.run(measure(ports, cookies[role], page, paths, given.seconds)), reference.rate)


if __name__ == "__main__":
    main()
