"""Third parties: who they are, what they may be told, and who speaks for the customer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
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


class MayBeTold(StrEnum):
    NOTHING = "nothing"
    """Not even that there is a debt."""
    LIMITED = "limited"
    """What the note says, and nothing else."""
    EVERYTHING = "everything"


SPEAKS = (PartyKind.EXECUTOR, PartyKind.ATTORNEY, PartyKind.ADVISER, PartyKind.FAMILY)
"""Who may speak for the customer, the first to be contacted first."""
BY_OFFICE = frozenset({PartyKind.ATTORNEY, PartyKind.EXECUTOR})
"""Those whose office is their authority; any other needs the day from which the customer gave it."""
BRINGS_HOLD: Mapping[PartyKind, HoldKind] = {
    PartyKind.ATTORNEY: HoldKind.ATTORNEY,
    PartyKind.EXECUTOR: HoldKind.DECEASED,
}
"""The hold that stops every contact with the customer as soon as this party is on file."""


def check_authority(
    kind: PartyKind, told: MayBeTold, begins: date | None, ends: date | None, note: str
) -> None:
    """Invalid, naming the field, where an authority contradicts itself."""
    if kind is PartyKind.EMPLOYER and told is not MayBeTold.NOTHING:
        raise Invalid("An employer is told nothing of the debt.", "may_be_told")
    if told is not MayBeTold.NOTHING and kind not in BY_OFFICE and begins is None:
        raise Invalid("Give the day from which the customer allows it.", "authority_from")
    if begins is not None and ends is not None and ends < begins:
        raise Invalid("The authority ends before it begins.", "authority_until")
    if told is MayBeTold.LIMITED and not note:
        raise Invalid("Say what this person may be told.", "note")


def in_force(begins: date | None, ends: date | None, today: date) -> bool:
    """Whether an authority stands on a day; no date = no limit on that side."""
    return (begins is None or begins <= today) and (ends is None or today <= ends)
