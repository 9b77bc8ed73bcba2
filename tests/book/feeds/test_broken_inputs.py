"""Broken inputs: what a creditor's system, a spreadsheet or somebody hostile makes of a file, and what comes of it.

Three tables, to be read as documentation (a shorter copy is in docs/feeds.md, "Broken files"):
one broken row among good ones, a file that is not one of ours, and what is odd but welcome. Each is loaded on both
databases by the same door as everything else.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.actions.feeds.loads import load
from app.book.feeds.models import FeedLoad
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Account, Customer, Entry, LedgerChange, Statement
from app.book.ledger.rules import FeedKind
from app.core.actor import Actor
from app.core.database.engine import table_of, transaction
from app.core.errors import DeskError, Invalid
from app.core.timeline.models import Event
from tests import builders

PAYMENTS = "payment_ref,account_ref,paid_on,amount,method"
HEADERS = {
    FeedKind.PAYMENTS: PAYMENTS,
    FeedKind.STATEMENTS: "statement_ref,account_ref,closing_on,due_on,balance,minimum_due",
    FeedKind.TRANSACTIONS: "transaction_ref,account_ref,posted_on,kind,amount,description",
    FeedKind.ACCOUNTS: (
        "account_ref,customer_ref,full_name,language,country,timezone,address_line1,city,postcode,mobile,email,"
        "card_last4,product,currency,credit_limit,apr,opened_on"
    ),
}
GOOD = {
    FeedKind.PAYMENTS: "P{n},A1,2026-03-01,45.00,transfer",
    FeedKind.STATEMENTS: "S{n},A1,2026-02-1{n},2026-03-08,900.00,45.00",
    FeedKind.TRANSACTIONS: "T{n},A1,2026-02-01,purchase,300.10,a shop",
    FeedKind.ACCOUNTS: (
        "B{n},D{n},Bo Example,en,CN,Asia/Shanghai,1 Road,Shanghai,200000,+8613800138000,bo@example.org,"
        "0042,Gold,CNY,9000.00,0.1825,2025-01-01"
    ),
}
MODELS = {
    FeedKind.PAYMENTS: Entry,
    FeedKind.STATEMENTS: Statement,
    FeedKind.TRANSACTIONS: Entry,
    FeedKind.ACCOUNTS: Account,
}
CARD = "4111111111111111"
FULL_WIDTH_CARD = "".join(chr(ord(digit) + 0xFEE0) for digit in CARD)

Desk = Callable[..., LoadReport]


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """Loads bytes or a path into a book that has one account, A1; the counts always close, whatever was in them."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.account(session, builders.customer(session, book), reference="A1")

    def run(kind: FeedKind, content: bytes | Path, name: str = "feed.csv") -> LoadReport:
        path = content if isinstance(content, Path) else tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        report = load(
            engine,
            kind,
            path,
            builders.BOOK,
            rejects_dir=tmp_path / "rejects",
            by=Actor.user("ann"),
            now=builders.NOW,
        )
        assert report.read == report.loaded + report.unchanged + report.conflicts + report.rejected
        assert bool(report.rejects_file) == bool(report.conflicts or report.rejected)
        return report

    return run


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return report.read, report.loaded, report.unchanged, report.conflicts, report.rejected


def rejects(report: LoadReport) -> list[dict[str, str]]:
    assert report.rejects_file
    with open(report.rejects_file, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def content(engine: Engine) -> list[list[tuple[object, ...]]]:
    """Everything a feed can write but its own history."""
    with engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table_of(model)).order_by(sa.text("1")))]
            for model in (Customer, Account, Statement, Entry, LedgerChange)
        ]


def references(engine: Engine, kind: FeedKind) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.select(table_of(MODELS[kind]).c.reference)).scalars())


# --- one broken row among good ones ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row that is rejected: what is wrong with it, the row, and what the rejects file says of it."""

    what: str
    kind: FeedKind
    row: str | bytes
    column: str
    reason: str
    """A pattern."""


P, S, T, A = FeedKind.PAYMENTS, FeedKind.STATEMENTS, FeedKind.TRANSACTIONS, FeedKind.ACCOUNTS
NO_DATE = "is not a date like 2026-01-31"
NO_AMOUNT = "not a decimal amount"
HOLDS_CARD = "looks like a full card number, which is never stored"
UNSEEN = "holds control characters"
TOO_LONG = "131,?072|longer than"

ROWS = [
    # dates
    Row("31 February", P, "P2,A1,2026-02-31,45.00,transfer", "paid_on", NO_DATE),
    Row("day before month", P, "P2,A1,28.02.2026,45.00,transfer", "paid_on", NO_DATE),
    Row("two-digit year", P, "P2,A1,26-02-28,45.00,transfer", "paid_on", NO_DATE),
    Row("a spreadsheet's day number", P, "P2,A1,46081,45.00,transfer", "paid_on", NO_DATE),
    Row("year 9999", P, "P2,A1,9999-12-31,45.00,transfer", "paid_on", NO_DATE),
    Row("year 1", P, "P2,A1,0001-01-01,45.00,transfer", "paid_on", NO_DATE),
    Row("a time behind the date", P, "P2,A1,2026-02-28T00:00:00,45.00,transfer", "paid_on", NO_DATE),
    Row("due before it closes", S, "S2,A1,2026-02-15,2026-02-14,9.00,1.00", "due_on", "is not after closing_on"),
    # amounts
    Row("a million digits", P, f"P2,A1,2026-02-28,{'9' * 1_000_000},transfer", "", TOO_LONG),
    Row("1e999", P, "P2,A1,2026-02-28,1e999,transfer", "amount", NO_AMOUNT),
    Row("NaN", P, "P2,A1,2026-02-28,NaN,transfer", "amount", NO_AMOUNT),
    Row("infinity", P, "P2,A1,2026-02-28,-Infinity,transfer", "amount", NO_AMOUNT),
    Row("thousands separators", P, 'P2,A1,2026-02-28,"1,045.00",transfer', "amount", NO_AMOUNT),
    Row("a decimal comma", P, 'P2,A1,2026-02-28,"45,00",transfer', "amount", NO_AMOUNT),
    Row("a currency sign", P, "P2,A1,2026-02-28,¥45.00,transfer", "amount", NO_AMOUNT),
    Row("full-width digits", P, "P2,A1,2026-02-28,４５.００,transfer", "amount", NO_AMOUNT),
    Row("more decimals than a yuan has", P, "P2,A1,2026-02-28,45.001,transfer", "amount", "CNY has 2 decimals"),
    Row("no amount", P, "P2,A1,2026-02-28,,transfer", "amount", NO_AMOUNT),
    Row("a negative payment", P, "P2,A1,2026-02-28,-45.00,transfer", "amount", "must be positive"),
    Row("more than a quadrillion", T, "T2,A1,2026-02-01,fee,99999999999999.00,x", "amount", "out of range"),
    Row("a negative minimum", S, "S2,A1,2026-02-15,2026-03-08,900.00,-45.00", "minimum_due", "is negative"),
    Row("a rate of 1e999", A, GOOD[A].format(n=2).replace("0.1825", "1e999"), "apr", "is not a rate like"),
    # codes
    Row("no such currency", A, GOOD[A].format(n=2).replace("CNY", "XXX"), "currency", "the portfolio's is CNY"),
    Row("a kind we do not know", T, "T2,A1,2026-02-01,gift,1.00,x", "kind", "is not an entry kind: 'gift'"),
    Row("a card's last five", A, GOOD[A].format(n=2).replace("0042", "10042"), "card_last4", "longer than 4"),
    # whose
    Row("an account we do not have", P, "P2,A9,2026-02-28,45.00,transfer", "account_ref", "no such account"),
    Row("no reference", P, ",A1,2026-02-28,45.00,transfer", "payment_ref", "is empty"),
    Row("a reference of spaces", P, "   ,A1,2026-02-28,45.00,transfer", "payment_ref", "is empty"),
    # what must not be stored
    Row("a card number in a name", A, GOOD[A].format(n=2).replace("Bo", CARD), "full_name", HOLDS_CARD),
    Row("one in groups of four", A, GOOD[A].format(n=2).replace("Bo", "4111 1111 1111 1111"), "full_name", HOLDS_CARD),
    Row("one in full-width digits", A, GOOD[A].format(n=2).replace("Bo", FULL_WIDTH_CARD), "full_name", HOLDS_CARD),
    Row("one as the reference", P, f"{CARD},A1,2026-02-28,45.00,transfer", "payment_ref", HOLDS_CARD),
    Row("a name that turns its reading", A, GOOD[A].format(n=2).replace("Bo", "Bo\u202e"), "full_name", UNSEEN),
    # how it is written
    Row("a NUL byte", P, b"P2,A1,2026-02-28,45.00,tr\x00ansfer", "method", UNSEEN),
    Row("a line end in a cell", P, 'P2,A1,2026-02-28,45.00,"trans\nfer"', "method", UNSEEN),
    Row("a byte that is not UTF-8", P, b"P2,A1,2026-02-28,45.00,caf\xe9", "method", "is not UTF-8 text"),
    Row("half a surrogate pair", P, b"P2,A1,2026-02-28,45.00,\xed\xa0\x80", "method", "is not UTF-8 text"),
    Row("a cell too few", P, "P2,A1,2026-02-28,45.00", "", "4 cells where the header has 5"),
    Row("a cell too many", P, "P2,A1,2026-02-28,45,00,transfer", "", "6 cells where the header has 5"),
    Row("text behind a closing quote", P, 'P2,A1,2026-02-28,45.00,"a"b', "", "not a CSV row"),
    Row("the header again", P, PAYMENTS, "amount", NO_AMOUNT),
    Row("a file glued on", P, b"\xef\xbb\xbf" + PAYMENTS.encode(), "payment_ref|amount", f"{NO_AMOUNT}|{UNSEEN}"),
    Row("ten million characters", T, f"T2,A1,2026-02-01,fee,1.00,{'x' * 10_000_000}", "", TOO_LONG),
    Row("eleven thousand characters", T, f"T2,A1,2026-02-01,fee,1.00,{'x' * 11_000}", "description", "11000 char"),
]  # fmt: skip


@pytest.mark.parametrize("broken", ROWS, ids=lambda broken: broken.what)
def test_a_broken_row_is_named_and_the_rows_around_it_are_loaded(
    desk: Desk, engine: Engine, broken: Row
) -> None:
    good = GOOD[broken.kind]
    row = broken.row if isinstance(broken.row, bytes) else broken.row.encode()
    first, last = good.format(n=1).encode(), good.format(n=3).encode()
    header = HEADERS[broken.kind].encode()
    report = desk(broken.kind, b"\n".join([header, first, row, last, b""]))
    assert counts(report) == (3, 2, 0, 0, 1)
    [reject] = rejects(report)
    assert reject["line"] == "3"
    assert re.fullmatch(broken.column, reject["column"])
    assert re.search(broken.reason, reject["reason"])
    _can_be_acted_on(reject["reason"])
    assert Path(report.rejects_file or "").stat().st_size < 5_000, "a huge cell is not copied whole"
    initial = good[0]
    assert {f"{initial}1", f"{initial}3"} <= references(engine, broken.kind)
    assert f"{initial}2" not in references(engine, broken.kind)
    mended = desk(broken.kind, b"\n".join([header, first, good.format(n=2).encode(), last, b""]))
    assert counts(mended) == (3, 1, 2, 0, 0), "the mended file loads what was missing and nothing twice"


def _can_be_acted_on(sentence: str) -> None:
    """Words for a person at the creditor's, not the inside of a program."""
    assert 2 <= len(sentence.split()) <= 30
    assert not re.search(r"Traceback|Exception|Error\b|\bNone\b|<class|0x[0-9a-f]{4}|\\u", sentence)


@pytest.mark.parametrize("number", [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", FULL_WIDTH_CARD])
def test_a_card_number_is_not_even_in_the_rejects_file(desk: Desk, engine: Engine, number: str) -> None:
    report = desk(A, f"{HEADERS[A]}\n{GOOD[A].format(n=2).replace('Bo', number)}\n".encode())
    written = Path(report.rejects_file or "").read_text(encoding="utf-8")
    assert number not in written
    assert CARD[:8] not in written
    assert "row withheld" in written
    with engine.connect() as connection:
        seen = str(connection.execute(sa.select(table_of(Event).c.data)).all())
    assert number not in seen


def test_an_unbalanced_quote_costs_its_own_row_only(desk: Desk, engine: Engine) -> None:
    """It opens a cell that would swallow the file: two good rows before it, two thousand behind."""
    rows = [GOOD[P].format(n=n) for n in range(2_002)]
    rows.insert(2, 'PX,A1,2026-02-28,45.00,"never closed')
    report = desk(P, "\n".join([PAYMENTS, *rows, ""]).encode())
    assert (report.rejected, report.conflicts) == (1, 0)
    assert report.loaded == 2_002
    [reject] = rejects(report)
    assert (reject["line"], reject["column"]) == ("4", "")
    _can_be_acted_on(reject["reason"])


def test_a_hostile_row_runs_nothing_in_the_spreadsheet_that_opens_the_rejects(desk: Desk) -> None:
    """CWE-1236: whatever begins as a formula is disarmed, in the first cell of a row too."""
    starts = ["=", "+", "-", "@", "\t="]
    rows = [f"{start}cmd|' /C calc'!A0,A9,2026-02-28,45.00,transfer" for start in starts]
    report = desk(P, "\n".join([PAYMENTS, *rows, ""]).encode())
    assert report.rejected == len(starts)
    for reject in rejects(report):
        assert not [cell for cell in reject.values() if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_a_ten_megabyte_line_is_not_held_many_times_over(desk: Desk) -> None:
    row = f"T2,A1,2026-02-01,fee,1.00,{'x' * 10_000_000}"
    raw = f"{HEADERS[T]}\n{row}\n{GOOD[T].format(n=3)}\n".encode()
    tracemalloc.start()
    try:
        report = desk(T, raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts(report) == (2, 1, 0, 0, 1)
    assert peak < 120_000_000


def test_many_broken_rows_are_told_one_by_one(desk: Desk, engine: Engine) -> None:
    """Half the file is broken in every way at once: each row has its own line in the rejects, in order."""
    payments = [r for r in ROWS if r.kind is P and len(r.row) < 10_000 and "\n" not in str(r.row)]
    lines, expected = [PAYMENTS.encode()], []
    for n, broken in enumerate(payments):
        lines.append(GOOD[P].format(n=f"G{n}").encode())
        lines.append(broken.row if isinstance(broken.row, bytes) else broken.row.encode())
        expected.append((str(len(lines)), broken))
    report = desk(P, b"\n".join([*lines, b""]))
    assert counts(report) == (2 * len(payments), len(payments), 0, 0, len(payments))
    told = sorted(rejects(report), key=lambda reject: int(reject["line"]))
    for reject, (line, broken) in zip(told, expected, strict=True):
        assert reject["line"] == line
        assert re.fullmatch(broken.column, reject["column"]), broken.what
        assert re.search(broken.reason, reject["reason"]), broken.what


# --- a file that is not one of ours ---------------------------------------------------------------------------


def _zip(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, text)
    return packed.getvalue()


ONE_PAYMENT = f"{PAYMENTS}\n{GOOD[P].format(n=1)}\n"

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no header row"),
    "only blank lines": (b"\n\n\r\n", "no header row"),
    "an unknown column": (ONE_PAYMENT.replace("method", "method,iban").encode(), "unknown columns: 'iban'"),
    "a missing column": (b"payment_ref,account_ref,paid_on,amount\n", "missing columns: 'method'"),
    "a column twice": ((PAYMENTS + ",amount\n").encode(), "twice: 'amount'"),
    "no header": (f"{GOOD[P].format(n=1)}\n".encode(), "missing columns: 'payment_ref'"),
    "another feed's columns": (HEADERS[S].encode() + b"\n", "unknown columns: 'statement_ref'"),
    "a delimiter nobody uses": (ONE_PAYMENT.replace(",", "^").encode(), "missing columns"),
    "columns named in capitals": (PAYMENTS.upper().encode() + b"\n", "unknown columns: 'PAYMENT_REF'"),
    "a card number in the header": (f"{PAYMENTS},{CARD}\n".encode(), "unknown columns"),
    "an unclosed quote in the header": (b'"payment_ref,account_ref\n', "header"),
    "UTF-16 without a mark": (ONE_PAYMENT.encode("utf-16-le"), "UTF-16|unknown columns"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "columns"),
    "a page of a portal that wants a login": (b"<!DOCTYPE html>\n<html><body>Please log in", "columns"),
    "a zip that is no workbook": (_zip("feed.csv", ONE_PAYMENT), "workbook|columns|header"),
    "bzip2": (bz2.compress(ONE_PAYMENT.encode()), "columns|header"),
    "a gzip in a gzip": (gzip.compress(gzip.compress(ONE_PAYMENT.encode())), "columns|header"),
    "ten million bytes without a line end": (b"x" * 10_000_000, "columns|header|line"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "says"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_not_one_of_ours_is_refused_whole_in_words(
    desk: Desk, engine: Engine, raw: bytes, says: str
) -> None:
    before = content(engine)
    with pytest.raises(Invalid, match=says) as refusal:
        desk(P, raw)
    assert len(str(refusal.value)) < 600
    assert CARD not in str(refusal.value)
    assert content(engine) == before


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "folder|directory"),
        (lambda path: path.symlink_to(path), "cannot be read|could not be read"),
        (lambda path: path.symlink_to(path.parent / "gone.csv"), "There is no file"),
    ],
    ids=["not there", "a folder", "a link to itself", "a link to nowhere"],
)
def test_what_cannot_be_opened_says_so(
    desk: Desk, engine: Engine, tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    """A link that leads to itself stands for every file the system will not open, also to root."""
    before = content(engine)
    path = tmp_path / "placed.csv"
    make(path)
    with pytest.raises(DeskError, match=says):
        desk(P, path)
    assert content(engine) == before


def _cut(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def _wrong_checksum(packed: bytes) -> bytes:
    return packed[:-8] + bytes(4) + packed[-4:]


def _damaged(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return packed[:middle] + b"\xff" * 64 + packed[middle + 64 :]


@pytest.mark.parametrize("spoil", [_cut, _wrong_checksum, _damaged], ids=lambda spoil: spoil.__name__)
def test_a_gzip_that_breaks_off_says_so_and_the_whole_file_finishes_the_job(
    desk: Desk, engine: Engine, spoil: Callable[[bytes], bytes]
) -> None:
    text = "\n".join([PAYMENTS, *(GOOD[P].format(n=n) for n in range(20_000)), ""])
    whole = gzip.compress(text.encode())
    with pytest.raises(DeskError, match="could not be read to its end") as refusal:
        desk(P, spoil(whole), "feed.csv.gz")
    assert "Load the whole file again" in str(refusal.value)
    held = builders.count(engine, Entry)
    assert counts(desk(P, whole, "feed.csv.gz")) == (20_000, 20_000 - held, held, 0, 0)
    assert builders.count(engine, Entry) == 20_000


# --- odd but welcome ------------------------------------------------------------------------------------------

TWO = [PAYMENTS, GOOD[P].format(n=1), GOOD[P].format(n=2)]
PLAIN = "\n".join([*TWO, ""])

WELCOME: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "UTF-16 as a spreadsheet saves it": PLAIN.encode("utf-16"),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "Windows line ends": PLAIN.replace("\n", "\r\n").encode(),
    "line ends of an old Mac": PLAIN.replace("\n", "\r").encode(),
    "blank lines": "\n\n".join([*TWO, "", ""]).encode(),
    "no line end at the end": "\n".join(TWO).encode(),
    "every cell in quotes": re.sub(r"[^,\n]+", lambda cell: f'"{cell[0]}"', PLAIN).encode(),
    "spaces around cells": PLAIN.replace(",", " , ").encode(),
    "columns in another order": b"method,amount,paid_on,account_ref,payment_ref\n"
    b"transfer,45.00,2026-03-01,A1,P1\ntransfer,45.00,2026-03-01,A1,P2\n",
    "gzip by another name": gzip.compress(PLAIN.encode()),
    "two gzips end to end": gzip.compress(PLAIN[:60].encode()) + gzip.compress(PLAIN[60:].encode()),
}


@pytest.mark.parametrize("raw", WELCOME.values(), ids=WELCOME.keys())
def test_what_is_odd_but_clear_is_loaded(desk: Desk, engine: Engine, raw: bytes) -> None:
    assert counts(desk(P, raw)) == (2, 2, 0, 0, 0)
    with engine.connect() as connection:
        table = table_of(Entry)
        stored = connection.execute(
            sa.select(table.c.reference, table.c.amount_minor, table.c.description).order_by(
                table.c.reference
            )
        ).all()
    assert [tuple(row) for row in stored] == [("P1", -4_500, "transfer"), ("P2", -4_500, "transfer")]


def test_a_header_alone_is_a_quiet_night(desk: Desk, engine: Engine) -> None:
    assert counts(desk(P, PAYMENTS.encode() + b"\n")) == (0, 0, 0, 0, 0)
    with transaction(engine) as session:
        history = session.scalars(sa.select(FeedLoad)).one()
        assert (history.read, history.finished_at is not None) == (0, True)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "Robert'); DROP TABLE account;--",
        "{{ 7 * 7 }}",
        "Zoë Ünal-O’Brien",
        "王小明",
        "👩‍👩‍👧 Smith",
    ],
)
def test_a_name_is_kept_as_it_was_written(desk: Desk, engine: Engine, name: str) -> None:
    """A name is text, never markup or a statement: pages and letters escape it where they show it."""
    assert (
        counts(desk(A, f"{HEADERS[A]}\n{GOOD[A].format(n=2).replace('Bo Example', name)}\n".encode())).count(
            1
        )
        == 2
    )
    with engine.connect() as connection:
        query = sa.select(table_of(Customer).c.full_name).where(table_of(Customer).c.reference == "D2")
        assert connection.execute(query).scalar_one() == name


def test_a_row_that_comes_twice_is_one_row_and_one_that_comes_changed_is_a_conflict(
    desk: Desk, engine: Engine
) -> None:
    rows: Sequence[str] = [
        "P1,A1,2026-03-01,45.00,transfer",
        "P1,A1,2026-03-01,45.00,transfer",
        "P1,A1,2026-03-01,54.00,transfer",
        "P2,A1,2026-03-01,45.00,transfer",
    ]
    report = desk(P, "\n".join([PAYMENTS, *rows, ""]).encode())
    assert counts(report) == (4, 2, 1, 1, 0)
    [reject] = rejects(report)
    assert (reject["line"], reject["column"]) == ("4", "payment_ref")
    assert re.search(r"already loaded with another amount", reject["reason"])
    with engine.connect() as connection:
        total = connection.execute(sa.select(sa.func.sum(table_of(Entry).c.amount_minor))).scalar_one()
    assert total == -9_000, "the first of them holds"
