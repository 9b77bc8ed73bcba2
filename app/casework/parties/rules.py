"""Third parties: who they are, what they may be told, and who speaks for the customer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from app.core.errors import Invalid
from app.core.vocabulary import HoldKind


class PartyKind(StrEnum):
    ATTORNEY = "attorney"
    EXECUTOR = "executor"
    ADVISER = "adviser"
    FAMILY = "family"
    INTERPRETER = "interpreter"
    CARER = "carer"
    EMPLOYER = "employer"
    GUARDIAN = "guardian"
    """Appointed by a court to decide for the customer."""
    POWER_OF_ATTORNEY = "power_of_attorney"
    """Empowered by the customer in writing to decide for them."""
    TRUSTEE = "trustee"
    """Has the customer's estate in an insolvency."""


class MayBeTold(StrEnum):
    NOTHING = "nothing"
    """Not even that there is a debt."""
    LIMITED = "limited"
    """What the note says, and nothing else."""
    EVERYTHING = "everything"


class PartyCheck(StrEnum):
    """How a person on the telephone shows that they are a third party on file."""

    CUSTOMER_NAMED = "customer_named"
    REFERENCE = "reference"
    DOCUMENT = "document"
    CALLED_BACK = "called_back"


CHECK_HOLDS_FOR = timedelta(minutes=30)
"""A check this short a time ago is of the call that is going on."""

SPEAKS = (
    PartyKind.EXECUTOR, PartyKind.TRUSTEE, PartyKind.ATTORNEY, PartyKind.GUARDIAN, PartyKind.POWER_OF_ATTORNEY,
    PartyKind.ADVISER, PartyKind.FAMILY,
)  # fmt: skip
"""Who may speak for the customer, the first to be contacted first."""
BY_OFFICE = frozenset(
    {
        PartyKind.ATTORNEY, PartyKind.EXECUTOR, PartyKind.GUARDIAN, PartyKind.POWER_OF_ATTORNEY,
        PartyKind.TRUSTEE,
    }
)  # fmt: skip
"""Those whose office or deed is their authority; any other needs the day from which the customer gave it."""
PROVEN_ON_PAPER = BY_OFFICE - {PartyKind.ATTORNEY}
"""Those who are told nothing before the paper that makes them so is on file: a grant of probate, letters of
administration, an order of the court, a power of attorney (comments 6(a)(4)-1 and 2(e) to 12 CFR 1006). That an
attorney acts need not be proven: to know it is enough (12 CFR 1006.6(b)(2))."""
BRINGS_HOLD: Mapping[PartyKind, HoldKind] = {
    PartyKind.ATTORNEY: HoldKind.ATTORNEY,
    PartyKind.EXECUTOR: HoldKind.DECEASED,
}
"""The hold that stops every contact with the customer as soon as this party is on file."""


def check_authority(
    kind: PartyKind, told: MayBeTold, begins: date | None, ends: date | None, note: str, *, today: date
) -> None:
    """Invalid, naming the field, where an authority contradicts itself."""
    if kind is PartyKind.EMPLOYER and told is not MayBeTold.NOTHING:
        raise Invalid("An employer is told nothing of the debt.", "may_be_told")
    if told is not MayBeTold.NOTHING and kind not in BY_OFFICE and begins is None:
        raise Invalid("Give the day from which the customer allows it.", "authority_from")
    if begins is not None and ends is not None and ends < begins:
        raise Invalid("The authority ends before it begins.", "authority_until")
    if ends is not None and ends < today:
        raise Invalid(
            "This authority has ended already. Give a day from today on, or leave it empty.",
            "authority_until",
        )
    if told is MayBeTold.LIMITED and not note:
        raise Invalid("Say what this person may be told.", "note")


def in_force(begins: date | None, ends: date | None, today: date) -> bool:
    """Whether an authority stands on a day; no date = no limit on that side."""
    return (begins is None or begins <= today) and (ends is None or today <= ends)


def check_quiet(begins: int | None, ends: int | None) -> None:
    """Invalid where hours in which a person does not want contact (minutes after midnight) are no hours."""
    if (begins is None) != (ends is None):
        raise Invalid("Give both hours, or neither.", "quiet_until" if ends is None else "quiet_from")
    if begins is not None and ends is not None and begins == ends:
        raise Invalid("The quiet hours end as they begin. Leave both empty for none.", "quiet_until")
