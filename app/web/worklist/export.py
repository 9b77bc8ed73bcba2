"""The worklist as a CSV file: everything that the view selects, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from babel import Locale
from sqlmodel import Session

from app.core.money import to_decimal_string
from app.core.types import Rows
from app.web.timeline import PageReader
from app.web.worklist.why import why
from app.worklist.rows import rows_of
from app.worklist.view import View, page_of

HEADER = (
    "case", "portfolio", "customer_ref", "customer", "currency", "past_due", "balance", "days_past_due", "bucket",
    "accounts", "owner", "section", "why", "since", "last_contact_at", "last_contact", "callable",
)  # fmt: skip
AT_ONCE = 500
ENGLISH = Locale("en")


def csv_rows(session: Session, view: View, now: datetime) -> Iterator[Rows]:
    """A row a case, read some hundred at a time."""
    after: Rows | None = None
    while True:
        items, position = page_of(session, view, after=after, limit=AT_ONCE, now=now)
        for row in rows_of(session, view.books, items, now, owner=view.owner):
            told = why(row, now, PageReader(ENGLISH, row.book.currency, row.book.timezone))
            yield (
                row.reference,
                row.book.code,
                row.customer_reference,
                row.name,
                row.book.currency,
                to_decimal_string(row.past_due, row.book.currency),
                to_decimal_string(row.balance, row.book.currency),
                row.days,
                row.bucket,
                len(row.endings),
                row.owner,
                row.item.section.name.lower(),
                " ".join(filter(None, (told.reason, told.words))),
                row.item.at or row.item.on,
                row.contact.at if row.contact else None,
                (row.contact.result or str(row.contact.channel or "")) if row.contact else "",
                row.callable.verdict,
            )
        if position is None:
            return
        after = position
