"""Corrections as JSON: statements replaced, waivers, overpayments, statuses, pauses and re-ages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.book.delinquency.lifecycle import CreditBalance
from app.book.delinquency.models import Pause, ReAge
from app.book.ledger.corrections.statements import StatementFigures
from app.book.ledger.models import Account, Entry, ReplacedStatement, Waiver
from app.book.ledger.rules import AccountStatus, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.policy.sections.pauses import PauseKind


class ReplacedStatementShape(Shape):
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
        cls, portfolio: Portfolio, account: Account, old: ReplacedStatement, right: StatementFigures | None
    ) -> Self:
        return cls(
            statement_ref=old.reference,
            account_ref=account.reference,
            closing_on=old.closing_on,
            due_on=old.due_on,
            balance=to_decimal_string(old.balance_minor, portfolio.currency),
            minimum_due=to_decimal_string(old.minimum_due_minor, portfolio.currency),
            currency=portfolio.currency,
            known_on=old.posted_on,
            replaced_on=old.replaced_on,
            withdrawn=old.statement_id is None,
            replaced_by=right.reference if right else None,
            reason=old.reason,
        )


class WaiverShape(Shape):
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
    def of(cls, portfolio: Portfolio, account: Account, entry: Entry, waiver: Waiver) -> Self:
        return cls(
            id=id_of(waiver),
            account_ref=account.reference,
            entry=entry.reference,
            amount=to_decimal_string(waiver.amount_minor, portfolio.currency),
            currency=portfolio.currency,
            reason=waiver.reason,
            status=waiver.status,
            alone=waiver.alone,
            requested_by=waiver.requested_by,
            requested_at=waiver.requested_at,
            decided_by=waiver.decided_by,
            decided_at=waiver.decided_at,
            note=waiver.note,
        )


class CreditBalanceShape(Shape):
    """An account that is overpaid."""

    account_ref: str
    overpaid: Money
    currency: str

    @classmethod
    def of(cls, portfolio: Portfolio, found: CreditBalance) -> Self:
        overpaid = to_decimal_string(found.overpaid_minor, portfolio.currency)
        return cls(account_ref=found.reference, overpaid=overpaid, currency=portfolio.currency)


class StatusShape(Shape):
    account_ref: str
    status: AccountStatus
    ended_on: date | None = Field(description="The day it was charged off, settled, paid or sold here.")

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account_ref=account.reference, status=account.status, ended_on=account.ended_on)


class PauseShape(Shape):
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


class ReAgeShape(Shape):
    """An account brought current without being paid current."""

    account_ref: str
    on: date
    past_due_amount: Money = Field(description="What was past due and is not any more.")
    currency: str
    rule: str
    reason: str
    by: str

    @classmethod
    def of(cls, portfolio: Portfolio, account: Account, made: ReAge) -> Self:
        return cls(
            account_ref=account.reference,
            on=made.on,
            past_due_amount=to_decimal_string(made.past_due_minor, portfolio.currency),
            currency=portfolio.currency,
            rule=made.rule,
            reason=made.reason,
            by=made.by,
        )
