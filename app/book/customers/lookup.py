"""The customer that an account reference names, as people and programs type it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.ledger.references import normal_reference
from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound


def customer_of_account(
    session: Session, account_ref: str, portfolio: str = ""
) -> tuple[Portfolio, Customer]:
    """The customer an account belongs to. NotFound if there is none, or several portfolios have it and none is
    named."""
    query = select(Account, Portfolio).join(Portfolio, col(Portfolio.id) == Account.portfolio_id)
    if portfolio:
        query = query.where(Portfolio.code == portfolio)
    query, normal = query.order_by(col(Portfolio.code)), normal_reference(account_ref)
    found = session.execute(query.where(col(Account.reference).in_((account_ref, normal)))).all()
    if not found:
        in_capitals = func.upper(col(Account.reference)) == normal.upper()
        found = session.execute(query.where(in_capitals)).all()
    if len(found) != 1:
        raise NotFound(
            _not_one_account(
                account_ref, portfolio, [(account.reference, owner.code) for account, owner in found]
            )
        )
    account, owner = found[0]
    return owner, session.get_one(Customer, account.customer_id)


def _not_one_account(account_ref: str, portfolio: str, found: Sequence[tuple[str, str]]) -> str:
    """Say why a reference names no single account; `found` are (reference, portfolio) of the accounts it may name."""
    if not found:
        return f"There is no account {account_ref!r}{f' in portfolio {portfolio}' if portfolio else ''}."
    codes = list(dict.fromkeys(code for _, code in found))
    if len(codes) > 1:
        return f"Several portfolios have an account {account_ref!r} ({', '.join(codes)}). Say which with --portfolio."
    names = ", ".join(sorted(reference for reference, _ in found))
    return f"{account_ref!r} could be any of {names}. Write its letters as the account has them."
