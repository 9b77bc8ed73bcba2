"""Portfolios, accounts and entries: the kinds, the signs, and what may never be stored. Pure."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum


class CollectorKind(StrEnum):
    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"


class DelinquencySource(StrEnum):
    LEDGER = "ledger"
    REPORTED = "reported"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    CHARGED_OFF = "charged_off"
    SETTLED = "settled"
    PAID = "paid"
    CLOSED = "closed"
    SOLD = "sold"
    DORMANT = "dormant"
    """Nothing owed and nothing happened for as long as the portfolio says; wakes with the next entry."""


COLLECTABLE = frozenset({AccountStatus.ACTIVE, AccountStatus.CLOSED})
"""Accounts somebody may be reminded of: closed to spending counts, settled, paid, sold and charged off do not."""


class EntryKind(StrEnum):
    OPENING_BALANCE = "opening_balance"
    PURCHASE = "purchase"
    CASH_ADVANCE = "cash_advance"
    INTEREST = "interest"
    FEE = "fee"
    PAYMENT = "payment"
    REFUND = "refund"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    WRITE_OFF = "write_off"
    RECOVERY = "recovery"


class FeedKind(StrEnum):
    ACCOUNTS = "accounts"
    STATEMENTS = "statements"
    TRANSACTIONS = "transactions"
    PAYMENTS = "payments"
    POSITIONS = "positions"
    """What a placing creditor says of accounts whose statements we do not get (source `reported`)."""
    CAMT054 = "camt054"
    """ISO 20022 camt.054: a bank's credit notifications."""


class WaiverStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"


class UnmatchedStatus(StrEnum):
    WAITING = "waiting"
    MATCHED = "matched"
    RETURNED = "returned"
    """Sent back to the payer: it was not for an account of ours."""


LOWERING = frozenset(
    {EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT, EntryKind.WRITE_OFF, EntryKind.RECOVERY}
)
"""Kinds whose (positive) feed amount lowers what is owed."""

EITHER_WAY = frozenset({EntryKind.OPENING_BALANCE, EntryKind.ADJUSTMENT})
"""Kinds whose feed amount carries its own sign."""

PAYS_DUES = frozenset({EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT})
"""Credits that pay unpaid dues and open minimums (design: delinquency)."""

DEFAULT_BUCKET_EDGES = (1, 30, 60, 90, 120, 150, 180)


class SignError(ValueError):
    pass


def signed(kind: EntryKind, amount_minor: int) -> int:
    """Ledger sign of a feed amount: debits positive, credits negative. A negative amount is refused
    for kinds that have one direction: a mistake is reversed, not loaded with the other sign."""
    if kind in EITHER_WAY:
        return amount_minor
    if kind is EntryKind.REVERSAL:
        raise SignError("a reversal names the entry it reverses; it cannot be loaded by feed")
    if amount_minor < 0:
        raise SignError(f"amount of a {kind} must not be negative")
    return -amount_minor if kind in LOWERING else amount_minor


def posting_date(effective_on: date, open_on: date | None) -> date:
    """The business date something belongs to when it arrives: its own, or the first open day (`open_on`) if its
    own has been closed. So what was known on a past day K is what was posted by K, also for history that was
    loaded before any day was closed."""
    return max(effective_on, open_on) if open_on else effective_on


_GROUPED_DIGITS = re.compile(r"[0-9]+(?:[ .\-][0-9]+)*")


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def holds_card_number(text: str) -> bool:
    """True if `text` holds a card number: 13-19 digits, bare or in groups parted by one space, dot or hyphen,
    that pass Luhn and begin with an industry digit cards are issued under (ISO/IEC 7812: 2-6, and 8).

    Groups are tried in every neighbouring combination, so an expiry date behind the number does not hide it.
    """
    if sum(map(str.isdecimal, text)) < 13:
        return False
    ascii_digits = "".join(str(int(char)) if char.isdecimal() else char for char in text)
    return any(_run_holds_card(run.group()) for run in _GROUPED_DIGITS.finditer(ascii_digits))


def _run_holds_card(run: str) -> bool:
    groups = re.split(r"[ .\-]", run)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 13 and digits[0] in "234568" and len(set(digits)) > 1 and luhn(digits):
                return True
    return False
