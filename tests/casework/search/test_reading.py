"""What a person types, as the search understands it."""

from __future__ import annotations

import pytest

from app.book.customers.searched_numbers import telephone_digits
from app.casework.search.rules import read_search


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("+44 (0)7400 000042", "447400000042"),
        ("0044 7400 000042", "447400000042"),
        ("07400 000 042", "7400000042"),
        ("000-042", "000042"),
        ("0042", "0042"),
        ("0126", "0126"),
        ("126", ""),
        ("１２３４５６", "123456"),
        ("1234567890123456", ""),
        ("tel:+886912345678", "886912345678"),
        ("'+886912345678", "886912345678"),
        ("+886912345678,", "886912345678"),
        ("(+886) 912/345678", "886912345678"),
        ("0912 345 678 ext. 5", "912345678"),
        ("02-2345-6789#12", "223456789"),
        ("٠٩١٢٣٤٥٦٧٨", "912345678"),
    ],
)
def test_a_number_is_read_from_its_end(typed: str, digits: str) -> None:
    assert telephone_digits(typed) == digits
    assert read_search(typed).digits == digits


def test_what_stood_around_a_copied_address_is_taken_off() -> None:
    assert read_search("mailto:An@Example.org").email == "an@example.org"
    assert read_search("<an@example.org>").email == "an@example.org"


@pytest.mark.parametrize("typed", ["C-000044", "c-44", "c44", "C 44", "44", "000044"])
def test_a_case_has_many_spellings(typed: str) -> None:
    assert read_search(typed).case_id == 44


@pytest.mark.parametrize("typed", ["5294", "**** 5294", "ending 5294", "classic ·· 5294"])
def test_the_last_four_of_a_card_are_read_beside_other_words(typed: str) -> None:
    assert read_search(typed).last4 == "5294"


def test_a_full_card_number_is_never_shown_again() -> None:
    asked = read_search("4111 1111 1111 1111")
    assert asked.last4 == "1111"
    assert "4111 1111" not in asked.text
    assert not asked.digits


def test_a_reference_is_looked_for_in_either_case_and_without_marks() -> None:
    assert {"tw-02626", "TW-02626", "TW02626", "tw02626"} <= set(read_search("tw-02626").references)
    assert read_search("smith").references == ()


def test_nothing_is_looked_for_where_nothing_was_typed() -> None:
    assert read_search(" ").is_empty
    assert read_search("a").words == "a"
