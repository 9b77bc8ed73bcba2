"""Events of strategies, experiments and tasks, and how a timeline tells each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.contacts.rules import DeskStep
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter
from app.outreach.strategy.experiments import EndReason, PrimaryFigure


@dataclass(frozen=True, slots=True)
class StrategySaved(Payload):
    KIND = "strategy.saved"

    strategy: str
    """Reference of the version."""
    sha256: str
    note: str


@dataclass(frozen=True, slots=True)
class StrategyLive(Payload):
    """A version that cases go by from now on."""

    KIND = "strategy.live"

    strategy: str
    replaces: str | None
    rollback: bool


@dataclass(frozen=True, slots=True)
class ExperimentStarted(Payload):
    KIND = "experiment.started"

    experiment_id: int = field(metadata=stored_as("experiment"))
    champion: str
    challenger: str
    share_percent: int
    cases_wanted: int | None
    primary_figure: str = PrimaryFigure.CURED
    days: int | None = None
    """After which it ends."""


@dataclass(frozen=True, slots=True)
class ExperimentEnded(Payload):
    KIND = "experiment.ended"

    experiment_id: int = field(metadata=stored_as("experiment"))
    because: str = EndReason.PERSON


@dataclass(frozen=True, slots=True)
class TaskCreated(Payload):
    """Something for a person to do: a step asks for it, or a letter could not be sent."""

    KIND = "task.created"
    FILTERS = (TimelineFilter.PEOPLE,)

    step: str
    task: str
    due_on: date
    strategy: str | None = None
    """Reference of the version whose step asks for it."""

    def is_restricted(self) -> bool:
        return self.step == DeskStep.SUPPORT_NEED

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Task for a person", f"{self.task}, due {reader.day(self.due_on)}", "info")


@dataclass(frozen=True, slots=True)
class TaskDone(Payload):
    KIND = "task.done"
    FILTERS = (TimelineFilter.PEOPLE,)

    task: str
    step: str

    def is_restricted(self) -> bool:
        return self.step == DeskStep.SUPPORT_NEED

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Task done", self.task, "good")
