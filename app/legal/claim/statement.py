"""Statement of a claim: for each account what was charged, paid and credited, part by part, until its charge-off and
since. Pure; no entry counts twice and nothing is set off between accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from app.book.ledger.rules import MONEY_IN, EntryKind
from app.legal.checklists.case_file import CaseFile, Entry
from app.legal.claim.amounts import Parts, total_of
from app.legal.claim.disputed import LeftOut, left_out
from app.legal.claim.order import OrderRule, PaymentOrder, order_for
from app.legal.claim.parts import ClaimLine, line_of
from app.legal.claim.payments import OpenCharges


@dataclass(frozen=True, slots=True)
class EntryParts:
    """What one entry changed in each part, and the line in which it counts."""

    entry: Entry
    line: ClaimLine
    parts: Parts


@dataclass(frozen=True, slots=True)
class AccountClaim:
    account_ref: str
    charged_off_on: date | None
    """The day of the charge-off; None = not charged off, or the day is not known."""
    counted: tuple[EntryParts, ...]
    unsplit_minor: int
    """Opening balances in the principal, whose own parts the creditor did not tell."""
    left_out: tuple[LeftOut, ...] = ()
    """Disputed sums that are not claimed."""

    def line(self, line: ClaimLine, *, since: bool) -> Parts:
        """Sum of a line: until the charge-off (all of it where there is none), or since."""
        return total_of(
            each.parts for each in self.counted if each.line is line and self._is_since(each) is since
        )

    @property
    def at_charge_off(self) -> Parts | None:
        if self.charged_off_on is None:
            return None
        return total_of(each.parts for each in self.counted if not self._is_since(each))

    @property
    def owed(self) -> Parts:
        """The sum of the account's entries."""
        return total_of(each.parts for each in self.counted)

    @property
    def claimed(self) -> Parts:
        """What is owed without what is disputed."""
        return total_of([self.owed, *(each.parts for each in self.left_out)])

    def _is_since(self, each: EntryParts) -> bool:
        return self.charged_off_on is not None and each.entry.effective_on > self.charged_off_on


@dataclass(frozen=True, slots=True)
class ClaimStatement:
    rule: OrderRule
    accounts: tuple[AccountClaim, ...]

    @property
    def claimed(self) -> Parts:
        return total_of(account.claimed for account in self.accounts)

    @property
    def unsplit_minor(self) -> int:
        return sum(account.unsplit_minor for account in self.accounts)

    def by_entry(self) -> Mapping[str, EntryParts]:
        """By the entry's reference, which is unique in its portfolio."""
        return {each.entry.reference: each for account in self.accounts for each in account.counted}


def claim_statement(case: CaseFile) -> ClaimStatement:
    """The claim of a case file: its entries, account by account, in the order in which they took effect."""
    rule = order_for(case.portfolio.policy_pack)
    ordered = sorted(case.entries, key=lambda e: (e.account_ref, e.effective_on, e.posted_on, e.reference))
    own = {ref: list(entries) for ref, entries in groupby(ordered, key=lambda e: e.account_ref)}
    return ClaimStatement(
        rule,
        tuple(
            _without_disputed(
                account_claim(
                    each.account_ref, own.get(each.account_ref, ()), rule.order, each.charged_off_on
                ),
                case,
            )
            for each in sorted(case.accounts, key=lambda a: a.account_ref)
        ),
    )


def _without_disputed(account: AccountClaim, case: CaseFile) -> AccountClaim:
    entries = {each.entry.reference: each.entry for each in account.counted}
    found = left_out(account.owed, account.account_ref, case.disputes, entries)
    return replace(account, left_out=found)


def account_claim(
    account_ref: str, entries: Sequence[Entry], order: PaymentOrder, charged_off_on: date | None = None
) -> AccountClaim:
    """`entries` of one account in order. A charge counts in its own part. Money and credits pay what is open, by
    `order`; a waiver pays the charge that it forgives, a refund pays principal first. A reversal undoes exactly what
    its entry did. A charge that is taken back after it was paid leaves that money to pay the next."""
    ledger = OpenCharges(order)
    counted = []
    lines: dict[str, ClaimLine] = {}
    for entry in _in_order_of_day(entries):
        undoes = entry.reverses if entry.reverses in lines else ""
        line = lines[undoes] if undoes else line_of(entry.kind, entry.amount_minor)
        lines[entry.reference] = line
        counted.append(EntryParts(entry, line, ledger.take(entry, undoes)))
    undone = {entry.reverses for entry in entries if entry.reverses}
    unsplit = sum(
        each.amount_minor
        for each in entries
        if each.kind == EntryKind.OPENING_BALANCE and each.reference not in undone
    )
    return AccountClaim(account_ref, charged_off_on, tuple(counted), unsplit)


def last_payment(entries: Sequence[Entry]) -> Entry | None:
    """The last payment that stands."""
    undone = {entry.reverses for entry in entries if entry.reverses}
    paid = [entry for entry in entries if entry.kind in MONEY_IN and entry.reference not in undone]
    return max(paid, key=lambda e: (e.effective_on, e.posted_on, e.reference), default=None)


def _in_order_of_day(entries: Sequence[Entry]) -> list[Entry]:
    """By day; of one day first the charges, then the credits, and what undoes an entry after that entry."""
    found = sorted(
        entries,
        key=lambda e: (e.effective_on, bool(e.reverses), e.amount_minor <= 0, e.posted_on, e.reference),
    )
    # A reversal may be dated before its entry: it then waits for it.
    placed: set[str] = set()
    known = {entry.reference for entry in found}
    result: list[Entry] = []
    waiting: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.reverses in known and entry.reverses not in placed:
            waiting.setdefault(entry.reverses, []).append(entry)
            continue
        result.append(entry)
        placed.add(entry.reference)
        for later in waiting.pop(entry.reference, ()):
            result.append(later)
            placed.add(later.reference)
    return result
