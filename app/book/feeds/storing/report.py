"""Counts of one load."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.types import JsonObject


@dataclass
class LoadReport:
    """Report that `desk feed load` prints. `read` = loaded + updated + unchanged + conflicts + rejected; `warned`
    counts warnings about cells of rows that were loaded all the same, which are in `warnings_file`; `notes` are about
    the file."""

    kind: str
    read: int = 0
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    conflicts: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    warned: int = 0
    warnings_file: str | None = None
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        return dict(vars(self))


COUNTS = ("read", "loaded", "updated", "unchanged", "conflicts", "rejected", "warned")
