"""The three answers of the gate, and the reasons they give. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from app.core.types import Values
from app.policy.facts import Contact


@dataclass(frozen=True, slots=True)
class Reason:
    """Objection of one rule to a contact. `until`: the first instant at which it lapses by itself; None = never."""

    rule: str
    citation: str
    detail: str
    force: str
    verified: bool
    until: datetime | None = None
    figures: Values = field(default_factory=dict)
    """The figures the rule used, as JSON values."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """Permission to make exactly this contact within [not_before, not_after). The outbox takes nothing else."""

    contact: Contact
    not_before: datetime
    not_after: datetime
    pack: str
    """`code@version` of the pack that was asked."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """The contact has to wait until `at`; every reason lapses by then."""

    at: datetime
    reasons: tuple[Reason, ...]
    pack: str


@dataclass(frozen=True, slots=True)
class Refusals:
    """The contact may not be made; at least one reason does not lapse by itself, or not soon enough."""

    reasons: tuple[Reason, ...]
    pack: str

    @property
    def review_on(self) -> date | None:
        """The day on which a person looks again at the hold that no date ends; None = there is no such hold."""
        days = [reason.figures["review_on"] for reason in self.reasons if "review_on" in reason.figures]
        return date.fromisoformat(min(days)) if days else None


Answer = Clearance | WaitUntil | Refusals
