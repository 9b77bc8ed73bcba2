"""Debt advisers: kinds and states, and the terms of what they propose. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.casework.plans.rules import Cadence, Instalment, PlanKind, period_on
from app.casework.plans.schedule import MOST_PAYMENTS
from app.casework.plans.terms import AgreementTerms


class ProposalStatus(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class PartStatus(StrEnum):
    """The state of one part of a lump payment."""

    POSTED = "posted"
    WAITING = "waiting"
    """On the list of unmatched payments, for a person."""
    UNREAD = "unread"
    """Its amount could not be read; the money is in the rest."""
    TAKEN_BACK = "taken_back"


PROPOSED_KINDS = {
    "plan": PlanKind.INSTALMENTS,
    "settlement": PlanKind.SETTLEMENT,
    "promise": PlanKind.PROMISE,
}
"""The word of a file -> the kind of agreement."""


@dataclass(frozen=True, slots=True)
class ProposedOffer:
    """An offer as a file words it: an amount each period from a day on, in minor units."""

    kind: PlanKind
    amount_minor: int
    cadence: Cadence
    first_due_on: date
    total_minor: int | None = None
    """None = everything that is owed."""
    down_payment_minor: int = 0


def terms_of(offer: ProposedOffer, owed_minor: int) -> AgreementTerms:
    """The terms of an offer on a debt: payments of the amount that was offered, the last one takes what is left. The
    schedule says exactly what the adviser will pay, so days and amounts are those of the offer. ValueError where the
    debt would take more than `MOST_PAYMENTS`."""
    total = owed_minor if offer.total_minor is None else offer.total_minor
    rest = total - offer.down_payment_minor
    payments = -(-rest // offer.amount_minor) if offer.amount_minor else 0
    if payments > MOST_PAYMENTS:
        raise ValueError(f"At this amount the debt would take more than {MOST_PAYMENTS} payments.")
    if payments <= 1 and not offer.down_payment_minor:
        return AgreementTerms(offer.kind, total, offer.first_due_on)
    amounts = [offer.down_payment_minor] if offer.down_payment_minor else []
    amounts += [min(offer.amount_minor, rest - offer.amount_minor * n) for n in range(payments)]
    # Among dates of one's own the first payment is the down payment.
    parts = tuple(
        Instalment(n, period_on(offer.first_due_on, offer.cadence, n - 1), amount)
        for n, amount in enumerate(amounts, start=1)
    )
    return AgreementTerms(
        offer.kind, total, offer.first_due_on, payments=len(parts), cadence=Cadence.CUSTOM, parts=parts
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """One account that a part of a lump payment may be for, in minor units."""

    account_id: int
    balance_minor: int
    past_due_minor: int
    oldest_due_on: date | None


def account_for(amount_minor: int, accounts: list[Owed]) -> Owed | None:
    """The account that takes a payment whole: the one longest past due that owes as much. None = a person decides."""
    able = [each for each in accounts if each.balance_minor >= amount_minor]
    late = (each for each in able if each.past_due_minor > 0)
    first = min(late, key=lambda each: (each.oldest_due_on or date.max, each.account_id), default=None)
    return first or max(able, key=lambda each: (each.balance_minor, -each.account_id), default=None)
