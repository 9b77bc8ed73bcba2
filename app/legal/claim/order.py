"""Order of payment: which part of a debt money pays first, by the law of the place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.legal.claim.parts import PARTS, Part


class PaymentOrder(StrEnum):
    """What a payment pays first, where the payer did not say."""

    OLDEST_FIRST = "oldest_first"
    COSTS_FIRST = "costs_first"
    PRINCIPAL_FIRST = "principal_first"


RANKS: Mapping[PaymentOrder, Mapping[Part, int]] = {
    PaymentOrder.OLDEST_FIRST: dict.fromkeys(PARTS, 0),
    PaymentOrder.COSTS_FIRST: {
        Part.COSTS: 0, Part.FEES: 1, Part.PENALTY: 2, Part.INTEREST: 3, Part.PRINCIPAL: 4,
    },
    PaymentOrder.PRINCIPAL_FIRST: {
        Part.PRINCIPAL: 0, Part.INTEREST: 1, Part.PENALTY: 2, Part.FEES: 3, Part.COSTS: 4,
    },
}  # fmt: skip
"""Among charges of the same rank the oldest is paid first."""


@dataclass(frozen=True, slots=True)
class OrderRule:
    order: PaymentOrder
    citation: str


ORDERS: Mapping[str, OrderRule] = {
    "NL": OrderRule(PaymentOrder.COSTS_FIRST, "BW 6:44(1): costs, then interest, then principal"),
    "CN": OrderRule(
        PaymentOrder.COSTS_FIRST, "Civil Code of the PRC, art. 561: costs, then interest, then principal"
    ),
    "ID": OrderRule(PaymentOrder.COSTS_FIRST, "KUHPerdata, art. 1397: interest before principal"),
    "IN": OrderRule(PaymentOrder.OLDEST_FIRST, "Indian Contract Act 1872, s. 61: in order of time"),
}
"""Order by law, by the country of the portfolio's pack."""

_RUNNING_ACCOUNT = OrderRule(
    PaymentOrder.OLDEST_FIRST,
    "Running account, no other appropriation on record: the oldest charge first (Clayton's Case, 1816)",
)


def order_for(policy_pack: str) -> OrderRule:
    """`policy_pack` is a pack's code with or without version, such as US-NY@2026-01-01."""
    country = policy_pack.upper().partition("@")[0].partition("-")[0]
    return ORDERS.get(country, _RUNNING_ACCOUNT)


ORDER_WORDS: Mapping[PaymentOrder, str] = {
    PaymentOrder.OLDEST_FIRST: "the oldest unpaid charge",
    PaymentOrder.COSTS_FIRST: "costs, then fees, penalties and interest, and principal last",
    PaymentOrder.PRINCIPAL_FIRST: "principal, then interest, penalties, fees and costs",
}
