"""Events of a business day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class DayClosed(Payload):
    KIND = "day.closed"

    business_date: date
    counts: Mapping[str, Mapping[str, int]]
    """By stage."""
