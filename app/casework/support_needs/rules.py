"""Support needs: their bases, who may see them, and what a note may say. Pure.

Health data and the like are kept as little as can be (GDPR art. 5(1)(c), 9): a code says what the customer needs from
us, no row says why. Guidance: FCA FG21/1 on vulnerable customers; ICO and Money Advice Trust on recording them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.casework.support_needs.effects import NeedEffect, NoChannel, PlaceHold, QuietTime, WithholdPlaces
from app.core.errors import Invalid
from app.core.kit.folding import fold, is_run
from app.core.labels import CHANNEL_PLURALS, in_sentence
from app.core.staff.rules import CASEWORK, MANAGEMENT, Role
from app.core.text import clean_text
from app.core.vocabulary import HOLD_TRAITS, Channel

LONGEST_NOTE = 120
LONGEST_REVIEW = timedelta(days=366)
UNCONFIRMED_DAYS = 30
"""A need told by another person is confirmed with the customer, or ended, within so many days. A house rule."""


class Basis(StrEnum):
    """Why we may record the need."""

    CONSENT = "consent"
    """The customer's explicit consent (GDPR art. 9(2)(a))."""
    SAFEGUARDING = "safeguarding"
    """Substantial public interest: a person at risk is protected, and asking them would harm that (UK DPA 2018, sch. 1,
    para. 18 and 19)."""
    UNCONFIRMED = "unconfirmed"
    """Another person told us: it has its effects, and is confirmed with the customer soon."""


class ToldBy(StrEnum):
    CUSTOMER = "customer"
    RELATIVE = "relative"
    """A relative, friend or carer."""
    PROFESSIONAL = "professional"
    """A debt adviser, social worker, health or prison service."""
    COLLEAGUE = "colleague"
    """Seen or heard by a colleague, or told to the creditor."""


class Audience(StrEnum):
    """Who may see the need, beside the person who recorded it."""

    CASEWORK = "casework"
    """Everybody who works the case."""
    MANAGERS = "managers"


AUDIENCES: Mapping[Audience, Collection[Role]] = {
    Audience.CASEWORK: CASEWORK,
    Audience.MANAGERS: MANAGEMENT,
}
"""The legal team is in none: it gives a reason, which is put on record, and sees them once."""


@dataclass(frozen=True, slots=True)
class NeedCode:
    """One need of the list."""

    code: str
    label: str
    group: str
    effects: tuple[NeedEffect, ...] = ()
    script: tuple[str, ...] = ()
    """What a colleague does in a call."""
    audience: Audience = Audience.CASEWORK
    """Who sees it where the person who records it says nothing else."""
    review_days: int = 180
    by_law: bool = False
    """It is a moratorium: recorded only where a pack of the customer's place knows one."""

    @property
    def withholds(self) -> bool:
        """Numbers and addresses are named with it."""
        return any(isinstance(effect, WithholdPlaces) for effect in self.effects)


def may_see(role: Role, audience: Audience, *, recorded_it: bool = False) -> bool:
    """Whether a person of this role may see a need; `recorded_it`: they wrote it down themselves."""
    return role in AUDIENCES[audience] or (recorded_it and role in CASEWORK)


def check_basis(basis: Basis, told_by: ToldBy) -> None:
    """Invalid where the basis does not fit the person who told it."""
    if basis is Basis.CONSENT and told_by is not ToldBy.CUSTOMER:
        raise Invalid(
            "Consent is the customer's own to give. Where another person told us, it is not confirmed yet.",
            "basis",
        )
    if basis is Basis.UNCONFIRMED and told_by is ToldBy.CUSTOMER:
        raise Invalid("The customer told it: ask them whether we may record it.", "basis")


def review_day(need: NeedCode, basis: Basis, chosen: date | None, today: date) -> date:
    """The day on which a person looks at the need again. Invalid for a day that is over, or too far away."""
    latest = today + (timedelta(days=UNCONFIRMED_DAYS) if basis is Basis.UNCONFIRMED else LONGEST_REVIEW)
    on = chosen or min(today + timedelta(days=need.review_days), latest)
    if on <= today:
        raise Invalid("The review date must lie in the future.", "review_on")
    if on > latest and basis is Basis.UNCONFIRMED:
        raise Invalid(
            f"What another person told us is confirmed within {UNCONFIRMED_DAYS} days: choose {latest} or earlier.",
            "review_on",
        )
    if on > latest:
        raise Invalid(f"A need is looked at again within a year: choose {latest} or earlier.", "review_on")
    return on


def clean_note(text: str, diagnoses: Collection[str], field: str = "note") -> str:
    """The note of a need as it is kept, on one line. Invalid where it names an illness or its treatment; `diagnoses`
    are folded words."""
    note = clean_text(text, field, at_most=LONGEST_NOTE, one_line=True, required=False)
    if found := diagnosis_in(note, diagnoses):
        raise Invalid(
            f"“{found}” says what is wrong with somebody. Write the support they need instead, such as “speak slowly”"
            " or “call after ten”.",
            field,
        )
    return note


def diagnosis_in(text: str, diagnoses: Collection[str]) -> str:
    """The first word of a text that names an illness; '' = none."""
    folded = f" {fold(text)} "
    for word in diagnoses:
        if (word in folded) if is_run(word) else re.search(rf" {re.escape(word)} ", folded):
            return word
    return ""


def effect_words(effect: NeedEffect) -> str:
    """What an effect does, for the person who records the need."""
    match effect:
        case QuietTime(channels, start, end):
            return f"No {_listed(channels)} from {_clock(start)} to {_clock(end)}, their local time"
        case NoChannel(channels):
            return f"No {_listed(channels)} at all"
        case PlaceHold(kind, days, by_person):
            ends = f"until a person ends it; review after {days} days" if by_person else f"for {days} days"
            return f"{HOLD_TRAITS[kind].label} hold {ends}"
        case WithholdPlaces():
            return "The places you name are taken off every page, and nothing is sent there"
    return "Letters and e-mails in a bigger face"


def _listed(channels: Collection[Channel]) -> str:
    names = [in_sentence(CHANNEL_PLURALS[channel]) for channel in channels]
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
