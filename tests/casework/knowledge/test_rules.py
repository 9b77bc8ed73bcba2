"""What the editors' backlog keeps of a search, how articles are ranked, and what their Markdown becomes."""

from __future__ import annotations

import pytest

from app.casework.knowledge.markdown import LONGEST_PARAGRAPH, to_html, to_lines, to_text
from app.casework.knowledge.rules import LANGUAGES, kept_words, ranked, used_placeholders
from app.casework.knowledge.shipped import shipped_articles
from app.casework.knowledge.words import Words, check_words
from app.core.errors import Invalid
from app.outreach.letters.sms import GSM, sms_encoding


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Refund a LATE fee? ", "refund a late fee"),
        ("Où est-ce ?", "ou est ce"),
        ("如何付款", "如何付款"),
        ("fee 4111", ""),  # a digit may be anything of a person
        ("call me on +31 6 12345678", ""),
        ("anna@example.org", ""),
        ("berg interest", ""),  # a word of the customer's name
        ("王小明的利息", ""),
        ("ok", ""),
        ("", ""),
        ("one two three four five six seven eight nine", ""),
        ("x" * 81, ""),
    ],
)
def test_the_backlog_keeps_questions_and_nobody(typed: str, kept: str) -> None:
    assert kept_words(typed, ("Anna", "Berg", "王小明")) == kept


def test_an_article_with_every_word_comes_before_one_with_most() -> None:
    late, fee = [(1, 9), (2, 1)], [(2, 1), (1, 1), (3, 9)]
    assert ranked([late, fee]) == ([1, 2], [3])
    assert ranked([late, fee, []]) == ([], [1, 2]), "two of three words come near"
    assert ranked([late, [], []]) == ([], []), "one of three does not"


def test_markdown_becomes_safe_html() -> None:
    html = to_html(
        "# Pay\n\nTo **{creditor}**, [here](https://a.example) or [there](javascript:alert(1)) <script>x</script>\n\n"
        "- one\n- [mail](mailto:a@b.example)\n",
        {"creditor": "A & <i>B</i>"},
    )
    assert html == (
        '<h3>Pay</h3>\n<p>To <strong>A &amp; &lt;i&gt;B&lt;/i&gt;</strong>, <a href="https://a.example" '
        'rel="noopener noreferrer">here</a> or [there](javascript:alert(1)) &lt;script&gt;x&lt;/script&gt;</p>\n'
        '<ul>\n<li>one</li>\n<li><a href="mailto:a@b.example" rel="noopener noreferrer">mail</a></li>\n</ul>\n'
    )


def test_markdown_becomes_the_paragraphs_of_a_letter() -> None:
    text = "# Pay\n\nTo *us* [here](https://a.example),\nsoon\n\n3. third\n4. fourth\n\n- {x}\n- \\# not a heading\n"
    assert [(each.kind, each.text) for each in to_lines(text, {"x": "an item"})] == [
        ("heading", "Pay"),
        ("paragraph", "To us here (https://a.example), soon"),
        ("paragraph", "3. third"),
        ("paragraph", "4. fourth"),
        ("item", "an item"),
        ("item", "not a heading"),  # a mark of a printed letter's layout is taken off
    ]
    assert to_text("- a\n- b", {}) == "- a\n\n- b"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (Words("", "text"), "title"),
        (Words("title", " \n"), "body"),
        (Words("title", "---"), "body"),
        (Words("title", "Dear {customer}"), "body"),
        (Words("title", "text", sms="{name}"), "sms"),
        (Words("title", "w " * LONGEST_PARAGRAPH), "body"),
        (Words("title", "card 4111 1111 1111 1111"), "body"),
        (Words("title", "text", sms="x" * 401), "sms"),
    ],
)
def test_words_that_no_letter_can_carry_are_refused_beside_their_field(words: Words, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_words(words)
    assert refused.value.field == field


def test_the_starter_articles_are_whole_in_every_language() -> None:
    for article in shipped_articles():
        assert set(article.words) == set(LANGUAGES), article.code
        english = article.words["en"]
        for language, words in article.words.items():
            assert check_words(words) == words
            assert len(to_lines(words.body, {})) == len(to_lines(english.body, {})), (
                article.code,
                language,
            )
            assert used_placeholders(words.body) == used_placeholders(english.body), (article.code, language)
            if not language.startswith("zh"):
                assert sms_encoding(words.sms) == GSM, (article.code, language)
