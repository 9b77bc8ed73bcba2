"""Letters to a representative: whether they may be written to, and whether the words still hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.plans.rules import LIVE, PlanStatus
from app.outreach.outbox.rules import Occasion

LETTERS: Mapping[Occasion, str] = {
    Occasion.CONFIRMED: "adviser_plan_confirmed",
    Occasion.CHANGED: "adviser_plan_changed",
    Occasion.BROKEN: "adviser_plan_broken",
    Occasion.ENDED: "adviser_plan_ended",
}


@dataclass(frozen=True, slots=True)
class Mandate:
    """The record of a representative on a day."""

    kind: PartyKind
    may_be_told: MayBeTold
    is_on_file: bool
    is_in_force: bool
    """The day lies within the days of the authority."""
    speaks: bool
    """Nobody else speaks for the customer before them."""
    is_worked_with: bool
    """False once the organisation was ended."""
    email: str
    is_customers_own: bool
    """The address is the customer's: the letter would pass by what the customer allows."""


def why_not_written_to(mandate: Mandate) -> str:
    """The reason that they must not be written to; '' = they may."""
    if mandate.kind is not PartyKind.ADVISER:
        return "only an adviser is written to by the desk"
    if not mandate.is_on_file:
        return "the adviser is no longer on the customer's file"
    if not mandate.is_in_force:
        return "the adviser's authority does not stand on this day"
    if mandate.may_be_told is not MayBeTold.EVERYTHING:
        return "the adviser may not be told of the agreement"
    if not mandate.speaks:
        return "another person speaks for the customer now"
    if not mandate.is_worked_with:
        return "the adviser is not worked with any more"
    if not mandate.email:
        return "no e-mail address of the adviser is on file"
    if mandate.is_customers_own:
        return "the adviser's e-mail address is the customer's own"
    return ""


@dataclass(frozen=True, slots=True)
class AgreementNow:
    """An agreement as it stands when a letter about it is to leave."""

    status: PlanStatus
    last_change: int
    """Id of the last change of an instalment; 0 = none."""
    has_live: bool
    """The case has an agreement that runs: this one or another."""
    is_owed: bool


def no_longer_so(occasion: Occasion, change_id: int, now: AgreementNow) -> str:
    """The reason that the words are false by now; '' = they hold."""
    match occasion:
        case Occasion.CONFIRMED | Occasion.CHANGED:
            if now.status not in LIVE:
                return "the agreement that it speaks of has ended"
            if now.last_change != change_id:
                return "a date of the agreement was changed since it was written"
        case Occasion.BROKEN:
            if now.status is not PlanStatus.BROKEN or now.has_live:
                return "the agreement is not broken any more, or another one runs"
            if not now.is_owed:
                return "nothing is past due and owed"
        case Occasion.ENDED:
            if now.status is not PlanStatus.CANCELLED:
                return "the agreement has not ended"
    return ""
