"""Terms of a name: by rule for one name, by column for a feed, both alike."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.feeds.storing.names import terms
from app.book.names.rules import searched_words, terms_of
from app.core.kit.folding import fold


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Anna de Vries", ["anna de vries", "de vries anna", "vries anna de"]),
        ("Łoś O'Brien-Smith", ["los obrien smith", "obrien smith los", "smith los obrien"]),
        ("陳志明", ["陳志明", "志明", "明"]),
        ("陳志明 David", ["陳志明 david", "志明 david", "明 david", "david 陳志明"]),
        ("Straße", ["strasse"]),
        ("Anna Anna", ["anna anna"]),
        ("  ", []),
    ],
)
def test_a_name_is_found_from_each_word_and_each_character(name: str, expected: list[str]) -> None:
    assert terms_of(name) == expected


@given(st.lists(st.text("aZ éßŁøİς'-._ 陳志明カ김９Ａ", max_size=20), max_size=8))
def test_a_feed_makes_the_same_terms(names: list[str]) -> None:
    frame = terms(
        pl.DataFrame({"id": range(len(names)), "full_name": names}, {"id": pl.Int64, "full_name": pl.String})
    )
    expected = sorted((term, n) for n, name in enumerate(names) for term in set(terms_of(name)))
    assert sorted(frame.rows()) == expected


@pytest.mark.parametrize(
    ("typed", "words"),
    [("a", []), ("an", ["an"]), ("陳", ["陳"]), ("ＡＮＮＡ  Vriès", ["anna", "vries"]), ("...", [])],
)
def test_a_search_for_a_name_needs_two_letters_or_one_character(typed: str, words: list[str]) -> None:
    assert searched_words(typed) == words


def test_folding_keeps_what_is_folded() -> None:
    assert fold(fold("Ünal-Øst.by’s １２")) == "unal ostbys 12"
