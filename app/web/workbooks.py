"""A table as a workbook of one sheet (XLSX), for readers who calculate on."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from starlette.responses import Response

from app.core.types import Rows

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx_download(filename: str, title: str, header: Sequence[str], rows: Iterable[Rows]) -> Response:
    """The rows under their header, which stays in view. Texts are written as texts: none of them is run as a formula.
    Days are days, numbers numbers; None is an empty cell."""
    import xlsxwriter  # 10 MB of a process that seldom needs it

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(title[:31])
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        for column, words in enumerate(header):
            sheet.write_string(0, column, words, bold)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                if isinstance(value, (int, float)):
                    sheet.write_number(number, column, value)
                elif isinstance(value, date) and not isinstance(value, datetime):
                    sheet.write_datetime(number, column, value, day)
                elif value is not None:
                    sheet.write_string(number, column, str(value))
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    disposition = f'attachment; filename="{filename}"'
    return Response(buffer.getvalue(), media_type=XLSX, headers={"content-disposition": disposition})
