"""Corrections on an account, each with its author and reason: entries, waivers, days, terms, statements, payments.

A correction that one package can do alone is that package's own verb; pages and the API call it through this file.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.accounts import reversals
from app.actions.accounts.reported import decide_report
from app.actions.accounts.reversals import move_payment
from app.actions.disputes.found import end_paid_disputes
from app.actions.disputes.goodwill import require_credit_grant
from app.actions.results.claims import settle_claims
from app.book.charges.statements import replace_statement
from app.book.delinquency import lifecycle as delinquency
from app.book.delinquency.lifecycle import ReAgeRefused, end_pause, set_pause
from app.book.delinquency.models import ReAge
from app.book.feeds.bank import matching
from app.book.feeds.bank.matching import return_payment
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.corrections import entries
from app.book.ledger.corrections.entries import pay_out
from app.book.ledger.corrections.terms import change_terms
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import POSTED_BY_HAND, EntryKind
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers
from app.policy.composition import pack_of


def reverse_entry(session: Session, entry: Entry, reason: str, *, by: Actor, now: datetime) -> Entry:
    """Enter the mirror image of an entry on the open business day, and undo what it had brought about."""
    if not reason.strip():
        raise Invalid("Say why, in a few words.", "reason")
    portfolio = session.get_one(Portfolio, entry.portfolio_id)
    posted_on = max(business_date(session, portfolio, now), entry.effective_on)
    return reversals.reverse_entry(session, entry, reason=reason, posted_on=posted_on, by=by, now=now)


def re_age(session: Session, account: Account, reason: str, *, by: Actor, role: Role, now: datetime) -> ReAge:
    """Bring an account current under the rule of the portfolio's policy pack. ReAgeRefused names every reason."""
    rule = pack_of(session.get_one(Portfolio, account.portfolio_id)).re_age
    return delinquency.re_age(session, account, rule, reason, by=by, role=role, now=now)


def match_payment(
    session: Session, payment: UnmatchedPayment, account: Account, *, by: Actor, now: datetime
) -> Entry:
    """Post a payment that no account could be found for to this account."""
    lock_customers(session, [account.customer_id])
    entry = matching.match_payment(session, payment, account, by=by, now=now)
    _end_what_is_paid(session, account, by=by, now=now)
    return entry


def _end_what_is_paid(session: Session, account: Account, *, by: Actor, now: datetime) -> None:
    """End claims and disputes that speak of a payment that was posted by now."""
    settle_claims(session, [account.customer_id], by=by, now=now)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    end_paid_disputes(session, portfolio, [account.customer_id], by=by, now=now)


def post_by_hand(
    session: Session,
    account: Account,
    kind: EntryKind,
    amount_minor: int,
    effective_on: date,
    description: str,
    *,
    reference: str = "",
    by: Actor,
    role: Role,
    now: datetime,
) -> Entry:
    """Post an entry; a payment that the customer has claimed ends the claim, or the dispute. A credit, or an adjustment
    that lowers the debt, is Forbidden beyond what one person may grant."""
    lowers = kind is EntryKind.CREDIT or (kind is EntryKind.ADJUSTMENT and amount_minor < 0)
    if lowers and role in POSTED_BY_HAND[kind]:
        lock_customers(session, [account.customer_id])
        require_credit_grant(session, account, abs(amount_minor), role=role, now=now)
    entry = entries.post_by_hand(
        session, account, kind, amount_minor, effective_on, description,
        reference=reference, by=by, role=role, now=now,
    )  # fmt: skip
    if kind is EntryKind.PAYMENT:
        _end_what_is_paid(session, account, by=by, now=now)
    return entry


__all__ = [
    "ReAgeRefused",
    "change_status",
    "change_terms",
    "decide_report",
    "end_pause",
    "match_payment",
    "move_payment",
    "pay_out",
    "post_by_hand",
    "re_age",
    "replace_statement",
    "return_payment",
    "reverse_entry",
    "set_pause",
    "waive",
]
