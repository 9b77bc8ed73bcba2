"""Promises, plans and settlements as JSON, and the terms that programs send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from app.api.cases.answer_shapes import AnswerShape
from app.api.deps import Input
from app.api.fields import MAX_ID, Amount, Currency, Day, minor_of
from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, Agreed, Cadence, Instalment, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms, Payday, Reduced, rate_of, rate_text
from app.core.errors import Invalid
from app.core.money import BadAmount, to_decimal_string, to_minor
from app.core.text import Paragraph
from app.core.vocabulary import Channel
from app.outreach.planning.in_writing.rules import decisive
from app.policy.answers import Answer


class InstalmentShape(Shape):
    n: int = Field(description="0 is the down payment.")
    due_on: date
    amount: Money
    interest: Money = Field(description="The part of the amount that is interest to come.")

    @classmethod
    def of(cls, portfolio: Portfolio, part: Instalment) -> Self:
        currency = portfolio.currency
        return cls(
            n=part.n,
            due_on=part.due_on,
            amount=to_decimal_string(part.amount, currency),
            interest=to_decimal_string(part.interest, currency),
        )


class PlanShape(Shape):
    """A promise to pay, a repayment or hardship plan, or a settlement."""

    reference: str = Field(examples=["P-000003"])
    kind: PlanKind
    status: PlanStatus
    total: Money
    currency: str
    offered_at: datetime
    offered_by: str
    offer_until: date | None = Field(description="The last day on which the offer can be accepted.")
    accepted_on: date | None
    acceptance: Acceptance | None = Field(
        description="The means by which it was agreed to; null = not recorded."
    )
    acceptance_words: str = Field(description="What was said.")
    agreed_with: int | None = Field(description="The third party who agreed for the customer.")
    cadence: Cadence
    apr: str | None = Field(
        description="Per cent a year while it is kept; null = the accounts' own rate.", examples=["5.9"]
    )
    waived_fees: Money = Field(description="Fees waived once it is accepted.")
    skips_allowed: int
    re_age: bool = Field(description="The accounts are brought current once it is kept.")
    token: bool = Field(
        description="Small payments while the household recovers; the rest is agreed on later."
    )
    review_on: date | None = Field(
        description="The day on which token or reduced payments are looked at again with the customer."
    )
    supersedes: str | None = Field(description="The agreement that it was renegotiated from.")
    ended_on: date | None
    broken_instalment: int | None
    why: str = Field(description="Why it ended, where there is something to say.")
    instalments: list[InstalmentShape]

    @classmethod
    def of(cls, portfolio: Portfolio, plan: Plan, parts: Sequence[Instalment]) -> Self:
        return cls(
            reference=plan.reference,
            kind=plan.kind,
            status=plan.status,
            total=to_decimal_string(plan.total_minor, portfolio.currency),
            currency=portfolio.currency,
            offered_at=plan.offered_at,
            offered_by=plan.offered_by,
            offer_until=plan.offer_until,
            accepted_on=plan.accepted_on,
            acceptance=plan.acceptance,
            acceptance_words=plan.acceptance_words,
            agreed_with=plan.agreed_with_id,
            cadence=plan.cadence,
            apr=rate_text(plan.apr_millionths) if plan.apr_millionths is not None else None,
            waived_fees=to_decimal_string(plan.waived_fees_minor, portfolio.currency),
            skips_allowed=plan.skips_allowed,
            re_age=plan.re_age,
            token=plan.is_token,
            review_on=plan.review_on,
            supersedes=f"P-{plan.supersedes_id:06d}" if plan.supersedes_id else None,
            ended_on=plan.ended_on,
            broken_instalment=plan.broken_instalment,
            why=plan.why,
            instalments=[InstalmentShape.of(portfolio, part) for part in parts],
        )


class AgreementShape(PlanShape):
    """An agreement that is active, with the status of its confirmation."""

    confirmations: dict[Channel, AnswerShape] = Field(
        description="The gate's answer for each channel; where it is `clear`, a confirmation is queued."
    )

    @classmethod
    def with_answers(cls, plan: PlanShape, answers: Mapping[Channel, Answer]) -> Self:
        shown = {channel: AnswerShape.of(answer) for channel, answer in answers.items()}
        return cls(**dict(plan), confirmations=shown)


class OfferShape(PlanShape):
    """An offer, with the status of its letter."""

    in_writing: AnswerShape | None = Field(
        description="The gate's answer to the letter; where it is `clear`, the letter is queued."
    )
    in_writing_by: Channel | None = Field(
        description="The channel of that answer: e-mail, or post where no e-mail may go."
    )

    @classmethod
    def with_answers(cls, plan: PlanShape, answers: Mapping[Channel, Answer]) -> Self:
        channel, answer = decisive(answers) or (None, None)
        shown = AnswerShape.of(answer) if answer is not None else None
        return cls(**dict(plan), in_writing=shown, in_writing_by=channel)


class TermsShape(Shape):
    """The terms that are asked for."""

    kind: PlanKind
    amount: Money = Field(description="The part of the debt that it pays, without interest to come.")
    down_payment: Money
    payments: int = Field(description="Instalments, without the down payment.")
    cadence: Cadence
    due_on: date
    apr: str | None
    waived_fees: Money
    skips: int
    re_age: bool
    reduced_payments: int = Field(description="How many payments at the beginning are reduced; 0 = none.")
    reduced_amount: Money = Field(description="Of each reduced payment.")
    token: bool
    review_on: date | None

    @classmethod
    def of(cls, currency: str, terms: AgreementTerms) -> Self:
        return cls(
            kind=terms.kind,
            amount=to_decimal_string(terms.total_minor, currency),
            down_payment=to_decimal_string(terms.down_payment_minor, currency),
            payments=terms.count,
            cadence=terms.cadence,
            due_on=terms.first_due_on,
            apr=rate_text(terms.apr_millionths) if terms.apr_millionths is not None else None,
            waived_fees=to_decimal_string(terms.waived_fees_minor, currency),
            skips=terms.skips_allowed,
            re_age=terms.re_age,
            reduced_payments=terms.reduced.payments if terms.reduced else 0,
            reduced_amount=to_decimal_string(terms.reduced.amount_minor if terms.reduced else 0, currency),
            token=terms.is_token,
            review_on=terms.review_on,
        )


# --- what programs send ------------------------------------------------------------------------------------

MOST_DATES = 120

CadenceField = Annotated[Cadence, Field(strict=False)]
SmallAmount = Annotated[str, Field(max_length=24, pattern=r"^[0-9]+(\.[0-9]+)?$")]


class NewPayday(Input):
    next_on: Annotated[Day, Field(description="The next day on which the customer is paid.")]
    cadence: Annotated[CadenceField, Field(description="How often they are paid.")] = Cadence.MONTHLY
    days_after: Annotated[int, Field(description="Working days from payday to the due date, 1 to 3.")] = 1


class NewPart(Input):
    due_on: Day
    amount: Amount


class NewAcceptance(Input):
    """The acceptance of an offer. Without `acceptance` nothing about it is recorded."""

    acceptance: Annotated[Acceptance | None, Field(strict=False, description="The means.")] = None
    words: Annotated[
        Paragraph,
        Field(
            max_length=500,
            description="What was said: which day, by which means, read back. Needed for an agreement by telephone.",
        ),
    ] = ""
    agreed_with: Annotated[
        int | None,
        Field(
            ge=1, le=MAX_ID, description="Id of the third party who agreed for the customer, with authority."
        ),
    ] = None

    def agreed(self) -> Agreed:
        return Agreed(self.acceptance, self.words, self.agreed_with)


class NewPromise(NewAcceptance):
    amount: Amount
    currency: Currency
    due_on: Annotated[
        Day | None, Field(description="At most as far ahead as the portfolio allows, mostly 60 days.")
    ] = None
    parts: Annotated[
        list[NewPart],
        Field(
            max_length=MOST_DATES,
            description="Several dates and amounts, instead of `due_on`; sum = `amount`.",
        ),
    ] = []

    def terms(self, portfolio: Portfolio) -> AgreementTerms:
        total = minor_of(self.amount, self.currency, portfolio)
        parts = parts_of(self.parts, self.currency, portfolio)
        if (first := self.due_on or min((part.due_on for part in parts), default=None)) is None:
            raise Invalid("Give the day on which they will pay.", "due_on")
        cadence = Cadence.CUSTOM if parts else Cadence.ONCE
        return AgreementTerms(PlanKind.PROMISE, total, first, cadence=cadence, parts=parts)


class NewSettlement(Input):
    amount: Annotated[Amount, Field(description="What is paid; the rest of the late accounts is waived.")]
    currency: Currency
    due_on: Annotated[Day, Field(description="The day of the first payment.")]
    payments: Annotated[int, Field(description="Number of payments.")] = 1
    cadence: Annotated[CadenceField, Field(description="How often, for several payments.")] = Cadence.ONCE

    def terms(self, portfolio: Portfolio) -> AgreementTerms:
        total = minor_of(self.amount, self.currency, portfolio)
        return AgreementTerms(PlanKind.SETTLEMENT, total, self.due_on, self.payments, self.cadence)


class NewPlan(Input):
    kind: Annotated[
        Literal["instalments", "hardship"], Field(description="Only a hardship plan waives fees.")
    ] = "instalments"
    amount: Annotated[
        Amount, Field(description="The part of the debt that it pays, without interest to come.")
    ]
    currency: Currency
    down_payment: Annotated[
        SmallAmount, Field(description="Part of the amount, due on `due_on`; 0 = none.")
    ] = "0"
    payments: Annotated[int, Field(description="Number of instalments, without the down payment.")] = 1
    cadence: Annotated[CadenceField, Field(description="How often an instalment falls due.")] = (
        Cadence.MONTHLY
    )
    due_on: Annotated[Day, Field(description="The day of the first payment.")]
    payday: Annotated[NewPayday | None, Field(description="Due dates follow it instead of `due_on`.")] = None
    parts: Annotated[
        list[NewPart],
        Field(max_length=MOST_DATES, description="Dates and amounts agreed one by one, for `custom`."),
    ] = []
    apr: Annotated[
        str | None,
        Field(
            max_length=8,
            description="Per cent a year while the plan is kept, such as `5.9`; null = the accounts' own rate.",
        ),
    ] = None
    waived_fees: Annotated[SmallAmount, Field(description="Fees waived once it is accepted.")] = "0"
    skips: Annotated[int, Field(description="Instalments that may be skipped, by the agreement.")] = 0
    re_age: Annotated[bool, Field(description="Bring the accounts current once it is kept.")] = False
    reduced_payments: Annotated[
        int, Field(description="How many payments at the beginning of a hardship plan are reduced; 0 = none.")
    ] = 0
    reduced_amount: Annotated[SmallAmount, Field(description="Of each reduced payment.")] = "0"
    token: Annotated[
        bool,
        Field(
            description="Small payments of a hardship plan while a household recovers: `amount` is their sum, `apr` 0."
        ),
    ] = False
    review_on: Annotated[
        Day | None, Field(description="The day of review; null = that of the last token or reduced payment.")
    ] = None

    def terms(self, portfolio: Portfolio) -> AgreementTerms:
        payday = self.payday
        return AgreementTerms(
            PlanKind(self.kind),
            minor_of(self.amount, self.currency, portfolio),
            self.due_on,
            self.payments,
            self.cadence,
            self._minor("down_payment"),
            Payday(payday.next_on, payday.cadence, payday.days_after) if payday else None,
            parts_of(self.parts, self.currency, portfolio),
            apr_millionths=None if self.apr is None else rate_of(self.apr),
            waived_fees_minor=self._minor("waived_fees"),
            skips_allowed=self.skips,
            re_age=self.re_age,
            reduced=self._reduced(),
            is_token=self.token,
            review_on=self.review_on,
        )

    def _reduced(self) -> Reduced | None:
        amount = self._minor("reduced_amount")
        return Reduced(self.reduced_payments, amount) if amount or self.reduced_payments else None

    def _minor(self, name: Literal["down_payment", "waived_fees", "reduced_amount"]) -> int:
        typed = {
            "down_payment": self.down_payment,
            "waived_fees": self.waived_fees,
            "reduced_amount": self.reduced_amount,
        }
        try:
            return to_minor(typed[name], self.currency)
        except BadAmount as error:
            raise Invalid(str(error), name) from None


class NewRenegotiation(NewPlan, NewAcceptance):
    """The new terms of a live plan, and how they were agreed to."""


def parts_of(parts: list[NewPart], currency: str, portfolio: Portfolio) -> tuple[Instalment, ...]:
    """Dates and amounts as sent. Invalid names `parts`."""
    try:
        return tuple(
            Instalment(n, part.due_on, minor_of(part.amount, currency, portfolio))
            for n, part in enumerate(parts, start=1)
        )
    except Invalid as wrong:
        raise Invalid(wrong.message, "currency" if wrong.field == "currency" else "parts") from None
