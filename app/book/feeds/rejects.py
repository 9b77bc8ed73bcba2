"""The file that says of every row that was not loaded on which line it is, which column is wrong, and why."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import IO

from app.book.feeds.cells import Reject
from app.core.database.engine import private
from app.core.kit.csv_cells import protect


class RejectsFile:
    """Made when there is something to write. Rows are on disk before the batch they belong to is committed; those of a
    batch that never was are taken out again, so the file tells of each row once however often a load is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: IO[str] | None = None
        self._kept = 0

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._handle.close()

    @property
    def is_begun(self) -> bool:
        return self._handle is not None

    def name_if_any(self) -> str | None:
        return str(self.path) if self._kept else None

    def resume(self, line: int) -> None:
        """Go on with a file that was begun: what it says of `line` and later is taken out."""
        if not self.path.exists():
            return
        kept = io.StringIO(newline="")
        writer = csv.writer(kept)
        with self.path.open(encoding="utf-8", newline="") as handle:
            for row in csv.reader(handle):
                if row[0].isdecimal() and int(row[0]) >= line:
                    break
                writer.writerow(row)
        self._open("r+")
        assert self._handle is not None
        self._kept = len(kept.getvalue().encode())
        self.rewind()

    def rewind(self) -> None:
        """Take out what was written since `keep`."""
        if self._handle:
            self._handle.flush()
            self._handle.seek(self._kept)
            self._handle.truncate()

    def keep(self) -> None:
        """Mark the rows written so far as kept: their batch is committed."""
        if self._handle:
            self._kept = self._handle.tell()

    def write(self, rejects: list[Reject]) -> None:
        """Write and flush to disk; the rows of a batch in the order of their lines."""
        if not rejects:
            return
        if self._handle is None:
            self.path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._open("w")
            assert self._handle is not None
            csv.writer(self._handle).writerow(["line", "column", "reason", "row"])
        assert self._handle is not None
        writer = csv.writer(self._handle)
        for reject in sorted(rejects, key=lambda reject: reject.line):
            row = io.StringIO()
            csv.writer(row, lineterminator="").writerow(cell[:500] for cell in reject.row)
            cells = [str(reject.line), reject.column, reject.reason, row.getvalue()]
            writer.writerow(protect(cell) for cell in cells)
        self._handle.flush()
        os.fsync(self._handle.fileno())

    def _open(self, mode: str) -> None:
        self._handle = open(  # noqa: SIM115 - closed by __exit__
            self.path, mode, encoding="utf-8", errors="backslashreplace", newline="", opener=private
        )
