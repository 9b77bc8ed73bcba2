"""What an editor writes, checked: title, text, SMS and keywords of a version."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from app.casework.knowledge.markdown import LONGEST_PARAGRAPH, to_lines
from app.casework.knowledge.models import KnowledgeVersion
from app.casework.knowledge.rules import (
    LONGEST_BODY,
    LONGEST_KEYWORDS,
    LONGEST_NOTE,
    LONGEST_SMS,
    LONGEST_TITLE,
    PLACEHOLDERS,
    unknown_placeholders,
)
from app.core.errors import Invalid
from app.core.text import clean_text


@dataclass(frozen=True, slots=True)
class Words:
    """What an editor writes of an article in one language."""

    title: str
    body: str
    """Markdown."""
    sms: str = ""
    keywords: str = ""
    note: str = ""
    """What changed, and why."""


def check_words(words: Words) -> Words:
    """The words as they are kept. Invalid beside the first field that cannot be: empty, too long, with a card number,
    with a name in braces that is no placeholder, with a paragraph that no letter can carry."""
    title = clean_text(words.title, "title", at_most=LONGEST_TITLE, one_line=True, empty="Give it a title.")
    body = clean_text(words.body, "body", at_most=LONGEST_BODY, empty="Write the answer.")
    sms = clean_text(words.sms, "sms", at_most=LONGEST_SMS, required=False, one_line=True)
    keywords = clean_text(words.keywords, "keywords", at_most=LONGEST_KEYWORDS, required=False, one_line=True)
    note = clean_text(words.note, "note", at_most=LONGEST_NOTE, required=False, one_line=True)
    for name, text in (("title", title), ("body", body), ("sms", sms)):
        if unknown := unknown_placeholders(text):
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise Invalid(f"{{{unknown[0]}}} is no placeholder. There are {known}.", name)
    lines = to_lines(body, {})
    if not lines:
        raise Invalid("Write the answer.", "body")
    if long := next((each for each in lines if len(each.text) > LONGEST_PARAGRAPH), None):
        raise Invalid(
            f"The paragraph that begins {long.text[:30]!r} is longer than {LONGEST_PARAGRAPH} characters. Split it.",
            "body",
        )
    return Words(title, body, sms, keywords, note)


def digest_of(version: KnowledgeVersion) -> str:
    """SHA-256 of the words of a version."""
    return hashlib.sha256("\0".join(says(version)).encode()).hexdigest()


def says(version: KnowledgeVersion) -> tuple[str, str, str, str]:
    return version.title, version.body, version.sms, version.keywords


def said_by(words: Words) -> tuple[str, str, str, str]:
    return words.title, words.body, words.sms, words.keywords
