"""`[disputes]`: what a place asks of whoever answers a dispute, beside its holds and duties. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.policy.schema import SourcedTable


@dataclass(frozen=True, slots=True)
class DisputeRules:
    """How billing errors are told and paid, and when the hold of a rejected dispute may end."""

    billing_error_days: int | None
    """Days from the first statement with the error in which its notice counts; None = this place has no procedure of
    its own for billing errors."""
    pay_days: int
    """Days that the customer has to pay after a billing error was rejected."""
    grace_to_pay: bool
    """As many days as the customer has from a statement's closing to its due date, where those are more."""
    charges_rest: bool
    """What a billing error is about bears no interest and no late fees while it is open."""
    charged_if_rejected: bool
    """Interest of that time may be charged once it was rejected."""
    verify_first: bool
    """A dispute, of everything or of a part, is rejected only once the verification of the debt was sent."""
    force: str
    citation: str
    source: str
    verified: bool


class DisputesTable(SourcedTable):
    billing_error_days: Annotated[int, Field(ge=1, le=366)] | None = None
    pay_days: Annotated[int, Field(ge=0, le=366)] = 0
    grace_to_pay: bool = False
    charges_rest: bool = False
    charged_if_rejected: bool = False
    verify_first: bool = False

    def section(self) -> DisputeRules:
        return DisputeRules(
            self.billing_error_days,
            self.pay_days,
            self.grace_to_pay,
            self.charges_rest,
            self.charged_if_rejected,
            self.verify_first,
            **self.sourced(),
        )


def strictest_disputes(rules: Sequence[DisputeRules]) -> DisputeRules | None:
    """The rules of several packs in one: the longest days, and what protects the customer where any says so. Interest
    is charged after a rejection only where all that let it rest permit that. None without any."""
    if len(rules) < 2:
        return rules[0] if rules else None
    return DisputeRules(
        max((each.billing_error_days for each in rules if each.billing_error_days is not None), default=None),
        max(each.pay_days for each in rules),
        any(each.grace_to_pay for each in rules),
        any(each.charges_rest for each in rules),
        all(each.charged_if_rejected for each in rules if each.charges_rest),
        any(each.verify_first for each in rules),
        "; ".join(dict.fromkeys(each.force for each in rules)),
        "; ".join(dict.fromkeys(each.citation for each in rules)),
        "; ".join(dict.fromkeys(each.source for each in rules)),
        all(each.verified for each in rules),
    )
