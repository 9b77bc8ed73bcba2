"""Opening portfolios, posting and reversing entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.db import chunked, table_of, upsert
from app.errors import Conflict, Invalid, NotFound
from app.ledger.models import Account, DailyRun, Entry, LedgerChange, Portfolio
from app.ledger.rules import CollectorKind, EntryKind, SignError, holds_card_number, signed
from app.money import BadAmount, exponent
from app.timeline.rules import Kind
from app.timeline.service import NewEvent, customer_stream, portfolio_stream, record

MAX_REFERENCE = 80


def add_portfolio(
    session: Session,
    code: str,
    *,
    creditor: str,
    currency: str,
    timezone: str,
    pack: str,
    collector: CollectorKind,
    by: str,
    now: datetime,
    **options: Any,
) -> Portfolio:
    """Open a portfolio. Invalid names the field that is wrong; Conflict if the code is taken."""
    try:
        exponent(currency)
    except BadAmount as error:
        raise Invalid(str(error), "currency") from None
    if timezone not in available_timezones():
        raise Invalid(f"unknown time zone {timezone!r}", "timezone")
    if not code or not all(char.isalnum() or char in "-_" for char in code):
        raise Invalid("a portfolio code is letters, digits, - and _", "code")
    if session.scalar(select(Portfolio.id).where(Portfolio.code == code)):
        raise Conflict(f"portfolio {code} exists already")
    portfolio = Portfolio.model_validate(
        {
            "code": code,
            "creditor": creditor,
            "currency": currency,
            "timezone": timezone,
            "pack": pack,
            "collector": collector,
            "created_at": now,
            **options,
        }
    )
    session.add(portfolio)
    session.flush()
    assert portfolio.id is not None
    data = {"code": code, "currency": currency, "pack": pack, "collector": collector.value}
    record(session, NewEvent(portfolio_stream(portfolio.id), Kind.PORTFOLIO_ADDED, data), by=by, now=now)
    return portfolio


def get_portfolio(session: Session, code: str) -> Portfolio:
    portfolio = session.scalar(select(Portfolio).where(Portfolio.code == code))
    if portfolio is None:
        raise NotFound(f"no portfolio {code!r}; `desk portfolio add` opens one")
    return portfolio


def post_entry(
    session: Session,
    account: Account,
    kind: EntryKind,
    amount_minor: int,
    *,
    effective_on: date,
    posted_on: date,
    reference: str,
    description: str = "",
    by: str,
    now: datetime,
) -> Entry:
    """Post one entry by hand; `amount_minor` as in a feed (positive, the kind gives the sign)."""
    assert account.id is not None
    try:
        amount = signed(kind, amount_minor)
    except SignError as error:
        raise Invalid(str(error), "amount") from None
    if amount == 0:
        raise Invalid("the amount is zero", "amount")
    if effective_on > posted_on:
        raise Invalid("the effective date is in the future", "effective_on")
    for name, text in (("description", description), ("reference", reference)):
        if holds_card_number(text):
            raise Invalid("this looks like a full card number, which is never stored", name)
    taken = select(Entry.id).where(Entry.portfolio_id == account.portfolio_id, Entry.reference == reference)
    if session.scalar(taken):
        raise Conflict(f"reference {reference} is already in the ledger")
    entry = Entry(
        portfolio_id=account.portfolio_id,
        account_id=account.id,
        kind=kind,
        amount_minor=amount,
        effective_on=effective_on,
        posted_on=posted_on,
        reference=reference,
        source=by,
        description=description,
        created_at=now,
    )
    session.add(entry)
    session.flush()
    mark_changed(session, account.portfolio_id, {account.id: effective_on})
    _record_entry(session, account, entry, by=by, now=now)
    return entry


def reverse_entry(
    session: Session, entry: Entry, *, reason: str, posted_on: date, by: str, now: datetime
) -> Entry:
    """Undo an entry by its mirror image. Delinquency nets a reversed credit on the credit's own date,
    so a bounced payment reopens what it had paid as if it had never come."""
    if entry.kind is EntryKind.REVERSAL:
        raise Conflict("a reversal cannot be reversed; post the entry again")
    if session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
        raise Conflict(f"entry {entry.reference} is reversed already")
    if holds_card_number(reason):
        raise Invalid("this looks like a full card number, which is never stored", "reason")
    account = session.get_one(Account, entry.account_id)
    reference = f"{entry.reference}:reversal"
    mirror = Entry(
        portfolio_id=entry.portfolio_id,
        account_id=entry.account_id,
        kind=EntryKind.REVERSAL,
        amount_minor=-entry.amount_minor,
        effective_on=posted_on,
        posted_on=posted_on,
        reference=reference if len(reference) <= MAX_REFERENCE else f"reversal:{entry.id}",
        source=by,
        description=reason[:200],
        reverses_id=entry.id,
        created_at=now,
    )
    session.add(mirror)
    session.flush()
    assert account.id is not None
    mark_changed(session, account.portfolio_id, {account.id: entry.effective_on})
    _record_entry(session, account, mirror, by=by, now=now)
    return mirror


def _record_entry(session: Session, account: Account, entry: Entry, *, by: str, now: datetime) -> None:
    data = {
        "reference": entry.reference,
        "kind": entry.kind.value,
        "amount_minor": entry.amount_minor,
        "effective_on": entry.effective_on,
        "description": entry.description,
    }
    event = NewEvent(
        customer_stream(account.customer_id),
        Kind.ENTRY_POSTED,
        data,
        customer_id=account.customer_id,
        account_id=account.id,
    )
    record(session, event, by=by, now=now)


def first_open_day(session: Session, portfolio_id: int) -> date | None:
    """The day after the last one that was closed, into which what comes late is posted; None if none was."""
    query = sa.select(sa.func.max(DailyRun.business_date)).where(
        col(DailyRun.portfolio_id) == portfolio_id, col(DailyRun.finished_at).is_not(None)
    )
    last = session.scalar(query)
    return last + timedelta(days=1) if last else None


def mark_changed(session: Session, portfolio_id: int, earliest: Mapping[int, date]) -> None:
    """Note that these accounts have something unfolded from a date on (account id -> date)."""
    table = table_of(LedgerChange)
    for batch in chunked(sorted(earliest.items()), 2000):
        rows = [{"account_id": a, "portfolio_id": portfolio_id, "earliest_on": on} for a, on in batch]
        insert = upsert(session, LedgerChange)
        sooner = sa.case(
            (insert.excluded.earliest_on < table.c.earliest_on, insert.excluded.earliest_on),
            else_=table.c.earliest_on,
        )
        statement = insert.on_conflict_do_update(index_elements=["account_id"], set_={"earliest_on": sooner})
        session.connection().execute(statement, rows)


def accounts_by_reference(
    session: Session, portfolio_id: int, references: list[str]
) -> dict[str, tuple[int, int]]:
    """reference -> (account id, customer id) of those that exist."""
    found: dict[str, tuple[int, int]] = {}
    for names in chunked(references, 5000):
        query = select(Account.reference, Account.id, Account.customer_id).where(
            Account.portfolio_id == portfolio_id, col(Account.reference).in_(names)
        )
        found.update({ref: (account, customer) for ref, account, customer in session.execute(query)})  # type: ignore[misc]
    return found
