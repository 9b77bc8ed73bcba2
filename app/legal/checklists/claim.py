"""The accounts of a customer that make up a claim. Pure."""

from __future__ import annotations

from app.book.ledger.rules import AccountStatus


def why_not_claimed(status: AccountStatus, past_due_minor: int, owed_minor: int) -> str:
    """Reason why an account is no part of the claim; '' = it is. The claim is the whole debt of each account that is
    past due or was charged off, here or at the creditor. A credit on one card is not set off against another."""
    if status in (AccountStatus.SETTLED, AccountStatus.PAID, AccountStatus.SOLD):
        return f"the account is {status.value}"
    if owed_minor < 0:
        return "overpaid; it was not set off"
    if owed_minor == 0:
        return "nothing is owed on it"
    if past_due_minor <= 0 and status is not AccountStatus.CHARGED_OFF:
        return "nothing is past due on it"
    return ""
