"""An account's terms, changed by a manager: card, product, limit and rate.

The creditor's accounts file is the word on them: the next file that says otherwise takes a change back, with its own
event (`feeds/storing/accounts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.book.ledger.events import AccountChanged
from app.book.ledger.models import Account
from app.book.ledger.service import record_on_account
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.text import clean_reason, refuse_card_number
from app.core.timeline.service import lock_customers

Terms = Mapping[str, str | int]
"""Some of `card_last4` (four digits), `product`, `credit_limit_minor`, `apr_millionths` (150000 is 15 %)."""

HIGHEST_APR_MILLIONTHS = 10_000_000
"""1000 %, as in the accounts feed."""
HIGHEST_LIMIT_MINOR = 10**15


def change_terms(
    session: Session, account: Account, terms: Terms, reason: str, *, by: Actor, now: datetime
) -> dict[str, str | int]:
    """Change terms of an account; returns those that did change. Invalid names the field that is wrong."""
    reason = clean_reason(reason)
    lock_customers(session, [account.customer_id])
    session.refresh(account)
    changed = {name: value for name, value in terms.items() if value != getattr(account, name)}
    _require_plausible(changed)
    if not changed:
        return {}
    before = {name: getattr(account, name) for name in changed}
    for name, value in changed.items():
        setattr(account, name, value)
    session.flush()
    record_on_account(session, account, AccountChanged(before, changed, reason), by=by, now=now)
    return changed


def _require_plausible(changed: Terms) -> None:
    for name, value in changed.items():
        match name, value:
            case "card_last4", str(digits):
                if not (len(digits) == 4 and digits.isascii() and digits.isdigit()):
                    raise Invalid("Enter the last four digits of the card.", name)
            case "product", str(product):
                if not 1 <= len(product.strip()) <= 60:
                    raise Invalid("Name the product in at most 60 characters.", name)
                refuse_card_number(product, name)
            case "credit_limit_minor", int(limit):
                if not 0 <= limit <= HIGHEST_LIMIT_MINOR:
                    raise Invalid("The limit is an amount that is not negative.", name)
            case "apr_millionths", int(rate):
                if not 0 <= rate <= HIGHEST_APR_MILLIONTHS:
                    raise Invalid("The rate lies between 0 and 1000 percent a year.", name)
            case _:
                raise Invalid(f"{name} is not one of an account's terms.", name)
