"""Entries that people post by hand, payments they move, overpayments they pay out.

Each is an entry and an event with its author and reason, in the caller's transaction, under the lock of the
customers it concerns. `rules.POSTED_BY_HAND` says who may post which kind.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.reversals import require_reversible
from app.book.ledger.corrections.same_money import join_moved, join_posted_again
from app.book.ledger.ends.after_reversal import judge_reversal
from app.book.ledger.ends.recoveries import reinstate_recoveries
from app.book.ledger.events import PaymentMoved
from app.book.ledger.models import Account, Entry
from app.book.ledger.references import is_reserved
from app.book.ledger.rules import POSTED_BY_HAND, EntryKind, payment_kind
from app.book.ledger.service import (
    MAX_REFERENCE,
    fresh_reference,
    lock_account,
    post_entry,
    post_mirror,
    record_on_account,
    suffixed,
)
from app.book.portfolios.days import business_date, first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_reason
from app.core.timeline.service import lock_customers


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
    """Post a payment, refund, fee, interest, credit or adjustment. The amount is positive and the kind gives the
    sign; an adjustment carries its own (positive: owed more). Without a reference one is made.

    Forbidden for a role that may not, Invalid for a day in the future or before the account was opened. A
    payment to an account that was charged off before it becomes a recovery.
    """
    if kind not in POSTED_BY_HAND:
        raise Invalid(f"An entry of kind {kind.value} is not posted by hand. Choose another kind.", "kind")
    if role not in POSTED_BY_HAND[kind]:
        raise Forbidden(f"Your role may not post an entry of kind {kind.value}. Ask a manager.")
    if is_reserved(reference):
        raise Invalid(
            "References that begin like this are given by the desk alone. Choose another, or leave it empty.",
            "reference",
        )
    description = clean_reason(description, "description", required=kind is not EntryKind.PAYMENT)
    account = lock_account(session, account)
    require_day(session, account, effective_on, now)
    if kind is EntryKind.PAYMENT:
        kind = payment_kind(account.status, account.ended_on, effective_on)
    entry = post_entry(
        session,
        account,
        kind,
        amount_minor,
        effective_on=effective_on,
        posted_on=posting_date(effective_on, first_open_day(session, account.portfolio_id)),
        reference=reference or fresh_reference(session, account, kind.value, effective_on),
        description=description,
        by=by,
        now=now,
    )
    join_posted_again(session, account, entry)
    reinstate_recoveries(session, account.portfolio_id, [id_of(account)], now=now)
    return entry


def require_day(session: Session, account: Account, on: date, now: datetime) -> None:
    """Invalid for a day that has not come where the portfolio is, or before the account was opened."""
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    if on > local_date(now, portfolio.timezone):
        raise Invalid("The effective date is in the future. Choose today or an earlier day.", "effective_on")
    if on < account.opened_on:
        raise Invalid(
            f"Account {account.reference} was opened on {account.opened_on}, after this day. Choose a later one.",
            "effective_on",
        )


def move_payment(
    session: Session,
    entry: Entry,
    to_account: Account,
    reason: str,
    *,
    stays_settled: bool = False,
    by: Actor,
    role: Role,
    now: datetime,
) -> Entry:
    """Move a payment from the account it was entered to to the right one, with its own date on both sides.

    It never was the first customer's, and for the second it counts from the day it came. Returns the new entry.
    `stays_settled`: as of `reverse_entry`.
    """
    reason = clean_reason(reason, "reason")
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not move payments. Ask a manager.")
    wrong = session.get_one(Account, entry.account_id)
    if entry.kind not in (EntryKind.PAYMENT, EntryKind.RECOVERY):
        raise Conflict(
            f"Entry {entry.reference} is of kind {entry.kind.value}. Only payments are moved; reverse it instead."
        )
    if wrong.portfolio_id != to_account.portfolio_id:
        raise Invalid(
            f"Account {to_account.reference} is in another portfolio. Choose one of this portfolio.",
            "to_account",
        )
    if wrong.id == to_account.id:
        raise Invalid(
            f"The payment is on account {to_account.reference} already. Choose another one.", "to_account"
        )
    if entry.effective_on < to_account.opened_on:
        raise Invalid(
            f"Account {to_account.reference} was opened on {to_account.opened_on}, after the payment. Choose another.",
            "to_account",
        )
    lock_customers(session, [wrong.customer_id, to_account.customer_id])
    to_account = lock_account(session, to_account)
    reinstated = require_reversible(session, wrong, entry)
    for each in (*reinstated, entry):
        post_mirror(session, wrong, each, f"moved: {reason}", each.effective_on, by=by, now=now)
    judge_reversal(
        session, wrong, entry, f"moved: {reason}", entry.effective_on,
        reinstated=bool(reinstated), stays_settled=stays_settled, by=by, now=now,
    )  # fmt: skip
    moved = post_entry(
        session,
        to_account,
        payment_kind(to_account.status, to_account.ended_on, entry.effective_on),
        -entry.amount_minor,
        effective_on=entry.effective_on,
        posted_on=posting_date(entry.effective_on, first_open_day(session, entry.portfolio_id)),
        reference=suffixed(entry, "moved"),
        description=f"moved: {reason}"[:MAX_REFERENCE],
        by=by,
        now=now,
    )
    join_moved(session, entry, moved)
    reinstate_recoveries(session, entry.portfolio_id, [id_of(to_account)], now=now)
    told = PaymentMoved(entry.reference, entry.amount_minor, wrong.reference, to_account.reference, reason)
    for account in (wrong, to_account):
        record_on_account(session, account, told, by=by, now=now)
    return moved


def pay_out(
    session: Session,
    account: Account,
    amount_minor: int,
    description: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Entry:
    """Give an overpayment back: an adjustment that takes up (part of) the credit balance of today."""
    description = clean_reason(description, "description")
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not pay out overpayments. Ask a manager.")
    if amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = local_date(now, portfolio.timezone)
    lock_customers(session, [account.customer_id])
    # A file that was loaded today may have told again what was taken off the book here.
    reinstate_recoveries(session, account.portfolio_id, [id_of(account)], now=now)
    # An account that owes money off the book is not overpaid, even if its balance is below zero.
    balance = max(balance_of(session, id_of(account), today), still_owed(session, account, today))
    if amount_minor > -balance:
        raise Conflict(f"Account {account.reference} is overpaid by less than this. Enter a smaller amount.")
    return post_entry(
        session,
        account,
        EntryKind.ADJUSTMENT,
        amount_minor,
        effective_on=today,
        posted_on=business_date(session, portfolio, now),
        reference=fresh_reference(session, account, "payout", today),
        description=description,
        by=by,
        now=now,
    )
