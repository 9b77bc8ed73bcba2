"""The three answers of the gate, and the reasons they give. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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


def told_once(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons for a person to read: what several rules say in the same words is one reason, with the citation of each
    and the end of the last."""
    found: dict[str, Reason] = {}
    for reason in reasons:
        before = found.get(reason.detail)
        found[reason.detail] = reason if before is None else _together(before, reason)
    return tuple(found.values())


def _together(one: Reason, other: Reason) -> Reason:
    until = None if one.until is None or other.until is None else max(one.until, other.until)
    verified = one.verified and other.verified
    return replace(one, citation=cited_together(one.citation, other.citation), verified=verified, until=until)


def cited_together(*citations: str) -> str:
    """Several citations as one, each text once."""
    return "; ".join(dict.fromkeys(text for each in citations for text in each.split("; ") if text))


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
