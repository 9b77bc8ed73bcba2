"""Loading a creditor's files: every row is loaded, recognised, in conflict, or rejected with its reason.

A bad row never stops the others. Rows go in by batches, each in its own transaction, and loading is idempotent:
a load that was killed is simply run again. A full card number in any cell rejects the row and is never echoed.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.db import chunked, exclusive, refresh_statistics, transaction
from app.errors import DeskError, Invalid
from app.feeds.layouts import LAYOUTS, BadCell, Layout, Reject, Row
from app.feeds.positions import POSITIONS, check_source
from app.ledger.models import Account, Customer, Entry, FeedLoad, LedgerChange, Portfolio, Statement
from app.ledger.rules import FeedKind, holds_card_number
from app.ledger.service import get_portfolio
from app.timeline.rules import Kind
from app.timeline.service import NewEvent, portfolio_stream, record

BATCH = 5000
MANY = 5000
"""Rows from which on a load tells the query planner what it wrote."""
MAX_CELL = 10_000
WITHHELD = "(row withheld: it holds what looks like a full card number)"


@dataclass
class LoadReport:
    """What `desk feed load` prints. `read` = loaded + unchanged + conflicts + rejected."""

    kind: str
    read: int = 0
    loaded: int = 0
    unchanged: int = 0
    conflicts: int = 0
    rejected: int = 0
    rejects_file: str | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


Progress = Callable[[int], None]
"""Told how many rows have been read so far."""


def load(
    engine: Engine,
    kind: FeedKind,
    path: Path | None,
    portfolio_code: str,
    *,
    rejects_dir: Path,
    by: str,
    now: datetime,
    progress: Progress | None = None,
) -> LoadReport:
    """Load a CSV or CSV.gz file (None = standard input) into a portfolio.

    Raises DeskError where the file as a whole cannot be read (no such file, wrong columns, cut off in the
    middle); what was loaded until then stays, and loading the mended file finishes the job.
    """
    source = _Source(path)
    with exclusive(engine, f"portfolio-{portfolio_code}", wait=True):
        with transaction(engine) as session:
            portfolio = get_portfolio(session, portfolio_code)
            check_source(portfolio, kind)
            history = FeedLoad(
                portfolio_id=portfolio.id or 0,
                kind=kind,
                file_name=source.name,
                sha256="",
                by=by,
                started_at=now,
            )
            session.add(history)
        report = LoadReport(kind.value)
        layout = POSITIONS if kind is FeedKind.POSITIONS else LAYOUTS[kind]
        with _RejectsFile(rejects_dir, portfolio_code, kind, now) as rejects:
            for batch in chunked(_understood(source, layout, portfolio, report, rejects), BATCH):
                with transaction(engine) as session:
                    stored = layout.store(session, portfolio, batch, now)
                report.loaded += stored.loaded
                report.unchanged += stored.unchanged
                for reject in stored.rejects:
                    _count(report, reject, rejects)
                if progress:
                    progress(report.read)
            report.rejects_file = rejects.name_if_any()
        if report.loaded > MANY:
            refresh_statistics(engine, Account, Customer, Statement, Entry, LedgerChange)
        with transaction(engine) as session:
            _finish(session, portfolio, history, report, source.sha256(), by=by, now=now)
    return report


def _finish(
    session: Session,
    portfolio: Portfolio,
    history: FeedLoad,
    report: LoadReport,
    sha256: str,
    *,
    by: str,
    now: datetime,
) -> None:
    assert portfolio.id is not None
    history = session.get_one(FeedLoad, history.id)
    counts = {k: v for k, v in vars(report).items() if isinstance(v, int)}
    for name, value in counts.items():
        setattr(history, name, value)
    history.sha256 = sha256
    history.finished_at = now
    data = {"kind": report.kind, "file": history.file_name, "sha256": sha256, **counts}
    record(session, NewEvent(portfolio_stream(portfolio.id), Kind.FEED_LOADED, data), by=by, now=now)


def _count(report: LoadReport, reject: Reject, rejects: _RejectsFile) -> None:
    if reject.is_conflict:
        report.conflicts += 1
    else:
        report.rejected += 1
    rejects.write(reject)


# --- reading ------------------------------------------------------------------------------------------------


class _Source:
    """A file or standard input, plain or gzip, read as lines while its hash is taken."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.name = path.name if path else "-"
        self._hash = hashlib.sha256()

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def lines(self) -> Iterator[str]:
        """Decoded lines; bytes that are not UTF-8 come as lone surrogates, which the row check refuses."""
        try:
            with self._open() as raw:
                first = True
                for line in raw:
                    self._hash.update(line)
                    yield line.decode("utf-8-sig" if first else "utf-8", errors="surrogateescape")
                    first = False
        except FileNotFoundError:
            raise Invalid(f"no such file: {self.path}") from None
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise DeskError(
                f"{self.name} could not be read to its end ({error}); rows before that point are loaded, "
                "load the whole file again to finish"
            ) from error

    def _open(self) -> IO[bytes]:
        if self.path is None:
            return sys.stdin.buffer
        handle = open(self.path, "rb")  # noqa: SIM115 - closed by the caller's with
        if handle.peek(2)[:2] == b"\x1f\x8b":
            return gzip.open(handle, "rb")  # type: ignore[return-value]
        return handle


def _understood(
    source: _Source, layout: Layout, portfolio: Portfolio, report: LoadReport, rejects: _RejectsFile
) -> Iterator[Row]:
    """Rows that made sense; the others are counted and written to the rejects file on the way."""
    reader = csv.reader(source.lines(), strict=True)
    header = _header(reader, layout)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report.read += 1
            _count(report, Reject(line, "", f"not a CSV row: {error}", ()), rejects)
            continue
        if not cells:
            continue
        report.read += 1
        try:
            values = layout.parse(_checked(header, cells), portfolio)
        except BadCell as error:
            row = (WITHHELD,) if "card number" in str(error) else cells
            _count(report, Reject(line, error.column, str(error), row), rejects)
            continue
        yield Row(line, cells, values)


def _header(reader: Any, layout: Layout) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise Invalid("the file is empty: there is no header row") from None
    except csv.Error as error:
        raise Invalid(f"the header row is not CSV: {error}") from None
    known = layout.required + layout.optional
    unknown = [name for name in header if name not in known]
    missing = [name for name in layout.required if name not in header]
    double = sorted({name for name in header if header.count(name) > 1})
    problems = [
        f"{what}: {', '.join(repr(n)[:60] for n in names)}"
        for what, names in (("unknown columns", unknown), ("missing columns", missing), ("twice", double))
        if names
    ]
    if problems:
        raise Invalid(f"the header does not fit this feed ({'; '.join(problems)}); nothing was loaded")
    return header


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def _checked(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Cells by column after the checks that hold for every cell of every feed."""
    if len(cells) != len(header):
        raise BadCell("", f"{len(cells)} cells where the header has {len(header)}")
    for name, cell in zip(header, cells, strict=True):
        if len(cell) > MAX_CELL:
            raise BadCell(name, f"cell of {len(cell)} characters")
        if len(cell) >= 13 and holds_card_number(cell):
            raise BadCell(name, "looks like a full card number, which is never stored")
        if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
            raise BadCell(name, "is not UTF-8 text")
        if _CONTROL.search(cell):
            raise BadCell(name, "holds control characters")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


# --- rejects ------------------------------------------------------------------------------------------------


class _RejectsFile:
    """Made only when there is something to write; moved to its final name when the load ends."""

    def __init__(self, folder: Path, portfolio: str, kind: FeedKind, now: datetime) -> None:
        self.path = folder / f"{portfolio}-{kind.value}-{now:%Y%m%dT%H%M%S}-rejects.csv"
        self._handle: io.TextIOWrapper | None = None

    def __enter__(self) -> _RejectsFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._handle.close()

    def name_if_any(self) -> str | None:
        return str(self.path) if self._handle else None

    def write(self, reject: Reject) -> None:
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            csv.writer(self._handle).writerow(["line", "column", "reason", "row"])
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(cell[:500] for cell in reject.row)
        cells = [str(reject.line), reject.column, reject.reason, row.getvalue()]
        csv.writer(self._handle).writerow(_harmless(cell) for cell in cells)


def _harmless(cell: str) -> str:
    """A spreadsheet must not run what a hostile row holds (CWE-1236)."""
    return "'" + cell if cell[:1] in "=+-@\t\r" and cell else cell
