"""Whom a satisfaction question is for, until when it may be answered, and what its answers come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from math import sqrt

from app.core.vocabulary import HoldKind

LOWEST, HIGHEST = 1, 5
SATISFIED_FROM = 4
"""Scores from here on say that the customer was satisfied."""
DISSATISFIED_TO = 2
OPEN_DAYS = 30
"""Days after the question on which it may still be answered."""
CHANGEABLE = timedelta(days=1)
"""Time after the first answer in which it may be changed."""
RETRY_DAYS = 3
"""Nights in which a question that the gate makes wait is asked for again; later it would be about the past."""
LONGEST_COMMENT = 2000
FEWEST = 10
"""Answers below which a cell that is about one person shows nothing."""
NEVER_AFTER = frozenset(
    {
        HoldKind.COMPLAINT, HoldKind.DECEASED, HoldKind.CEASE_CONTACT, HoldKind.ATTORNEY, HoldKind.BANKRUPTCY,
        HoldKind.FRAUD, HoldKind.BREATHING_SPACE,
    }
)  # fmt: skip
"""A customer who ever had such a hold is not asked, even after it ended."""


class AskedAfter(StrEnum):
    """What was closed before the question."""

    CASE = "case"
    CALL = "call"
    """A call in which the customer spoke with us."""
    MESSAGE = "message"
    """A message of theirs that we answered."""


class SurveyDoor(StrEnum):
    """Whether a question may be answered now."""

    OPEN = "open"
    CHANGEABLE = "changeable"
    """Answered, and the answer may still be changed."""
    ANSWERED = "answered"
    CLOSED = "closed"
    """Its time is over, or the customer wants no such questions."""


def is_sampled(
    share_percent: int, portfolio_id: int, customer_id: int, after: AskedAfter, number: int
) -> bool:
    """Whether a thing that was closed belongs to the share that is asked. The same thing gives the same answer, in
    whichever night and on whichever machine."""
    if share_percent <= 0:
        return False
    told = f"{portfolio_id}:{customer_id}:{after.value}:{number}".encode()
    place = int.from_bytes(blake2b(told, digest_size=8, person=b"satisfaction").digest()) % 100
    return place < share_percent


def door_of(
    *, closes_on: date, answered_at: datetime | None, declined: bool, today: date, now: datetime
) -> SurveyDoor:
    """Whether a question may be answered at `now`, on the portfolio's day `today`."""
    if declined:
        return SurveyDoor.CLOSED
    if answered_at is not None:
        return SurveyDoor.CHANGEABLE if now < answered_at + CHANGEABLE else SurveyDoor.ANSWERED
    return SurveyDoor.OPEN if today <= closes_on else SurveyDoor.CLOSED


@dataclass(frozen=True, slots=True)
class Scores:
    """Answers of one cell: how many questions left, and how many answers have each score."""

    sent: int
    counts: Sequence[int] = (0, 0, 0, 0, 0)
    """Answers with the scores 1 to 5."""

    @property
    def answers(self) -> int:
        return sum(self.counts)

    @property
    def total(self) -> int:
        return sum(score * count for score, count in enumerate(self.counts, LOWEST))

    @property
    def mean(self) -> float | None:
        return self.total / self.answers if self.answers else None

    @property
    def satisfied(self) -> int:
        """Answers of 4 and 5."""
        return sum(self.counts[SATISFIED_FROM - LOWEST :])

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean: the Wilson score interval (JASA 22 (1927) 209-212) of the mean as a share of
        the way from 1 to 5. A score lies between both ends, so its spread is at most that of a share, and the interval
        is never too narrow. None without an answer."""
        if not self.answers:
            return None
        width = HIGHEST - LOWEST
        share = (self.total / self.answers - LOWEST) / width
        low, high = _wilson(share, self.answers)
        return LOWEST + low * width, LOWEST + high * width

    @property
    def response_rate(self) -> float | None:
        return self.answers / self.sent if self.sent else None

    @property
    def response_interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the response rate; None where nothing was sent."""
        return _wilson(self.answers / self.sent, self.sent) if self.sent else None

    def __add__(self, other: Scores) -> Scores:
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Scores(self.sent + other.sent, counts)


Z95 = 1.959963984540054


def _wilson(share: float, trials: int) -> tuple[float, float]:
    z2 = Z95 * Z95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)
