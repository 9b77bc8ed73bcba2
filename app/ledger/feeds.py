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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import IO, Any
from zoneinfo import available_timezones

import phonenumbers
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel

from app.db import chunked, exclusive, insert_rows, table_of, transaction
from app.errors import DeskError, Invalid
from app.ledger.models import Account, Customer, Entry, FeedLoad, Portfolio, Statement
from app.ledger.rules import AccountStatus, EntryKind, FeedKind, SignError, holds_card_number, signed
from app.ledger.service import accounts_by_reference, get_portfolio, mark_changed
from app.money import BadAmount, to_minor
from app.timeline.rules import Kind
from app.timeline.service import NewEvent, portfolio_stream, record

BATCH = 5000
MAX_CELL = 10_000
CONFLICT = "conflict: "
WITHHELD = "(row withheld: it holds what looks like a full card number)"


class BadCell(ValueError):
    """A cell is not acceptable; carries the column."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    column: str
    reason: str
    row: Sequence[str]

    @property
    def is_conflict(self) -> bool:
        return self.reason.startswith(CONFLICT)


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


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    cells: Sequence[str]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """Columns of a feed kind, how a row is understood, and how understood rows are stored."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    parse: Callable[[Mapping[str, str], Portfolio], dict[str, Any]]
    store: Callable[[Session, Portfolio, list[Row], datetime], Stored]


@dataclass
class Stored:
    loaded: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)


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
        layout = LAYOUTS[kind]
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


# --- cells --------------------------------------------------------------------------------------------------


def _text(row: Mapping[str, str], column: str, limit: int, *, required: bool = True) -> str:
    value = row.get(column, "")
    if required and not value:
        raise BadCell(column, "is empty")
    if len(value) > limit:
        raise BadCell(column, f"is longer than {limit} characters")
    return value


def _date(row: Mapping[str, str], column: str, *, required: bool = True) -> date | None:
    value = row.get(column, "")
    if not value and not required:
        return None
    try:
        on = date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        on = None
    if on is None or not 1950 <= on.year <= 2199:
        raise BadCell(column, f"is not a date like 2026-01-31: {value[:20]!r}")
    return on


def _amount(row: Mapping[str, str], column: str, portfolio: Portfolio) -> int:
    try:
        return to_minor(row.get(column, ""), portfolio.currency)
    except BadAmount as error:
        raise BadCell(column, str(error)) from None


def _one_of(row: Mapping[str, str], column: str, allowed: frozenset[str] | set[str], what: str) -> str:
    value = row.get(column, "")
    if value not in allowed:
        raise BadCell(column, f"is not {what}: {value[:30]!r}")
    return value


_ZONES = frozenset(available_timezones())
_COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)


def _mobile(row: Mapping[str, str]) -> str:
    """Normalised to E.164; possible is enough, since reserved ranges are not 'valid' to the library."""
    value = row.get("mobile", "")
    if not value:
        return ""
    try:
        number = phonenumbers.parse(value, row.get("country") or None)
    except phonenumbers.NumberParseException:
        raise BadCell("mobile", "is not a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise BadCell("mobile", "is not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(row: Mapping[str, str]) -> str:
    value = row.get("email", "")
    if not value:
        return ""
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise BadCell("email", "is not an e-mail address") from None


# --- accounts -----------------------------------------------------------------------------------------------


def _parse_account(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    last4 = _text(row, "card_last4", 4)
    if not (len(last4) == 4 and last4.isascii() and last4.isdigit()):
        raise BadCell("card_last4", "is not four digits")
    if row["currency"] != portfolio.currency:
        raise BadCell("currency", f"is {row['currency'][:8]!r}, the portfolio's is {portfolio.currency}")
    try:
        apr = Decimal(row["apr"] or "0")
        apr_millionths = int(apr.scaleb(6)) if apr.is_finite() else -1
    except InvalidOperation:
        apr_millionths = -1
    if not 0 <= apr_millionths <= 10_000_000:
        raise BadCell("apr", "is not a rate like 0.1500 between 0 and 10")
    limit = _amount(row, "credit_limit", portfolio)
    if limit < 0:
        raise BadCell("credit_limit", "is negative")
    statuses = {status.value for status in AccountStatus}
    return {
        "customer": {
            "reference": _text(row, "customer_ref", 60),
            "full_name": _text(row, "full_name", 200),
            "language": _text(row, "language", 8).lower(),
            "country": _one_of(row, "country", _COUNTRIES, "an ISO 3166 country code"),
            "region": _text(row, "region", 60, required=False),
            "timezone": _one_of(row, "timezone", _ZONES, "an IANA time zone") if row["timezone"] else "",
            "address_line1": _text(row, "address_line1", 200, required=False),
            "address_line2": _text(row, "address_line2", 200, required=False),
            "city": _text(row, "city", 100, required=False),
            "postcode": _text(row, "postcode", 20, required=False),
            "mobile": _mobile(row),
            "email": _email(row),
        },
        "account": {
            "reference": _text(row, "account_ref", 60),
            "card_last4": last4,
            "product": _text(row, "product", 60),
            "credit_limit_minor": limit,
            "apr_millionths": apr_millionths,
            "opened_on": _date(row, "opened_on"),
            "placed_on": _date(row, "placed_on", required=False),
            "status": AccountStatus(_one_of(row, "status", statuses, "an account status"))
            if row.get("status")
            else AccountStatus.ACTIVE,
        },
    }


def _store_accounts(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Customers first, then accounts. A customer or account known with other data is a conflict."""
    del now
    stored = Stored()
    customers, agreeing = _store_customers(session, portfolio, rows, stored)
    fresh: dict[str, Row] = {}
    known = _existing(session, Account, portfolio, [r.values["account"]["reference"] for r in agreeing])
    for row in agreeing:
        data = {**row.values["account"], "customer_id": customers[row.values["customer"]["reference"]]}
        reference = data["reference"]
        if reference in known or reference in fresh:
            other = known.get(reference) or _account_row(portfolio, fresh[reference], customers)
            _settle_duplicate(stored, row, data, other, "account_ref")
        else:
            fresh[reference] = row
    insert_rows(session, Account, [_account_row(portfolio, row, customers) for row in fresh.values()])
    found = accounts_by_reference(session, portfolio.id or 0, list(fresh))
    changed = {found[ref][0]: row.values["account"]["opened_on"] for ref, row in fresh.items()}
    mark_changed(session, portfolio.id or 0, changed)
    stored.loaded += len(fresh)
    return stored


def _account_row(portfolio: Portfolio, row: Row, customers: Mapping[str, int]) -> dict[str, Any]:
    customer_id = customers[row.values["customer"]["reference"]]
    return {**row.values["account"], "customer_id": customer_id, "portfolio_id": portfolio.id}


def _store_customers(
    session: Session, portfolio: Portfolio, rows: list[Row], stored: Stored
) -> tuple[dict[str, int], list[Row]]:
    """Insert new customers; returns reference -> id and the rows whose customer data agree with what is known."""
    references = [row.values["customer"]["reference"] for row in rows]
    known = _existing(session, Customer, portfolio, references)
    fresh: dict[str, Mapping[str, Any]] = {}
    agreeing = []
    for row in rows:
        data = row.values["customer"]
        other = known.get(data["reference"]) or fresh.setdefault(data["reference"], data)
        differing = [name for name, value in data.items() if other[name] != value]
        if differing:
            reason = f"{CONFLICT}customer is already known with another {', '.join(differing)}"
            stored.rejects.append(Reject(row.line, differing[0], reason, row.cells))
        else:
            agreeing.append(row)
    insert_rows(session, Customer, [{**data, "portfolio_id": portfolio.id} for data in fresh.values()])
    ids = {ref: data["id"] for ref, data in _existing(session, Customer, portfolio, references).items()}
    return ids, agreeing


# --- statements, transactions, payments -----------------------------------------------------------------------


def _parse_statement(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    closing_on, due_on = _date(row, "closing_on"), _date(row, "due_on")
    assert closing_on is not None
    assert due_on is not None
    if due_on <= closing_on:
        raise BadCell("due_on", "is not after closing_on")
    minimum = _amount(row, "minimum_due", portfolio)
    if minimum < 0:
        raise BadCell("minimum_due", "is negative")
    return {
        "reference": _text(row, "statement_ref", 60),
        "account_ref": _text(row, "account_ref", 60),
        "closing_on": closing_on,
        "due_on": due_on,
        "balance_minor": _amount(row, "balance", portfolio),
        "minimum_due_minor": minimum,
    }


def _parse_transaction(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    kinds = {kind.value for kind in EntryKind}
    kind = EntryKind(_one_of(row, "kind", kinds, "an entry kind"))
    try:
        amount = signed(kind, _amount(row, "amount", portfolio))
    except SignError as error:
        raise BadCell("kind" if kind is EntryKind.REVERSAL else "amount", str(error)) from None
    return _entry(row, "transaction_ref", "posted_on", kind, amount, "description")


def _parse_payment(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    amount = _amount(row, "amount", portfolio)
    if amount <= 0:
        raise BadCell("amount", "of a payment must be positive")
    return _entry(row, "payment_ref", "paid_on", EntryKind.PAYMENT, -amount, "method")


def _entry(
    row: Mapping[str, str], reference: str, on: str, kind: EntryKind, amount: int, description: str
) -> dict[str, Any]:
    effective_on = _date(row, on)
    return {
        "reference": _text(row, reference, 80),
        "account_ref": _text(row, "account_ref", 60),
        "kind": kind,
        "amount_minor": amount,
        "effective_on": effective_on,
        "posted_on": effective_on,
        "description": _text(row, description, 200, required=False),
    }


def _store_dated(
    model: type[SQLModel],
    dated_by: str,
    reference_column: str,
    extra: Mapping[str, Any],
    session: Session,
    portfolio: Portfolio,
    rows: list[Row],
    now: datetime,
) -> Stored:
    """Store statements or entries of accounts that exist, and note from when on each account changed."""
    stored = Stored()
    accounts = accounts_by_reference(session, portfolio.id or 0, [r.values["account_ref"] for r in rows])
    known = _existing(session, model, portfolio, [r.values["reference"] for r in rows])
    fresh: dict[str, dict[str, Any]] = {}
    changed: dict[int, date] = {}
    for row in rows:
        account = accounts.get(row.values["account_ref"])
        if account is None:
            stored.rejects.append(
                Reject(row.line, "account_ref", "no such account in this portfolio", row.cells)
            )
            continue
        data = {k: v for k, v in row.values.items() if k != "account_ref"} | {"account_id": account[0]}
        reference = data["reference"]
        other = known.get(reference) or fresh.get(reference)
        if other is not None:
            _settle_duplicate(stored, row, data, other, reference_column)
            continue
        fresh[reference] = data
        changed[account[0]] = min(data[dated_by], changed.get(account[0], data[dated_by]))
    created = {"created_at": now} if "created_at" in table_of(model).c else {}
    insert_rows(
        session, model, [{**d, **extra, **created, "portfolio_id": portfolio.id} for d in fresh.values()]
    )
    mark_changed(session, portfolio.id or 0, changed)
    stored.loaded += len(fresh)
    return stored


def _existing(
    session: Session, model: type[SQLModel], portfolio: Portfolio, references: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Rows of `model` in this portfolio by reference, as plain dictionaries."""
    table = table_of(model)
    found: dict[str, dict[str, Any]] = {}
    for names in chunked(references, 5000):
        query = sa.select(table).where(table.c.portfolio_id == portfolio.id, table.c.reference.in_(names))
        found.update({r["reference"]: dict(r) for r in session.connection().execute(query).mappings()})
    return found


def _settle_duplicate(
    stored: Stored, row: Row, data: Mapping[str, Any], other: Mapping[str, Any], reference_column: str
) -> None:
    differing = [name for name, value in data.items() if other[name] != value]
    if differing:
        reason = f"{CONFLICT}this reference is already loaded with another {', '.join(differing)}"
        stored.rejects.append(Reject(row.line, reference_column, reason, row.cells))
    else:
        stored.unchanged += 1


ACCOUNT_COLUMNS = (
    "account_ref customer_ref full_name language country timezone address_line1 city postcode mobile email "
    "card_last4 product currency credit_limit apr opened_on"
)

LAYOUTS: Mapping[FeedKind, Layout] = {
    FeedKind.ACCOUNTS: Layout(
        tuple(ACCOUNT_COLUMNS.split(" ")),
        ("region", "address_line2", "status", "placed_on"),
        _parse_account,
        _store_accounts,
    ),
    FeedKind.STATEMENTS: Layout(
        ("statement_ref", "account_ref", "closing_on", "due_on", "balance", "minimum_due"),
        (),
        _parse_statement,
        partial(_store_dated, Statement, "closing_on", "statement_ref", {}),
    ),
    FeedKind.TRANSACTIONS: Layout(
        ("transaction_ref", "account_ref", "posted_on", "kind", "amount", "description"),
        (),
        _parse_transaction,
        partial(_store_dated, Entry, "effective_on", "transaction_ref", {"source": "feed:transactions"}),
    ),
    FeedKind.PAYMENTS: Layout(
        ("payment_ref", "account_ref", "paid_on", "amount", "method"),
        (),
        _parse_payment,
        partial(_store_dated, Entry, "effective_on", "payment_ref", {"source": "feed:payments"}),
    ),
}


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
