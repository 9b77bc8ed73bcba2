"""Statement of a claim: for each account what was charged, paid and credited, part by part, until its charge-off and
since. Pure; no entry counts twice and nothing is set off between accounts."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from app.book.ledger.rules import MONEY_IN, EntryKind
from app.legal.checklists.case_file import CaseFile, Entry
from app.legal.claim.parts import (
    PARTS,
    RANKS,
    ClaimLine,
    OrderRule,
    Part,
    PaymentOrder,
    line_of,
    order_for,
    part_of,
)

_CREDIT_OF_PRINCIPAL = frozenset({EntryKind.REFUND, EntryKind.ADJUSTMENT})
"""Credits that belong to what was bought, whatever payments pay first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Amounts in minor units by part; a payment is negative."""

    principal: int = 0
    interest: int = 0
    penalty: int = 0
    fees: int = 0
    costs: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.penalty + self.fees + self.costs

    def __add__(self, other: Parts) -> Parts:
        return Parts(*(getattr(self, part) + getattr(other, part) for part in PARTS))


NOTHING = Parts()


def total_of(found: Iterable[Parts]) -> Parts:
    return sum(found, NOTHING)


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
    def claimed(self) -> Parts:
        return total_of(each.parts for each in self.counted)

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
            account_claim(each.account_ref, own.get(each.account_ref, ()), rule.order, each.charged_off_on)
            for each in sorted(case.accounts, key=lambda a: a.account_ref)
        ),
    )


def account_claim(
    account_ref: str, entries: Sequence[Entry], order: PaymentOrder, charged_off_on: date | None = None
) -> AccountClaim:
    """`entries` of one account in order. A charge counts in its own part. Money and credits pay what is open, by
    `order`; a waiver pays the charge that it forgives, a refund pays principal first. A reversal undoes exactly what
    its entry did. A charge that is taken back after it was paid leaves that money to pay the next."""
    ledger = _Open(order)
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


@dataclass(slots=True, eq=False)
class _Charge:
    place: int
    part: Part
    amount: int
    open: int


@dataclass(slots=True, eq=False)
class _Credit:
    """What a credit paid: the charges with amounts. `left` is not spent yet: the account was overpaid."""

    left: int
    paid: list[tuple[_Charge, int]] = field(default_factory=list)
    forgives: _Charge | None = None


@dataclass(slots=True)
class _Open:
    """Open charges of one account while its entries are read, and overpayments that wait for the next charge."""

    order: PaymentOrder
    _heaps: dict[bool, list[tuple[int, int, int]]] = field(default_factory=lambda: {False: [], True: []})
    _charges: list[_Charge] = field(default_factory=list)
    _credits: list[_Credit] = field(default_factory=list)
    _by_reference: dict[str, _Charge | _Credit] = field(default_factory=dict)
    _overpaid: deque[_Credit] = field(default_factory=deque)

    def take(self, entry: Entry, undoes: str) -> Parts:
        """What the entry changes in each part; the sum is its amount."""
        change: dict[Part, int] = dict.fromkeys(PARTS, 0)
        if undoes:
            self._undo(self._by_reference[undoes], change)
        elif entry.amount_minor >= 0:
            self._charge(entry, change)
        else:
            credit = _Credit(-entry.amount_minor)
            self._credits.append(credit)
            self._by_reference[entry.reference] = credit
            forgiven = self._by_reference.get(entry.forgives)
            if isinstance(forgiven, _Charge):
                self._forgive(credit, forgiven, change)
            self._spend(credit, change, principal_first=entry.kind in _CREDIT_OF_PRINCIPAL)
        return Parts(**change)

    def _charge(self, entry: Entry, change: dict[Part, int]) -> None:
        part = part_of(entry.kind, entry.reference, entry.description)
        charge = _Charge(len(self._charges), part, entry.amount_minor, entry.amount_minor)
        self._charges.append(charge)
        self._by_reference[entry.reference] = charge
        change[part] += entry.amount_minor
        self._push(charge)
        while charge.open and self._overpaid:
            credit = self._overpaid[0]
            before = credit.left
            self._pay(credit, charge, change)
            # Until now it stood against the principal.
            change[Part.PRINCIPAL] += before - credit.left
            if not credit.left:
                self._overpaid.popleft()

    def _undo(self, done: _Charge | _Credit, change: dict[Part, int]) -> None:
        if isinstance(done, _Credit):
            change[Part.PRINCIPAL] += done.left
            if done.left:
                self._overpaid.remove(done)
            done.left = 0
            for charge, amount in done.paid:
                charge.open += amount
                change[charge.part] += amount
                self._push(charge)
            done.paid.clear()
            self._spend_overpaid(change)
            return
        change[done.part] -= done.amount
        freed = self._free(done, done.amount - done.open, change)
        done.open = done.amount = 0
        self._respend(freed, change)

    def _forgive(self, credit: _Credit, charge: _Charge, change: dict[Part, int]) -> None:
        """A waiver goes to its charge even where that was paid before: the money then pays the next."""
        freed = self._free(charge, min(credit.left, charge.amount) - charge.open, change)
        credit.forgives = charge
        self._pay(credit, charge, change)
        self._respend(freed, change)

    def _free(self, charge: _Charge, amount: int, change: dict[Part, int]) -> list[tuple[_Credit, int]]:
        """Take so much money off a charge, that which came last first, but no waiver of this very charge unless the
        charge goes too; the charge is open again by it."""
        freed = []
        going = amount == charge.amount - charge.open
        for credit in reversed(self._credits):
            if amount <= 0:
                break
            if credit.forgives is charge and not going:
                continue
            for n, (paid, minor) in enumerate(credit.paid):
                if paid is charge and amount > 0:
                    taken = min(minor, amount)
                    credit.paid[n] = (charge, minor - taken)
                    amount -= taken
                    charge.open += taken
                    change[charge.part] += taken
                    freed.append((credit, taken))
        return freed

    def _respend(self, freed: Sequence[tuple[_Credit, int]], change: dict[Part, int]) -> None:
        for credit, amount in freed:
            held, credit.left = credit.left, amount
            self._spend(credit, change, keep=held)

    def _spend_overpaid(self, change: dict[Part, int]) -> None:
        """Charges that are open again are paid by what is still held of other credits."""
        for credit in list(self._overpaid):
            held = credit.left
            self._overpaid.remove(credit)
            change[Part.PRINCIPAL] += held
            self._spend(credit, change)

    def _spend(
        self, credit: _Credit, change: dict[Part, int], *, principal_first: bool = False, keep: int = 0
    ) -> None:
        """Pay open charges until the credit is spent; what is left stands against the principal."""
        for by_principal in (True, False) if principal_first else (False,):
            heap = self._heaps[by_principal]
            while credit.left and heap:
                rank, _, place = heap[0]
                charge = self._charges[place]
                if not charge.open:
                    heapq.heappop(heap)
                    continue
                if by_principal and rank:
                    break
                self._pay(credit, charge, change)
        change[Part.PRINCIPAL] -= credit.left
        credit.left += keep
        if credit.left and credit not in self._overpaid:
            self._overpaid.append(credit)

    def _pay(self, credit: _Credit, charge: _Charge, change: dict[Part, int]) -> None:
        amount = min(credit.left, charge.open)
        if amount:
            credit.left -= amount
            charge.open -= amount
            credit.paid.append((charge, amount))
            change[charge.part] -= amount

    def _push(self, charge: _Charge) -> None:
        ranks = RANKS[self.order]
        heapq.heappush(self._heaps[False], (ranks[charge.part], charge.place, charge.place))
        heapq.heappush(
            self._heaps[True], (int(charge.part is not Part.PRINCIPAL), charge.place, charge.place)
        )
