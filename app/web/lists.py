"""Lists: their columns, their order, and their CSV export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fastapi.responses import StreamingResponse
from starlette.responses import Response

from app.core.kit.csv_cells import export_cell
from app.core.types import Rows


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `ui.data_table`. `key` is what `?sort=` carries (`-key` for descending); '' is not sortable."""

    label: str
    key: str = ""
    numeric: bool = False


def sort_order(sort: str, allowed: Sequence[str], default: str) -> tuple[str, bool]:
    """`?sort=` as (key, descending); anything not in `allowed` falls back to `default`."""
    chosen = sort if sort.lstrip("-") in allowed else default
    return chosen.lstrip("-"), chosen.startswith("-")


def csv_download(filename: str, header: Sequence[str], rows: Iterable[Rows]) -> Response:
    """A streamed CSV file, with the mark by which a spreadsheet reads it as UTF-8. Text that it would run as a formula
    is disarmed with an apostrophe.

    `rows` is read while the response is being sent: give it a list, or a generator over a `StreamSession`.
    """

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        buffer.write("\ufeff")
        writer = csv.writer(buffer)
        writer.writerow(header)
        for row in rows:
            writer.writerow([_csv_cell(value) for value in row])
            if buffer.tell() > 32_768:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    disposition = f'attachment; filename="{filename}"'
    return StreamingResponse(
        lines(), media_type="text/csv; charset=utf-8", headers={"content-disposition": disposition}
    )


def _csv_cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str):
        return export_cell(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
