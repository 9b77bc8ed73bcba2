"""Customers, accounts and their entries as JSON."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.book.delinquency.days import bucket_of, days_past_due
from app.book.delinquency.history import AccountOn
from app.book.delinquency.queries import Aging
from app.book.delinquency.service import Now, edges_of
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.core.money import to_decimal_string


class CustomerShape(Shape):
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


class AccountShape(Shape):
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
    not_owed_amount: Money = Field(description="The rest of it, which is not owed.")
    days_past_due: int
    oldest_due_on: date | None
    bucket: str

    @classmethod
    def of(cls, portfolio: Portfolio, customer: Customer, account: Account, stands: Now, as_of: date) -> Self:
        late = days_past_due(stands.oldest_due_on, as_of)
        return cls(
            reference=account.reference,
            portfolio=portfolio.code,
            customer_ref=customer.reference,
            card_last4=account.card_last4,
            product=account.product,
            status=account.status,
            opened_on=account.opened_on,
            currency=portfolio.currency,
            credit_limit=to_decimal_string(account.credit_limit_minor, portfolio.currency),
            apr=f"{account.apr_millionths / 10_000:.2f}",
            as_of=as_of,
            balance=to_decimal_string(stands.balance, portfolio.currency),
            past_due_amount=to_decimal_string(stands.past_due, portfolio.currency),
            owed_amount=to_decimal_string(stands.owed, portfolio.currency),
            not_owed_amount=to_decimal_string(stands.not_owed, portfolio.currency),
            days_past_due=late,
            oldest_due_on=stands.oldest_due_on,
            bucket=bucket_of(late, edges_of(portfolio)),
        )


class AccountDetail(AccountShape):
    customer: CustomerShape
    case: str | None = Field(description="Reference of the customer's open case.", examples=["C-000012"])


class EntryShape(Shape):
    """A ledger entry. The amount has the ledger's sign: an entry that lowers the debt is negative."""

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
    def of(cls, portfolio: Portfolio, account: Account, entry: Entry, reverses: str | None = None) -> Self:
        return cls(
            reference=entry.reference,
            account_ref=account.reference,
            kind=entry.kind,
            amount=to_decimal_string(entry.amount_minor, portfolio.currency),
            currency=portfolio.currency,
            effective_on=entry.effective_on,
            posted_on=entry.posted_on,
            description=entry.description,
            reverses=reverses,
        )


class BucketShape(Shape):
    accounts: int
    balance: Money
    past_due: Money


class AgingShape(Shape):
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
    def of(cls, portfolio: Portfolio, aging: Aging) -> Self:
        def money(minor: int) -> str:
            return to_decimal_string(minor, portfolio.currency)

        return cls(
            portfolio=portfolio.code,
            business_date=aging.on,
            currency=portfolio.currency,
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


class StandingShape(Shape):
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
    def of(
        cls, portfolio: Portfolio, account: str, on: date, known_on: date | None, stands: AccountOn
    ) -> Self:
        return cls(
            portfolio=portfolio.code,
            account=account,
            business_date=on,
            known_on=known_on,
            currency=portfolio.currency,
            balance=to_decimal_string(stands.balance, portfolio.currency),
            past_due_amount=to_decimal_string(stands.past_due, portfolio.currency),
            owed_amount=to_decimal_string(stands.owed, portfolio.currency),
            not_owed_amount=to_decimal_string(stands.not_owed, portfolio.currency),
            days_past_due=stands.days_past_due,
            oldest_due_on=stands.oldest_due_on,
            bucket=stands.bucket,
        )
