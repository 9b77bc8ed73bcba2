"""Promises to pay and repayment plans: lifecycle, schedule, and when one is kept or broken. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Running:
    """Nothing fell due unpaid. `next_due_on` is the next date that matters."""

    next_due_on: date


@dataclass(frozen=True, slots=True)
class InGrace:
    """An instalment fell due and is short, but the grace days are not over."""

    n: int
    short: int
    until: date


NOTHING_OWED = "nothing is owed any more"


@dataclass(frozen=True, slots=True)
class Kept:
    on: date
    why: str = ""
    """'' = all of it was paid."""


@dataclass(frozen=True, slots=True)
class Pointless:
    """No payment came and nothing is left to pay: a correction, a re-age or a sale took the debt away."""

    on: date


@dataclass(frozen=True, slots=True)
class Broken:
    n: int
    due_on: date
    short: int
    """Minor units missing when the grace days ended."""

    @property
    def why(self) -> str:
        return f"instalment {self.n}, due {self.due_on.isoformat()}, was not received in full within the grace period"


@dataclass(frozen=True, slots=True)
class ComesToNothing:
    """A kept plan that a reversed payment leaves short, with no time left to pay: it is broken."""

    n: int
    short: int


Assessment = Running | InGrace | Kept | Pointless | Broken


def after_reversal(
    kind: PlanKind,
    instalments: Sequence[Instalment],
    payments: Sequence[tuple[date, int]],
    *,
    kept_on: date,
    today: date,
    grace_days: int,
) -> Assessment | ComesToNothing:
    """Assess a plan that was kept on `kept_on`, now that one of its payments came back.

    It stays kept where the other payments cover it, and runs on where nothing that fell due is short. A settlement does
    not run on: by the agreement one payment ends the debt, and it did not.
    """
    if isinstance(assess(instalments, payments, today=kept_on, grace_days=grace_days), Kept):
        return Kept(kept_on)
    stands = assess(instalments, payments, today=today, grace_days=grace_days)
    if kind is not PlanKind.SETTLEMENT and isinstance(stands, Running | InGrace | Kept):
        return stands
    paid, owed = sum(amount for on, amount in payments if on <= today), 0
    for part in instalments:
        owed += part.amount
        if owed > paid:
            return ComesToNothing(part.n, owed - paid)
    # The rest was paid, but too late.
    return ComesToNothing(instalments[-1].n, 0)


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


def assess(
    instalments: Sequence[Instalment],
    payments: Sequence[tuple[date, int]],
    *,
    today: date,
    grace_days: int,
    nothing_left: bool = False,
) -> Assessment:
    """Assess a plan at the end of `today`.

    `payments` are (effective date, positive amount) of money and credits since it was accepted. Paid is cumulative:
    paying early or in several parts is fine. An instalment that is short at the end of its due date + grace is broken,
    unless there is `nothing_left` to pay: then the plan is kept if anything came, and otherwise pointless.
    """
    if nothing_left and sum(amount for _, amount in payments) < sum(part.amount for part in instalments):
        return Kept(today, NOTHING_OWED) if payments else Pointless(today)
    owed = 0
    for part in instalments:
        owed += part.amount
        last_day = part.due_on + timedelta(days=grace_days)
        paid_by_then = sum(amount for on, amount in payments if on <= min(last_day, today))
        short = owed - paid_by_then
        if short <= 0:
            continue
        if today > last_day:
            return Broken(part.n, part.due_on, short)
        if today > part.due_on:
            return InGrace(part.n, short, last_day)
        return Running(part.due_on)
    return Kept(today)
