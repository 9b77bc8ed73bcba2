"""Print batches: their states, the letters in them, and the operations that a press and a print service must offer.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from app.outreach.outbox.dispatch import Dispatch, Misconfigured, TryLater


class Paper(Protocol):
    """Shows how a letter looks on paper. Raises Invalid for one that cannot be printed."""

    def pdf(self, dispatch: Dispatch) -> bytes: ...

    def pictures(self, dispatch: Dispatch) -> list[bytes]:
        """Its pages as PNG."""
        ...


class BatchStatus(StrEnum):
    MAKING = "making"
    """Nothing is to be seen outside."""
    PUBLISHING = "publishing"
    """Complete and on the disk; from here on it can only be published."""
    PUBLISHED = "published"
    ABANDONED = "abandoned"
    """Never published; its letters went back to the queue."""
    LOST = "lost"
    """It was to be published, and the print folder knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One letter for the print batch, with its sort key."""

    dispatch: Dispatch
    country: str
    postcode: str


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    """A batch that is complete and not published yet."""

    letters: int
    pages: int
    sha256: str
    """Of the PDF; '' if there is no letter in it."""
    refused: Mapping[str, str]
    """Key -> why that letter cannot be printed."""


class HandoffStatus(StrEnum):
    """A published batch on its way to the print service's server."""

    NONE = "none"
    """No print service is set up for it."""
    WAITING = "waiting"
    UPLOADED = "uploaded"
    """There, whole, under names that the service does not fetch; from here on it can only be given its own."""
    DROPPED = "dropped"


class HandoffFailed(Exception):
    """The print service did not do what it was asked for; ask again later. `reason` names no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PrintService(Protocol):
    """The print service that takes published batches. Both verbs raise HandoffFailed."""

    def upload(self, batch: str) -> None:
        """Put the whole batch there, under names that the service does not fetch; again replaces it. Refuses one that
        has its names."""
        ...

    def name(self, batch: str) -> None:
        """Give the uploaded files their names. A file that is gone from its first name had its own already."""
        ...


class PressDown(Exception):
    """No batch could be made, and none was published."""

    def __init__(self, outcome: TryLater | Misconfigured) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Press(Protocol):
    """Makes a day's letters into one batch. Batches are named `<day>/batch-<number>`."""

    def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
        """Everything but the name under which others find it. Raises PressDown."""
        ...

    def publish(self, batch: str) -> bool:
        """Show it, once and for all; again does nothing. False if there is no such batch. Raises OSError."""
        ...

    def discard(self, batch: str) -> None: ...

    def manifest(self, batch: str) -> Mapping[str, int]:
        """Key -> piece number of a published batch. Raises OSError."""
        ...
