"""What the API answers, as models: the JSON of one thing is said here once, for the API and for `desk ... --json`.

Amounts are decimal strings in currency units with the currency beside them; dates ISO 8601; instants RFC 3339 in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from itertools import groupby
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app.book.delinquency.history import AccountOn
from app.book.delinquency.lifecycle import CreditBalance
from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.queries import Aging
from app.book.delinquency.queries import RollForward as Roll
from app.book.delinquency.rules import bucket_labels, bucket_of, days_past_due
from app.book.delinquency.service import Now, edges_of
from app.book.ledger.models import Account, Customer, Entry, Portfolio, ReplacedStatement, Waiver
from app.book.ledger.rules import AccountStatus, CollectorKind, DelinquencySource, EntryKind, WaiverStatus
from app.book.ledger.statements import StatementFigures
from app.casework.cases.models import (
    CollectionsCase,
    case_reference,
)
from app.casework.cases.rules import (
    CaseStatus,
    Outcome,
)
from app.casework.cases.standing import Standing
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.legal.referrals.models import Referral, ReferralStatus
from app.outreach.gate.decisions import answer_data
from app.policy.answers import Answer
from app.policy.sections.pauses import PauseKind
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import DEFINITIONS, Figure, Unit

Money = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="Decimal string in currency units; the currency stands beside it.",
        examples=["125.00"],
    ),
]


# --- the book -----------------------------------------------------------------------------------------------


class PortfolioShape(BaseModel):
    """A book of accounts worked under one set of rules."""

    code: str
    creditor: str
    collector: CollectorKind
    currency: str
    timezone: str
    policy_pack: str
    strategy: str
    source: DelinquencySource
    buckets: list[str]
    last_business_date: date | None = Field(
        description="The last day that was closed, null before the first."
    )

    @classmethod
    def of(cls, book: Portfolio, last_business_date: date | None) -> Self:
        return cls(
            code=book.code,
            creditor=book.creditor,
            collector=book.collector,
            currency=book.currency,
            timezone=book.timezone,
            policy_pack=book.pack,
            strategy=book.strategy,
            source=book.source,
            buckets=bucket_labels(edges_of(book)),
            last_business_date=last_business_date,
        )


class CustomerShape(BaseModel):
    """A cardholder. Telephone numbers and addresses stay in the desk: contacts leave through its outbox only."""

    reference: str
    name: str
    language: str
    country: str
    timezone: str

    @classmethod
    def of(cls, customer: Customer) -> Self:
        return cls(
            reference=customer.reference,
            name=customer.full_name,
            language=customer.language,
            country=customer.country,
            timezone=customer.timezone,
        )


class AccountShape(BaseModel):
    """An account and where it stands now, everything posted so far included."""

    reference: str
    portfolio: str
    customer_ref: str
    card_last4: str
    product: str
    status: AccountStatus
    opened_on: date
    currency: str
    credit_limit: Money
    apr: str = Field(description="Annual rate in percent.", examples=["19.90"])
    as_of: date
    balance: Money
    past_due_amount: Money = Field(description="Unpaid minimums, by the statements.")
    owed_amount: Money = Field(
        description="What of it is owed: never more than the balance. This may be asked for."
    )
    not_owed_amount: Money = Field(description="The rest of it, which nobody owes.")
    days_past_due: int
    oldest_due_on: date | None
    bucket: str

    @classmethod
    def of(cls, book: Portfolio, customer: Customer, account: Account, stands: Now, as_of: date) -> Self:
        late = days_past_due(stands.oldest_due_on, as_of)
        return cls(
            reference=account.reference,
            portfolio=book.code,
            customer_ref=customer.reference,
            card_last4=account.card_last4,
            product=account.product,
            status=account.status,
            opened_on=account.opened_on,
            currency=book.currency,
            credit_limit=to_decimal_string(account.credit_limit_minor, book.currency),
            apr=f"{account.apr_millionths / 10_000:.2f}",
            as_of=as_of,
            balance=to_decimal_string(stands.balance, book.currency),
            past_due_amount=to_decimal_string(stands.past_due, book.currency),
            owed_amount=to_decimal_string(stands.owed, book.currency),
            not_owed_amount=to_decimal_string(stands.not_owed, book.currency),
            days_past_due=late,
            oldest_due_on=stands.oldest_due_on,
            bucket=bucket_of(late, edges_of(book)),
        )


class AccountDetail(AccountShape):
    customer: CustomerShape
    case: str | None = Field(description="Reference of the customer's open case.", examples=["C-000012"])


class EntryShape(BaseModel):
    """A ledger entry. The amount has the ledger's sign: what lowers the debt is negative."""

    reference: str
    account_ref: str
    kind: EntryKind
    amount: Money
    currency: str
    effective_on: date
    posted_on: date
    description: str
    reverses: str | None = Field(description="Reference of the entry this one undoes.")

    @classmethod
    def of(cls, book: Portfolio, account: Account, entry: Entry, reverses: str | None = None) -> Self:
        return cls(
            reference=entry.reference,
            account_ref=account.reference,
            kind=entry.kind,
            amount=to_decimal_string(entry.amount_minor, book.currency),
            currency=book.currency,
            effective_on=entry.effective_on,
            posted_on=entry.posted_on,
            description=entry.description,
            reverses=reverses,
        )


class ReplacedStatementShape(BaseModel):
    """A statement as it was until a manager replaced or withdrew it."""

    statement_ref: str
    account_ref: str
    closing_on: date
    due_on: date
    balance: Money
    minimum_due: Money
    currency: str
    known_on: date = Field(description="The business date on which it became known.")
    replaced_on: date = Field(description="The business date from which on it is known to be wrong.")
    withdrawn: bool = Field(description="Nothing stands in its place.")
    replaced_by: str | None = Field(
        description="Reference of what stands in its place; only right after replacing."
    )
    reason: str

    @classmethod
    def of(
        cls, book: Portfolio, account: Account, old: ReplacedStatement, right: StatementFigures | None
    ) -> Self:
        return cls(
            statement_ref=old.reference,
            account_ref=account.reference,
            closing_on=old.closing_on,
            due_on=old.due_on,
            balance=to_decimal_string(old.balance_minor, book.currency),
            minimum_due=to_decimal_string(old.minimum_due_minor, book.currency),
            currency=book.currency,
            known_on=old.posted_on,
            replaced_on=old.replaced_on,
            withdrawn=old.statement_id is None,
            replaced_by=right.reference if right else None,
            reason=old.reason,
        )


class WaiverShape(BaseModel):
    """A fee or interest forgiven, wholly or in part, or waiting for a second person."""

    id: int
    account_ref: str
    entry: str = Field(description="Reference of the fee or interest.")
    amount: Money
    currency: str
    reason: str
    status: WaiverStatus
    alone: bool = Field(description="One person was enough: a manager within the portfolio's limit.")
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str

    @classmethod
    def of(cls, book: Portfolio, account: Account, entry: Entry, waiver: Waiver) -> Self:
        return cls(
            id=id_of(waiver),
            account_ref=account.reference,
            entry=entry.reference,
            amount=to_decimal_string(waiver.amount_minor, book.currency),
            currency=book.currency,
            reason=waiver.reason,
            status=waiver.status,
            alone=waiver.alone,
            requested_by=waiver.requested_by,
            requested_at=waiver.requested_at,
            decided_by=waiver.decided_by,
            decided_at=waiver.decided_at,
            note=waiver.note,
        )


class CreditBalanceShape(BaseModel):
    """An account that is overpaid."""

    account_ref: str
    overpaid: Money
    currency: str

    @classmethod
    def of(cls, book: Portfolio, found: CreditBalance) -> Self:
        overpaid = to_decimal_string(found.overpaid_minor, book.currency)
        return cls(account_ref=found.reference, overpaid=overpaid, currency=book.currency)


class StatusShape(BaseModel):
    account_ref: str
    status: AccountStatus
    ended_on: date | None = Field(description="The day it was charged off, settled, paid or sold here.")

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account_ref=account.reference, status=account.status, ended_on=account.ended_on)


class PauseShape(BaseModel):
    """Days of an account that do not count."""

    id: int
    account_ref: str
    kind: PauseKind
    from_on: date
    to_on: date | None = Field(description="First day that counts again; null while it is open.")
    reason: str
    by: str

    @classmethod
    def of(cls, account: Account, pause: Pause, ended_on: date | None = None) -> Self:
        return cls(
            id=id_of(pause),
            account_ref=account.reference,
            kind=pause.kind,
            from_on=pause.from_on,
            to_on=ended_on or pause.to_on,
            reason=pause.reason,
            by=pause.by,
        )


class ReAgeShape(BaseModel):
    """An account brought current without being paid current."""

    account_ref: str
    on: date
    past_due_amount: Money = Field(description="What was past due and is not any more.")
    currency: str
    rule: str
    reason: str
    by: str

    @classmethod
    def of(cls, book: Portfolio, account: Account, made: ReAge) -> Self:
        return cls(
            account_ref=account.reference,
            on=made.on,
            past_due_amount=to_decimal_string(made.past_due_minor, book.currency),
            currency=book.currency,
            rule=made.rule,
            reason=made.reason,
            by=made.by,
        )


# --- the gate -----------------------------------------------------------------------------------------------


class ReasonShape(BaseModel):
    """One objection, with the rule and the figures it used."""

    rule: str
    citation: str
    detail: str
    force: str
    verified: bool = Field(
        description="False where the rule was encoded from memory and is yet to be checked."
    )
    until: str | None = Field(description="When it lapses by itself.")
    figures: dict[str, Any]


class AnswerShape(BaseModel):
    """The gate's full answer to one contact at one instant. Not legal advice."""

    decision: Literal["clear", "wait", "refuse"]
    not_before: str | None = Field(description="From when on it may be made, null where it may not.")
    reasons: list[ReasonShape]
    pack: str = Field(description="Code and version of the policy pack that was asked.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls.model_validate(answer_data(answer))


# --- cases --------------------------------------------------------------------------------------------------


class InstalmentShape(BaseModel):
    n: int = Field(description="0 is the down payment.")
    due_on: date
    amount: Money

    @classmethod
    def of(cls, book: Portfolio, part: Instalment) -> Self:
        return cls(n=part.n, due_on=part.due_on, amount=to_decimal_string(part.amount, book.currency))


class PlanShape(BaseModel):
    """A promise to pay, a repayment plan or a settlement."""

    reference: str = Field(examples=["P-000003"])
    kind: PlanKind
    status: PlanStatus
    total: Money
    currency: str
    offered_at: datetime
    offered_by: str
    accepted_on: date | None
    ended_on: date | None
    broken_instalment: int | None
    why: str = Field(description="Why it ended, where there is something to say.")
    instalments: list[InstalmentShape]

    @classmethod
    def of(cls, book: Portfolio, plan: Plan, parts: Sequence[Instalment]) -> Self:
        return cls(
            reference=plan.reference,
            kind=plan.kind,
            status=plan.status,
            total=to_decimal_string(plan.total_minor, book.currency),
            currency=book.currency,
            offered_at=plan.offered_at,
            offered_by=plan.offered_by,
            accepted_on=plan.accepted_on,
            ended_on=plan.ended_on,
            broken_instalment=plan.broken_instalment,
            why=plan.why,
            instalments=[InstalmentShape.of(book, part) for part in parts],
        )


class AgreementShape(PlanShape):
    """An agreement that is active, with what became of its confirmation."""

    confirmations: dict[Channel, AnswerShape] = Field(
        description="The gate's answer for each channel; where it is `clear`, a confirmation is queued."
    )

    @classmethod
    def with_answers(cls, plan: PlanShape, answers: Mapping[Channel, Answer]) -> Self:
        shown = {channel: AnswerShape.of(answer) for channel, answer in answers.items()}
        return cls(**dict(plan), confirmations=shown)


class OfferShape(PlanShape):
    """An offer, with what became of its letter."""

    in_writing: AnswerShape | None = Field(
        description="The gate's answer to the letter; where it is `clear`, the letter is queued."
    )

    @classmethod
    def with_answer(cls, plan: PlanShape, answer: Answer | None) -> Self:
        return cls(**dict(plan), in_writing=AnswerShape.of(answer) if answer is not None else None)


class HoldShape(BaseModel):
    """Why the customer is left alone for now; it holds for all accounts of the customer."""

    id: int
    case: str = Field(description="The case in which it was placed.", examples=["C-000012"])
    kind: HoldKind
    reason: str
    started_at: datetime
    until: date = Field(
        description="On that day it ends by itself, or where it is for good, somebody looks at it."
    )
    for_good: bool = Field(description="Whether only a person ends it, who says why.")
    by: str
    ended_at: datetime | None
    ended_by: str
    end_reason: str

    @classmethod
    def of(cls, hold: CaseHold) -> Self:
        return cls(
            id=id_of(hold),
            case=case_reference(hold.case_id),
            kind=hold.kind,
            reason=hold.reason,
            started_at=hold.started_at,
            until=hold.until,
            for_good=hold.for_good,
            by=hold.by,
            ended_at=hold.ended_at,
            ended_by=hold.ended_by,
            end_reason=hold.end_reason,
        )


class CaseShape(BaseModel):
    """A customer in one portfolio while anything past due is owed. The figures are of this moment."""

    reference: str = Field(examples=["C-000012"])
    portfolio: str
    customer: CustomerShape
    status: CaseStatus
    outcome: Outcome | None
    owner: str = Field(description="Username of the agent who works it; empty while nobody does.")
    opened_on: date
    closed_on: date | None
    as_of: date
    currency: str
    past_due_amount: Money = Field(
        description="Past due and owed: on each account never more than its balance. This may be asked for."
    )
    not_owed_amount: Money = Field(description="Unpaid minimums beyond the balances, which nobody owes.")
    balance: Money
    oldest_due_on: date | None
    days_past_due: int
    bucket: str
    priority: int
    broken_promises: int
    callback_at: datetime | None
    next_contact_on: date | None

    @classmethod
    def of(
        cls, book: Portfolio, customer: Customer, case: CollectionsCase, owes: Standing, as_of: date
    ) -> Self:
        late = days_past_due(owes.oldest, as_of)
        return cls(
            reference=case.reference,
            portfolio=book.code,
            customer=CustomerShape.of(customer),
            status=case.status,
            outcome=case.outcome,
            owner=case.owner,
            opened_on=case.opened_on,
            closed_on=case.closed_on,
            as_of=as_of,
            currency=book.currency,
            past_due_amount=to_decimal_string(owes.past_due, book.currency),
            not_owed_amount=to_decimal_string(owes.not_owed, book.currency),
            balance=to_decimal_string(owes.balance, book.currency),
            oldest_due_on=owes.oldest,
            days_past_due=late,
            bucket=bucket_of(late, edges_of(book)),
            priority=case.priority,
            broken_promises=case.broken_promises,
            callback_at=case.callback_at,
            next_contact_on=case.next_contact_on,
        )


class CaseDetail(CaseShape):
    accounts: list[AccountShape]
    plans: list[PlanShape] = Field(description="Promises and plans, the latest first.")
    holds: list[HoldShape] = Field(description="Of the customer, whichever case; open ones first.")


class EventShape(BaseModel):
    """One event of the customer's timeline with its link in the hash chain.

    `data` is the record itself, with amounts in minor units under names that end in `_minor`. Written as JSON with
    sorted keys, no spaces and unescaped UTF-8, it is the text that was hashed.
    """

    stream: str
    seq: int
    kind: str
    at: datetime
    by: str
    case: str | None = Field(examples=["C-000012"])
    channel: Channel | None
    data: dict[str, Any]
    prev_hash: str
    hash: str

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(
            stream=event.stream,
            seq=event.seq,
            kind=event.kind,
            at=event.at,
            by=event.by,
            case=case_reference(event.case_id) if event.case_id else None,
            channel=event.channel,
            data=json.loads(event.data),
            prev_hash=event.prev_hash,
            hash=event.hash,
        )


# --- figures ------------------------------------------------------------------------------------------------


class BucketShape(BaseModel):
    accounts: int
    balance: Money
    past_due: Money


class AgingShape(BaseModel):
    """A portfolio at the end of a day, with everything known now."""

    portfolio: str
    business_date: date
    currency: str
    accounts: int
    past_due_accounts: int
    past_due_amount: Money
    owed_amount: Money
    not_owed_amount: Money
    balance: Money
    buckets: dict[str, BucketShape]
    small_debt: Money = Field(
        description="The portfolio's threshold below which a past-due debt is not worked."
    )
    small: BucketShape = Field(
        description="Of the past-due accounts those with less than it; the figures above include them."
    )

    @classmethod
    def of(cls, book: Portfolio, aging: Aging) -> Self:
        def money(minor: int) -> str:
            return to_decimal_string(minor, book.currency)

        return cls(
            portfolio=book.code,
            business_date=aging.on,
            currency=book.currency,
            accounts=aging.accounts,
            past_due_accounts=aging.past_due_accounts,
            past_due_amount=money(aging.past_due_amount),
            owed_amount=money(aging.owed_amount),
            not_owed_amount=money(aging.past_due_amount - aging.owed_amount),
            balance=money(aging.balance),
            buckets={
                label: BucketShape(
                    accounts=total.accounts, balance=money(total.balance), past_due=money(total.past_due)
                )
                for label, total in aging.buckets.items()
            },
            small_debt=money(aging.small_debt),
            small=BucketShape(
                accounts=aging.small.accounts,
                balance=money(aging.small.balance),
                past_due=money(aging.small.past_due),
            ),
        )


class StandingShape(BaseModel):
    """One account at the end of a day, as known now or as known at the end of `known_on`."""

    portfolio: str
    account: str
    business_date: date
    known_on: date | None
    currency: str
    balance: Money
    past_due_amount: Money
    owed_amount: Money
    not_owed_amount: Money
    days_past_due: int
    oldest_due_on: date | None
    bucket: str

    @classmethod
    def of(cls, book: Portfolio, account: str, on: date, known_on: date | None, stands: AccountOn) -> Self:
        return cls(
            portfolio=book.code,
            account=account,
            business_date=on,
            known_on=known_on,
            currency=book.currency,
            balance=to_decimal_string(stands.balance, book.currency),
            past_due_amount=to_decimal_string(stands.past_due, book.currency),
            owed_amount=to_decimal_string(stands.owed, book.currency),
            not_owed_amount=to_decimal_string(stands.not_owed, book.currency),
            days_past_due=stands.days_past_due,
            oldest_due_on=stands.oldest_due_on,
            bucket=stands.bucket,
        )


class KpiShape(BaseModel):
    """A key figure: money as decimal strings, counts as numbers; the value is null where nothing can be divided."""

    numerator: Money | int
    denominator: Money | int
    value: float | None
    definition: str


class RollForwardShape(BaseModel):
    """start + fell_past_due - paid - adjusted = end, for the month to date."""

    start: Money
    fell_past_due: Money
    paid: Money
    adjusted: Money
    end: Money


class KpiDay(BaseModel):
    business_date: date
    kpis: dict[str, KpiShape]


class KpiSeries(BaseModel):
    """The closed days of a stretch of time, oldest first, each with its current figures."""

    portfolio: str
    currency: str
    days: list[KpiDay]

    @classmethod
    def of(cls, book: Portfolio, rows: Iterable[KpiSnapshot]) -> Self:
        """`rows` by date."""
        days = [
            KpiDay(business_date=on, kpis=_figures(book, of_day))
            for on, of_day in groupby(rows, key=lambda row: row.business_date)
        ]
        return cls(portfolio=book.code, currency=book.currency, days=days)


class KpisShape(BaseModel):
    """The key figures of a closed day, and the roll-forward of its month to date."""

    portfolio: str
    business_date: date
    currency: str
    kpis: dict[str, KpiShape]
    roll_forward: RollForwardShape

    @classmethod
    def of(cls, book: Portfolio, on: date, rows: Iterable[KpiSnapshot], rolled: Roll) -> Self:
        amounts = {name: to_decimal_string(minor, book.currency) for name, minor in asdict(rolled).items()}
        return cls(
            portfolio=book.code,
            business_date=on,
            currency=book.currency,
            kpis=_figures(book, rows),
            roll_forward=RollForwardShape(**amounts),
        )


def _figures(book: Portfolio, rows: Iterable[KpiSnapshot]) -> dict[str, KpiShape]:
    """The whole portfolio's figures by name; slices are left out."""
    figures = {}
    for row in rows:
        if row.slice:
            continue
        meaning = DEFINITIONS[row.kpi]

        def shown(minor: int, unit: Unit = meaning.unit) -> str | int:
            return to_decimal_string(minor, book.currency) if unit is Unit.MONEY else minor

        figures[row.kpi] = KpiShape(
            numerator=shown(row.numerator),
            denominator=shown(row.denominator),
            value=Figure(row.kpi, row.numerator, row.denominator).value,
            definition=f"{meaning.formula} (v{row.definition})",
        )
    return figures


# --- legal --------------------------------------------------------------------------------------------------


class ReferralShape(BaseModel):
    """A case on its way to the legal team."""

    id: int
    case: str = Field(examples=["C-000012"])
    portfolio: str
    status: ReferralStatus
    reason: str
    nominated_by: str
    nominated_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_reason: str = Field(description="Why it was declined.")
    delivered_at: datetime | None

    @classmethod
    def of(cls, referral: Referral, portfolio: str) -> Self:
        return cls(
            id=id_of(referral),
            case=case_reference(referral.case_id),
            portfolio=portfolio,
            status=referral.status,
            reason=referral.reason,
            nominated_by=referral.nominated_by,
            nominated_at=referral.nominated_at,
            decided_by=referral.decided_by,
            decided_at=referral.decided_at,
            decision_reason=referral.decision_reason,
            delivered_at=referral.delivered_at,
        )


class BundleShape(BaseModel):
    """A sealed case file; fetch it at /bundles/{reference}."""

    reference: str = Field(examples=["C-000012-01"])
    case: str = Field(examples=["C-000012"])
    as_of: date
    sha256: str
    size: int
    complete: bool
    incomplete_reason: str
    excuses: list[dict[str, str]] = Field(
        description="For each item that is missing: `item`, `title`, `reason` and `by`."
    )
    supersedes: str
    built_by: str
    built_at: datetime
    receipt: dict[str, Any] | None = Field(description="The legal desk's receipt, once delivered.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """`row` as columns of `Bundle` by name, the content left out."""
        receipt = json.loads(row["receipt"]) if row["receipt"] else None
        excuses = json.loads(row["excuses"])
        case = case_reference(row["case_id"])
        return cls(**{**row, "case": case, "excuses": excuses, "receipt": receipt})
