"""Search within one story: which texts have what was typed, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.search.story import fold_quickly, read_sought
from app.core.kit.folding import fold

TEXT = "Called +31 6 1234 5678: “I'll pay €1,250.00 on Friday”, said Zoë. 她說下週五付款。"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("friday pay", True),  # in any order
        ("FRI zoe", True),  # beginnings, without accents
        ("ill pay", True),
        ("riday", False),  # not from within a word
        ("friday thursday", False),
        ("付款", True),
        ("週五", True),
        ("付費", False),
        ("06 1234 5678", True),  # the same number, dialled at home
        ("0031612345678", True),
        ("345678", True),
        ("876543", False),
        ("1250.00", False),
        ("1,250.00", True),
        ("", False),
        ("!!", False),
    ],
)
def test_what_a_text_has(typed: str, found: bool) -> None:
    assert read_sought(typed).holds(TEXT) is found


def test_the_words_are_marked_as_they_stand_there() -> None:
    marked = "".join(
        f"[{piece}]" if is_found else piece for piece, is_found in read_sought("zoe pay").parts(TEXT)
    )
    assert marked == TEXT.replace("pay", "[pay]").replace("Zoë", "[Zoë]")
    parts = list(read_sought("付款").parts("她說下週五付款。"))
    assert parts == [("她說下週五", False), ("付款", True), ("。", False)]
    assert "".join(piece for piece, _ in read_sought("a").parts(TEXT)) == TEXT


def test_a_card_number_is_not_shown_again() -> None:
    assert "4111111111111111" not in read_sought("4111 1111 1111 1111").text.replace(" ", "")


@given(st.text(st.sampled_from("aZë’'. £…–“付款ﬁßØ\n-_9"), max_size=30))
def test_a_text_is_folded_as_the_index_of_words_folds_it(text: str) -> None:
    assert fold_quickly(text).split() == fold(text).split()
