"""Event of a return that was frozen; its figures are in the hash-chained timeline, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.timeline.payload import Payload, stored_as


@dataclass(frozen=True, slots=True)
class ReturnFrozen(Payload):
    KIND = "return.frozen"

    return_id: int = field(metadata=stored_as("return"))
    name: str
    business_date: str
    months: int
    version: int
    definition: str
    cells: Mapping[str, str]
    """`row column` -> the number, counts or minor units; `12 of 345` for a ratio."""
