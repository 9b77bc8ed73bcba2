"""A bundle that is open for verification: its files, and what was found wrong with them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.core.kit.csv_cells import unprotect
from app.legal.bundle import bag as fmt

MAX_RECORD_BYTES = 64 << 20
"""Largest file that is parsed rather than only hashed."""
_MAX_PROBLEMS = 200
"""Problems reported of one archive: a wrecked one has no end of them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be; `file` is its path in the bag, or '' for the archive as a whole."""

    file: str
    what: str


@dataclass
class Findings:
    problems: list[Problem] = field(default_factory=list)
    bag_info: dict[str, str] = field(default_factory=dict)
    key_id: str = ""
    signer: str = "not signed"
    files: int = 0

    def add(self, file: str, what: str) -> None:
        problem = Problem(file, what)
        if problem not in self.problems and len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass
class Bag:
    """The archive's files under their paths in the bag, measured and hashed."""

    archive: zipfile.ZipFile
    base: str
    members: dict[str, fmt.Member] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """b'' for a file that is absent or damaged: that is reported where it is found, not again."""
        if path not in self.digests or self.members[path].size > MAX_RECORD_BYTES:
            return b""
        return self.archive.read(f"{self.base}/{path}")

    def rows(self, path: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Cells as they were before protection. ValueError where the table is not of this shape."""
        reader = csv.reader(io.StringIO(self.read(path).decode(), newline=""), strict=True)
        if tuple(next(reader, ())) != columns:
            raise ValueError("columns are not those of this format")
        for cells in reader:
            yield dict(zip(columns, map(unprotect, cells), strict=True))
