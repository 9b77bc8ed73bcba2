"""Waivers: a fee or interest forgiven, by one person within the portfolio's limit or by two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, select

from app.book.ledger.corrections.reversals import standing_waivers
from app.book.ledger.events import WaiverDecided, WaiverRequested
from app.book.ledger.models import Account, Entry, Waiver
from app.book.ledger.rules import WAIVABLE, EntryKind, WaiverStatus, grants_alone
from app.book.ledger.service import post_entry, record_on_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_reason
from app.core.timeline.service import lock_customers


def waive(
    session: Session, entry: Entry, amount_minor: int, reason: str, *, by: Actor, role: Role, now: datetime
) -> Waiver:
    """Forgive a fee or interest, wholly or in part. An agent or manager within the portfolio's limit for them decides
    alone and the credit is posted; otherwise the waiver waits for a manager other than the one who asked."""
    reason = clean_reason(reason, "reason")
    account = session.get_one(Account, entry.account_id)
    lock_customers(session, [account.customer_id])
    if entry.kind not in WAIVABLE or entry.amount_minor <= 0:
        raise Conflict(
            f"Entry {entry.reference} is of kind {entry.kind.value}. Only a fee or interest can be waived."
        )
    if session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
        raise Conflict(f"Entry {entry.reference} was reversed. There is nothing left to waive.")
    if amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    if amount_minor > left_to_waive(session, entry):
        raise Invalid(
            f"Less than this is left of entry {entry.reference} after other waivers. Enter a smaller amount.",
            "amount",
        )
    portfolio = session.get_one(Portfolio, entry.portfolio_id)
    waiver = Waiver(
        portfolio_id=entry.portfolio_id,
        account_id=entry.account_id,
        entry_id=id_of(entry),
        amount_minor=amount_minor,
        reason=reason,
        requested_by=by,
        requested_at=now,
        alone=grants_alone(role, amount_minor, portfolio.agent_waive_minor, portfolio.waive_limit_minor),
    )
    session.add(waiver)
    session.flush()
    _record_waiver(session, WaiverRequested, account, entry, waiver, by=by, now=now)
    if waiver.alone:
        _approve(session, waiver, account, entry, by=by, now=now)
    return waiver


def waive_as_agreed(
    session: Session, entry: Entry, amount_minor: int, reason: str, *, by: Actor, now: datetime
) -> Waiver:
    """Waive a part of a fee because an agreement says so; who could grant it was checked when it was offered. The
    caller holds the customer's lock and asks for no more than is `left_to_waive`."""
    account = session.get_one(Account, entry.account_id)
    waiver = Waiver(
        portfolio_id=entry.portfolio_id,
        account_id=entry.account_id,
        entry_id=id_of(entry),
        amount_minor=amount_minor,
        reason=reason,
        requested_by=by,
        requested_at=now,
        alone=True,
    )
    session.add(waiver)
    session.flush()
    _record_waiver(session, WaiverRequested, account, entry, waiver, by=by, now=now)
    _approve(session, waiver, account, entry, by=by, now=now)
    return waiver


def decide_waiver(
    session: Session, waiver: Waiver, *, approve: bool, note: str = "", by: Actor, role: Role, now: datetime
) -> Waiver:
    """Approve a waiver, which posts the credit, or decline it. Forbidden to the person who asked for it."""
    note = clean_reason(note, "note", required=not approve)
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not decide about waivers. Ask a manager.")
    account = session.get_one(Account, waiver.account_id)
    lock_customers(session, [account.customer_id])
    waiver = session.get_one(Waiver, waiver.id, populate_existing=True, with_for_update=True)
    if waiver.status is not WaiverStatus.REQUESTED:
        raise Conflict(f"This waiver is {waiver.status.value} already. Ask for another one.")
    if is_same_person(session, waiver.requested_by, by):
        raise Forbidden("You asked for this waiver. Ask another manager to decide about it.")
    waiver.note = note
    entry = session.get_one(Entry, waiver.entry_id)
    if approve:
        if session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
            raise Conflict(f"entry {entry.reference} was reversed since: there is nothing left to waive")
        _approve(session, waiver, account, entry, by=by, now=now)
    else:
        waiver.status, waiver.decided_by, waiver.decided_at = WaiverStatus.DECLINED, by, now
        _record_waiver(session, WaiverDecided, account, entry, waiver, by=by, now=now)
    session.flush()
    return waiver


def _approve(
    session: Session, waiver: Waiver, account: Account, entry: Entry, *, by: Actor, now: datetime
) -> None:
    portfolio = session.get_one(Portfolio, waiver.portfolio_id)
    today = local_date(now, portfolio.timezone)
    credit = post_entry(
        session,
        account,
        EntryKind.CREDIT,
        waiver.amount_minor,
        effective_on=today,
        posted_on=business_date(session, portfolio, now),
        reference=f"waiver:{waiver.id}",
        description=waiver.reason,
        by=by,
        now=now,
    )
    waiver.status, waiver.decided_by, waiver.decided_at = WaiverStatus.APPROVED, by, now
    waiver.credit_id = credit.id
    session.flush()
    _record_waiver(session, WaiverDecided, account, entry, waiver, by=by, now=now)


def left_to_waive(session: Session, entry: Entry) -> int:
    """Return the rest of a fee or interest entry after waivers granted and waiting, in minor units."""
    waivers: Sequence[Waiver] = session.scalars(standing_waivers(entry)).all()
    taken = sum(waiver.amount_minor for waiver in waivers)
    return entry.amount_minor - taken


def _record_waiver(
    session: Session,
    kind: type[WaiverRequested | WaiverDecided],
    account: Account,
    entry: Entry,
    waiver: Waiver,
    *,
    by: Actor,
    now: datetime,
) -> None:
    payload = kind(
        id_of(waiver),
        entry.reference,
        waiver.amount_minor,
        waiver.reason,
        waiver.alone,
        waiver.status,
        waiver.note,
    )
    record_on_account(session, account, payload, by=by, now=now)
