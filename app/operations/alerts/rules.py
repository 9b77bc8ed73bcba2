"""Alerts, and the moments when people are told of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class AlertKind(StrEnum):
    DAY_FAILED = "day_failed"
    """A business day could not be closed; its portfolio stays at the day before."""
    INVARIANT = "invariant"
    """Figures that must agree do not."""
    TICK_FAILED = "tick_failed"
    """Something that the worker does all the time has failed several times in a row."""
    THRESHOLD = "threshold"
    """A key figure crossed a limit that a manager set."""
    DIGEST = "digest"
    """A digest did not arrive for a day."""


ALERT_TITLES: Mapping[AlertKind, str] = {
    AlertKind.DAY_FAILED: "A business day was not closed",
    AlertKind.INVARIANT: "A consistency check failed",
    AlertKind.TICK_FAILED: "The worker cannot do part of its work",
    AlertKind.THRESHOLD: "A key figure crossed its threshold",
    AlertKind.DIGEST: "A digest did not arrive",
}
ALERT_ADVICE: Mapping[AlertKind, str] = {
    AlertKind.DAY_FAILED: "Run `desk day` for that portfolio and date: it says what is wrong and resumes there.",
    AlertKind.INVARIANT: "Run `desk invariants`: it lists every row. Do not use this portfolio's figures until then.",
    AlertKind.TICK_FAILED: "Look at the log of `desk jobs` for `tick_failed`. It is tried again at every tick.",
    AlertKind.THRESHOLD: "See what moved the figure on the morning page. It ends when a closed day is back within it.",
    AlertKind.DIGEST: "Check the address on the page of digests. It ends with the next digest that arrives.",
}


class About(StrEnum):
    """News of an alert that a person was told."""

    OPENED = "opened"
    STILL_OPEN = "still_open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AlertNews:
    """One piece of news as a messenger gets it."""

    alert_id: int
    about: About
    kind: AlertKind
    subject: str
    """The subject: a portfolio's code, with a threshold or a digest behind it, or the name of a tick."""
    detail: str
    first_at: datetime
    last_at: datetime
    times: int
    ended_at: datetime | None

    @property
    def title(self) -> str:
        over = "Over: " if self.about is About.ENDED else ""
        return f"{over}{ALERT_TITLES[self.kind]}: {self.subject}"


class Messenger(Protocol):
    """A way to reach the people who look after the installation."""

    name: str

    def tell(self, news: AlertNews) -> None:
        """Tell the news. Raises any error of the network: the news is then told again at the next tick."""


TOLD_AGAIN_AFTER = timedelta(hours=24)


def due_news(
    told: About | None, told_at: datetime | None, ended_at: datetime | None, now: datetime
) -> About | None:
    """The next news of an alert for one messenger, given the last that it sent."""
    if told is None:
        return About.OPENED if ended_at is None else None
    if ended_at is not None:
        return None if told is About.ENDED else About.ENDED
    assert told_at is not None
    return About.STILL_OPEN if now - told_at >= TOLD_AGAIN_AFTER else None
