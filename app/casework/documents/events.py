"""Events of documents on file, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.casework.documents.rules import DocumentKind
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, words


@dataclass(frozen=True, slots=True)
class DocumentEvent(Payload):
    """Base of the events of a document."""

    FILTERS = (TimelineFilter.CASE,)

    document_id: int = field(metadata=stored_as("document"))
    kind: DocumentKind
    name: str
    sha256: str
    size: int
    reason: str = ""

    def told(self, verb: str, tone: Tone) -> TimelineEntry:
        said = f"{words(self.kind)}: {self.name}"
        return TimelineEntry(f"Document {verb}", f"{said}; {self.reason}" if self.reason else said, tone)


@dataclass(frozen=True, slots=True)
class DocumentAdded(DocumentEvent):
    KIND = "document.added"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told("put on file", "info")


@dataclass(frozen=True, slots=True)
class DocumentDownloaded(DocumentEvent):
    KIND = "document.downloaded"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told("downloaded", "neutral")


@dataclass(frozen=True, slots=True)
class DocumentWithdrawn(DocumentEvent):
    KIND = "document.withdrawn"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told("withdrawn", "warn")
