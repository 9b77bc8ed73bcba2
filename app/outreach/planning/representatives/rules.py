"""Letters to a representative: whether they may be written to, and whether the words still hold. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.plans.rules import LIVE, PlanStatus
from app.core.vocabulary import Channel
from app.outreach.outbox.rules import NOT_WHOLE, PARTY_MOVED, Occasion

LETTERS: Mapping[Occasion, str] = {
    Occasion.CONFIRMED: "adviser_plan_confirmed",
    Occasion.CHANGED: "adviser_plan_changed",
    Occasion.AHEAD: "adviser_instalment_ahead",
    Occasion.BROKEN: "adviser_plan_broken",
    Occasion.RESTORED: "adviser_plan_restored",
    Occasion.ENDED: "adviser_plan_ended",
    Occasion.STATEMENT: "attorney_letter",
    Occasion.ESTATE: "estate_letter",
    Occasion.ESTATE_ENQUIRY: "estate_enquiry",
}
STATEMENTS: Mapping[PartyKind, Occasion] = {
    PartyKind.EXECUTOR: Occasion.ESTATE,
    PartyKind.ATTORNEY: Occasion.STATEMENT,
    PartyKind.GUARDIAN: Occasion.STATEMENT,
    PartyKind.POWER_OF_ATTORNEY: Occasion.STATEMENT,
    PartyKind.ADVISER: Occasion.STATEMENT,
}
"""The letter about the case that a person may send to each kind of third party. A trustee in insolvency has the
creditor's claim from the legal team."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to reach a representative."""

    channel: Channel
    address: str
    """As a message is sent to it; a postal one ends with its country."""
    closed_since: datetime | None = None
    """Since when nothing more is sent there; None = it is open."""
    is_customers_own: bool = False
    """The address is the customer's: the letter would pass by what the customer allows."""


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
    ways: tuple[Way, ...]
    """The one they prefer first."""
    is_proven: bool = True
    """The paper that gives them authority is on file, where one is needed."""

    @property
    def noun(self) -> str:
        return self.kind.value.replace("_", " ")

    @property
    def way(self) -> Way | None:
        """The way by which they are written to: the first open one, else a closed one, which the gate refuses. None =
        there is none."""
        usable = [way for way in self.ways if not way.is_customers_own]
        return next((way for way in usable if way.closed_since is None), next(iter(usable), None))

    def without(self, tried: Collection[Channel]) -> Mandate:
        """The same without the ways of these channels, by which a letter could not arrive."""
        return replace(self, ways=tuple(way for way in self.ways if way.channel not in tried))

    def by(self, channel: Channel) -> Way | None:
        """The way of a channel."""
        return next((way for way in self.ways if way.channel is channel), None)


def why_not_written_to(mandate: Mandate) -> str:
    """The reason that they must not be written to; '' = they may."""
    if mandate.kind not in STATEMENTS:
        return "nobody of this kind is written to by the desk"
    if not mandate.is_on_file:
        return f"the {mandate.noun} is no longer on the customer's file"
    if not mandate.is_in_force:
        return f"the {mandate.noun}'s authority does not stand on this day"
    if not mandate.is_proven:
        return f"the paper that makes this person the {mandate.noun} is not on file"
    if mandate.may_be_told is not MayBeTold.EVERYTHING:
        told = "the agreement" if mandate.kind is PartyKind.ADVISER else "the debt"
        return f"the {mandate.noun} may not be told of {told}"
    if not mandate.speaks:
        return "another person speaks for the customer now"
    if not mandate.is_worked_with:
        return "the adviser is not worked with any more"
    if mandate.way is not None:
        return ""
    return OWN_ADDRESS if mandate.ways else f"no address of the {mandate.noun} is on file"


NOTHING_OWED = "nothing is owed any more"
"""The reason that an adviser is not told of a break as such: charged off, sold or paid, it is told as an end."""
OWN_ADDRESS = "the adviser's address is the customer's own"


def why_not_sent_to(mandate: Mandate, channel: Channel, address: str) -> str:
    """The reason that a letter must not leave for this address any more; '' = it may."""
    if why := why_not_written_to(mandate):
        return why
    way = mandate.by(channel)
    if way is None or way.address != address:
        return PARTY_MOVED
    return OWN_ADDRESS if way.is_customers_own else ""


@dataclass(frozen=True, slots=True)
class AgreementNow:
    """An agreement as it stands when a letter about it is to leave."""

    status: PlanStatus
    last_change: int
    """Id of the last change of an instalment; 0 = none."""
    broken_on: int
    """The day it was broken, as a number; 0 = it is not broken."""
    has_live: bool
    """The case has an agreement that runs: this one or another."""
    is_owed: bool
    """Anything is owed, past due or not."""
    paid_in_time: bool = False
    """It is taken to be broken, and was paid in time with all that is posted by now."""
    dues: Mapping[int, int] = field(default_factory=dict)
    """What is missing, in minor units, of the instalments that are to come, by due day (`date.toordinal`).
    While the agreement rests nothing falls due."""
    times_restored: int = 0
    """How often a break of it was taken back."""
    is_restored: bool = True
    """The payments for which its last break was taken back count by now."""
    ended_for_nothing: str = ""
    """It ended for a settlement that was taken up by a payment which came back: the reason, as a message is withheld
    for it."""


@dataclass(frozen=True, slots=True)
class CaseNow:
    """A case as it stands when a letter about it is to leave to who stands in for the customer."""

    is_open: bool
    is_owed: bool
    """Something is past due; of an estate, any balance is left."""
    is_dead: bool
    """A hold says that the customer has died."""
    executor_known: bool
    """Somebody may act for the estate, on paper."""
    lacks_notice: bool = False
    """The law wants the validation notice first, and none has left (12 CFR 1006.34(a)(1), comment 34(a)(1)-1)."""


def not_so_of_case(occasion: Occasion, now: CaseNow) -> str:
    """The reason that a letter about a case is false, or not for now; '' = it holds."""
    if not now.is_open:
        return "the case is closed"
    if occasion is not Occasion.STATEMENT and not now.is_dead:
        return "no hold says any more that the customer has died"
    if occasion is Occasion.ESTATE_ENQUIRY:
        return "who administers the estate is known" if now.executor_known else ""
    if not now.is_owed:
        return NOTHING_OWED
    if now.lacks_notice:
        return "no validation notice was sent, and the law wants it first: a person sends it to them"
    return ""


def no_longer_so(occasion: Occasion, occurrence: int, now: AgreementNow) -> str:
    """The reason that the words are false by now; '' = they hold."""
    match occasion:
        case Occasion.CONFIRMED | Occasion.CHANGED:
            if now.status not in LIVE:
                return "the agreement that it speaks of has ended"
            if now.last_change != occurrence:
                return "a date of the agreement was changed since it was written"
        case Occasion.AHEAD:
            if now.status not in LIVE or not now.is_owed:
                return "the agreement that it speaks of has ended, or nothing is owed any more"
            if not now.dues.get(occurrence):
                return "nothing falls due any more on the day of which it reminds"
        case Occasion.BROKEN:
            if now.status is not PlanStatus.BROKEN or now.has_live:
                return "the agreement is not broken any more, or another one runs"
            if now.broken_on != occurrence:
                return "the agreement was broken on another day"
            if now.paid_in_time:
                return "the payment that it says is missing came in time"
            if not now.is_owed:
                return NOTHING_OWED
        case Occasion.RESTORED:
            if now.status is PlanStatus.BROKEN or now.times_restored != occurrence:
                return "the agreement was broken since it was written"
            if not now.is_restored:
                return NOT_WHOLE
        case Occasion.ENDED:
            if now.status in LIVE:
                return "the agreement has not ended"
            return now.ended_for_nothing
    return ""
