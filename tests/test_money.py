"""What may pass for an amount in a creditor's file, and what may not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.money import BadAmount, known_currencies, split_evenly, to_decimal_string, to_minor


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


@given(st.integers(0, 10**12), st.integers(1, 60))
def test_parts_sum_to_the_whole_and_differ_by_one_unit_at_most(total: int, parts: int) -> None:
    shares = split_evenly(total, parts)
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_nothing_can_be_split_into_no_parts() -> None:
    with pytest.raises(ValueError):
        split_evenly(100, 0)
