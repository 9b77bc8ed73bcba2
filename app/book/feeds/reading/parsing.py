"""Records of a file, from cells to values: by columns where that is certain, else row by row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import polars as pl

from app.book.feeds.bank.rules import blotted
from app.book.feeds.cells import BadCell, Cells, Layout, Reject, Row, is_mobile_number
from app.book.feeds.columns import Columns, clean
from app.book.feeds.reading import workbook
from app.book.feeds.reading.files import Feed
from app.book.feeds.reading.lines import Block, Item, Plain, Record, Unreadable
from app.book.feeds.reading.mapping import TEXTS, Bound, Mapping
from app.book.ledger.rules import LOWERING
from app.book.portfolios.models import Portfolio
from app.core.card_numbers import holds_card_number
from app.core.errors import Invalid
from app.core.money import exponent
from app.core.types import JsonObject

MAX_CELL = 10_000
WITHHELD = "(row withheld: it holds what looks like a full card number)"
LINE = "line"
"""The column of a frame of values that says on which line of the file its row begins."""


@dataclass
class Batch:
    """Result of reading one block of `read` records: `values` (a frame with LINE) or `rows`, by the layout, and
    `rejects`."""

    read: int
    bytes_done: int
    values: pl.DataFrame | None = None
    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    told: list[Reject] = field(default_factory=list)
    """Remarks for a person about rows that are loaded all the same."""
    items: Sequence[Item] = ()

    @property
    def first_line(self) -> int:
        first = self.items[0]
        return first.first if isinstance(first, Plain) else first.line

    def cells_of(self, lines: Sequence[int]) -> dict[int, Sequence[str]]:
        """The cells of records by line, as they are written in the file."""
        wanted = set(lines)
        found: dict[int, Sequence[str]] = {}
        for item in self.items if wanted else ():
            if isinstance(item, Plain):
                within = sorted(n for n in wanted if item.first <= n < item.first + item.cells.height)
                rows = item.cells[[n - item.first for n in within]].rows()
                found.update(zip(within, rows, strict=True))
            elif isinstance(item, Record) and item.line in wanted:
                found[item.line] = item.cells
        return found


class RowParser:
    """Reader of the records of one file, by its layout, its header and perhaps a mapping."""

    def __init__(
        self,
        layout: Layout,
        portfolio: Portfolio,
        header: Sequence[str],
        mapping: Mapping | None,
        *,
        today: date | None = None,
        is_workbook: bool = False,
    ):
        self._is_workbook = is_workbook
        if mapping is not None:
            decimals = exponent(portfolio.currency) if mapping.round else None
            mapping = replace(mapping, decimals=decimals, today=today)
        self._layout = layout
        self._portfolio = portfolio
        self._header = list(header)
        self._bound: Bound | None = mapping.bind(header) if mapping else None
        ours = self._bound.columns if self._bound else self._header
        check_header(ours, layout)
        sources = self._bound.sources if self._bound else {name: (at,) for at, name in enumerate(header)}
        self._mobile = frozenset(sources.get("mobile", ()))
        """Positions of the telephone number in the file's own columns."""
        used = {at for places in sources.values() for at in places}
        self._used = frozenset(used) if self._bound else frozenset(range(len(header)))
        """Positions of the columns that a mapping reads; the others are never stored."""

    def batches(self, feed: Feed, skip: int = 0) -> Iterator[Batch]:
        """Read the file block by block, without the first `skip` records."""
        for block in feed.blocks:
            left = max(0, skip - len(block))
            if skip:
                block = _without_first(block, skip)
            skip = left
            if block.items:
                yield self.batch(block)

    def batch(self, block: Block) -> Batch:
        batch = Batch(len(block), block.bytes_done, items=block.items)
        frames = [self._frame(item, batch) for item in block.items]
        batch.rejects.sort(key=lambda reject: reject.line)
        if self._layout.schema is not None:
            schema = {LINE: pl.Int64(), **self._layout.schema}
            slow = [{LINE: row.line, **row.values} for row in batch.rows]
            frames.append(pl.DataFrame(slow, schema=schema) if slow else None)
            parts = [frame for frame in frames if frame is not None]
            values = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
            batch.values = values.sort(LINE) if len(parts) > 1 else values
            batch.rows = []
        return batch

    def _frame(self, item: Item, batch: Batch) -> pl.DataFrame | None:
        """Return the rows of an item that the columns are sure of, and add the others to the batch one by one."""
        match item:
            case Unreadable(line, reason):
                batch.rejects.append(Reject(line, "", reason, ()))
            case Record(line, cells):
                self._row(line, cells, batch)
            case Plain(first, cells):
                if self._layout.columns is None:
                    for line, row in enumerate(cells.iter_rows(), start=first):
                        self._row(line, row, batch)
                    return None
                values, sure = self.by_columns(cells)
                values.insert_column(0, pl.int_range(first, first + cells.height, eager=True).alias(LINE))
                doubtful = sure.not_().arg_true()
                for at, row in zip(doubtful, cells[doubtful].iter_rows(), strict=True):
                    self._row(first + at, row, batch)
                return values.filter(sure) if doubtful.len() else values
        return None

    def _row(self, line: int, cells: Sequence[str], batch: Batch) -> None:
        try:
            values, told = self.read(cells)
            batch.rows.append(Row(line, cells, values))
            batch.told.extend(Reject(line, column, word, cells) for column, word in told)
        except BadCell as error:
            # A column that the mapping leaves out may hold one too.
            row = (WITHHELD,) if "card number" in str(error) else [blotted(cell[:MAX_CELL]) for cell in cells]
            batch.rejects.append(Reject(line, error.column, str(error), row))

    # --- row by row: the definition -----------------------------------------------------------------------------

    def by_row(self, cells: Sequence[str]) -> JsonObject:
        """Return the values of a record. BadCell names the column and the reason."""
        return self.read(cells)[0]

    def read(self, cells: Sequence[str]) -> tuple[JsonObject, list[tuple[str, str]]]:
        """Return the values of a record, and remarks for a person about their reading: (column, remark)."""
        texts = self.texts(cells)
        return self._layout.parse(texts, self._portfolio), texts.told

    def texts(self, cells: Sequence[str]) -> Cells:
        """Return the cells of a record under the names of our own columns. BadCell names the column and the reason."""
        if len(cells) != len(self._header):
            raise BadCell("", f"{len(cells)} cells where the header has {len(self._header)}")
        for at, (name, cell) in enumerate(zip(self._header, cells, strict=True)):
            if at in self._used:
                check_cell(name, cell, is_mobile=at in self._mobile)
        if self._bound is None:
            texts = Cells({name: cell.strip() for name, cell in zip(self._header, cells, strict=True)})
        else:
            texts = self._bound.row(cells)
            for name, text in texts.items():
                check_cell(name, text, is_mobile=name == "mobile")
        if self._is_workbook:
            _look_for_dates(texts)
        return texts

    # --- by columns -------------------------------------------------------------------------------------------

    def by_columns(self, cells: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """The typed values of records, and for which of them `by_row` would certainly give the same."""
        assert self._layout.columns is not None
        assert self._layout.schema is not None
        if self._bound is None:
            columns = Columns(
                cells.rename(dict(zip(cells.columns, self._header, strict=True))), self._portfolio
            )
        else:
            columns = Columns(_mapped(cells, self._bound), self._portfolio)
            for series in cells:
                columns.sure_where(clean(series))
        self._layout.columns(columns)
        values = [columns.values[name].cast(kind) for name, kind in self._layout.schema.items()]
        return pl.DataFrame(values), columns.sure


def check_header(header: Sequence[str], layout: Layout) -> None:
    """Invalid names the columns that are unknown, missing or there twice."""
    known = layout.required + layout.optional
    unknown = [name for name in header if name not in known]
    missing = [name for name in layout.required if name not in header]
    double = sorted(name for name, times in Counter(header).items() if times > 1)
    problems = [
        f"{what}: {', '.join(repr(blotted(n))[:60] for n in names[:20])}"
        for what, names in (("unknown columns", unknown), ("missing columns", missing), ("twice", double))
        if names
    ]
    if problems:
        raise Invalid(f"The header does not fit this feed ({'; '.join(problems)}). Nothing was loaded.")


_DATE_CELL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:.]+)?")
IDENTIFIERS = frozenset(
    {
        "account_ref",
        "customer_ref",
        "statement_ref",
        "transaction_ref",
        "payment_ref",
        "card_last4",
        "postcode",
    }
)


def _look_for_dates(texts: Cells) -> None:
    """Look for identifiers that a spreadsheet made dates of, as 3-12 and MAR-24. BadCell in an identifier; a remark
    in any other text."""
    for name, text in texts.items():
        if name not in TEXTS or not _DATE_CELL.fullmatch(text):
            continue
        if name in IDENTIFIERS:
            raise BadCell(
                name,
                f"is a date cell of the workbook ({text[:10]}), which a spreadsheet made of something else",
            )
        texts.tell(
            name,
            f"is a date cell of the workbook ({text[:10]}); a spreadsheet may have made it of something else",
        )


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def check_cell(name: str, cell: str, *, is_mobile: bool) -> None:
    """The checks that hold for every cell of every feed. BadCell names the column."""
    if len(cell) > MAX_CELL:
        raise BadCell(name, f"has {len(cell)} characters, at most {MAX_CELL} are read")
    if len(cell) >= 13 and holds_card_number(cell) and not (is_mobile and is_mobile_number(cell.strip())):
        raise BadCell(name, "looks like a full card number, which is never stored")
    if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
        raise BadCell(name, "is not UTF-8 text")
    if why := workbook.refused(cell):
        raise BadCell(name, why)
    if _CONTROL.search(cell):
        raise BadCell(name, "holds control characters")


def _mapped(cells: pl.DataFrame, bound: Bound) -> pl.DataFrame:
    """Our columns of records laid out as theirs; null where the mapping does not understand a cell."""
    texts: dict[str, pl.Series] = {}
    for column, places in bound.sources.items():
        if len(places) == 1:
            raw = cells.to_series(places[0])
        else:
            parts = cells.select(pl.nth(*places)).iter_rows()
            raw = pl.Series(
                [
                    bound.mapping.columns[column].join.join(p for p in map(str.strip, row) if p)
                    for row in parts
                ]
            )
        texts[column] = _each(raw, partial(bound.mapping.cell, column))
    for column, text in bound.mapping.constants.items():
        texts[column] = pl.repeat(text, cells.height, dtype=pl.String, eager=True)
    if bound.mapping.kind_by_sign:
        amounts = texts["amount"]
        texts["kind"] = _each(amounts, lambda text: bound.mapping.by_sign(text)[0])
        texts["amount"] = _each(amounts, lambda text: bound.mapping.by_sign(text)[1])
    if bound.mapping.signed and "kind" in texts and "amount" in texts:
        lowers = texts["kind"].is_in([kind.value for kind in LOWERING])
        turned = _each(
            texts["amount"], lambda text: text[1:] if text.startswith("-") else f"-{text}" if text else ""
        )
        texts["amount"] = pl.select(pl.when(lowers).then(turned).otherwise(texts["amount"])).to_series()
    return pl.DataFrame(texts)


def _each(texts: pl.Series, convert: Callable[[str], str]) -> pl.Series:
    """`convert` applied once to each different text, of which there are mostly few; null where it raises BadCell."""
    converted: dict[str, str | None] = {}
    for text in texts.drop_nulls().unique().to_list():
        try:
            converted[text] = convert(text)
        except BadCell:
            converted[text] = None
    return texts.replace_strict(converted, default=None, return_dtype=pl.String)


def _without_first(block: Block, skip: int) -> Block:
    items: list[Item] = []
    for item in block.items:
        size = item.cells.height if isinstance(item, Plain) else 1
        if skip >= size:
            skip -= size
        elif isinstance(item, Plain):
            items.append(Plain(item.first + skip, item.cells.slice(skip)))
            skip = 0
        else:
            items.append(item)
    return Block(items, block.bytes_done)
