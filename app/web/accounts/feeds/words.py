"""Labels of the kinds of feeds."""

from __future__ import annotations

from app.book.ledger.rules import FeedKind

KINDS = {
    FeedKind.ACCOUNTS: ("Accounts", "Cardholders and their accounts"),
    FeedKind.STATEMENTS: ("Statements", "What fell due, and when"),
    FeedKind.TRANSACTIONS: ("Transactions", "Purchases, fees, interest, refunds"),
    FeedKind.PAYMENTS: ("Payments", "What came in"),
    FeedKind.POSITIONS: ("Positions", "What a placing creditor says is owed, where we get no statements"),
    FeedKind.CONTACTS: ("Contacts", "Further numbers and addresses of customers, and which are bad"),
    FeedKind.CAMT054: ("Bank credits (camt.054)", "A bank’s own notification; no mapping needed"),
}
