"""The strongest reason to leave a customer alone, as one line over the case page. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.core.vocabulary import HOLD_TRAITS, HoldKind


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason to leave the customer alone, and what to do in place of a contact."""

    title: str
    instead: str
    reason: str = ""
    """The words in which the hold was placed."""
    others: bool = False
    """Somebody else is contacted in the customer's place."""


DO_NOT_CONTACT = "Do not contact"
WITH_LEGAL = Stop(
    f"{DO_NOT_CONTACT}: the case is with the legal team.", "Tell the legal team what the customer says."
)


def strongest_stop(
    holds: Mapping[HoldKind, str], *, with_legal: bool, representatives: Collection[str] = ()
) -> Stop | None:
    """Return the stop that weighs most among open holds (kind -> its reason) and a referral; None = none."""
    for kind, traits in HOLD_TRAITS.items():
        meaning, instead = traits.stop
        if meaning and kind in holds:
            named = f"Contact instead: {', '.join(representatives)}." if representatives else instead
            others = bool(representatives) or kind in (HoldKind.DECEASED, HoldKind.ATTORNEY)
            return Stop(f"{DO_NOT_CONTACT}: {in_lower(meaning)}", named, holds[kind], others)
    return WITH_LEGAL if with_legal else None


def in_lower(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:]
