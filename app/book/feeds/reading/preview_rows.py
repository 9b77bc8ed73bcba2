"""The first rows of a file as they would be understood: what a page or a program shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from app.core.types import JsonObject


@dataclass(frozen=True, slots=True)
class PreviewColumn:
    """One of our columns and the source of its values, in words."""

    column: str
    source: str


@dataclass(frozen=True, slots=True)
class PreviewRow:
    line: int
    values: Mapping[str, str]
    """By our column, as our own files would have it."""


@dataclass(frozen=True, slots=True)
class PreviewReject:
    line: int
    column: str
    reason: str


@dataclass
class Preview:
    """Result of reading the first rows of a file. `read` = understood + rejected, at most CHECKED."""

    kind: str
    file: str
    read_as: str
    columns: list[PreviewColumn] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    rows: list[PreviewRow] = field(default_factory=list)
    rejects: list[PreviewReject] = field(default_factory=list)
    read: int = 0
    understood: int = 0
    rejected: int = 0
    warned: int = 0
    told: list[PreviewReject] = field(default_factory=list)
    """Remarks on understood rows: cells that would be corrected or left out."""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        return asdict(self)
