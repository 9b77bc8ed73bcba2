"""Credits that people grant: goodwill, or posted by hand, by one person within their limit or by two."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.book.delinquency.service import standing_on
from app.book.ledger.corrections.credits import credit_as_goodwill, goodwill_since, granted_since
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import grants_alone
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Forbidden, Invalid
from app.core.ids import id_of
from app.core.money import with_code
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers

A_YEAR = timedelta(days=365)


def credit_goodwill(
    session: Session,
    account: Account,
    amount_minor: int,
    reason: str,
    *,
    is_second: bool = False,
    by: Actor,
    role: Role,
    now: datetime,
) -> Entry:
    """Credit an account as goodwill, with today's date: it pays what is past due like any credit. Forbidden beyond the
    person's limit, unless a second person approves (`is_second`)."""
    lock_customers(session, [account.customer_id])
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = local_date(now, portfolio.timezone)
    check_goodwill(session, account, amount_minor, today=today)
    if not is_second:
        require_goodwill_grant(session, portfolio, id_of(account), amount_minor, role, today)
    return credit_as_goodwill(session, account, amount_minor, reason, by=by, now=now)


def check_goodwill(session: Session, account: Account, amount_minor: int, *, today: date) -> None:
    """Invalid, beside `amount`, for a sum that is not positive, or is more than is owed and not in dispute."""
    if amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    stands = standing_on(session, portfolio, [id_of(account)], today)[id_of(account)]
    if amount_minor > stands.collectable:
        amount = with_code(stands.collectable, portfolio.currency)
        raise Invalid(f"{amount} of the account is owed and not in dispute. Enter no more.", "amount")


def require_goodwill_grant(
    session: Session, portfolio: Portfolio, account_id: int, amount_minor: int, role: Role, today: date
) -> None:
    """Forbidden beyond what a person of this role may credit alone: with what people credited to the customer as
    goodwill or by hand in the last 365 days, so that a sum in parts is no way around the limit."""
    customer_id = session.get_one(Account, account_id).customer_id
    total = granted_since(session, customer_id, today - A_YEAR) + amount_minor
    if not grants_alone(role, total, portfolio.agent_waive_minor, portfolio.waive_limit_minor):
        amount = with_code(total, portfolio.currency)
        raise Forbidden(f"{amount} of goodwill in a year is beyond your limit. Ask a manager for it.")


def require_credit_grant(
    session: Session, account: Account, amount_minor: int, *, role: Role, now: datetime
) -> None:
    """Forbidden for a credit by hand, or an adjustment that lowers the debt, beyond the same limit: another manager
    approves it as goodwill. The caller holds the customer's lock."""
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    since = local_date(now, portfolio.timezone) - A_YEAR
    total = granted_since(session, account.customer_id, since) + amount_minor
    if not grants_alone(role, total, portfolio.agent_waive_minor, portfolio.waive_limit_minor):
        amount, most = (with_code(each, portfolio.currency) for each in (total, portfolio.waive_limit_minor))
        raise Forbidden(
            f"{amount} of credits by hand and goodwill in a year is beyond your limit of {most}. Ask for it as goodwill"
            " on the customer's case: another manager decides. What an entry got wrong is reversed instead."
        )


def goodwill_of_a_year(session: Session, customer_id: int, today: date) -> int:
    """Goodwill that the customer was credited in the last 365 days and that stands, in minor units."""
    return goodwill_since(session, customer_id, today - A_YEAR)
