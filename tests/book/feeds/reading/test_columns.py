"""The two ways of parser a row agree: what the columns are sure of, the row-by-row way says too."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.book.feeds.cells import BadCell, Layout
from app.book.feeds.layouts import ACCOUNTS, PAYMENTS, STATEMENTS, TRANSACTIONS
from app.book.feeds.reading.mapping_file import parse_mapping
from app.book.feeds.reading.parsing import RowParser
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.card_numbers import luhn
from tests import builders

ODD_CHARACTERS = (
    "\x00\x1c\x1f\t\n\x7f\x85\xa0\u200b\u202e\u2066\u3000\ufeff\U0001f600\u0661\uff14é李- ,.\"';=+@0459aZ"
)

amounts = st.one_of(
    st.decimals(-10_000, 10_000, places=2).map(str),
    st.from_regex(r"\A-?[0-9]{0,14}(\.[0-9]{0,4})?\Z"),
    st.sampled_from(
        ["0", "-0.00", "007.5", ".5", "5.", "1e3", "NaN", "Infinity", "+1", "1,000.00", "-", "--1"]
    ),
)
dates = st.one_of(
    st.dates().map(str),
    st.sampled_from(
        [
            "2026-02-31",
            "2024-02-29",
            "2026-1-05",
            "2026- 1- 5",
            "2026-W01-1",
            "20260131",
            "1949-12-31",
            "+026-01-01",
        ]
    ),
)
numbers = st.one_of(
    st.from_regex(r"\A[0-9]{12,21}\Z"),
    st.from_regex(r"\A[A-Z-]{0,3}[0-9]{13,19}\Z"),
    st.from_regex(r"\A[0-9]{4}[ .\-]?[0-9]{4}[ .\-]?[0-9]{4}[ .\-]?[0-9]{1,7}\Z"),
    # Every other number passes the check, as one in ten would.
    st.from_regex(r"\A[0-9]{12,18}\Z").map(lambda n: next(n + d for d in "0123456789" if luhn(n + d))),
)
texts = st.one_of(
    st.text(max_size=12),
    st.text(ODD_CHARACTERS, max_size=20),
    numbers,
    st.sampled_from(["", " x", "x ", "x" * 90]),
)
mobiles = st.one_of(
    st.from_regex(r"\A\+[0-9]{5,16}\Z"),
    st.from_regex(r"\A\+(44|1|86|62|49|39|54|55|7|81|852|378|379|599)(0|1|18002|15|179|9)?[0-9]{6,11}\Z"),
    st.sampled_from(
        ["+8613800138000", "138 0013 8000", "+44 7911 123456", "not a number", "+", "+4407911123456"]
    ),
)
emails = st.one_of(
    st.emails(),
    st.from_regex(
        r"\A[a-zA-Z0-9._-]{1,8}@[a-z0-9.-]{1,12}\.(com|org|test|local|invalid|arpa|onion|co\.uk|xn--p1ai)\Z"
    ),
    st.sampled_from(
        ["a@b", "anna@example.org", "a..b@example.org", "a@-b.org", "a@b-.org", "a@xn--d1acufc.org"]
    ),
)
CELLS = {
    "amount": amounts, "balance": amounts, "minimum_due": amounts, "credit_limit": amounts,
    "apr": st.one_of(amounts, st.sampled_from(["0.1825", "9.999999", "10", "10.01", "0.12345678", "1e-3", ""])),
    "closing_on": dates, "due_on": dates, "posted_on": dates, "paid_on": dates, "opened_on": dates,
    "placed_on": st.one_of(dates, st.just("")),
    "kind": st.sampled_from([*[kind.value for kind in EntryKind], "gift", "Payment", ""]),
    "mobile": mobiles, "email": emails,
    "currency": st.sampled_from(["CNY", "CNY", "USD", "cny"]),
    "country": st.sampled_from(["CN", "GB", "XX", "cn", ""]),
    "timezone": st.sampled_from(["Asia/Shanghai", "Mars/Olympus", ""]),
    "language": st.sampled_from(["en", "zh-Hant", "EN", "de", "much too long"]),
    "status": st.sampled_from(["", "active", "charged_off", "gone"]),
    "card_last4": st.sampled_from(["0042", "42", "٠٠٤٢", "12345"]),
}  # fmt: skip
GOOD = {
    "amount": "12.50", "balance": "900.00", "minimum_due": "45.00", "credit_limit": "9000", "apr": "0.18",
    "closing_on": "2026-02-15", "due_on": "2026-03-08", "posted_on": "2026-02-01", "paid_on": "2026-03-01",
    "opened_on": "2020-01-01", "placed_on": "", "kind": "purchase", "mobile": "+8613800138000",
    "email": "anna@example.org", "currency": "CNY", "country": "CN", "timezone": "Asia/Shanghai", "language": "en",
    "status": "", "card_last4": "0042", "postcode": "200000",
}  # fmt: skip
LAYOUTS = {"accounts": ACCOUNTS, "statements": STATEMENTS, "transactions": TRANSACTIONS, "payments": PAYMENTS}


def book(currency: str = "CNY") -> Portfolio:
    return Portfolio(
        code="CARDS",
        creditor="Harbour Bank",
        collector=CollectorKind.FIRST_PARTY,
        currency=currency,
        timezone="Asia/Shanghai",
        pack="cn",
        created_at=builders.NOW,
    )


BOOK = book()


def rows_of(layout: Layout) -> st.SearchStrategy[list[str]]:
    """Mostly good rows: with too many odd cells no row would be sure."""
    columns = layout.required + layout.optional
    return st.tuples(
        *[st.one_of(*[st.just(GOOD.get(name, "Anna"))] * 6, CELLS.get(name, texts)) for name in columns]
    ).map(list)


def assert_agree(parser: RowParser, layout: Layout, rows: list[list[str]]) -> None:
    cells = pl.DataFrame(rows, [f"c{n}" for n in range(len(rows[0]))], orient="row").cast(pl.String)
    values, sure = parser.by_columns(cells)
    assert layout.schema is not None
    for row, by_columns, is_sure in zip(rows, values.iter_rows(named=True), sure, strict=True):
        if is_sure:
            assert parser.by_row(row) == by_columns, row


@pytest.mark.parametrize("kind", LAYOUTS)
def test_what_the_columns_are_sure_of_the_rows_say_too(kind: str) -> None:
    layout = LAYOUTS[kind]
    parser = RowParser(layout, BOOK, layout.required + layout.optional, None)

    @given(st.lists(rows_of(layout), min_size=1, max_size=8))
    def agree(rows: list[list[str]]) -> None:
        assert_agree(parser, layout, rows)

    agree()


@pytest.mark.parametrize("column", ["mobile", "email", "full_name"])
@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
def test_one_odd_cell_in_a_good_row(column: str, currency: str) -> None:
    layout = ACCOUNTS
    names = layout.required + layout.optional
    parser = RowParser(layout, book(currency), names, None)

    @given(
        st.lists(CELLS.get(column, texts), min_size=1, max_size=10),
        st.lists(amounts, min_size=10, max_size=10),
    )
    def agree(cells: list[str], limits: list[str]) -> None:
        good = {**GOOD, "currency": currency}
        rows = [
            [{**good, column: cell, "credit_limit": limit}.get(name, "Anna") for name in names]
            for cell, limit in zip(cells, limits, strict=False)
        ]
        assert_agree(parser, layout, rows)

    agree()


def test_ordinary_rows_are_all_sure() -> None:
    """Else the fast way would be of no use: names of any script, long references, a phone that is E.164 already."""
    names = ACCOUNTS.required
    parser = RowParser(ACCOUNTS, BOOK, names, None)
    changes = [
        {"full_name": "李小龙"},
        {"full_name": "José Ángel O’Brien"},
        {"full_name": "محمد علي"},
        {"account_ref": "9000000000000000"},
        {"account_ref": "ACC-4111111111111112"},
        {"account_ref": "550e8400-e29b-41d4-a71f-44665544000a"},
        {"mobile": "+447911123456"},
        {"mobile": "+6281234567890"},
        {"mobile": ""},
        {"email": "a.b-c_d@mail.example.co.uk"},
        {"email": ""},
        {"opened_on": "1999-12-31"},
        {"apr": ""},
    ]
    rows = [[{**GOOD, **change}.get(name, "Anna") for name in names] for change in changes]
    _, sure = parser.by_columns(pl.DataFrame(rows, list(names), orient="row"))
    assert [change for change, is_sure in zip(changes, sure, strict=True) if not is_sure] == []


MAPPED = """
decimal = ","
thousands = "."
date_format = "%d.%m.%Y"
signed = true
ignore = ["Branch"]
[columns]
transaction_ref = "No"
account_ref = "Account"
posted_on = "Day"
kind = "Type"
amount = { column = "Cents", unit = "cents" }
description = { columns = ["Shop", "Town"], join = ", " }
[kinds]
PMT = "payment"
BUY = "purchase"
"""
THEIRS = ("No", "Account", "Day", "Type", "Cents", "Shop", "Town", "Branch")


@given(
    st.lists(
        st.tuples(
            texts,
            texts,
            st.one_of(st.just("01.03.2026"), dates, st.dates().map(lambda d: f"{d:%d.%m.%Y}")),
            st.sampled_from(["PMT", "BUY", "payment", "FEE", " BUY "]),
            st.one_of(
                st.from_regex(r"\A-?[0-9]{1,9}\Z"), st.sampled_from(["1.234", "-5-", "(500)", "", "0", "-0"])
            ),
            texts,
            texts,
            st.sampled_from(["", "North", "4111111111111111"]),
        ).map(list),
        min_size=1,
        max_size=8,
    )
)
@example([["T1", "A1", "01.03.2026", "PMT", "-4500", "4111 1111", "1111 1111", ""]])
@example([["T1", "A1", "01.03.2026", "PMT", "-4500", "Shop", "", "4111111111111111"]])
def test_a_mapped_row_means_the_same_both_ways(rows: list[list[str]]) -> None:
    mapping = parse_mapping(MAPPED, "theirs.toml")
    assert_agree(RowParser(TRANSACTIONS, BOOK, THEIRS, mapping), TRANSACTIONS, rows)


def test_a_card_number_in_two_columns_that_are_joined_is_seen() -> None:
    parser = RowParser(TRANSACTIONS, BOOK, ("R", "A", "On", "K", "M", "X", "Y"), parse_mapping(
        '[columns]\ntransaction_ref = "R"\naccount_ref = "A"\nposted_on = "On"\nkind = "K"\namount = "M"\n'
        'description = { columns = ["X", "Y"] }', "joined.toml"
    ))  # fmt: skip
    row = ["T1", "A1", "2026-03-01", "purchase", "1.00", "4111 1111", "1111 1111"]
    with pytest.raises(BadCell, match="card number"):
        parser.by_row(row)
    _, sure = parser.by_columns(pl.DataFrame([row], list("abcdefg"), orient="row"))
    assert not sure.any()


@pytest.mark.parametrize(("mobile", "is_kept"), [("+8613800138000", True), ("+4111111111111111", False)])
def test_a_telephone_number_is_not_taken_for_a_card(mobile: str, is_kept: bool) -> None:
    """A Chinese number with its country code has thirteen digits, and one in ten passes the check of a card's."""
    names = ACCOUNTS.required
    by_row = partial(RowParser(ACCOUNTS, BOOK, names, None).by_row)
    row = [{**GOOD, "mobile": mobile}.get(name, "Anna") for name in names]
    if is_kept:
        for last in "0123456789":
            cells = [cell if cell != mobile else mobile[:-1] + last for cell in row]
            assert by_row(cells)["mobile"] == mobile[:-1] + last
    else:
        with pytest.raises(BadCell, match="card number"):
            by_row(row)


def test_nor_is_it_under_the_name_the_creditor_gives_it() -> None:
    columns = "\n".join(f'{name} = "{name.upper()}"' for name in ACCOUNTS.required)
    theirs = [name.upper() for name in ACCOUNTS.required]
    parser = RowParser(ACCOUNTS, BOOK, theirs, parse_mapping(f"[columns]\n{columns}", "theirs.toml"))
    for last in "0123456789":
        mobile = f"+861380013800{last}"
        row = [{**GOOD, "mobile": mobile}.get(name, "Anna") for name in ACCOUNTS.required]
        assert parser.by_row(row)["mobile"] == mobile
