"""Findings of a training of the break-risk model. Pure values, stored as JSON with the version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from app.casework.risk.measures import Measures
from app.casework.risk.rules import Reason

MOST_EXPLAINED = 0.25
"""Share of a feature's variance that a protected group may explain; a feature above it is a proxy and is left out."""
CLEAR_DRIFT = 0.25
"""Population stability index from which a figure has clearly moved."""


@dataclass(frozen=True, slots=True)
class FeatureFinding:
    feature: str
    coefficient: float
    """On the standardised value; 0 where the feature was left out."""
    drift: float
    """Population stability index between the training and the later period."""
    by_language: float
    by_country: float
    by_postcode: float
    """Share of its variance that these explain, adjusted for the number of groups."""

    @property
    def is_proxy(self) -> bool:
        return max(self.by_language, self.by_country, self.by_postcode) > MOST_EXPLAINED

    @property
    def weight_size(self) -> float:
        return abs(self.coefficient)

    @property
    def has_drifted(self) -> bool:
        return self.drift >= CLEAR_DRIFT


@dataclass(frozen=True, slots=True)
class TrainingFindings:
    agreements: int
    trained_on: int
    """Instalments of the training period."""
    trained_from: date
    tested_from: date
    """Agreements from this day on are the later period."""
    calibrated_by: str
    """`sigmoid` or `isotonic`."""
    measures: Measures
    features: tuple[FeatureFinding, ...]
    example: tuple[Reason, ...]
    """What moved the chance of the instalment with the highest hazard of the later period."""

    def to_json(self) -> str:
        return _FINDINGS.dump_json(self).decode()


def read_findings(text: str) -> TrainingFindings | None:
    """The findings of a version; None where too little history gave none."""
    return _FINDINGS.validate_json(text) if text else None


_FINDINGS = TypeAdapter(TrainingFindings)
