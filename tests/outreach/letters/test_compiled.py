"""A compiled letter has the words that its templates give, to the character, whatever a customer is called."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from app.core.vocabulary import Channel
from app.outreach.letters.compiled import CompiledLetter
from app.outreach.letters.letter import AccountLine, InstalmentLine, Letter, LetterContext
from app.outreach.letters.locales import amount_by_locale, format_amount
from app.outreach.letters.rendering import render, values_for, word
from app.outreach.letters.templates import read_template
from tests import builders

LETTERS = builders.catalog().letters
FORMS = [
    (letter, channel, language)
    for letter in LETTERS.values()
    for channel in sorted(letter.channels)
    for language in letter.languages
]

words = st.text(alphabet="aZ <>&|'\"#{%\u00a0\u2019\ue000\ue0010123\n\t", max_size=12)
lines = st.builds(
    AccountLine, words, words, words, words, st.integers(0, 3), st.sampled_from(["GBP", "TWD"])
)  # fmt: skip
contexts = st.builds(
    LetterContext,
    customer_name=words,
    creditor=st.sampled_from(["Harbour Bank", "", "A & B"]),
    collector_kind=st.sampled_from(["first_party", "third_party"]),
    reference=words,
    accounts=st.lists(lines, max_size=3).map(tuple),
    past_due_total=words,
    oldest_due_on=words,
    today=words,
    contact_phone=words,
    contact_email=words,
    preferences_url=words,
    amount=words,
    promise_on=words,
    instalments=st.lists(st.builds(InstalmentLine, st.integers(1, 3), words, words), max_size=2).map(tuple),
    register_number=st.sampled_from(["", "12345"]),
    sender=st.sampled_from(["", "Harbour Bank", "Tide Collections"]),
)


def test_every_shipped_letter_is_compiled() -> None:
    assert all((channel, language) in letter.compiled for letter, channel, language in FORMS)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(FORMS), contexts)
def test_a_compiled_letter_words_it_as_its_templates_do(
    form: tuple[Letter, Channel, str], context: LetterContext
) -> None:
    letter, channel, language = form
    filled = render(letter, channel, language, context)
    (subject, text, html), blocks = word(letter, channel, language, values_for(letter, channel, context))
    assert (filled.text, filled.html, filled.blocks) == (text, html, blocks)
    if channel is Channel.EMAIL:
        assert filled.subject == subject


@dataclasses.dataclass(frozen=True)
class Card:
    last4: str
    days: int


def compiled(source: str) -> tuple[CompiledLetter, list[int]]:
    """CompiledLetter of one template, and how often it was really rendered."""
    template, rendered = Environment(autoescape=False).from_string(source), [0]  # noqa: S701 - text, not HTML

    def render_it(values: Any) -> tuple[list[str], frozenset[str]]:
        rendered[0] += 1
        return [template.render(values)], frozenset()

    return CompiledLetter(render_it, [str]), rendered


def test_a_letter_is_compiled_once_for_all_who_differ_only_in_what_is_printed() -> None:
    cut, rendered = compiled("Dear {{ name }}, {{ cards|map(attribute='last4')|join(', ') }}")
    for name in ("Anna", "Ben", "Cho"):
        for last4 in ("1111", "2222"):
            texts, _ = cut.words({"name": name, "cards": (Card(last4, 3),)})
            assert texts == [f"Dear {name}, {last4}"]
    assert rendered == [1]
    assert cut.words({"name": "", "cards": ()})[0] == ["Dear , "]


def test_what_a_template_uses_makes_a_wording_of_its_own() -> None:
    cut, _ = compiled(
        "{% if name == 'Anna' %}Hello Anna{% elif cards[0].days > 9 %}{{ name }}!{% else %}Hi{% endif %}"
    )
    for name, days, expected in (
        ("Anna", 1, "Hello Anna"),
        ("Ben", 10, "Ben!"),
        ("Ben", 9, "Hi"),
        ("Anna", 10, "Hello Anna"),
    ):
        assert cut.words({"name": name, "cards": (Card("1", days),)})[0] == [expected]


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("{{ name }} {{ cards|length }}", True),
        ("{{ name|upper }}", False),
        ("{{ name|replace('a', 'b') }}", False),
        ("{% if name is string %}x{% endif %}", False),
    ],
)
def test_a_template_that_changes_what_it_prints_has_no_compiled(source: str, allowed: bool) -> None:
    assert read_template(Environment(autoescape=True), source).plain is allowed


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-(10**6), 10**12),
    st.sampled_from(["USD", "EUR", "GBP", "CNY", "TWD", "JPY", "KWD", "IDR", "NOK", "INR"]),
    st.sampled_from(["en", "en_AU", "en_GB", "en_IN", "id", "nb", "nl", "zh"]),
)
def test_amounts_are_written_as_the_locale_has_them(minor: int, currency: str, language: str) -> None:
    assert format_amount(minor, currency, language) == amount_by_locale(minor, currency, language)
