"""The feeds whose rows have a date: where they are kept and what is compared when a row comes again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import SQLModel

from app.book.ledger.models import (
    Entry,
    Statement,
)
from app.book.ledger.rules import FeedKind


@dataclass(frozen=True)
class Dated:
    kind: FeedKind
    model: type[SQLModel]
    dated_by: str
    reference_column: str
    compared: tuple[str, ...]
    source: str = ""


_ENTRY = ("kind", "amount_minor", "effective_on", "description", "account_id")


DATED = {
    FeedKind.STATEMENTS: Dated(
        FeedKind.STATEMENTS,
        Statement,
        "closing_on",
        "statement_ref",
        ("closing_on", "due_on", "balance_minor", "minimum_due_minor", "account_id"),
    ),
    FeedKind.TRANSACTIONS: Dated(
        FeedKind.TRANSACTIONS, Entry, "effective_on", "transaction_ref", _ENTRY, "feed:transactions"
    ),
    FeedKind.PAYMENTS: Dated(
        FeedKind.PAYMENTS, Entry, "effective_on", "payment_ref", _ENTRY, "feed:payments"
    ),
}
