"""Rendering: a letter's words for one customer, on one channel and in one language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter

from jinja2 import TemplateError
from markupsafe import Markup

from app.core.vocabulary import Channel
from app.outreach.letters.compiled import Value, Worded, as_dict, values_of
from app.outreach.letters.forms import (
    BASE,
    BODY_FORMS,
    FORMS,
    SUBJECT,
    block_path,
)
from app.outreach.letters.letter import BadLetter, Letter, LetterContext, RenderedLetter, Unsayable
from app.outreach.letters.locales import known_language
from app.outreach.letters.sms import one_line, one_plain_line

MAX_VALUE_LENGTH = 500
"""Longest text a single variable may bring into a letter, in characters; the rest is cut."""


def render(
    letter: Letter, channel: Channel, language: str, context: LetterContext, *, leaves: bool = False
) -> RenderedLetter:
    """The letter's words for one channel, in `language` or, where it does not exist in that, in English.

    Raises BadLetter if the letter does not exist on the channel or names something unknown (its required blocks were
    checked when it was read); Unsayable where it `leaves` and a figure, name or address that it prints is empty: our
    own people may look at a draft.
    """
    if channel not in letter.channels:
        raise BadLetter(
            f"Letter {letter.name} has no {channel} form. Choose another channel, or write the form."
        )
    language = known_language(language, letter.languages)
    values = values_for(letter, channel, context)
    if leaves:
        _check_complete(letter, channel, language, values)
    compiled = letter.compiled.get((channel, language))
    if compiled is not None:
        (subject, text, html), blocks = compiled.words(values)
    else:
        (subject, text, html), blocks = word(letter, channel, language, values)
    if channel is Channel.POST:
        subject = heading(text)
    return RenderedLetter(subject, text, html, language, letter.version, blocks)


def _check_complete(letter: Letter, channel: Channel, language: str, values: Mapping[str, Value]) -> None:
    """Raise Unsayable if the letter would leave something blank."""
    prints = letter.prints[channel, language]
    if prints.contact and not values["contact_phone"] and not values["contact_email"]:
        raise Unsayable(
            f"Letter {letter.name} has neither a telephone number nor an e-mail address to answer to. "
            "Set one for the portfolio."
        )
    for name in prints.variables:
        value = values[name]
        if not value:
            raise Unsayable(f"Letter {letter.name} has no {name.replace('_', ' ')} to show.")
        if type(value) is tuple:
            for line in value:
                for attribute, shown in as_dict(line).items():
                    if shown == "" and attribute in prints.attributes:
                        raise Unsayable(
                            f"Letter {letter.name}: a line of {name} has no {attribute.replace('_', ' ')}."
                        )


def heading(post: str) -> str:
    """Subject of a printed letter: its first heading, '' if it has none."""
    return next((line[2:] for line in post.splitlines() if line.startswith("# ")), "")


def word(letter: Letter, channel: Channel, language: str, values: Mapping[str, Value]) -> Worded:
    """Fill the templates: (subject, text, HTML) and the blocks they carry. Raises as `render` does."""
    carried: dict[str, frozenset[str]] = {}
    words: dict[str, str] = {}
    for form in FORMS[channel]:
        words[form], carried[form] = _fill(letter, language, form, values)

    subject, html = "", ""
    text = words[BODY_FORMS[channel]]
    if channel is Channel.SMS:
        text = one_plain_line(text)
    if channel is Channel.EMAIL:
        subject = one_line(words[SUBJECT])
        html = _page(letter, language, words[SUBJECT], words["email.html"])
    return (subject, text, html), frozenset().union(*carried.values())


def _fill(
    letter: Letter, language: str, form: str, values: Mapping[str, Value]
) -> tuple[str, frozenset[str]]:
    """Fill one file: its words with its blocks in place, and the names of those blocks."""
    used: set[str] = set()

    def block(name: str, item: object = None) -> str:
        """The block's words; of a block that tells of one line of a list, with that line."""
        source = block_path(language, name, form)
        used.add(name)
        words = letter.environment.get_template(source).render(values, item=item).strip()
        return Markup(words) if form.endswith(".html") else words  # noqa: S704 - the block was escaped when rendered

    path = f"{letter.name}/{language}/{form}"
    try:
        words = letter.environment.get_template(path).render(values, block=block)
    except (TemplateError, TypeError) as problem:
        raise BadLetter(f"{path}: {problem}") from problem
    return _tidy(words), frozenset(used)


def _page(letter: Letter, language: str, subject: str, body: str) -> str:
    """The e-mail's HTML body in the page all letters share."""
    template = letter.environment.get_template(f"{BASE}/email.html")
    return template.render(language=language, subject=subject, body=Markup(body))  # noqa: S704 - rendered and escaped


FACE, LARGE_FACE = "font:16px/1.6", "font:22px/1.6"
"""The face of an e-mail's page (`letters/_base/email.html`), and that of large print."""


def in_large_print(html: str) -> str:
    """An e-mail's page in a bigger face; its words are the same."""
    return html.replace(FACE, LARGE_FACE, 1)


def values_for(letter: Letter, channel: Channel, context: LetterContext) -> dict[str, Value]:
    """Values of the variables that the letter declares, made harmless: a name cannot add a header, a line or a table
    cell."""
    names, read = _reader(letter.variables)
    post = channel is Channel.POST
    values: dict[str, Value] = {
        name: _harmless(value, post)
        if type(value) is str
        else tuple([_harmless_line(line, post) for line in value])
        for name, value in zip(names, read(context), strict=True)
    }
    if "costs_owed" in values:  # a letter that follows up asks for what an earlier one announced
        values["costs_owed"] = "yes" if letter.follows_up else ""
    if values.get("sender") == "":
        values["sender"] = _harmless(context.creditor, post)
    return values


@lru_cache(maxsize=1000)
def _reader(variables: frozenset[str]) -> tuple[tuple[str, ...], Callable[[object], tuple[Value, ...]]]:
    """The names, and a function that reads them all of a context at once."""
    names = tuple(sorted(variables))
    # One name would be read without the tuple around it.
    return names, attrgetter(*names) if len(names) > 1 else lambda context: tuple(
        getattr(context, n) for n in names
    )


def _harmless_line(line: object, post: bool) -> object:
    """A line of a list; its numbers are harmless."""
    most = getattr(type(line), "MOST_CHARACTERS", MAX_VALUE_LENGTH)
    return type(line)(
        *[_harmless(value, post, most) if type(value) is str else value for value in values_of(line)]
    )


def _harmless(value: str, post: bool, most: int = MAX_VALUE_LENGTH) -> str:
    # A character that is not harmless is not printable either.
    if value.isprintable() and len(value) <= most and not post:
        return value.strip()
    text = value if value.isprintable() else "".join(_harmless_character(c) for c in value)
    if post:
        text = text.replace("|", "/")  # the bar separates table cells in post.txt
    return text.strip()[:most]


def _harmless_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    # Surrogates cannot be encoded; direction overrides could make an amount read backwards.
    # The two private characters mark the holes of compiled letters: a value must not look like one.
    if category == "Cs" or character in "\ue000\ue001\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        return ""
    return character


def _tidy(words: str) -> str:
    """Remove trailing blanks and all but one of several empty lines: blocks may be empty (no disclosure, say)."""
    lines = "\n".join(line.rstrip() for line in words.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()
