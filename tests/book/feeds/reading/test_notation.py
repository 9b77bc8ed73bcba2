"""Dates and money as creditors write them: nothing is guessed, and what is changed is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.feeds.cells import BadCell
from app.book.feeds.layouts import PAYMENTS, TRANSACTIONS
from app.book.feeds.reading.mapping import Mapping
from app.book.feeds.reading.mapping_file import parse_mapping
from app.book.feeds.reading.notation import read_date, without_sign
from app.book.feeds.reading.parsing import RowParser
from app.core.errors import Invalid
from tests.book.feeds.reading.test_columns import assert_agree, book

TODAY = date(2026, 3, 2)
DATES = [
    ("%d%m%Y", "01112026", "2026-11-01"),
    ("%d%m%Y", "1112026", None),
    ("%Y%m%d", "20261101", "2026-11-01"),
    ("%Y%m%d", "2026111", None),
    ("%m%d%Y", "1112026", None),
    ("%d%m%y", "011126", "2026-11-01"),
    ("%d%m%y", "11126", None),
    ("%d.%m.%Y", "1.2.2026", "2026-02-01"),
    ("%d.%m.%Y", "01.02.26", None),
    ("%d.%m.%y", "20.11.68", "1968-11-20"),
    ("%d.%m.%y", "20.11.26", "2026-11-20"),
    ("%d.%m.%y", "02.03.27", "2027-03-02"),
    ("%d.%m.%y", "04.03.27", "1927-03-04"),
    ("%d %b %Y", "3 Mar 2026", "2026-03-03"),
    ("%d%b%Y", "03MAR2026", "2026-03-03"),
    ("%d%b%Y", "3MAR2026", None),
    ("%Y-%m-%d", "2026-02-31", None),
    ("%Y%j", "2026032", "2026-02-01"),
    ("%Y%j", "202632", None),
]


@pytest.mark.parametrize(("format", "text", "read"), DATES)
def test_dates(format: str, text: str, read: str | None) -> None:
    if read is None:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever strptime says
            read_date(text, format, today=TODAY)
    else:
        assert read_date(text, format, today=TODAY).isoformat() == read


@given(
    st.dates(date(1970, 1, 1), TODAY), st.sampled_from(["%d%m%Y", "%Y%m%d", "%d%m%y", "%d.%m.%Y", "%m/%d/%y"])
)
def test_what_a_format_writes_it_reads(on: date, format: str) -> None:
    assert read_date(on.strftime(format), format, today=TODAY) == on


@pytest.mark.parametrize(
    ("format", "text", "day", "read"),
    [
        ("%Y-%m", "2024-02", "first", "2024-02-01"),
        ("%Y-%m", "2024-02", "last", "2024-02-29"),
        ("%m/%y", "12/25", "last", "2025-12-31"),
    ],
)
def test_a_month_without_a_day(format: str, text: str, day: str, read: str) -> None:
    assert read_date(text, format, today=TODAY, missing_day=day).isoformat() == read


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("€5.00", "5.00"), ("5.00 €", "5.00"), ("-€5.00", "-5.00"), ("€-5.00", "-5.00"), ("(EUR 5.00)", "(5.00)"),
        ("5.00EUR-", "5.00-"), ("5.00", "5.00"), ("$5.00", "$5.00"),
    ],
)  # fmt: skip
def test_currency_signs(text: str, bare: str) -> None:
    assert without_sign(text, ("€", "EUR")) == bare


# --- in a mapping -----------------------------------------------------------------------------------------------

HEADER = ("Ref", "Account", "Date", "Amount", "Text", "Branch", "Clerk")
COLUMNS = """
[columns]
transaction_ref = "Ref"
account_ref = "Account"
posted_on = "Date"
amount = "Amount"
description = "Text"
"""
BY_SIGN = (
    'ignore_rest = true\n{more}\n[kind_by_sign]\nnegative = "payment"\npositive = "purchase"\n' + COLUMNS
)


def understood(
    mapping: Mapping, *cells: str, currency: str = "USD"
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    parser = RowParser(TRANSACTIONS, book(currency), HEADER, mapping, today=TODAY)
    row = list(cells) + [""] * (len(HEADER) - len(cells))
    assert_agree(parser, TRANSACTIONS, [row])
    return parser.read(row)


@pytest.mark.parametrize(("amount", "kind", "minor"), [("-5.00", "payment", -500), ("5.00", "purchase", 500)])
def test_the_sign_says_the_kind_and_the_rest_is_ignored(amount: str, kind: str, minor: int) -> None:
    values, told = understood(parse_mapping(BY_SIGN.format(more=""), "m"), "T1", "A1", "2026-03-01", amount)
    assert (values["kind"], values["amount_minor"], told) == (kind, minor, [])


def test_amounts_are_rounded_with_a_word() -> None:
    mapping = parse_mapping(BY_SIGN.format(more='round = true\ncurrency_signs = ["$"]'), "m")
    values, told = understood(mapping, "T1", "A1", "2026-03-01", "$12.345")
    assert values["amount_minor"] == 1_235
    assert told == [("amount", "'$12.345' is rounded to 12.35")]
    assert understood(mapping, "T1", "A1", "2026-03-01", "$12.30")[1] == []
    with pytest.raises(BadCell):
        understood(parse_mapping(BY_SIGN.format(more=""), "m"), "T1", "A1", "2026-03-01", "12.345")


def test_a_reference_that_went_through_a_spreadsheet() -> None:
    mapping = parse_mapping(BY_SIGN.format(more=""), "m")
    values, told = understood(mapping, "T1", "1001.0", "2026-03-01", "5.00")
    assert (values["account_ref"], told[0][0]) == ("1001", "account_ref")
    with pytest.raises(BadCell, match="power of ten"):
        understood(mapping, "T1", "1.23E+15", "2026-03-01", "5.00")


WRONG = [
    ('missing_day = "middle"', "missing_day"),
    ('date_format = "%Y-%m"', "date_format"),
    ('currency_signs = ["1"]', "currency_signs"),
    ("round = 1", "round"),
    ("signed = true", "kind_by_sign"),
]


@pytest.mark.parametrize(("more", "field"), WRONG)
def test_a_wrong_declaration_is_named(more: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_mapping(BY_SIGN.format(more=more), "m")
    assert refused.value.field == field


def test_without_ignore_rest_an_unknown_column_refuses_the_file() -> None:
    mapping = parse_mapping(BY_SIGN.format(more="").replace("ignore_rest = true", ""), "m")
    with pytest.raises(Invalid, match="Branch"):
        RowParser(PAYMENTS, book(), HEADER, mapping)
