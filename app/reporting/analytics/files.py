"""The folder of analytics files: written beside their final names and then renamed, so that no reader sees half a file.

DIR/schema.json                       the schema
DIR/through.json                      the last closed day that the files of each portfolio hold; written last
DIR/TABLE/PORTFOLIO/all.parquet       a table that is replaced every night
DIR/TABLE/PORTFOLIO/2026-03-31.parquet  a day of a table by day
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import Conflict, Invalid
from app.core.types import JsonObject
from app.reporting.analytics.schema import VERSION, Kind, Table, described

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[Sequence[object]]
ALL = "all"


class Folder:
    """A folder of analytics files. Raises Invalid where it cannot be written, and Conflict where it holds files of
    another version or of another program."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            known = self._read("schema.json")
            if known and (known.get("schema"), known.get("version")) != ("arrears-desk-analytics", VERSION):
                raise Conflict(
                    f"{path} holds analytics files of another schema. This program writes version {VERSION}: "
                    "choose an empty folder."
                )
            if not known and any(path.iterdir()):
                raise Conflict(
                    f"{path} holds other files. Choose an empty folder, or one of an earlier export."
                )
            if known != described():
                self._write_text("schema.json", json.dumps(described(), indent=1, ensure_ascii=False))
        except OSError as error:
            raise Invalid(
                f"Nothing can be written to {path}: {error.strerror}. Choose another folder.", "to"
            ) from None

    def through(self, portfolio: str) -> date | None:
        """The last closed day that the files of a portfolio hold; None before its first export."""
        told = (self._read("through.json") or {}).get(portfolio)
        return date.fromisoformat(told) if told else None

    def note_through(self, portfolio: str, on: date) -> None:
        """Tell readers that all files of the portfolio hold this day. The last thing that an export does."""
        known = self._read("through.json") or {}
        self._write_text("through.json", json.dumps(known | {portfolio: str(on)}, indent=1))

    def replace(self, table: Table, portfolio: str, batches: Iterable[Rows]) -> int:
        """Write the one file of a table; return its rows."""
        return self._write(table, portfolio, ALL, batches)

    def replace_days(
        self, table: Table, portfolio: str, batches: Iterable[Rows], after: date, through: date
    ) -> int:
        """Write a file for each day in (`after`, `through`] that has rows, which come ordered by day, and remove the
        file of a day that has none any more; return the rows."""
        place, written, days = table.names.index(table.by_day), 0, set()
        pieces = (
            (day, list(rows)) for batch in batches for day, rows in groupby(batch, lambda row: row[place])
        )
        for day, of_day in groupby(pieces, lambda piece: piece[0]):
            days.add(str(day))
            written += self._write(table, portfolio, str(day), (rows for _, rows in of_day))
        for path in (self.path / table.name / portfolio).glob("*.parquet"):
            if str(after) < path.stem <= str(through) and path.stem not in days:
                path.unlink()
        return written

    def _write(self, table: Table, portfolio: str, name: str, batches: Iterable[Rows]) -> int:
        from pyarrow import parquet

        folder = self.path / table.name / portfolio
        folder.mkdir(parents=True, exist_ok=True)
        unfinished, written, arrow = folder / f"{name}.parquet.unfinished", 0, _arrow_schema(table)
        with parquet.ParquetWriter(unfinished, arrow, compression="zstd") as writer:
            for rows in batches:
                writer.write_batch(_record_batch(arrow, rows))
                written += len(rows)
        unfinished.replace(folder / f"{name}.parquet")
        return written

    def _read(self, name: str) -> JsonObject | None:
        path = self.path / name
        try:
            return json.loads(path.read_text()) if path.exists() else None
        except ValueError:
            raise Conflict(f"{path} cannot be read as JSON. Choose an empty folder.") from None

    def _write_text(self, name: str, text: str) -> None:
        unfinished = self.path / f"{name}.unfinished"
        unfinished.write_text(text + "\n")
        unfinished.replace(self.path / name)


def require_arrow() -> None:
    """Invalid where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401 - an optional dependency
    except ImportError:
        raise Invalid(
            "Analytics files need pyarrow, which is not installed. Install it: pip install 'arrears-desk[analytics]'"
        ) from None


def _arrow_schema(table: Table) -> pa.Schema:
    import pyarrow as pa

    types = {
        Kind.INTEGER: pa.int64(),
        Kind.TEXT: pa.string(),
        Kind.DATE: pa.date32(),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
        Kind.FLAG: pa.bool_(),
    }
    about = {"schema": f"arrears-desk-analytics {VERSION}", "about": table.about}
    fields = [
        pa.field(each.name, types[each.kind], each.optional, {"about": each.about}) for each in table.columns
    ]
    return pa.schema(fields, about)


def _record_batch(arrow: pa.Schema, rows: Rows) -> pa.RecordBatch:
    import pyarrow as pa

    columns: Iterator[tuple[object, ...]] = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, arrow, strict=True)], schema=arrow
    )
