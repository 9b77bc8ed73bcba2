"""Pages of figures, digests and returns show no words that stand outside the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.http.rendering import environment
from tests.paths import ROOT

TEMPLATES = ROOT / "app" / "web" / "templates"
PLACES = (
    "managers/trends", "managers/morning", "managers/returns", "managers/digests", "managers/dashboard",
    "managers/alerts.html", "_macros.html",
)  # fmt: skip
SPOKEN = re.compile(r"(?:aria-label|title|alt|placeholder)=\"([^\"]*)\"")
LETTERS = re.compile(r"[A-Za-z]{2,}")
AN_ENGLISH_TEXT = re.compile(r"[A-Z][a-z]+( [a-z]|$)|[a-z]+ [a-z]+")

NO_WORDS = {"danger small", "textarea rows="}
"""Classes and pieces of HTML that look like words."""


def pages() -> list[Path]:
    found = []
    for place in PLACES:
        path = TEMPLATES / place
        found += [path] if path.is_file() else sorted(path.glob("*.html"))
    return found


def untranslated(source: str) -> Iterator[str]:
    """Words of a template that are not given to the catalogue: in its HTML, and among the arguments of macros."""
    html, in_trans, tokens = "", False, list(environment().lex(source))
    for n, (_, kind, text) in enumerate(tokens):
        if kind == "name" and text in ("trans", "endtrans") and tokens[n - 2][1] == "block_begin":
            in_trans = text == "trans"
        if kind == "data" and not in_trans:
            html += text
        if kind == "string" and _reads_as_words(text[1:-1]) and not _is_asked(tokens, n):
            yield text
    html = re.sub(r"(?s)<script.*?</script>|<code>.*?</code>|<kbd.*?</kbd>", "", html)
    yield from (words for words in SPOKEN.findall(html) if LETTERS.search(words))
    yield from (words for words in re.sub(r"(?s)<[^>]*>", "|", html).split("|") if LETTERS.search(words))


def _reads_as_words(text: str) -> bool:
    return AN_ENGLISH_TEXT.match(text) is not None and text not in NO_WORDS


def _is_asked(tokens: list[tuple[int, str, str]], n: int) -> bool:
    """The text is an argument of `_` or `ngettext`, or a name that no reader sees: compared, or a key."""
    before = [text for _, kind, text in tokens[max(0, n - 8) : n] if kind != "whitespace"]
    after = next((text for _, kind, text in tokens[n + 1 :] if kind != "whitespace"), "")
    asked = before[-2:] in (["_", "("], ["ngettext", "("]) or "ngettext" in before
    return asked or before[-1] in ("==", "!=", "in", "extends", "import", "[") or after in (":", "==", "in")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_words_stand_outside_the_catalogue(page: Path) -> None:
    assert list(untranslated(page.read_text("utf-8"))) == []


def test_words_outside_are_found() -> None:
    assert list(
        untranslated('<p>Some words</p>{{ ui.empty("Nothing yet") }}<a title="Go there">{{ _("Yes") }}</a>')
    ) == [
        '"Nothing yet"',
        "Go there",
        "Some words",
    ]
