"""Promises to pay and repayment plans: lifecycle and schedule. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.core.dates import add_months
from app.core.errors import Invalid
from app.core.money import split_evenly


class PlanKind(StrEnum):
    PROMISE = "promise"
    """Promise to pay: one amount by one date."""
    INSTALMENTS = "instalments"
    """Repayment plan: an optional down payment and monthly instalments."""
    SETTLEMENT = "settlement"
    """Less than is owed, in a few payments; the rest is waived once all are made."""
    HARDSHIP = "hardship"
    """Repayment plan on concessions: fees waived, a lower rate, or smaller instalments for a time."""


class Cadence(StrEnum):
    """How often an instalment falls due."""

    ONCE = "once"
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    CUSTOM = "custom"
    """On dates, and of amounts, that were agreed one by one."""


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
    PlanStatus.BROKEN: frozenset(),
    PlanStatus.CANCELLED: frozenset(),
}

PROMISE_WITHIN = 60
"""Days within which a promise is paid: a payment further ahead is a repayment plan."""

SETTLE_WITHIN = 90
"""Days within which a settlement is paid: the debt changes, and so does the amount that may be asked for it."""

MAX_INSTALMENTS = 60

FIRST_WITHIN = 90
"""Days within which the first payment of a repayment plan is due: reminders rest while a plan runs."""

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

    DAY_PASSED = "the offer ended: the day of its first payment passed"
    CASE_CLOSED = "the offer ended: the case was closed"


def offer_end(first_due_on: date, today: date, *, is_open: bool) -> OfferEnd | None:
    """Reason why an offer does not stand on `today`; None = it does. On the day of its first payment it stands."""
    if not is_open:
        return OfferEnd.CASE_CLOSED
    return OfferEnd.DAY_PASSED if first_due_on < today else None


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


@dataclass(frozen=True, slots=True)
class InstalmentTerms:
    """Terms of a repayment plan, in minor units: a down payment and monthly instalments that make up the total."""

    total_minor: int
    down_payment_minor: int
    months: int
    first_due_on: date


def instalments_for(terms: InstalmentTerms, today: date) -> list[Instalment]:
    """The schedule of these terms. Invalid, with its field, where an offer made today cannot have them."""
    if not 1 <= terms.months <= MAX_INSTALMENTS:
        raise Invalid(f"A plan has 1 to {MAX_INSTALMENTS} instalments.", "months")
    if terms.first_due_on > today + timedelta(days=FIRST_WITHIN):
        raise Invalid(f"The first payment is due within {FIRST_WITHIN} days.", "due_on")
    try:
        return schedule(terms.total_minor, terms.down_payment_minor, terms.months, terms.first_due_on)
    except ValueError as error:
        raise Invalid(str(error), "amount") from None


def schedule(total: int, down_payment: int, months: int, first_due_on: date) -> list[Instalment]:
    """Down payment (n = 0, due on `first_due_on`) and `months` monthly instalments that sum exactly to `total`.

    With a down payment the first instalment falls one month after it. A month without the day of
    `first_due_on` uses its last day. ValueError where a part would be zero or negative.
    """
    if months < 1 or total <= 0 or down_payment < 0:
        raise ValueError(
            "A plan needs a positive total, at least one instalment and no negative down payment."
        )
    rest = total - down_payment
    if rest < months:
        left = "What the down payment leaves" if down_payment else "This"
        raise ValueError(f"{left} is too little for {months} instalments. Offer fewer.")
    rows = [Instalment(0, first_due_on, down_payment)] if down_payment else []
    shift = 1 if down_payment else 0
    for n, amount in enumerate(split_evenly(rest, months), start=1):
        rows.append(Instalment(n, add_months(first_due_on, n - 1 + shift), amount))
    return rows
