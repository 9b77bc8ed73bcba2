"""A case with its customer, portfolio and accounts: what each page and form of a case begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.delinquency.days import days_past_due
from app.book.delinquency.service import Now as AccountNow
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import is_worked
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debt_of,
)
from app.casework.cases.listing import PortfolioToday
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.web.lookups import book_of


@dataclass(frozen=True, slots=True)
class LastNight:
    """The case's figures at the end of the last closed day."""

    on: date
    past_due_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its customer, portfolio and accounts."""

    case: CollectionsCase
    customer: Customer
    portfolio: Portfolio
    book: PortfolioToday
    accounts: list[Account]
    stands: Mapping[int, AccountNow]
    """By account id, with everything posted until now."""
    owes: CustomerDebt
    """All accounts that are worked, as of now."""
    has_waivers: bool = True
    """False where it is known that no charge of these accounts was waived."""

    @property
    def account_ids(self) -> list[int]:
        return [id_of(account) for account in self.accounts]

    @property
    def zone(self) -> str:
        """The customer's time zone; the portfolio's where it is not known."""
        return self.customer.timezone or self.portfolio.timezone

    @property
    def path(self) -> str:
        return f"/cases/{self.case.id}"

    @property
    def is_open(self) -> bool:
        return self.case.status is CaseStatus.OPEN

    @property
    def figures_mark(self) -> str:
        """Mark of the figures on which forms about money are filled in."""
        return f"{self.owes.past_due}:{self.owes.balance}"

    @property
    def days(self) -> int:
        return days_past_due(self.owes.oldest, self.book.today)

    @property
    def to_ask(self) -> int:
        """The amount a message may ask for: past due, on each account at most its balance."""
        return self.owes.past_due

    @property
    def nothing_to_agree(self) -> str:
        """Why no promise, plan or settlement can be made now, as a sentence; '' = one can."""
        if not self.is_open:
            return "The case is closed: there is nothing to agree on."
        if self.case.with_legal_since is not None:
            return "The case is with the legal team: only they agree on payments."
        return "" if self.owes.past_due else "Nothing is past due and owed now: there is nothing to agree on."

    @property
    def last_night(self) -> LastNight | None:
        """The figures of the last closed day; None where they equal those of now."""
        case = self.case
        if not self.is_open or (case.past_due_minor, case.balance_minor) == (
            self.owes.past_due,
            self.owes.balance,
        ):
            return None
        return LastNight(self.book.on, case.past_due_minor, case.balance_minor)

    @property
    def worked_accounts(self) -> list[tuple[Account, AccountNow]]:
        """The accounts that are worked, and where each stands now."""
        worked = (each for each in self.accounts if is_worked(each.status, each.ended_on))
        return [(each, self.stands_of(each)) for each in worked]

    def stands_of(self, account: Account) -> AccountNow:
        return self.stands[id_of(account)]


def open_case_file(session: Session, case_id: int, now: datetime, *, lock: bool = False) -> CaseFile:
    """The case with its customer, portfolio and accounts. With `lock`, its customer is locked first, as by every act
    and every worker."""
    if lock:
        lock_customers(session, [get_case(session, case_id).customer_id])
    case = get_case(session, case_id, lock=lock)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    accounts = accounts_of(session, case.customer_id)
    book = book_of(session, portfolio, now)
    stands = standing_on(session, portfolio, [id_of(account) for account in accounts], book.today)
    worked = [stands[id_of(a)] for a in accounts if is_worked(a.status, a.ended_on)]
    return CaseFile(
        case=case,
        customer=session.get_one(Customer, case.customer_id),
        portfolio=portfolio,
        book=book,
        accounts=accounts,
        stands=stands,
        owes=debt_of(worked),
    )
