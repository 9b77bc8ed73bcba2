"""Events of articles and of the answers that customers had from them, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class ArticleReadOut(Payload):
    """A customer's question was answered on a call."""

    KIND = "knowledge.read_out"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("title",)

    article_id: int = field(metadata=stored_as("article"))
    version_id: int = field(metadata=stored_as("version"))
    number: int
    title: str
    language: str

    def present(self, reader: Reader) -> TimelineEntry:
        body = f"Version {self.number}, {reader.language(self.language)}"
        return TimelineEntry(f"Question answered on the call: {self.title}", body, "info")


@dataclass(frozen=True, slots=True)
class ArticleEvent(Payload):
    """Base of the events of an article's versions; they stand in the article's own stream."""

    version_id: int = field(metadata=stored_as("version"))
    language: str
    number: int
    sha256: str
    """Of title, body, SMS and keywords."""
    note: str


@dataclass(frozen=True, slots=True)
class DraftSaved(ArticleEvent):
    KIND = "knowledge.draft_saved"


@dataclass(frozen=True, slots=True)
class VersionPublished(ArticleEvent):
    KIND = "knowledge.published"


@dataclass(frozen=True, slots=True)
class ArticleRetired(Payload):
    KIND = "knowledge.retired"

    reason: str


@dataclass(frozen=True, slots=True)
class ArticleFiled(Payload):
    """An article's topic or review date was set."""

    KIND = "knowledge.filed"

    topic: str
    review_on: str = ""


@dataclass(frozen=True, slots=True)
class ArticleRated(Payload):
    KIND = "knowledge.rated"

    version_id: int = field(metadata=stored_as("version"))
    helped: bool
    missing: str = ""


@dataclass(frozen=True, slots=True)
class SearchDismissed(Payload):
    """A search of the backlog that gets no article."""

    KIND = "knowledge.search_dismissed"

    words: str
    language: str
    why: str
