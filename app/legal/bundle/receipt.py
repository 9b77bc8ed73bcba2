"""Receipt: the legal desk's proof that it holds a verified bundle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """The legal desk's proof that it holds a verified bundle. `received_at` is RFC 3339 text, `files` a count."""

    receipt_id: str
    bundle_id: str
    received_at: str
    files: int
    sha256_of_tagmanifest: str
    status: str = "accepted"

    @property
    def provider_ref(self) -> str:
        """The same name `outreach.Accepted` has, so the outbox can settle a delivery like any other."""
        return self.receipt_id
