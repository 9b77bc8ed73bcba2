"""Topics and states of articles, the placeholders they may use, and which searches are kept for the editors. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.kit.folding import fold, has_run, is_run


class Topic(StrEnum):
    """What an article is about."""

    TERMS = "terms"
    INTEREST = "interest"
    FEES = "fees"
    PAYING = "paying"
    RIGHTS = "rights"
    COMPLAINTS = "complaints"
    DISPUTES = "disputes"
    HELP = "help"
    GENUINE = "genuine"
    OTHER = "other"


TOPIC_LABELS: Mapping[Topic, str] = {
    Topic.TERMS: "Terms and words",
    Topic.INTEREST: "Interest",
    Topic.FEES: "Fees",
    Topic.PAYING: "How to pay",
    Topic.RIGHTS: "Rights",
    Topic.COMPLAINTS: "Complaints",
    Topic.DISPUTES: "Disputes",
    Topic.HELP: "Help when money is short",
    Topic.GENUINE: "Who we are",
    Topic.OTHER: "Other",
}
ASKS_FOR_NOTHING = frozenset({Topic.RIGHTS, Topic.COMPLAINTS, Topic.DISPUTES, Topic.GENUINE})
"""Topics whose articles tell customers what they may do. They reach also those who dispute the debt; any other article
may speak of paying, and is a reminder to them (`purpose_of_answer`)."""


class VersionStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    REPLACED = "replaced"
    """A later version of the same language was published."""
    RETIRED = "retired"
    """The article was taken out of use."""


class UseKind(StrEnum):
    """How an article answered a customer."""

    READ_OUT = "read_out"
    SENT = "sent"


LANGUAGES = ("en", "id", "nb", "nl", "zh", "zh-Hans")
"""Languages of articles: those of the letter that carries them (`letters/knowledge_answer`)."""
FALLBACK = "en"
CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
LONGEST_TITLE = 120
LONGEST_BODY = 8000
LONGEST_SMS = 400
LONGEST_KEYWORDS = 300
LONGEST_NOTE = 300
LONGEST_MISSING = 500

PLACEHOLDERS: Mapping[str, str] = {
    "creditor": "the creditor",
    "sender": "who writes: the agency, or the creditor itself",
    "contact": "telephone number and e-mail address to answer to",
    "complaints": "where complaints are taken: the creditor's complaint number, or the same contact",
    "reference": "reference of the case",
}
"""Names that an article may put in braces, `{creditor}`, and what stands there for a customer."""
_PLACEHOLDER = re.compile(r"\{([^{}\n]{1,40})\}")


def unknown_placeholders(text: str) -> list[str]:
    """Names in braces that are no placeholder, in order."""
    return [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder's value in its place."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def used_placeholders(text: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDER.findall(text))


@dataclass(frozen=True, slots=True)
class ArticleLine:
    """A paragraph of an article without mark-up, as a letter shows it."""

    kind: str
    """`heading`, `paragraph` or `item`."""
    text: str
    first: str = ""
    """`yes` for the first item of a list; so `last` for its last one."""
    last: str = ""


# --- searches -----------------------------------------------------------------------------------------------

MOST_WORDS = 8
LONGEST_MISS = 80
SHORTEST_MISS = 3


def asked_words(text: str) -> list[str]:
    """The words of a search as the index of words is asked for them: folded, without single letters."""
    words = fold(text[:200]).split()[:MOST_WORDS]
    return [word for word in words if len(word) > 1 or is_run(word)]


def kept_words(text: str, names: Collection[str] = ()) -> str:
    """The search as the backlog of editors keeps it: folded; '' for one that may tell who asked, or is no question.

    A text with a digit or an @ is left out (telephone, card, case), so is one with a word of the customer's name
    (`names`), and one too short or too long to be a question.
    """
    if "@" in text or any(char.isdigit() for char in text):
        return ""
    folded = fold(text)
    said, own = folded.split(), {word for name in names for word in fold(name).split()}
    if own.intersection(said) or any(has_run(name) and fold(name) in folded for name in names if name):
        return ""
    is_question = len(said) <= MOST_WORDS and len(folded) <= LONGEST_MISS
    long_enough = len(folded) >= SHORTEST_MISS or has_run(folded)
    return folded if said and is_question and long_enough else ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """An indexed word of a version and where it stands."""

    word: str
    version_id: int
    weight: int


IN_TITLE, IN_KEYWORDS, IN_BODY = 9, 5, 1


def ranked(found: Sequence[Sequence[tuple[int, int]]]) -> tuple[list[int], list[int]]:
    """Versions by how well they answer a search: (those that hold every word, those that hold at least half of them).

    `found` has for each word the versions that hold it, with the weight of the place.
    """
    total: dict[int, int] = {}
    words: dict[int, int] = {}
    for each in found:
        best: dict[int, int] = {}
        for version_id, weight in each:
            best[version_id] = max(weight, best.get(version_id, 0))
        for version_id, weight in best.items():
            total[version_id] = total.get(version_id, 0) + weight
            words[version_id] = words.get(version_id, 0) + 1
    order = sorted(total, key=lambda version_id: (-words[version_id], -total[version_id], version_id))
    whole = [each for each in order if words[each] == len(found)]
    near = [each for each in order if words[each] < len(found) <= 2 * words[each]]
    return whole, near
