"""Accounts and entries: the kinds, the signs, and the statuses an account may take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.staff.rules import CASEWORK, MANAGEMENT, Role


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
"""Accounts of a creditor that may be worked: closed to spending counts; settled, paid, sold and charged off do not."""


def is_worked(status: AccountStatus, ended_on: date | None) -> bool:
    """Check whether reminders may be sent for an account. A charged-off account without `ended_on` came charged off
    into the portfolio: a collector was given it to work."""
    return status in COLLECTABLE or (status is AccountStatus.CHARGED_OFF and ended_on is None)


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
    """A placing creditor's report on accounts whose statements we do not get (source `reported`)."""
    CONTACTS = "contacts"
    """Several numbers and addresses of a customer, beside those of the accounts feed."""
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
    SPLIT = "split"
    """Split over several accounts: each part stands for itself."""


class ReportedWhat(StrEnum):
    """Changes that a creditor's file reports of an account and only a manager takes over."""

    HOLDER = "holder"
    STATUS = "status"


class ReportedStatus(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """A later file says what we say."""


LOWERING = frozenset(
    {EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT, EntryKind.WRITE_OFF, EntryKind.RECOVERY}
)
"""Kinds whose (positive) feed amount lowers what is owed."""


EITHER_WAY = frozenset({EntryKind.OPENING_BALANCE, EntryKind.ADJUSTMENT})
"""Kinds whose feed amount carries its own sign."""


PAYS_DUES = frozenset({EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT, EntryKind.RECOVERY})
"""Credits that pay unpaid dues and open minimums (design: delinquency). A recovery is money like a payment: after an
end nothing has any effect on dues, and on an account that came charged off it lowers what is past due."""


MONEY_IN = frozenset({EntryKind.PAYMENT, EntryKind.RECOVERY})
"""Kinds of money from the customer; files give it several names."""


class SignError(ValueError):
    """An amount with the wrong sign for its kind of entry: a payment that adds to the debt, for example."""


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


POSTED_BY_HAND: Mapping[EntryKind, tuple[Role, ...]] = {
    EntryKind.PAYMENT: CASEWORK,
    EntryKind.REFUND: MANAGEMENT,
    EntryKind.FEE: MANAGEMENT,
    EntryKind.INTEREST: MANAGEMENT,
    EntryKind.CREDIT: MANAGEMENT,
    EntryKind.ADJUSTMENT: MANAGEMENT,
}
"""Roles that may enter each kind: taking a payment is casework, changing a debt is not."""


WAIVABLE = frozenset({EntryKind.FEE, EntryKind.INTEREST})


def waives_alone(role: Role, amount_minor: int, limit_minor: int) -> bool:
    """Check whether this person's credit needs no second person: a manager's does not, up to the portfolio's limit.
    Any other waits for a manager who did not ask for it."""
    return role in MANAGEMENT and amount_minor <= limit_minor


def grants_alone(role: Role, amount_minor: int, agent_limit_minor: int, limit_minor: int) -> bool:
    """Check whether a person may waive or credit a sum without a second person: an agent up to the portfolio's limit
    for agents, a manager up to the limit for managers. Anything else waits for a manager who did not ask for it."""
    limit = limit_minor if role in MANAGEMENT else agent_limit_minor if role in CASEWORK else 0
    return amount_minor <= limit


def payment_kind(status: AccountStatus, ended_on: date | None, paid_on: date) -> EntryKind:
    """Return the kind of a payment: money that comes after an account was charged off here is a recovery. On an
    account that came charged off (no `ended_on`: a collector works it) it is a payment like any other."""
    recovered = status is AccountStatus.CHARGED_OFF and ended_on is not None and paid_on > ended_on
    return EntryKind.RECOVERY if recovered else EntryKind.PAYMENT


def is_charge_off(balance_before: int, written_off: int) -> bool:
    """Check whether a creditor's `write_off` on an account that came charged off is the charge-off itself. It is if
    it takes at least half of the balance; a smaller one forgave a fee or some interest."""
    return balance_before > 0 and 2 * written_off >= balance_before


ENDED = frozenset({AccountStatus.CHARGED_OFF, AccountStatus.SETTLED, AccountStatus.PAID, AccountStatus.SOLD})
"""Ends: nothing falls past due any more."""


TRANSITIONS: Mapping[AccountStatus, frozenset[AccountStatus]] = {
    AccountStatus.ACTIVE: ENDED | {AccountStatus.CLOSED, AccountStatus.DORMANT},
    AccountStatus.CLOSED: ENDED | {AccountStatus.ACTIVE},
    AccountStatus.DORMANT: frozenset({AccountStatus.ACTIVE, AccountStatus.CLOSED}),
    AccountStatus.CHARGED_OFF: frozenset(
        {AccountStatus.ACTIVE, AccountStatus.SETTLED, AccountStatus.PAID, AccountStatus.SOLD}
    ),
    AccountStatus.SETTLED: frozenset({AccountStatus.ACTIVE}),
    AccountStatus.PAID: frozenset({AccountStatus.ACTIVE}),
    AccountStatus.SOLD: frozenset({AccountStatus.ACTIVE}),
}
"""From an end, `active` undoes it. A charged-off account may still be settled, paid or sold."""


class StatusRefusal(StrEnum):
    NO_SUCH_STEP = "no_such_step"
    IN_THE_FUTURE = "in_the_future"
    BEFORE_OPENING = "before_opening"
    STILL_OWES = "still_owes"
    OVERPAID = "overpaid"
    NOT_EMPTY = "not_empty"


STATUS_SENTENCES: Mapping[StatusRefusal, str] = {
    StatusRefusal.NO_SUCH_STEP: "an account does not go from {status} to {to}",
    StatusRefusal.IN_THE_FUTURE: "the day lies in the future",
    StatusRefusal.BEFORE_OPENING: "the account was not open on that day",
    StatusRefusal.STILL_OWES: "it is not paid: something is still owed",
    StatusRefusal.OVERPAID: "it is overpaid: pay out the credit balance first",
    StatusRefusal.NOT_EMPTY: "a dormant account owes nothing and is owed nothing",
}


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Facts for judging a change of status; `balance_minor` and `still_owed_minor` at the end of `on`."""

    status: AccountStatus
    to: AccountStatus
    on: date
    today: date
    opened_on: date
    balance_minor: int
    still_owed_minor: int
    """The balance, and of a charged-off account what was written off less what was recovered."""


def status_refusals(facts: StatusFacts) -> list[StatusRefusal]:
    """Every reason why the account may not go from one status to another."""
    refusals = []
    if facts.to not in TRANSITIONS[facts.status]:
        refusals.append(StatusRefusal.NO_SUCH_STEP)
    if facts.on > facts.today:
        refusals.append(StatusRefusal.IN_THE_FUTURE)
    if facts.on < facts.opened_on:
        refusals.append(StatusRefusal.BEFORE_OPENING)
    if facts.to is AccountStatus.PAID and facts.still_owed_minor > 0:
        refusals.append(StatusRefusal.STILL_OWES)
    if facts.to in ENDED and facts.balance_minor < 0:
        refusals.append(StatusRefusal.OVERPAID)
    if facts.to is AccountStatus.DORMANT and facts.balance_minor != 0:
        refusals.append(StatusRefusal.NOT_EMPTY)
    return refusals


class EndVerdict(StrEnum):
    """Effect of a reversal on an account that has ended."""

    STANDS = "stands"
    UNDONE = "undone"
    """It owes again, and the amount that the end forgave is owed again too."""
    OFF_THE_BOOK = "off_the_book"
    """It stays ended, and the amount that the reversal added or took is set against the amount taken off the book."""


@dataclass(frozen=True, slots=True)
class EndFacts:
    """An ended account right after one of its entries was reversed; amounts in minor units."""

    status: AccountStatus
    before: AccountStatus
    """The status it had until it ended (charged off, where that account was settled or paid later)."""
    ended_on: date
    off_book_on: date
    """The day from which nothing falls due: `ended_on`, or the charge-off before it."""
    entry_minor: int
    """The reversed entry: a payment is negative."""
    entry_on: date
    balance_minor: int
    """Now, the reversal included."""
    off_book_minor: int
    """Amount taken off the book less recoveries."""
    reinstated: bool = False
    """The entry's reinstatement was reversed along with it: the write-off had not counted it."""
    charged_since_minor: int = 0
    """Charges since the charge-off, which are on the book."""
    stays_settled: bool = False
    """What was agreed to settle the account is paid without the entry: what is owed again is waived like the rest."""


def judge_end(facts: EndFacts) -> EndVerdict:
    """Decide whether an account's end outlives a reversal.

    `settled` and `paid` do not where something is owed again, unless what was agreed to settle it is paid still. A
    charge-off and a sale do: the debt is off the book and not forgiven, so what a bounced payment adds is taken off
    too. A reversed charge lowers what was taken off first, and only the rest is an overpayment.
    """
    if facts.status is AccountStatus.CHARGED_OFF or facts.stays_settled:
        return EndVerdict.OFF_THE_BOOK if to_take_off(facts) else EndVerdict.STANDS
    ends_with_nothing_owed = facts.status in (AccountStatus.SETTLED, AccountStatus.PAID)
    if ends_with_nothing_owed and facts.before is AccountStatus.CHARGED_OFF:
        bounced = facts.entry_minor < 0 and facts.entry_on <= facts.ended_on
        owes = facts.balance_minor + facts.off_book_minor > 0
        if bounced and owes:
            return EndVerdict.UNDONE
    elif ends_with_nothing_owed and facts.balance_minor > 0:
        return EndVerdict.UNDONE
    if facts.reinstated or facts.entry_on > facts.off_book_on or facts.entry_minor == 0:
        return EndVerdict.STANDS
    if facts.entry_minor < 0:
        return EndVerdict.STANDS if ends_with_nothing_owed else EndVerdict.OFF_THE_BOOK
    return EndVerdict.OFF_THE_BOOK if facts.entry_minor <= facts.off_book_minor else EndVerdict.STANDS


def to_take_off(facts: EndFacts) -> int:
    """Return how much of a reversal is taken off the book of an account that stays ended; below zero, how much less
    was taken off. Of a charge-off that is what `off_book_target` lacks: money that came since may have paid it."""
    if facts.stays_settled:
        return max(0, facts.balance_minor)
    if facts.status is not AccountStatus.CHARGED_OFF:
        return -facts.entry_minor
    owed = facts.balance_minor + facts.off_book_minor
    lacks = off_book_target(owed, facts.charged_since_minor) - facts.off_book_minor
    return (
        min(max(0, lacks), -facts.entry_minor)
        if facts.entry_minor < 0
        else max(min(0, lacks), -facts.entry_minor)
    )


def off_book_target(owed_minor: int, charged_since_minor: int) -> int:
    """Return what should be off the book of a charged-off account: all it owes except charges since. An account that
    owes is never overpaid: its money first pays what is off the book, then the charges, and the rest is a credit."""
    return max(0, owed_minor - charged_since_minor)
