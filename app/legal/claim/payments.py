"""Open charges of one account, and what money, credits and reversals do to them, entry by entry. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.book.ledger.rules import EntryKind
from app.legal.checklists.case_file import Entry
from app.legal.claim.amounts import Parts
from app.legal.claim.order import RANKS, PaymentOrder
from app.legal.claim.parts import PARTS, Part, part_of

_CREDIT_OF_PRINCIPAL = frozenset({EntryKind.REFUND, EntryKind.ADJUSTMENT})
"""Credits that belong to what was bought, whatever payments pay first."""


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
class OpenCharges:
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
