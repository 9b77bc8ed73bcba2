"""An account with its customer and portfolio: what each page and form of an account begins with.

Its figures are those of this moment: entries posted since the last business day was closed count already, as in
the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from app.book.delinquency.days import DAY, Interval, union
from app.book.delinquency.history import AccountOn, as_known
from app.book.delinquency.models import Pause
from app.book.ledger.balances import still_owed
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.listing import PortfolioToday
from app.casework.cases.queries import cases_of
from app.casework.cases.rules import CaseStatus
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.web.lookups import book_of


class Paused(NamedTuple):
    """A stretch of days that do not count, `first` to `last`."""

    first: date
    last: date
    days: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """The count of the days past due: the days after the oldest unpaid due date, less the paused ones."""

    oldest_due_on: date
    on: date
    paused: Sequence[Paused]
    days: int

    @property
    def elapsed(self) -> int:
        return (self.on - self.oldest_due_on).days


@dataclass(frozen=True, slots=True)
class AccountFile:
    """An account with its customer and its figures at the end of today, everything posted until now included."""

    account: Account
    customer: Customer
    portfolio: Portfolio
    book: PortfolioToday
    stands: AccountOn
    still_owed: int
    """The balance, and the debt off the book."""
    pauses: Sequence[Pause]
    case_id: int | None
    """The customer's open case, or the latest one."""

    @property
    def id(self) -> int:
        return id_of(self.account)

    @property
    def path(self) -> str:
        return f"/accounts/{self.account.id}"

    @property
    def currency(self) -> str:
        return self.book.currency

    @property
    def days(self) -> int:
        return self.stands.days_past_due

    @property
    def intervals(self) -> list[Interval]:
        return [(pause.from_on, pause.to_on) for pause in self.pauses]

    @property
    def overpaid_minor(self) -> int:
        return max(0, -max(self.stands.balance, self.still_owed))

    @property
    def paused_now(self) -> bool:
        return any(covers(pause, self.book.today) for pause in self.pauses)


def covers(pause: Pause, on: date) -> bool:
    return pause.from_on <= on and (pause.to_on is None or on < pause.to_on)


def open_account(session: Session, account_id: int, now: datetime, *, lock: bool = False) -> AccountFile:
    """The account with its customer and portfolio. With `lock` the customer is locked, as by every verb on money."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id}. Look for it by its reference.")
    if lock:
        lock_customers(session, [account.customer_id])
        session.refresh(account)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    book = book_of(session, portfolio, now)
    cases = cases_of(session, account.customer_id)
    case = next((case for case in cases if case.status is CaseStatus.OPEN), cases[0] if cases else None)
    pauses = select(Pause).where(Pause.account_id == account_id).order_by(col(Pause.from_on), col(Pause.id))
    return AccountFile(
        account=account,
        customer=session.get_one(Customer, account.customer_id),
        portfolio=portfolio,
        book=book,
        stands=as_known(session, portfolio, account_id, book.today),
        still_owed=still_owed(session, account, book.today),
        pauses=list(session.scalars(pauses)),
        case_id=case.id if case else None,
    )


def day_count(file: AccountFile) -> DayCount | None:
    """Count the days past due out; None while nothing is past due."""
    oldest, on = file.stands.oldest_due_on, file.book.today
    if oldest is None:
        return None
    first, end = oldest + DAY, on + DAY
    paused = [
        (max(from_on, first), min(to_on, end)) for from_on, to_on in union(file.intervals) if from_on < end
    ]
    return DayCount(oldest, on, [Paused(a, b - DAY, (b - a).days) for a, b in paused if a < b], file.days)
