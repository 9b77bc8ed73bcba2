"""Redress: a credit on an account of the customer, by one manager within the portfolio's limit or by two people."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.actions.complaints.answering import locked_complaint
from app.actions.complaints.opening import require_not_about
from app.book.delinquency.service import standing_on
from app.book.ledger.corrections.credits import grant_credit
from app.book.ledger.models import Account
from app.book.ledger.rules import waives_alone
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint, ComplaintRedress
from app.casework.complaints.queries import get_redress, redress_of
from app.casework.complaints.rules import RedressStatus
from app.casework.complaints.service import record_redress, require_open
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.money import with_code
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_reason


def give_redress(
    session: Session,
    complaint_id: int,
    account_id: int,
    amount_minor: int,
    reason: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> ComplaintRedress:
    """Credit an account of the customer. A manager decides alone, and the credit is posted, within the portfolio's
    limit for all redress of the complaint together; otherwise it waits for a manager other than the one who asked.
    Invalid, naming the field, for another's account, and an amount that is none or more than is owed and not in
    dispute."""
    complaint = locked_complaint(session, complaint_id)
    require_not_about(session, complaint, by)
    require_open(complaint)
    reason = clean_reason(reason, "reason")
    account = session.get(Account, account_id)
    if account is None or account.customer_id != complaint.customer_id:
        raise Invalid("This account is not one of the customer. Choose one of theirs.", "account")
    if amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    earlier = [row for row in redress_of(session, complaint_id) if row.status is not RedressStatus.DECLINED]
    waiting = sum(
        row.amount_minor
        for row in earlier
        if row.account_id == account_id and row.status is RedressStatus.REQUESTED
    )
    portfolio = session.get_one(Portfolio, complaint.portfolio_id)
    left = max(0, _left_to_credit(session, account, now=now) - waiting)
    if amount_minor > left:
        amount = with_code(left, portfolio.currency)
        raise Invalid(
            f"{amount} of the account is owed, not in dispute and not asked for already. Enter no more.",
            "amount",
        )
    together = amount_minor + sum(row.amount_minor for row in earlier)
    redress = ComplaintRedress(
        portfolio_id=complaint.portfolio_id,
        complaint_id=complaint_id,
        account_id=account_id,
        amount_minor=amount_minor,
        reason=reason,
        requested_by=by,
        requested_at=now,
        alone=waives_alone(role, together, portfolio.waive_limit_minor),
    )
    session.add(redress)
    session.flush()
    if redress.alone:
        _pay(session, complaint, redress, by=by, now=now)
    else:
        record_redress(session, complaint, redress, by=by, now=now)
    return redress


def decide_redress(
    session: Session,
    redress_id: int,
    *,
    approve: bool,
    note: str = "",
    by: Actor,
    role: Role,
    now: datetime,
) -> ComplaintRedress:
    """Approve redress, which posts the credit, or decline it with a reason. Forbidden to the person who asked
    and to the one complained about, Conflict where less is owed by now."""
    note = clean_reason(note, "note", required=not approve)
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not decide about redress. Ask a manager.")
    complaint = locked_complaint(session, get_redress(session, redress_id).complaint_id)
    require_not_about(session, complaint, by)
    redress = get_redress(session, redress_id, lock=True)
    if redress.status is not RedressStatus.REQUESTED:
        raise Conflict(f"This redress is {redress.status.value} already.")
    if is_same_person(session, redress.requested_by, by):
        raise Forbidden("You asked for this redress. Another manager decides about it.")
    redress.note = note
    if approve:
        account = session.get_one(Account, redress.account_id)
        left = _left_to_credit(session, account, now=now)
        if redress.amount_minor > left:
            amount = with_code(left, session.get_one(Portfolio, redress.portfolio_id).currency)
            raise Conflict(f"Only {amount} of the account is owed and not in dispute by now. Decline it.")
        _pay(session, complaint, redress, by=by, now=now)
    else:
        redress.status, redress.decided_by, redress.decided_at = RedressStatus.DECLINED, by, now
        session.flush()
        record_redress(session, complaint, redress, by=by, now=now)
    return redress


def _left_to_credit(session: Session, account: Account, *, now: datetime) -> int:
    """What is owed on an account and not in dispute, in minor units."""
    portfolio, number = session.get_one(Portfolio, account.portfolio_id), id_of(account)
    stands = standing_on(session, portfolio, [number], local_date(now, portfolio.timezone))[number]
    return stands.collectable


def _pay(
    session: Session, complaint: Complaint, redress: ComplaintRedress, *, by: Actor, now: datetime
) -> None:
    credit = grant_credit(
        session,
        session.get_one(Account, redress.account_id),
        redress.amount_minor,
        f"{complaint.reference}: {redress.reason}"[:200],
        reference=f"redress:{id_of(redress)}",
        by=by,
        now=now,
    )
    redress.status, redress.decided_by, redress.decided_at = RedressStatus.PAID, by, now
    redress.entry_id = credit.id
    session.flush()
    record_redress(session, complaint, redress, by=by, now=now)
