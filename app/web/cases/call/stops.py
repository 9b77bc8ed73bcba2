"""The strongest reason to leave a customer alone, as one line over the case page. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.core.vocabulary import HoldKind


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason to leave the customer alone, and what to do in place of a contact."""

    title: str
    instead: str
    reason: str = ""
    """The words in which the hold was placed."""


DO_NOT_CONTACT = "Do not contact"
_HOLDS: Mapping[HoldKind, tuple[str, str]] = {
    HoldKind.DECEASED: ("The cardholder has died.", "Write to the executor or heirs only."),
    HoldKind.BANKRUPTCY: ("Insolvency.", "Write to the trustee or the court only."),
    HoldKind.CEASE_CONTACT: (
        "They asked us to cease contact.",
        "Only a notice that the law requires may go out.",
    ),
    HoldKind.ATTORNEY: ("Represented by an attorney.", "Contact the attorney only."),
    HoldKind.FRAUD: ("Suspected fraud.", "Leave the case to the fraud team."),
    HoldKind.DISPUTE: ("The debt is disputed.", "Send the answer to the dispute first."),
    HoldKind.BREATHING_SPACE: ("Breathing space.", "Contact the debt adviser only."),
    HoldKind.MILITARY: ("Military service.", "Ask the legal team before any step."),
}
"""The strongest first: the kind, what it means, and whom to contact instead."""
WITH_LEGAL = Stop(
    f"{DO_NOT_CONTACT}: the case is with the legal team.", "Tell the legal team what the customer says."
)


def strongest_stop(
    holds: Mapping[HoldKind, str], *, with_legal: bool, representatives: Collection[str] = ()
) -> Stop | None:
    """Return the stop that weighs most among open holds (kind -> its reason) and a referral; None = none."""
    for kind, (meaning, instead) in _HOLDS.items():
        if kind in holds:
            named = f"Contact instead: {', '.join(representatives)}." if representatives else instead
            return Stop(f"{DO_NOT_CONTACT}: {in_lower(meaning)}", named, holds[kind])
    return WITH_LEGAL if with_legal else None


def in_lower(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:]
