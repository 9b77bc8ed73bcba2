"""Events of the break-risk model."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class RiskModelTrained(Payload):
    """A version that pages and offers use from now on, or the finding that the base rate stays."""

    KIND = "risk.model_trained"

    version: int
    is_used: bool
    why: str
    scorecard_sha256: str
