"""Events of thresholds: who set which limit, with before and after."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.timeline.payload import Payload, stored_as


@dataclass(frozen=True, slots=True)
class ThresholdSet(Payload):
    KIND = "threshold.set"

    threshold_id: int = field(metadata=stored_as("threshold"))
    figure: str
    limit: str


@dataclass(frozen=True, slots=True)
class ThresholdChanged(Payload):
    KIND = "threshold.changed"

    threshold_id: int = field(metadata=stored_as("threshold"))
    figure: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class ThresholdEnded(Payload):
    KIND = "threshold.ended"

    threshold_id: int = field(metadata=stored_as("threshold"))
    figure: str
    limit: str
