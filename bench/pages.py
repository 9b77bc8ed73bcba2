"""Pages of a large portfolio, read by 16 connections at once, on both databases.

    python3 desk.py bench pages                           1,000,000 accounts; the first run builds them (see below)
    python3 desk.py bench pages --accounts 100000 --only sqlite --pages case,worklist
    python3 desk.py bench pages --only postgresql --pages accounts,payments,contacts --processes 2

One uvicorn process on one core answers over HTTP, as `desk serve` does; the client has the other core. Of several
processes each has a core, and an equal share of the connections; so has the reference. Each request
is signed in. Beside requests a second: the 99th percentile in milliseconds, SQL statements and bytes of one request.
The reference is read in the same run: the same customer's page by six queries of SQLModel entities and one template,
which does nothing else. Beneath a page stands the raw driver: the statements of its requests, run by as many
connections of as many processes, without anything around them.

Databases are built once and kept in `--folder` (var/bench); `--fresh` builds them anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
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
from bench._pages_raw import Page as RawPage  # noqa: E402

CONNECTIONS = 16

KB = 1000
RECORDED = 40
"""Addresses whose statements the raw driver runs."""
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
    recorded: list[RawPage]


LIMITS = {
    "case": Limits(rate=150, p99=150, statements=12),
    "worklist": Limits(rate=100, size=0),
    "dashboard": Limits(alone=200),
    "search": Limits(alone=100, size=0),
    **{page: Limits(alone=100, size=0) for page in ("accounts", "payments", "contacts")},
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
    await one.get("/-/recorded")
    recorded = [await _recorded(one, path) for path in paths[:RECORDED]]
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
        _percentile(alone, 0.95), statements, size, recorded,
    )  # fmt: skip


async def _recorded(one: Connection, path: str) -> RawPage:
    """The statements of a page that only read; a request may note that a session was used."""
    await one.get(path)
    statements = pickle.loads(await one.get("/-/recorded"))  # noqa: S301 - our own server
    return [each for each in statements if each[0].lstrip().startswith(("SELECT", "WITH"))]


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
        **{
            page: (
                "manager",
                [
                    f"/figures/{kpi}?portfolio={book.CODE}&date={closed}&part={part}"
                    for kpi in figures
                    for part in ("numerator", "denominator")
                ],
            )
            for page, figures in FIGURES.items()
        },
    }


FIGURES = {
    "accounts": (
        "overdue_rate_accounts_30",
        "overdue_rate_balance_1",
        "overdue_rate_balance_90",
        "roll_rate",
    ),
    "payments": ("recovery_rate", "recovery_rate_30d"),
    "contacts": ("contact_rate", "delivery_rate"),
}
"""Figures behind which accounts, payments and contacts are listed, by the name of their page."""
SEARCHES = (
    "smith", "smi", "smith anna", "anna zzz", "berg o", "müll", "de vries", "陳", "志明", "陳志明", "zzzzz",
    "+44 7400 000042", "07400 000042", "000042", "0042", "**** 5294", "robin42@example.org", "c44", "44", "a00000044",
    "P44-0-0", "salary", "salary comes", "fee wants", "nobody wrote this",
)  # fmt: skip
"""What people type: names that thousands have and that nobody has, numbers, references, words of notes."""


def raw(url: str, pages: Sequence[RawPage], processes: int, seconds: float) -> list[float]:
    """Milliseconds of each page of the raw driver."""
    with tempfile.NamedTemporaryFile(prefix="bench-") as file:
        file.write(pickle.dumps(list(pages)))
        file.flush()
        command = [
            sys.executable,
            "-m",
            "bench._pages_raw",
            url,
            file.name,
            str(CONNECTIONS // processes),
            str(seconds),
        ]
        running = [
            subprocess.Popen([*command, str(core)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for core in range(processes)
        ]
        return [each for process in running for each in json.loads(process.communicate()[0])]


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
            measured = asyncio.run(measure(ports, cookies[role], page, paths, given.seconds))
            show(measured, reference.rate)
            beneath = sorted(raw(url, measured.recorded, given.processes, given.seconds))
            rate = len(beneath) / given.seconds
            print(
                f"      raw driver{rate:>8.1f}/s   p99 {beneath[int(len(beneath) * 0.99)]:>7.1f} ms; "
                f"the page is {measured.rate / rate:.2f} times as fast"
            )


if __name__ == "__main__":
    main()
