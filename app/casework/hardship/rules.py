"""Requests for help with payments: why, how they came, what becomes of them, and who may decide. Pure.
Reasons are categories of a household's life, never an illness (decision 0415)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.core.errors import Forbidden, Invalid
from app.core.staff.rules import MANAGEMENT, Role


@dataclass(frozen=True, slots=True)
class HelpLimits:
    """How long help is granted at most, and what rests meanwhile: settings of the portfolio within the pack's."""

    longest_days: int = 366
    agent_days: int = 92
    """The longest that an agent grants; beyond it a manager does."""
    charges_rest: bool = False
    """Nothing is charged while help lasts, and days past due stand still."""

    def longest_for(self, role: Role) -> timedelta:
        days = self.longest_days if role in MANAGEMENT else min(self.longest_days, self.agent_days)
        return timedelta(days=days)


LONGEST_WORDS = 500


class HardshipReason(StrEnum):
    """What changed in the household."""

    INCOME_FELL = "income_fell"
    WORK_LOST = "work_lost"
    EXPENSES_ROSE = "expenses_rose"
    SEPARATION = "separation"
    HOUSEHOLD_CHANGE = "household_change"
    """Somebody in it needs care, or is gone."""
    DISASTER = "disaster"
    OTHER_DEBTS = "other_debts"
    OTHER = "other"


class HardshipWay(StrEnum):
    """How the request came."""

    CALL = "call"
    MESSAGE = "message"
    LETTER = "letter"
    ADVISER = "adviser"


class HardshipStatus(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    PARTLY = "partly"
    """Help was granted, and not all that was asked for."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


DECISIONS = (HardshipStatus.GRANTED, HardshipStatus.PARTLY, HardshipStatus.REFUSED)


class RefusalReason(StrEnum):
    """Why help is refused, or not all of it granted; the letter says it in the customer's language."""

    CAN_PAY = "can_pay"
    """The household can pay as agreed."""
    NOT_TEMPORARY = "not_temporary"
    """The customer could not pay as agreed with this help either."""
    NO_INFORMATION = "no_information"
    """What was asked for did not come."""


class DocumentState(StrEnum):
    ASKED = "asked"
    RECEIVED = "received"
    INSUFFICIENT = "insufficient"


def read_reasons(reasons: Collection[str]) -> tuple[HardshipReason, ...]:
    """The reasons of a request, in the order of the list. Invalid without one, or for one that is not in the list."""
    strange = set(reasons) - set(HardshipReason)
    if strange or not reasons:
        raise Invalid("Choose at least one reason from the list.", "reasons")
    return tuple(reason for reason in HardshipReason if reason in set(reasons))


def check_decision(
    decision: HardshipStatus,
    until: date | None,
    refusals: Collection[RefusalReason],
    words: str,
    *,
    asked_for: bool,
    limits: HelpLimits,
    today: date,
) -> None:
    """Invalid, naming the field, for a decision that lacks what its letter has to say. `asked_for`: something was asked
    of the customer and its time is over."""
    if decision not in DECISIONS:
        raise Invalid("Choose what was decided.", "decision")
    if decision is not HardshipStatus.GRANTED and not refusals:
        raise Invalid("Say why help is refused: the letter has to.", "refusals")
    if decision is HardshipStatus.GRANTED and refusals:
        raise Invalid("What is granted whole is refused for no reason. Take the reasons out.", "refusals")
    if decision is not HardshipStatus.GRANTED and not words.strip():
        raise Invalid("Say what the customer can do now: the letter has to.", "words")
    if RefusalReason.NO_INFORMATION in refusals and not asked_for:
        raise Invalid("Nothing was asked of the customer whose time is over. Ask first.", "refusals")
    if decision is HardshipStatus.REFUSED:
        if until is not None:
            raise Invalid("Help that is refused has no last day. Leave it empty.", "until")
        return
    if until is None or until <= today:
        raise Invalid("Say until when help is given: a day in the future.", "until")
    latest = today + timedelta(days=limits.longest_days)
    if until > latest:
        raise Invalid(f"Help is given until {latest} at most, and looked at again then.", "until")


def require_authority(
    decision: HardshipStatus,
    until: date | None,
    role: Role,
    *,
    same_person: bool,
    limits: HelpLimits,
    today: date,
) -> None:
    """Forbidden for a decision beyond one's authority. Help is refused by two people: who took the request does not
    refuse it, and a manager decides."""
    manages = role in MANAGEMENT
    if decision is not HardshipStatus.GRANTED and (not manages or same_person):
        raise Forbidden("Help is refused, wholly or in part, by a manager who did not take the request down.")
    latest = today + limits.longest_for(role)
    if not manages and until is not None and until > latest:
        raise Forbidden(f"You may give help until {latest}. Ask a manager for more.")
