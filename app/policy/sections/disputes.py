"""`[disputes]`: what a place asks of whoever answers a dispute, beside its holds and duties. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from app.policy.calendars import nth_business_day
from app.policy.schema import Names, SourcedTable


@dataclass(frozen=True, slots=True)
class DisputeClock:
    """By when disputes of some kinds are answered, where no letter of its own is owed."""

    kinds: tuple[str, ...]
    """Kinds of disputes (`DisputeKind`); none = all but billing errors, which have a procedure of their own."""
    answer_days: int
    business_days: bool
    """Only days that are neither Saturday, Sunday nor a public holiday of the country count."""
    told_months: int | None
    """Months after the entry in which the customer has to tell it; None = the clock runs whenever it is told."""
    force: str
    citation: str
    source: str
    verified: bool

    def due_on(self, received_on: date, country: str) -> date:
        """The last day of the answer; the day of receipt is day 0."""
        if self.business_days:
            return nth_business_day(received_on, self.answer_days, country)
        return received_on + timedelta(days=self.answer_days)


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
    bars_claim: bool
    """No claim goes to court while a part of the debt is in dispute; otherwise a person may claim the rest."""
    force: str
    citation: str
    source: str
    verified: bool
    clocks: tuple[DisputeClock, ...] = ()


class ClockTable(SourcedTable):
    kinds: Names = []
    answer_days: Annotated[int, Field(ge=1, le=366)]
    business_days: bool = False
    told_months: Annotated[int, Field(ge=1, le=120)] | None = None

    def clock(self) -> DisputeClock:
        return DisputeClock(
            tuple(self.kinds), self.answer_days, self.business_days, self.told_months, **self.sourced()
        )


class DisputesTable(SourcedTable):
    billing_error_days: Annotated[int, Field(ge=1, le=366)] | None = None
    pay_days: Annotated[int, Field(ge=0, le=366)] = 0
    grace_to_pay: bool = False
    charges_rest: bool = False
    charged_if_rejected: bool = False
    verify_first: bool = False
    bars_claim: bool = False
    clocks: list[ClockTable] = []

    def section(self) -> DisputeRules:
        return DisputeRules(
            self.billing_error_days,
            self.pay_days,
            self.grace_to_pay,
            self.charges_rest,
            self.charged_if_rejected,
            self.verify_first,
            self.bars_claim,
            **self.sourced(),
            clocks=tuple(each.clock() for each in self.clocks),
        )


def strictest_disputes(rules: Sequence[DisputeRules]) -> DisputeRules | None:
    """The rules of several packs in one: the longest days for the customer, what protects them where any says so, and
    all clocks, of which the earliest day counts. Interest is charged after a rejection only where all that let it rest
    permit that. None without any."""
    if len(rules) < 2:
        return rules[0] if rules else None
    return DisputeRules(
        max((each.billing_error_days for each in rules if each.billing_error_days is not None), default=None),
        max(each.pay_days for each in rules),
        any(each.grace_to_pay for each in rules),
        any(each.charges_rest for each in rules),
        all(each.charged_if_rejected for each in rules if each.charges_rest),
        any(each.verify_first for each in rules),
        any(each.bars_claim for each in rules),
        "; ".join(dict.fromkeys(each.force for each in rules)),
        "; ".join(dict.fromkeys(each.citation for each in rules)),
        "; ".join(dict.fromkeys(each.source for each in rules)),
        all(each.verified for each in rules),
        tuple(clock for each in rules for clock in each.clocks),
    )
