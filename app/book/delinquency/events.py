"""Events of pauses and re-ages, and the sentence that tells each on a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, words
from app.policy.sections.pauses import PauseKind


@dataclass(frozen=True, slots=True)
class PauseSet(Payload):
    KIND = "pause.set"
    FILTERS = (TimelineFilter.MONEY,)

    pause_id: int = field(metadata=stored_as("pause"))
    kind: PauseKind
    from_on: date
    to_on: date | None
    """The first day that counts again; None until a person ends the pause."""
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        until = f"until {reader.day(self.to_on)}" if self.to_on else "until ended"
        title = f"Days paused: {words(self.kind)}"
        return TimelineEntry(title, f"From {reader.day(self.from_on)} {until}", "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class PauseEnded(Payload):
    KIND = "pause.ended"
    FILTERS = (TimelineFilter.MONEY,)

    pause_id: int = field(metadata=stored_as("pause"))
    kind: PauseKind
    from_on: date
    on: date
    until: date | None
    """The end it had until then; with the two days below it tells what was known before."""
    set_on: date
    posted_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Pause ended: {words(self.kind)}"
        return TimelineEntry(title, f"Days count again from {reader.day(self.on)}")


@dataclass(frozen=True, slots=True)
class AccountReAged(Payload):
    KIND = "account.re_aged"
    FILTERS = (TimelineFilter.MONEY,)

    on: date
    past_due_minor: int
    """Amount that was brought current."""
    rule: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Re-aged: {reader.money(self.past_due_minor)} brought current"
        body = f"On {reader.day(self.on)} under {self.rule}"
        return TimelineEntry(title, body, "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class ReAgeUndone(Payload):
    KIND = "account.re_age_undone"
    FILTERS = (TimelineFilter.MONEY,)

    on: date
    """The day of the re-age."""
    past_due_minor: int
    """Amount that it had brought current."""
    set_on: date
    """The business day on which it was granted; with `posted_on` it tells what was known before."""
    posted_on: date
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Re-age taken back: {reader.money(self.past_due_minor)} had been brought current"
        return TimelineEntry(title, f"On {reader.day(self.on)}", "warn", quoted=self.reason)
