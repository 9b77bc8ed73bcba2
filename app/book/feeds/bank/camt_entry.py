"""One booked entry of a bank's notification, as payments that add up to the last cent of it. Pure.

The booked amount and direction (`Amt`, `CdtDbtInd`) are the truth; the details say which parts belong to whom.
Details that add up to it are payments. Where they add up to less, the rest waits for a person; where they cannot be
right, all of it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from xml.etree.ElementTree import Element

from app.book.feeds.reading.dates import date_refusal
from app.core.money import BadAmount, to_decimal_string, to_minor

FIRST_BANK_DAY = date(2000, 1, 1)
"""Older than the message itself (ISO 20022 is of 2004): a slip."""

AMOUNTS = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt", "AmtDtls/CntrValAmt/Amt")
"""Elements that may hold a detail's amount, most trustworthy first; version 02 has no `Amt`. The last is the amount
that a payment in another currency came to."""

TAKEN_BACK = frozenset({"UPDD", "RRTN", "PRDD", "RCDD", "RPCR", "RRCT", "UPCQ", "URCQ", "CQRV", "PRCT"})
"""Sub-families of bank transaction codes (external code set of ISO 20022) that take back what was collected: unpaid,
returned, reversed or cancelled direct debits, transfers and cheques. Not every bank says `RtrInf` with them."""


class Refused(ValueError):
    """An entry that is no payment; carries the element that says so."""

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(reason)
        self.element = element


@dataclass(frozen=True, slots=True)
class Booked:
    """Booking of an entry by the bank, which its details cannot change."""

    is_credit: bool
    is_reversal: bool
    amount_minor: int
    on: date


@dataclass(frozen=True, slots=True)
class Part:
    """A payment of an entry. `details` is None for money that the bank does not detail, `at` its place among them.

    `note` tells a person of charges; `originals` are the amounts, likeliest first, of the payment that a debit takes
    back."""

    details: Element | None
    at: int
    amount_minor: int
    obstacle: str = ""
    note: str = ""
    originals: tuple[int, ...] = ()


def booked(entry: Element, currency: str, today: date | None) -> Booked:
    """Return the booking of an entry. Raises Refused for an entry that is not booked, not in `currency`, not of a
    positive amount, or dated ahead of `today`."""
    status = text_of(entry, "Sts/Cd") or text_of(entry, "Sts")
    if status != "BOOK":
        raise Refused("Sts", f"is not booked: {status[:20] or 'no status'}")
    direction = text_of(entry, "CdtDbtInd")
    if direction not in {"CRDT", "DBIT"}:
        raise Refused("CdtDbtInd", f"is neither a credit nor a debit: {direction[:20] or 'nothing'}")
    is_reversal = text_of(entry, "RvslInd").lower() in {"true", "1"}
    return Booked(
        direction == "CRDT",
        is_reversal,
        _amount(entry, currency),
        _day(entry, today, is_credit=direction == "CRDT"),
    )


def _amount(entry: Element, currency: str) -> int:
    node = entry.find("Amt")
    if node is None:
        raise Refused("Amt", "is missing")
    if node.get("Ccy") != currency:
        raise Refused(
            "Amt", f"is in {(node.get('Ccy') or 'no currency')[:8]}, the portfolio's currency is {currency}"
        )
    try:
        amount = to_minor(node.text or "", currency)
    except BadAmount as error:
        raise Refused("Amt", str(error)) from None
    if amount <= 0:
        raise Refused("Amt", "of a payment must be positive")
    return amount


def _day(entry: Element, today: date | None, *, is_credit: bool) -> date:
    """Return the day on which the money counts. A credit counts on its value date or its booking date, whichever is
    earlier. A debit counts on its value date, or on its booking date where the value date has not come yet."""
    found = {kind: day for kind in ("ValDt", "BookgDt") if (day := _date(entry, kind))}
    if not found:
        raise Refused("ValDt", "is missing, and so is the booking date")
    kind = min(found, key=lambda each: found[each])
    if not is_credit and "ValDt" in found and not (today and found["ValDt"] > today):
        kind = "ValDt"
    if why := date_refusal(found[kind], FIRST_BANK_DAY, today):
        raise Refused(kind, why)
    return found[kind]


def _date(entry: Element, kind: str) -> date | None:
    for tag in (f"{kind}/Dt", f"{kind}/DtTm"):
        if text := text_of(entry, tag):
            try:
                return date.fromisoformat(text[:10])
            except ValueError:
                raise Refused(tag, f"is not a date: {text[:20]!r}") from None
    return None


# --- credits ------------------------------------------------------------------------------------------------


def credits(entry: Element, amount: int, currency: str) -> list[Part]:
    """The payments of a credit entry of `amount`; their amounts add up to it."""
    details = entry.findall("NtryDtls/TxDtls")
    told = _Details(entry, details, amount, currency)
    number = _number_in_batch(entry)
    if not details:
        why = f"the bank tells only the sum of a batch of {number} payments" if number > 1 else ""
        return [Part(None, 0, amount, why)]
    if len(details) == 1 and number <= 1:
        return _of_one(told)
    if len(details) >= number and (amounts := told.that_add_up()):
        return _parts(details, amounts)
    return told.net_of_charges(number) or _with_rest(told, number)


def _of_one(told: _Details) -> list[Part]:
    """Return the payments of an entry with one detail: one of the booked amount, unless the detail is of a part
    only."""
    (details,) = told.details
    own = told.first_told(0)
    if own is None or own == told.booked:
        return [Part(details, 0, told.booked)]
    if own > told.booked:
        kept = f"{told.words(own)} was sent, {told.words(told.booked)} was booked"
        charges = told.charges(0) or told.charges_of_entry
        return [Part(details, 0, told.booked, note=f"{kept}{_charges(told.words, charges)}")]
    return _with_rest(told, 1)


def _with_rest(told: _Details, number: int) -> list[Part]:
    """Return the parts that the bank details, and the rest as a part for a person. Where the details cannot be right,
    all of it is for a person."""
    known = [told.settled(at) for at in range(len(told.details))]
    total = sum(amount for amount in known if amount)
    size = max(number, len(told.details))
    if not 0 < total < told.booked or told.goes_both_ways:
        of = f"a batch of {size}" if size > 1 else "this entry"
        why = f"the bank's details of {of} do not add up to the {told.words(told.booked)} that was booked"
        return [Part(None, 0, told.booked, why)]
    parts = [
        Part(details, at, amount)
        for at, (details, amount) in enumerate(zip(told.details, known, strict=True))
        if amount
    ]
    rest = told.booked - total
    of = f"a batch of {size}" if size > 1 else f"an entry of {told.words(told.booked)}"
    return [
        *parts,
        Part(None, len(told.details), rest, f"the bank does not detail {told.words(rest)} of {of}"),
    ]


def _parts(details: Sequence[Element], amounts: Sequence[int]) -> list[Part]:
    return [Part(each, at, amounts[at]) for at, each in enumerate(details)]


def _charges(words: Callable[[int], str], charges: int) -> str:
    return f"; charges of {words(charges)}" if charges else ""


# --- debits that take payments back ---------------------------------------------------------------------------


def returns(entry: Element, amount: int, currency: str) -> list[Part]:
    """Return the payments that a debit entry of `amount` takes back.

    The booked amount may include the banks' charges; then the instructed amount is the original one. Raises Refused
    where several do not add up.
    """
    details = entry.findall("NtryDtls/TxDtls")
    told = _Details(entry, details, amount, currency)
    if _number_in_batch(entry) > max(1, len(details)):
        raise Refused("NbOfTxs", "takes back more payments than the bank details; reverse them by hand")
    if not details:
        return [Part(None, 0, amount, originals=(amount,))]
    shares = [amount] if len(details) == 1 else told.that_add_up() or told.that_add_up(with_charges=True)
    if not shares:
        raise Refused(
            "NtryDtls", "takes back several payments that do not add up to it; reverse them by hand"
        )
    return [_back(told, at, share) for at, share in enumerate(shares)]


def _back(told: _Details, at: int, share: int) -> Part:
    charges = told.charges(at) or (told.charges_of_entry if len(told.details) == 1 else 0)
    instructed = told.amount(at, AMOUNTS[2])
    likely = [instructed, share - charges, told.amount(at, AMOUNTS[0]), told.amount(at, AMOUNTS[1]), share]
    originals = tuple(dict.fromkeys(each for each in likely if each and 0 < each <= told.booked))
    return Part(told.details[at], at, share, originals=originals)


# --- what details tell ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Details:
    """The details of an entry and the amounts they tell; those in another currency are not told."""

    entry: Element
    details: Sequence[Element]
    booked: int
    currency: str

    def words(self, amount: int) -> str:
        return to_decimal_string(amount, self.currency)

    def amount(self, at: int, path: str) -> int | None:
        return _positive(self.details[at].find(path), self.currency)

    def first_told(self, at: int) -> int | None:
        return next((amount for path in AMOUNTS if (amount := self.amount(at, path))), None)

    def settled(self, at: int) -> int | None:
        """Return the amount of a detail, without the instructed amount, which counts only where everything adds
        up."""
        return self.amount(at, AMOUNTS[0]) or self.amount(at, AMOUNTS[1])

    def charges(self, at: int) -> int:
        return _charges_of(self.details[at], self.currency)

    @property
    def charges_of_entry(self) -> int:
        return _charges_of(self.entry, self.currency)

    @property
    def goes_both_ways(self) -> bool:
        """Check whether a detail is booked against the direction of its entry."""
        direction = text_of(self.entry, "CdtDbtInd")
        return any(text_of(each, "CdtDbtInd") not in {"", direction} for each in self.details)

    def that_add_up(self, *, with_charges: bool = False) -> list[int]:
        """Return an amount of each detail, which together are the booked one, from the first place that has such; []
        if none."""
        everywhere = range(len(self.details))
        charges = sum(map(self.charges, everywhere)) or self.charges_of_entry if with_charges else 0
        for amounts in (
            *([self.amount(at, path) for at in everywhere] for path in AMOUNTS),
            [*map(self.first_told, everywhere)],
        ):
            if all(amounts) and sum(amount or 0 for amount in amounts) + charges == self.booked:
                return [amount or 0 for amount in amounts]
        return []

    def net_of_charges(self, number: int) -> list[Part]:
        """The details less the charges that the bank kept of each, where that is what was booked."""
        told = [self.first_told(at) for at in range(len(self.details))]
        kept = [self.charges(at) for at in range(len(self.details))]
        net = [(amount or 0) - charge for amount, charge in zip(told, kept, strict=True)]
        if len(self.details) < number or sum(net) != self.booked or min(net) <= 0:
            return []
        return [
            Part(each, at, net[at], note=self._kept(told[at] or 0, net[at]) if kept[at] else "")
            for at, each in enumerate(self.details)
        ]

    def _kept(self, sent: int, net: int) -> str:
        return (
            f"{self.words(sent)} was sent, {self.words(net)} was booked; charges of {self.words(sent - net)}"
        )


def _number_in_batch(entry: Element) -> int:
    texts = [plain(node) for node in entry.findall("NtryDtls/Btch/NbOfTxs")]
    return sum(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 9)


def _positive(node: Element | None, currency: str) -> int | None:
    if node is None or node.get("Ccy") != currency:
        return None
    try:
        return max(to_minor(node.text or "", currency), 0) or None
    except BadAmount:
        return None


def _charges_of(part: Element, currency: str) -> int:
    """Add up the charges that banks kept, from their records or else from the total; charges given back are
    subtracted."""
    found = 0
    for charges in part.findall("Chrgs"):
        records = charges.findall("Rcrd") or ([charges] if charges.find("Amt") is not None else [])
        for record in records:
            amount = _positive(record.find("Amt"), currency) or 0
            found += -amount if text_of(record, "CdtDbtInd") == "CRDT" else amount
        if not records:
            found += _positive(charges.find("TtlChrgsAndTaxAmt"), currency) or 0
    return max(found, 0)


def charges_words(part: Element | None, entry: Element, currency: str) -> str:
    """The charges that a detail, or else its entry, tells of: '3.50', or ''."""
    charges = (_charges_of(part, currency) if part is not None else 0) or _charges_of(entry, currency)
    return to_decimal_string(charges, currency) if charges else ""


def takes_back(element: Element) -> bool:
    """Check whether an entry or a detail says that it returns an earlier payment."""
    if element.find("RtrInf") is not None:
        return True
    return text_of(element, "BkTxCd/Domn/Fmly/SubFmlyCd") in TAKEN_BACK


# --- elements -------------------------------------------------------------------------------------------------


def text_of(element: Element, path: str) -> str:
    node: Element | None = element
    for tag in path.split("/"):
        node = node.find(tag) if node is not None else None
    return plain(node)


def plain(node: Element | None) -> str:
    return " ".join((node.text or "").split()) if node is not None else ""


def everything(element: Element, skipped: frozenset[str]) -> Iterator[str]:
    """Yield each value below an element behind its name, without children of `skipped` names, and of bank accounts the
    last four characters only."""
    for child in element:
        if child.tag in skipped:
            continue
        text = plain(child)
        if child.tag == "IBAN" or (element.tag == "Othr" and child.tag == "Id"):
            text = text[-4:]
        if text:
            yield f"{child.tag}={text}"
        yield from everything(child, frozenset())
