"""Identity of a stored row."""

from __future__ import annotations

from typing import Protocol


class Stored(Protocol):
    """A row of a table whose key the database gives on insert."""

    @property
    def id(self) -> int | None: ...


def id_of(row: Stored) -> int:
    """Return the key of a stored row.

    Raises LookupError for a row that was not flushed yet: it has no key, and 0 would be the key of another row.
    """
    if row.id is None:
        raise LookupError(f"{type(row).__name__} has no id yet: flush the session before its id is used")
    return row.id
