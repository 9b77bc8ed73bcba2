"""Events of promises and plans, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.casework.plans.rules import PlanKind
from app.core.labels import PLAN_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence


@dataclass(frozen=True, slots=True)
class PlanEvent(Payload):
    """Base of the events of a plan."""

    FILTERS = (TimelineFilter.PLANS,)

    plan_id: int = field(metadata=stored_as("plan"))
    kind: PlanKind
    total_minor: int
    broken_instalment: int | None
    why: str

    def told(self, reader: Reader, verb: str, tone: Tone) -> TimelineEntry:
        title = f"{PLAN_LABELS[self.kind]} of {reader.money(self.total_minor)} {verb}"
        return TimelineEntry(title, reader.plain(sentence(self.why)), tone)


@dataclass(frozen=True, slots=True)
class PlanStep(PlanEvent):
    """A promise is offered, accepted and active at once: the timeline shows only the last."""

    def same_story(self, at: datetime) -> str:
        return f"plan {self.plan_id} {at}"


@dataclass(frozen=True, slots=True)
class PlanOffered(PlanStep):
    KIND = "plan.offered"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "offered", "info")


@dataclass(frozen=True, slots=True)
class PlanAccepted(PlanStep):
    KIND = "plan.accepted"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "accepted", "good")


@dataclass(frozen=True, slots=True)
class PlanActivated(PlanStep):
    KIND = "plan.activated"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "is running", "good")


@dataclass(frozen=True, slots=True)
class PlanKept(PlanEvent):
    KIND = "plan.kept"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "kept", "good")


@dataclass(frozen=True, slots=True)
class PlanBroken(PlanEvent):
    KIND = "plan.broken"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "broken", "bad")


@dataclass(frozen=True, slots=True)
class PlanCancelled(PlanEvent):
    KIND = "plan.cancelled"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "cancelled", "neutral")
