"""Promises to pay, repayment plans and settlements: kinds, cadences and lifecycle. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.core.dates import add_months
from app.core.errors import Invalid
from app.core.kit.frozen_json import later


class PlanKind(StrEnum):
    PROMISE = "promise"
    """Promise to pay: one amount by one date."""
    INSTALMENTS = "instalments"
    """Repayment plan: an optional down payment, then instalments."""
    SETTLEMENT = "settlement"
    """Less than is owed, in a few payments; the rest is waived once all are made."""
    HARDSHIP = "hardship"
    """Repayment plan on concessions: fees waived, a lower rate, or smaller instalments for a time."""


class Cadence(StrEnum):
    """The cadence at which instalments fall due."""

    ONCE = "once"
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    CUSTOM = "custom"
    """On dates, and of amounts, that were agreed one by one."""


def payment_name(n: int) -> str:
    """Instalment `n` of a plan in a sentence; its number 0 is the down payment."""
    return f"instalment {n}" if n else "the down payment"


PERIODS_A_YEAR: Mapping[Cadence, int] = {
    Cadence.WEEKLY: 52,
    Cadence.FORTNIGHTLY: 26,
    Cadence.FOUR_WEEKLY: 13,
    Cadence.MONTHLY: 12,
}
"""Of the cadences that repeat: the choices of every form, and of a payday."""
REGULAR = tuple(PERIODS_A_YEAR)
WEEKS: Mapping[Cadence, int] = {Cadence.WEEKLY: 1, Cadence.FORTNIGHTLY: 2, Cadence.FOUR_WEEKLY: 4}
"""Weeks of a period. The other cadences count in months."""


def period_on(first: date, cadence: Cadence, n: int) -> date:
    """The date `n` periods after `first`. A month without the day uses its last day."""
    return first + timedelta(weeks=n * WEEKS[cadence]) if cadence in WEEKS else add_months(first, n)


class Acceptance(StrEnum):
    """The means by which a customer, or who speaks for them, agreed."""

    PHONE = "phone"
    WRITING = "writing"
    PAGE = "page"
    """On the cardholder's page."""
    PAYMENT = "payment"
    """By paying it."""


class InstalmentChange(StrEnum):
    """An agreed change of one instalment that does not break the plan."""

    MOVED = "moved"
    SKIPPED = "skipped"


class PlanStatus(StrEnum):
    DRAFT = "draft"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    KEPT = "kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[PlanStatus, frozenset[PlanStatus]] = {
    PlanStatus.DRAFT: frozenset({PlanStatus.OFFERED, PlanStatus.CANCELLED}),
    PlanStatus.OFFERED: frozenset({PlanStatus.ACCEPTED, PlanStatus.CANCELLED}),
    PlanStatus.ACCEPTED: frozenset({PlanStatus.ACTIVE, PlanStatus.CANCELLED}),
    PlanStatus.ACTIVE: frozenset({PlanStatus.KEPT, PlanStatus.BROKEN, PlanStatus.CANCELLED}),
    # A payment that made it kept may come back.
    PlanStatus.KEPT: frozenset({PlanStatus.ACTIVE, PlanStatus.BROKEN}),
    # A payment that was made in time may be posted later: the plan runs on, was kept, or had been replaced meanwhile.
    PlanStatus.BROKEN: frozenset({PlanStatus.ACTIVE, PlanStatus.KEPT, PlanStatus.CANCELLED}),
    PlanStatus.CANCELLED: frozenset(),
}

LIVE = frozenset({PlanStatus.ACCEPTED, PlanStatus.ACTIVE})
"""While a plan is one of these and not broken, ordinary reminders rest."""


def is_unusual_promise(amount: int, past_due: int) -> bool:
    """True if so much more is promised than is past due that the agent has to confirm the amount."""
    return 2 * amount > 3 * past_due


def is_within_discount(owed: int, amount: int, most_percent: int) -> bool:
    """True if settling `owed` for `amount` waives no more than that share of it."""
    return 100 * (owed - amount) <= most_percent * owed


class OfferEnd(StrEnum):
    """Reasons why an offer can no longer be accepted, as its record says."""

    DAY_PASSED = "the offer ended: its last day passed"
    CASE_CLOSED = "the offer ended: the case was closed"
    RATE_NOT_LOWERED = "the offer ended: nobody lowers the rate of its accounts any more"


def offer_end(until: date, today: date, *, is_open: bool, has_rate: bool = True) -> OfferEnd | None:
    """Reason why an offer does not stand on `today`; None = it does. On its last day, `until`, it stands. `has_rate`:
    the rate that it promises, if any, can be charged."""
    if not is_open:
        return OfferEnd.CASE_CLOSED
    if not has_rate:
        return OfferEnd.RATE_NOT_LOWERED
    return OfferEnd.DAY_PASSED if until < today else None


@dataclass(frozen=True, slots=True)
class Instalment:
    n: int
    due_on: date
    amount: int
    interest: int = 0
    """The part of the amount that is interest to come, at the agreement's rate."""
    agreed_on: date | None = None
    """Due date as first agreed, where it was moved since."""
    is_skipped: bool = False
    """Skipped as agreed: its amount falls due with the last instalment."""
    agreed: int | None = later(None)
    """Amount as first agreed, where it changed since."""


def replaced_by(reference: str) -> str:
    """The reason for which an offer to settle ends that another one takes the place of."""
    return f"replaced by {reference}"


def asks_for_less(new: Sequence[Instalment], old: Sequence[Instalment]) -> bool:
    """True if the new instalments ask for less in total, and on no day for more of it by then: who pays as the old ones
    said has paid the new ones too."""

    def by(day: date, parts: Sequence[Instalment]) -> int:
        return sum(part.amount for part in parts if part.due_on <= day)

    is_less = sum(part.amount for part in new) < sum(part.amount for part in old)
    return is_less and all(by(part.due_on, new) <= by(part.due_on, old) for part in new)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The acceptance of an offer: by which means, and by whom."""

    means: Acceptance | None = None
    """None = not recorded."""
    words: str = ""
    """What was said: which day, by which means, and that it was read back."""
    party_id: int | None = None
    """The third party who agreed for the customer; None = the customer."""
    party: str = ""
    """Their name."""


NOT_RECORDED = Agreed()
"""The customer agreed; neither the means nor the words are on record."""


BY_PEOPLE = frozenset({Acceptance.PHONE, Acceptance.WRITING})
"""Means that a person may put on record. The others are what the desk saw itself: a payment, the cardholder's page."""


def check_agreed(agreed: Agreed) -> None:
    """Invalid, with its field, for an agreement on the telephone without words, which are all that proves it, and for
    means that no person may claim."""
    if agreed.means is not None and agreed.means not in BY_PEOPLE:
        raise Invalid("Say whether they agreed by telephone or in writing.", "acceptance")
    if agreed.means is Acceptance.PHONE and not agreed.words:
        raise Invalid("Write what was said: which day, by which means, and that you read it back.", "words")
