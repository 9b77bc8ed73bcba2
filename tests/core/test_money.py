"""What may pass for an amount in a creditor's file, and what may not."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import BadAmount, known_currencies, to_decimal_string, to_minor, typed_minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.30", "USD", 1230),
        ("12.3", "USD", 1230),
        ("12", "USD", 1200),
        (" 12.30 ", "USD", 1230),
        ("-0.01", "USD", -1),
        ("0", "USD", 0),
        (".5", "USD", 50),
        ("500", "TWD", 500),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("12.300", "USD", 1230),
        ("10000000000000.00", "USD", 10**15),
    ],
)
def test_amounts(text: str, currency: str, minor: int) -> None:
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"), (" ", "USD"), ("-", "USD"), (".", "USD"), ("1.2.3", "USD"), ("--1", "USD"), ("+1", "USD"),
        ("NaN", "USD"), ("Infinity", "USD"), ("1e3", "USD"), ("1E-2", "USD"), ("1,000.00", "USD"),
        ("1 000", "USD"), ("0x10", "USD"), ("1_000", "USD"), ("٣٤", "USD"), ("１２", "USD"), ("$5", "USD"),
        ("0.001", "USD"), ("0.1", "TWD"), ("0.0001", "KWD"), ("10000000000000.01", "USD"), ("9" * 10_000, "USD"),
        ("5", "XXX"), ("5", ""),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_never_rounded(text: str, currency: str) -> None:
    with pytest.raises(BadAmount) as refused:
        to_minor(text, currency)
    assert len(str(refused.value)) < 120, "a hostile cell does not fill the rejects file"


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(known_currencies())))
def test_every_amount_survives_the_way_out_and_back(minor: int, currency: str) -> None:
    assert to_minor(to_decimal_string(minor, currency), currency) == minor


@given(st.text(max_size=40))
def test_no_text_does_worse_than_bad_amount(text: str) -> None:
    with contextlib.suppress(BadAmount):
        to_minor(text, "USD")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("3,707", "TWD", 3707),
        ("３７０７", "TWD", 3707),
        ("３，７０７", "TWD", 3707),
        ("NT$3,707", "TWD", 3707),
        ("3520.00", "TWD", 3520),
        ("1,234", "USD", 123_400),
        ("1,234.56", "USD", 123_456),
        ("1.234,56", "EUR", 123_456),
        ("1 250,00", "NOK", 125_000),
        ("1\u202f250,00", "NOK", 125_000),
        ("kr 500", "NOK", 50_000),
        ("12,50", "USD", 1_250),
        ("$12.5", "USD", 1_250),
        ("1,23,456.50", "INR", 12_345_650),
        ("Rp 1.500.000", "IDR", 150_000_000),
        ("1.234", "KWD", 1_234),
        ("-5", "USD", -500),
        ("\u202a3,707\u202c\u200b", "TWD", 3707),
    ],
)
def test_an_amount_as_people_type_it(text: str, currency: str, minor: int) -> None:
    assert typed_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "words"),
    [
        ("1.234", "USD", "1.234 can be read in two ways. Enter 1234 or 1.23."),
        ("3.707", "TWD", "3.707 can be read in two ways. Enter 3707 or 3."),
        ("1,234", "KWD", "1,234 can be read in two ways. Enter 1234 or 1.234."),
        ("3520.50", "TWD", "Whole TWD only: enter 3520 or the next higher amount."),
        ("1.2345", "USD", "USD has 2 decimals: enter 1.23 or the next higher amount."),
        ("12,34,56", "USD", "Enter an amount in USD, such as 3707 or 3707.55."),
        ("1e5", "USD", "Enter an amount in USD"),
        ("NaN", "USD", "Enter an amount in USD"),
        ("12 34", "USD", "Enter an amount in USD"),
        ("", "USD", "Enter an amount in USD"),
        ("9" * 41, "USD", "too long"),
    ],
)
def test_an_amount_that_is_none_or_may_be_two_is_refused_with_what_to_enter(
    text: str, currency: str, words: str
) -> None:
    with pytest.raises(BadAmount, match=re.escape(words)):
        typed_minor(text, currency)


def test_a_lone_separator_is_read_as_the_reader_writes_numbers() -> None:
    german = {"grouping": ".", "point": ","}
    assert typed_minor("1.234", "EUR", **german) == 123_400
    assert typed_minor("1250.00", "EUR", **german) == 125_000
    with pytest.raises(BadAmount, match="two ways"):
        typed_minor("1,234", "EUR", **german)
