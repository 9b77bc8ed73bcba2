"""The first rows of a file as they would be understood; nothing is stored."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO

from app.book.feeds.bank import camt054
from app.book.feeds.cells import BadCell, Layout, Reject, Row
from app.book.feeds.reading import dialect, workbook
from app.book.feeds.reading.dates import DATE_RULES, refusal
from app.book.feeds.reading.files import Feed, open_feed
from app.book.feeds.reading.lines import Plain, Record, Unreadable
from app.book.feeds.reading.mapping import Bound
from app.book.feeds.reading.mapping import Mapping as FeedMapping
from app.book.feeds.reading.parsing import RowParser
from app.book.feeds.reading.preview_rows import Preview, PreviewColumn, PreviewReject, PreviewRow
from app.book.feeds.service import LAYOUTS
from app.book.feeds.storing.positions import check_source
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.core.errors import DeskError
from app.core.money import to_decimal_string
from app.core.types import Values

CHECKED = 1000
"""Rows that are read, independent of the number shown."""


def preview(
    portfolio: Portfolio,
    kind: FeedKind,
    path: Path,
    mapping: FeedMapping | None = None,
    rows: int = 10,
    *,
    file_name: str = "",
    today: date | None = None,
) -> Preview:
    """Read up to CHECKED rows of a file as `load` would on `today`, and give the first `rows` understood and rejected
    ones.

    It does not check that accounts exist and references are known. Invalid where the file as a whole is refused.
    """
    check_source(portfolio, kind)
    name = file_name or path.name
    if kind is FeedKind.CAMT054:
        return _of_notification(portfolio, path, name, rows, today)
    layout = LAYOUTS[kind]
    known = sorted(mapping.theirs) if mapping else [*layout.required, *layout.optional]
    feed = open_feed(path, name, known, mapping)
    parser = RowParser(layout, portfolio, feed.header, mapping, today=today, is_workbook=feed.is_workbook)
    bound = mapping.bind(feed.header) if mapping else None
    found = Preview(kind.value, name, _read_as(path, known, mapping))
    found.columns = _columns(feed.header, bound, layout)
    found.ignored = _unused(feed.header, bound)
    for record in islice(_records(feed), CHECKED):
        _add(found, record, parser, rows, today)
    found.notes = list(feed.notes)
    return found


def _records(feed: Feed) -> Iterator[Record | Unreadable]:
    """Yield record by record. A file that breaks off later on still shows its beginning."""
    given = 0
    try:
        for block in feed.blocks:
            for item in block.items:
                if isinstance(item, Plain):
                    for line, cells in enumerate(item.cells.iter_rows(), start=item.first):
                        yield Record(line, cells)
                        given += 1
                else:
                    yield item
                    given += 1
    except DeskError:
        if not given:
            raise


def _add(
    found: Preview,
    record: Record | Unreadable,
    parser: RowParser,
    rows: int,
    today: date | None,
) -> None:
    found.read += 1
    try:
        if isinstance(record, Unreadable):
            raise BadCell("", record.reason)
        texts = parser.texts(record.cells)
        values, told = parser.read(record.cells)
        _check_days(FeedKind(found.kind), values, today)
    except BadCell as error:
        _reject(found, PreviewReject(record.line, error.column, str(error)), rows)
        return
    found.understood += 1
    found.warned += len(told)
    for column, word in told:
        if len(found.told) < rows:
            found.told.append(PreviewReject(record.line, column, word))
    if len(found.rows) < rows:
        found.rows.append(PreviewRow(record.line, {**texts, **_as_kept(texts, values)}))


def _as_kept(texts: Mapping[str, str], values: Values) -> dict[str, str]:
    """Return contact data and references in the form that is stored, where it differs from the text of the file."""
    kept = {name: values[name] or "" for name in KEPT if name in texts and name in values}
    if "account_ref" in texts and "account_ref" not in values:
        kept["account_ref"] = values["reference"]
    return kept


KEPT = ("account_ref", "customer_ref", "postcode", "mobile", "email", "timezone")


def _unused(header: Sequence[str], bound: Bound | None) -> list[str]:
    """Return the columns of the file that no column of ours is read from."""
    if bound is None:
        return []
    used = {at for places in bound.sources.values() for at in places}
    return [name for at, name in enumerate(header) if at not in used]


def _check_days(kind: FeedKind, values: Values, today: date | None) -> None:
    """Check the days as storing does, except against the day the account was opened."""
    for rule in DATE_RULES.get(kind, ()) if today else ():
        if today and (why := refusal(rule, values, today, None)):
            raise BadCell(rule.column, why)


def _reject(found: Preview, reject: PreviewReject, rows: int) -> None:
    found.rejected += 1
    if len(found.rejects) < rows:
        found.rejects.append(reject)


def _columns(header: Sequence[str], bound: Bound | None, layout: Layout) -> list[PreviewColumn]:
    """In the order of the layout; optional columns that nothing gives are left out."""
    if bound is None:
        sources = {name: f"column {name}" for name in header}
    else:
        sources = {
            ours: ("column " if len(places) == 1 else "columns ") + " + ".join(header[at] for at in places)
            for ours, places in bound.sources.items()
        }
        sources |= {ours: f"always {text!r}" for ours, text in bound.mapping.constants.items()}
        if kinds := bound.mapping.kind_by_sign:
            sources["kind"] = f"the amount's sign: {kinds['negative']} if negative, else {kinds['positive']}"
    return [
        PreviewColumn(name, sources[name]) for name in layout.required + layout.optional if name in sources
    ]


def _read_as(path: Path, known: Sequence[str], mapping: FeedMapping | None) -> str:
    with path.open("rb") as file:
        start = file.peek(4)[:4]
        if workbook.is_workbook(start):
            return f"XLSX, sheet {mapping.sheet}" if mapping and mapping.sheet else "XLSX, the first sheet"
        packed = start[:2] == b"\x1f\x8b"
        handle: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
        try:
            sample = handle.read(dialect.SAMPLE_BYTES)
        except (EOFError, OSError, zlib.error):
            sample = b""
    return dialect.detect(
        sample,
        columns=known,
        encoding=mapping.encoding if mapping else "",
        delimiter=mapping.delimiter if mapping else "",
        skip_rows=mapping.skip_rows if mapping else 0,
    ).in_words()


def _of_notification(portfolio: Portfolio, path: Path, name: str, rows: int, today: date | None) -> Preview:
    """Preview the payments of a bank's notification; their accounts are matched when they are loaded."""
    found = Preview(FeedKind.CAMT054.value, name, "ISO 20022 camt.054")
    found.columns = [
        PreviewColumn("reference", "AcctSvcrRef"),
        PreviewColumn("paid_on", "ValDt"),
        PreviewColumn("amount", "Amt"),
        PreviewColumn("payer", "Dbtr"),
        PreviewColumn("remittance", "RmtInf and EndToEndId"),
    ]
    for batch in camt054.batches(path, name, portfolio, "", today=today):
        items: list[Row | Reject] = [*batch.rows, *batch.rejects]
        for item in sorted(items, key=lambda item: item.line):
            found.read += 1
            if isinstance(item, Reject):
                _reject(found, PreviewReject(item.line, item.column, item.reason), rows)
                continue
            found.understood += 1
            if len(found.rows) < rows:
                found.rows.append(PreviewRow(item.line, _payment(item.values, portfolio)))
        if found.read >= CHECKED:
            break
    return found


def _payment(values: Values, portfolio: Portfolio) -> dict[str, str]:
    payment = values.get("payment")
    if payment is None:
        back = values["returned"]
        amount = to_decimal_string(-back.booked_minor, portfolio.currency)
        return {
            "reference": back.reference,
            "paid_on": back.booked_on.isoformat(),
            "amount": amount,
            "payer": "",
            "remittance": f"taken back by the bank {back.reason}".strip(),
        }
    return {
        "reference": payment.reference,
        "paid_on": payment.paid_on.isoformat(),
        "amount": to_decimal_string(payment.amount_minor, portfolio.currency),
        "payer": payment.payer_name,
        "remittance": payment.remittance,
    }
