"""A creditor's files as they really come: twice, cut off, hostile. Whatever is in them, the counts close."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.feeds.events import FeedLoaded
from app.book.feeds.models import FeedLoad
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Account, Customer, Entry, LedgerChange, Statement
from app.book.ledger.rules import EntryKind, FeedKind
from app.core.actor import Actor
from app.core.database.engine import table_of, transaction
from app.core.errors import DeskError, Invalid, NotFound
from app.core.timeline.models import Event
from tests import builders

ACCOUNT_HEADER = (
    "account_ref customer_ref full_name language country timezone address_line1 city postcode mobile email "
    "card_last4 product currency credit_limit apr opened_on"
)
ACCOUNT = {
    "account_ref": "A1", "customer_ref": "C1", "full_name": "Anna Example", "language": "en", "country": "CN",
    "timezone": builders.ZONE, "address_line1": "1 Road", "city": "Shanghai", "postcode": "200000",
    "mobile": "138 0013 8000", "email": "Anna@Example.org", "card_last4": "0042", "product": "Gold",
    "currency": "CNY", "credit_limit": "9000.00", "apr": "0.1825", "opened_on": "2025-01-01",
}  # fmt: skip
STATEMENT = {
    "statement_ref": "S1", "account_ref": "A1", "closing_on": "2026-02-15", "due_on": "2026-03-08",
    "balance": "900.00", "minimum_due": "45.00",
}  # fmt: skip
TRANSACTION = {
    "transaction_ref": "T1", "account_ref": "A1", "posted_on": "2026-02-01", "kind": "purchase",
    "amount": "300.10", "description": "a shop",
}  # fmt: skip
PAYMENT = {
    "payment_ref": "P1", "account_ref": "A1", "paid_on": "2026-03-01", "amount": "45.00", "method": "transfer",
}  # fmt: skip
ROWS: dict[FeedKind, dict[str, str]] = {
    FeedKind.ACCOUNTS: ACCOUNT,
    FeedKind.STATEMENTS: STATEMENT,
    FeedKind.TRANSACTIONS: TRANSACTION,
    FeedKind.PAYMENTS: PAYMENT,
}
CARD = "4111111111111111"

Load = Callable[..., LoadReport]


@pytest.fixture
def feed(engine: Engine, tmp_path: Path) -> Load:
    """Loads rows (given as what differs from the good row) or raw bytes; checks that the counts close."""
    with transaction(engine) as session:
        builders.portfolio(session)
    return _loader(engine, tmp_path)


def _loader(engine: Engine, tmp_path: Path) -> Load:
    def run(
        kind: FeedKind, *rows: Mapping[str, str], raw: bytes | None = None, name: str = "feed.csv"
    ) -> LoadReport:
        path = tmp_path / name
        path.write_bytes(raw if raw is not None else text(kind, *rows).encode())
        report = load(
            engine,
            kind,
            path,
            builders.BOOK,
            rejects_dir=tmp_path / "rejects",
            by=Actor.user("ann"),
            now=builders.NOW,
        )
        counted = report.loaded + report.updated + report.unchanged + report.conflicts + report.rejected
        assert report.read == counted
        assert bool(report.rejects_file) == bool(report.conflicts or report.rejected)
        return report

    return run


def text(kind: FeedKind, *rows: Mapping[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ROWS[kind]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**ROWS[kind], **row} for row in rows)
    return out.getvalue()


def rejects(report: LoadReport) -> list[dict[str, str]]:
    assert report.rejects_file
    with open(report.rejects_file, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return report.read, report.loaded, report.unchanged, report.conflicts, report.rejected


def test_the_four_kinds_become_a_book(feed: Load, engine: Engine) -> None:
    for kind in ROWS:
        assert counts(feed(kind, {})) == (1, 1, 0, 0, 0), kind
    with transaction(engine) as session:
        holder = session.scalars(select(Customer)).one()
        assert (holder.full_name, holder.mobile) == ("Anna Example", "+8613800138000")
        assert holder.email == "Anna@example.org"
        card = session.scalars(select(Account)).one()
        assert (card.card_last4, card.credit_limit_minor, card.apr_millionths) == ("0042", 900_000, 182_500)
        due = session.scalars(select(Statement)).one()
        assert (due.closing_on, due.due_on, due.minimum_due_minor) == (
            date(2026, 2, 15),
            date(2026, 3, 8),
            4_500,
        )
        entries = session.scalars(select(Entry).order_by(table_of(Entry).c.id)).all()
        assert [(e.kind, e.amount_minor) for e in entries] == [
            (EntryKind.PURCHASE, 30_010), (EntryKind.PAYMENT, -4_500),
        ]  # fmt: skip
        change = session.scalars(select(LedgerChange)).one()
        assert change.earliest_on == date(2026, 2, 1), "the night knows from when on to fold"
        loads = builders.events(session, FeedLoaded.KIND)
        assert [e["kind"] for e in loads] == [FeedLoaded.KIND] * 4
        assert {row.sha256 for row in session.scalars(select(FeedLoad))} == {e["sha256"] for e in loads}


@pytest.mark.parametrize("kind", list(ROWS))
def test_loading_the_same_file_again_changes_nothing(feed: Load, engine: Engine, kind: FeedKind) -> None:
    if kind is not FeedKind.ACCOUNTS:
        feed(FeedKind.ACCOUNTS, {})
    assert counts(feed(kind, {}, {})) == (2, 1, 1, 0, 0), "the same row twice in one file is one row"
    before = _content(engine)
    assert counts(feed(kind, {})) == (1, 0, 1, 0, 0)
    assert _content(engine) == before


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (FeedKind.ACCOUNTS, {"opened_on": "2023-01-15"}),
        (FeedKind.STATEMENTS, {"minimum_due": "46.00"}),
        (FeedKind.TRANSACTIONS, {"amount": "300.11"}),
        (FeedKind.TRANSACTIONS, {"kind": "fee"}),
        (FeedKind.PAYMENTS, {"paid_on": "2026-03-02"}),
    ],
)
def test_a_known_reference_with_other_content_is_a_conflict_and_changes_nothing(
    feed: Load, engine: Engine, kind: FeedKind, change: dict[str, str]
) -> None:
    for each in ROWS:
        feed(each, {})
    before = _content(engine)
    report = feed(kind, change)
    assert counts(report) == (1, 0, 0, 1, 0)
    [row] = rejects(report)
    assert row["line"] == "2"
    assert row["reason"].startswith("conflict: ")
    assert _content(engine) == before


def test_a_conflict_within_one_file_keeps_the_first(feed: Load, engine: Engine) -> None:
    feed(FeedKind.ACCOUNTS, {})
    assert counts(feed(FeedKind.PAYMENTS, {}, {"amount": "46.00"})) == (2, 1, 0, 1, 0)
    with transaction(engine) as session:
        assert session.scalars(select(Entry)).one().amount_minor == -4_500


def _content(engine: Engine) -> list[list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table_of(model)).order_by(sa.text("1")))]
            for model in (Customer, Account, Statement, Entry, LedgerChange)
        ]


BAD: list[tuple[FeedKind, dict[str, str], str]] = [
    (FeedKind.ACCOUNTS, {"opened_on": "2026-02-31"}, "opened_on"),
    (FeedKind.ACCOUNTS, {"opened_on": "31.01.2026"}, "opened_on"),
    (FeedKind.ACCOUNTS, {"opened_on": "20260131"}, "opened_on"),
    (FeedKind.ACCOUNTS, {"currency": "USD"}, "currency"),
    (FeedKind.ACCOUNTS, {"card_last4": "42"}, "card_last4"),
    (FeedKind.ACCOUNTS, {"card_last4": "٠٠٤٢"}, "card_last4"),
    (FeedKind.ACCOUNTS, {"timezone": "Mars/Olympus"}, "timezone"),
    (FeedKind.ACCOUNTS, {"country": "XX"}, "country"),
    (FeedKind.ACCOUNTS, {"apr": "NaN"}, "apr"),
    (FeedKind.ACCOUNTS, {"apr": "-0.1"}, "apr"),
    (FeedKind.ACCOUNTS, {"apr": "1e99999999"}, "apr"),
    (FeedKind.ACCOUNTS, {"credit_limit": "-1"}, "credit_limit"),
    (FeedKind.ACCOUNTS, {"account_ref": ""}, "account_ref"),
    (FeedKind.ACCOUNTS, {"account_ref": "A" * 61}, "account_ref"),
    (FeedKind.ACCOUNTS, {"full_name": "Anna\x00Example"}, "full_name"),
    (FeedKind.ACCOUNTS, {"full_name": "Anna\u202eelpmaxE"}, "full_name"),
    (FeedKind.STATEMENTS, {"minimum_due": "-1.00"}, "minimum_due"),
    (FeedKind.STATEMENTS, {"minimum_due": "NaN"}, "minimum_due"),
    (FeedKind.STATEMENTS, {"minimum_due": "1.001"}, "minimum_due"),
    (FeedKind.STATEMENTS, {"balance": "Infinity"}, "balance"),
    (FeedKind.STATEMENTS, {"due_on": "2026-02-15"}, "due_on"),
    (FeedKind.STATEMENTS, {"account_ref": "A9"}, "account_ref"),
    (FeedKind.TRANSACTIONS, {"amount": "9" * 100_000}, "amount"),
    (FeedKind.TRANSACTIONS, {"amount": "9" * 1_000_000}, ""),  # longer than a CSV reader takes
    (FeedKind.TRANSACTIONS, {"amount": "1e9"}, "amount"),
    (FeedKind.TRANSACTIONS, {"amount": "-5"}, "amount"),
    (FeedKind.TRANSACTIONS, {"amount": "10000000000000.01"}, "amount"),
    (FeedKind.TRANSACTIONS, {"kind": "gift"}, "kind"),
    (FeedKind.TRANSACTIONS, {"kind": "reversal"}, "kind"),
    (FeedKind.TRANSACTIONS, {"description": "x" * 201}, "description"),
    (FeedKind.PAYMENTS, {"amount": "0"}, "amount"),
    (FeedKind.PAYMENTS, {"amount": "-45.00"}, "amount"),
    (FeedKind.PAYMENTS, {"amount": ""}, "amount"),
    (FeedKind.PAYMENTS, {"paid_on": ""}, "paid_on"),
    (FeedKind.PAYMENTS, {"paid_on": "9999-12-31"}, "paid_on"),
]


@pytest.fixture
def sqlite_feed(sqlite_engine: Engine, tmp_path: Path) -> Load:
    with transaction(sqlite_engine) as session:
        builders.portfolio(session)
    return _loader(sqlite_engine, tmp_path)


@pytest.mark.parametrize(
    ("kind", "bad", "column"), BAD, ids=[f"{k}-{c}-{n}" for n, (k, _, c) in enumerate(BAD)]
)
def test_a_bad_row_is_rejected_by_name_and_stops_no_other(
    sqlite_feed: Load, kind: FeedKind, bad: dict[str, str], column: str
) -> None:
    if kind is not FeedKind.ACCOUNTS:
        sqlite_feed(FeedKind.ACCOUNTS, {})
    report = sqlite_feed(kind, bad, {})
    assert counts(report) == (2, 1, 0, 0, 1)
    [row] = rejects(report)
    assert (row["line"], row["column"]) == ("2", column)
    assert row["reason"]
    assert report.rejects_file
    assert Path(report.rejects_file).stat().st_size < 5_000


CARDS = {
    "bare": CARD,
    "spaced": "4111 1111 1111 1111",
    "dashes": "4111-1111-1111-1111",
    "full-width": "４１１１１１１１１１１１１１１１",
    "with an expiry behind": "4111 1111 1111 1111 12/28",
    "in a sentence": "card no. 4111111111111111, thanks",
    "American Express": "378282246310005",
    "glued to a label": "PAN4111111111111111",
}


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS.keys())
@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (FeedKind.ACCOUNTS, "full_name"),
        (FeedKind.ACCOUNTS, "account_ref"),
        (FeedKind.TRANSACTIONS, "description"),
    ],
)
def test_a_full_card_number_is_refused_and_never_echoed(
    sqlite_feed: Load,
    sqlite_engine: Engine,
    kind: FeedKind,
    column: str,
    number: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if kind is not FeedKind.ACCOUNTS:
        sqlite_feed(FeedKind.ACCOUNTS, {})
    report = sqlite_feed(kind, {column: number})
    assert counts(report) == (1, 0, 0, 0, 1)
    [row] = rejects(report)
    assert row["column"] == column
    assert "card number" in row["reason"]
    assert report.rejects_file
    with sqlite_engine.connect() as connection:
        stored = connection.execute(sa.select(table_of(Event).c.data)).all()
    seen = "".join([Path(report.rejects_file).read_text(), *capfd.readouterr(), caplog.text, str(stored)])
    for digits in (number, CARD, CARD[:12], "1111 1111", "1111-1111", "82246310"):
        assert digits not in seen


@pytest.mark.parametrize(
    "harmless", ["4111111111111112", "1234567890123456", "0000000000000000", "2026-03-01 12:00"]
)
def test_other_long_numbers_pass(sqlite_feed: Load, harmless: str) -> None:
    sqlite_feed(FeedKind.ACCOUNTS, {})
    assert counts(sqlite_feed(FeedKind.TRANSACTIONS, {"description": harmless})) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no header row"),
        (b"payment_ref,account_ref,paid_on,amount\nP,A,2026-01-01,1\n", "missing columns: 'method'"),
        (b"payment_ref,account_ref,paid_on,amount,method,iban\n", "unknown columns: 'iban'"),
        (b"payment_ref,account_ref,paid_on,amount,method,amount\n", "twice: 'amount'"),
        (b"payment_ref account_ref paid_on amount method\n", "unknown columns"),
        (b"\xff\xfep\x00a\x00y\x00", "unknown columns"),
    ],
)
def test_a_header_that_does_not_fit_loads_nothing_and_says_why(
    sqlite_feed: Load, raw: bytes, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        sqlite_feed(FeedKind.PAYMENTS, raw=raw)


def test_a_byte_order_mark_and_windows_line_ends_are_welcome(sqlite_feed: Load) -> None:
    raw = b"\xef\xbb\xbf" + text(FeedKind.ACCOUNTS, {}).replace("\n", "\r\n").encode()
    assert counts(sqlite_feed(FeedKind.ACCOUNTS, raw=raw)) == (1, 1, 0, 0, 0)


def test_columns_may_come_in_any_order(sqlite_feed: Load) -> None:
    sqlite_feed(FeedKind.ACCOUNTS, {})
    raw = b"method,amount,paid_on,account_ref,payment_ref\ntransfer,45.00,2026-03-01,A1,P1\n"
    assert counts(sqlite_feed(FeedKind.PAYMENTS, raw=raw)) == (1, 1, 0, 0, 0)


def test_bytes_that_are_not_utf_8_reject_their_row_only(sqlite_feed: Load) -> None:
    good = text(FeedKind.ACCOUNTS, {}, {"account_ref": "A2", "customer_ref": "C2", "full_name": "Jos\u00e9"})
    report = sqlite_feed(FeedKind.ACCOUNTS, raw=good.encode("latin-1"))
    assert counts(report) == (2, 1, 0, 0, 1)
    assert rejects(report)[0]["reason"] == "is not UTF-8 text"


@pytest.mark.parametrize("row", ["A1,C1", "," * 40, '"never closed', 'a"b,"c"d'])
def test_a_row_of_the_wrong_shape_is_rejected(sqlite_feed: Load, row: str) -> None:
    report = sqlite_feed(FeedKind.ACCOUNTS, raw=(text(FeedKind.ACCOUNTS, {}) + row + "\n").encode())
    assert counts(report) == (2, 1, 0, 0, 1)


def test_a_gzip_is_read_and_one_that_is_cut_off_is_finished_by_the_whole(
    sqlite_feed: Load, sqlite_engine: Engine
) -> None:
    rows = [
        {"account_ref": f"A{n}", "customer_ref": f"C{n}", "email": f"p{n}@example.org"} for n in range(3_000)
    ]
    whole = gzip.compress(text(FeedKind.ACCOUNTS, *rows).encode())
    with pytest.raises(DeskError, match="could not be read to its end"):
        sqlite_feed(FeedKind.ACCOUNTS, raw=whole[: len(whole) // 2], name="feed.csv.gz")
    loaded_before = builders.count(sqlite_engine, Account)
    report = sqlite_feed(FeedKind.ACCOUNTS, raw=whole, name="feed.csv.gz")
    assert report.loaded + report.unchanged == 3_000
    assert report.unchanged == loaded_before
    assert builders.count(sqlite_engine, Account) == 3_000


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_hostile_row_runs_nothing_in_the_spreadsheet_that_opens_the_rejects(
    sqlite_feed: Load, start: str
) -> None:
    """CWE-1236: a cell of the rejects file never begins as a formula does."""
    hostile = start + 'HYPERLINK("http://evil.example")'
    report = sqlite_feed(FeedKind.ACCOUNTS, {"account_ref": hostile, "currency": "USD"})
    assert report.rejects_file
    for cells in csv.reader(Path(report.rejects_file).read_text().splitlines()[1:]):
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]


def test_no_such_file_and_no_such_portfolio(sqlite_engine: Engine, tmp_path: Path) -> None:
    told = {"rejects_dir": tmp_path, "by": "user:ann", "now": builders.NOW}
    with pytest.raises(NotFound, match="no portfolio 'NOPE'"):
        load(sqlite_engine, FeedKind.PAYMENTS, tmp_path / "x.csv", "NOPE", **told)
    with transaction(sqlite_engine) as session:
        builders.portfolio(session)
    with pytest.raises(Invalid, match="There is no file"):
        load(sqlite_engine, FeedKind.PAYMENTS, tmp_path / "x.csv", builders.BOOK, **told)


def test_a_language_that_the_customer_chose_is_not_the_files_to_change(feed: Load, engine: Engine) -> None:
    assert feed(FeedKind.ACCOUNTS, {}).loaded == 1
    assert feed(FeedKind.ACCOUNTS, {"language": "nl"}).updated == 1
    with transaction(engine) as session:
        anna = session.scalars(select(Customer)).one()
        anna.language, anna.language_chosen = "zh", True
    again = feed(FeedKind.ACCOUNTS, {}, {"account_ref": "A2"})
    assert (again.loaded, again.unchanged, again.conflicts) == (1, 1, 0)
    with transaction(engine) as session:
        assert session.scalars(select(Customer.language)).one() == "zh"
