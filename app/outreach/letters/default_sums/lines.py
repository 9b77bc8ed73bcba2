"""Default sums of which a customer was not told yet, for the notice of them (Consumer Credit Act 1974 s.86E)."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.default_sums import LATE_FEES
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.types import Values
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.letters.letter import Letter
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.letters.statutory import DefaultSumLine
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT

LONGEST_BACK = timedelta(days=60)
"""Older ones were told of by the creditor, or never in time: a person looks at those."""


def default_sum_figures(
    session: Session,
    contact_case: ContactCase,
    letter: Letter,
    currency: str,
    language: str,
    *,
    today: date,
) -> Values:
    """The late fees of the last 60 days that were not reversed and that no notice of these sums told of, and their
    total."""
    message, entry = table_of(OutboxMessage), table_of(Entry)
    last = session.scalar(
        sa.select(sa.func.max(message.c.created_at)).where(
            message.c.customer_id == contact_case.customer.id, message.c.letter == letter.name,
            message.c.status.in_(LEFT), message.c.console_only.is_(False),
        )
    )  # fmt: skip
    accounts = {account.id: account for account in contact_case.accounts}
    undone = entry.alias()
    query = (
        sa.select(entry.c.account_id, entry.c.amount_minor, entry.c.effective_on)
        .where(
            among(session, entry.c.account_id, accounts), entry.c.kind == EntryKind.FEE,
            entry.c.reference.like(LATE_FEES), entry.c.posted_on > today - LONGEST_BACK, entry.c.amount_minor > 0,
            ~sa.exists().where(undone.c.reverses_id == entry.c.id),
        )
        .order_by(entry.c.effective_on, entry.c.id)
    )  # fmt: skip
    if last is not None:
        query = query.where(entry.c.created_at > last)
    rows = session.execute(query).all()
    lines = tuple(
        DefaultSumLine(
            accounts[account_id].product,
            accounts[account_id].card_last4,
            format_amount(amount, currency, language),
            format_date(on, language),
        )
        for account_id, amount, on in rows
    )
    total = sum(amount for _, amount, _ in rows)
    return {
        "default_sums": lines,
        "default_sums_total": format_amount(total, currency, language) if rows else "",
    }
