"""Events of a portfolio's result codes."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class ResultCodesSaved(Payload):
    """A version that calls are logged by from now on."""

    KIND = "result_codes.saved"

    version: int
    sha256: str
    reason: str
    reverts_to: int | None = None
