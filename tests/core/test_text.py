"""Words of sentences: a number and its noun, and errors that name what was not found."""

from __future__ import annotations

import re

import pytest

from app.core.text import counted
from tests.paths import ROOT


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (-1, "-1 days"), (1_000, "1000 days")]
)
def test_one_thing_is_counted_in_the_singular(number: int, said: str) -> None:
    assert counted(number, "day") == said


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")


def test_what_is_not_found_is_named() -> None:
    unnamed = re.compile(r"NotFound\(\s*f?\"[^\"]*\bno such\b")
    found = [str(path) for path in (ROOT / "app").rglob("*.py") if unnamed.search(path.read_text())]
    assert found == [], "say what, where, and what to do"
