"""Bodies of requests about negotiations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.api.cases.agreement_shapes import NewAcceptance
from app.api.cases.household.statements import NewPayday
from app.api.deps import Input
from app.api.fields import Currency, Day
from app.book.portfolios.models import Portfolio
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.errors import Invalid
from app.core.money import BadAmount, to_minor
from app.core.text import Paragraph

Sum = Annotated[
    str,
    Field(
        max_length=24,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="In currency units, with at most the currency's decimals; 0 = none.",
        examples=["125.00"],
    ),
]


class SaidBody(Input):
    """The amount the customer says they can pay, and their payday. It is recorded."""

    monthly: Sum | None = None
    once: Sum | None = Field(None, description="What can be paid at once.")
    currency: Currency
    payday: NewPayday | None = None

    def answer(self, portfolio: Portfolio) -> Answer:
        told = self.payday
        return Answer(
            minor(self.monthly, self.currency, portfolio, "monthly"),
            minor(self.once, self.currency, portfolio, "once") or 0,
            Payday(told.next_on, told.cadence, told.days_after) if told else None,
        )


class NewNegotiation(Input):
    said: SaidBody | None = Field(
        None, description="null = the household statement and the answers on record say what can be paid."
    )


class NewCounter(Input):
    """The customer's own offer."""

    kind: Annotated[OptionKind, Field(strict=False)]
    payment: Annotated[Sum, Field(description="Each payment; of a payment now, its amount.")]
    currency: Currency
    cadence: Annotated[Cadence, Field(strict=False)] = Cadence.MONTHLY
    down_payment: Sum = "0"
    first_on: Day | None = Field(None, description="Day of the first payment; null = after the payday.")
    payments: Annotated[int | None, Field(ge=1, le=600)] = Field(
        None, description="null = as many as it takes."
    )

    def counter(self, portfolio: Portfolio) -> Counter:
        return Counter(
            self.kind,
            minor(self.payment, self.currency, portfolio, "payment") or 0,
            self.cadence,
            minor(self.down_payment, self.currency, portfolio, "down_payment") or 0,
            self.first_on,
            self.payments,
        )


class NewRefusal(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=500)]


class NewTaking(NewAcceptance):
    """The acceptance of an offer of a negotiation."""

    reason: Annotated[
        Paragraph, Field(max_length=500, description="For the manager, where it needs approval.")
    ] = ""


def minor(amount: str | None, currency: str, portfolio: Portfolio, field: str) -> int | None:
    """Minor units of an amount, 0 included. Invalid names the member that is wrong."""
    if currency != portfolio.currency:
        raise Invalid(f"The currency of this portfolio is {portfolio.currency}.", "currency")
    if amount is None:
        return None
    try:
        return to_minor(amount, currency)
    except BadAmount as error:
        raise Invalid(str(error), field) from None
