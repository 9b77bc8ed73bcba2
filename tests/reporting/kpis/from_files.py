"""The key figures of a portfolio of cards computed again from its feed files, day by day, in plain Python.

Nothing of `app` is used: neither its tables, nor its fold, nor its words. The rules are those of docs/delinquency.md,
read by a person: a minimum that is unpaid after its due date is past due; money pays what is past due first, oldest
first, then the minimums of statements that closed before; days past due count from the oldest unpaid due date.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

DAY = timedelta(days=1)
BUCKETS = ("current", "1-29", "30-59", "60-89", "90-119", "120-149", "150-179", "180+")
SCHEMES = {
    "us_ffiec": ((180, "Loss"), (90, "Substandard"), (1, "Not classified")),
    "cn_card": ((181, "Loss"), (121, "Doubtful"), (91, "Substandard"), (1, "Special mention")),
    "cn_general": ((361, "Loss"), (271, "Doubtful"), (91, "Substandard"), (1, "Special mention")),
    "in_rbi": ((90, "NPA"), (60, "SMA-2"), (30, "SMA-1"), (1, "SMA-0")),
}
CLASSIFIED = {"us_ffiec": 90, "cn_card": 91, "cn_general": 91, "in_rbi": 90}
Pairs = dict[tuple[str, str, str], tuple[int, int]]
"""Figure, dimension and member -> numerator and denominator."""


@dataclass
class Evening:
    """An account at the end of a day."""

    balance: int
    past_due: int
    days: int
    """Days past due; 0 = current."""

    @property
    def bucket(self) -> str:
        return BUCKETS[min(7, 1 + self.days // 30)] if self.days else "current"

    @property
    def owed(self) -> int:
        return max(0, self.balance)


@dataclass
class Card:
    """An account as its files have it, and how it lived."""

    opened_on: date
    product: str
    entries: dict[date, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    """By day: signed amounts (what is owed is positive) with their kind."""
    closings: dict[date, list[tuple[date, int]]] = field(default_factory=lambda: defaultdict(list))
    """By closing day: due date and minimum."""
    evenings: dict[date, Evening] = field(default_factory=dict)
    moved: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By day: what fell past due, was paid, was adjusted."""

    def live(self, first_on: date, last_on: date) -> None:
        balance, dues, minimums = 0, list[list[object]](), list[tuple[date, int]]()
        on = first_on
        while on <= last_on:
            lapsed = [(due_on, amount) for due_on, amount in minimums if due_on < on]
            minimums = [each for each in minimums if each[0] >= on]
            for due_on, amount in lapsed:
                dues.append([due_on, amount])
                self.moved[on]["fell"] += amount
            dues.sort(key=lambda due: str(due[0]))
            for amount, kind in self.entries.get(on, ()):
                balance += amount
                if amount >= 0 or kind == "opening_balance":
                    continue
                left = -amount
                to_dues = 0
                for due in dues:
                    taken = min(left, int(str(due[1])))
                    due[1] = int(str(due[1])) - taken
                    left, to_dues = left - taken, to_dues + taken
                dues = [due for due in dues if due[1]]
                if to_dues:
                    self.moved[on]["paid" if kind == "payment" else "adjusted"] += to_dues
                still = []
                for due_on, open_amount in minimums:
                    taken = min(left, open_amount)
                    left -= taken
                    if open_amount > taken:
                        still.append((due_on, open_amount - taken))
                minimums = still
            minimums += [each for each in self.closings.get(on, ()) if each[1] > 0]
            oldest = dues[0][0] if dues else None
            days = (on - oldest).days if isinstance(oldest, date) else 0
            self.evenings[on] = Evening(balance, sum(int(str(due[1])) for due in dues), days)
            on += DAY

    def sum_of(self, kind: str, first_on: date, last_on: date) -> int:
        return sum(moved[kind] for day, moved in self.moved.items() if first_on <= day <= last_on)


def read_cards(folder: Path, first_on: date, last_on: date) -> list[Card]:
    """All accounts of the files of a folder, lived from one day to another."""
    cards: dict[str, Card] = {}
    for row in _rows(folder, "accounts"):
        cards[row["account_ref"]] = Card(date.fromisoformat(row["opened_on"]), row["product"])
    for row in _rows(folder, "statements"):
        closing = cards[row["account_ref"]].closings[date.fromisoformat(row["closing_on"])]
        closing.append((date.fromisoformat(row["due_on"]), int(row["minimum_due"])))
    for row in _rows(folder, "transactions"):
        sign = -1 if row["kind"] == "credit" else 1
        day = cards[row["account_ref"]].entries[date.fromisoformat(row["posted_on"])]
        day.append((sign * int(row["amount"]), row["kind"]))
    for row in _rows(folder, "payments"):
        day = cards[row["account_ref"]].entries[date.fromisoformat(row["paid_on"])]
        day.append((-int(row["amount"]), "payment"))
    for card in cards.values():
        card.live(first_on, last_on)
    return list(cards.values())


def _rows(folder: Path, kind: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / f"{kind}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def figures_on(cards: list[Card], on: date) -> Pairs:
    """The figures of accounts at the end of `on`: of all, by bucket, and by what else is named."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for card in cards:
        for kpi, members, numerator, denominator in _of_card(card, on):
            for dimension, member in {"": "", **members}.items():
                pair = sums[kpi, dimension, member]
                pair[0] += numerator
                pair[1] += denominator
    return {key: (pair[0], pair[1]) for key, pair in sums.items()}


Counted = tuple[str, dict[str, str], int, int]


def _of_card(card: Card, on: date) -> Iterator[Counted]:
    start = on.replace(day=1) - DAY
    then, now = card.evenings[start], card.evenings[on]
    for kpi, before in (("recovery_rate", start), ("recovery_rate_30d", on - timedelta(days=30))):
        begun = card.evenings[before]
        fell, paid = (card.sum_of(kind, before + DAY, on) for kind in ("fell", "paid"))
        yield kpi, {"bucket": begun.bucket, "product": card.product}, paid, begun.past_due + fell
    if card.opened_on <= on:
        yield from _standing(card, now)
    if card.opened_on <= start:
        yield from _flow(card, then, now)
    fell_on = on - timedelta(days=30)
    if card.evenings[fell_on].days and not card.evenings[fell_on - DAY].days:
        cleared = any(not card.evenings[fell_on + n * DAY].days for n in range(1, 31))
        yield "overdue_repayment_rate", {"bucket": now.bucket}, int(cleared), 1
    yield from _cure(card, on, now)
    yield from _roll_forward(card, then, now, start, on)


def _standing(card: Card, now: Evening) -> Iterator[Counted]:
    where = {"bucket": now.bucket, "product": card.product, "placement": f"{card.opened_on:%Y-%m}"}
    for days in (1, 30, 60, 90):
        is_late = now.days >= days
        yield f"overdue_rate_accounts_{days}", where, int(is_late), 1
        yield f"overdue_rate_balance_{days}", where, now.owed if is_late else 0, now.owed
    for scheme, days in CLASSIFIED.items():
        yield f"classified_rate_{scheme}", where, now.owed if now.days >= days else 0, now.owed
    if now.days:
        classes = {
            scheme: next(name for days, name in steps if now.days >= days)
            for scheme, steps in SCHEMES.items()
        }
        yield "supervisory_class_accounts", where | classes, 1, 1
        yield "supervisory_class_balance", where | classes, now.owed, now.owed


def _flow(card: Card, then: Evening, now: Evening) -> Iterator[Counted]:
    where = {"bucket": then.bucket, "product": card.product}
    move = where | {"move": f"{then.bucket}>{now.bucket}"}
    yield "roll_matrix", move, 1, 1
    yield "roll_matrix_balance", move, then.balance, then.balance
    yield "charge_off_rate", where, 0, then.balance
    if then.days:
        worse = BUCKETS.index(now.bucket) > BUCKETS.index(then.bucket)
        for kpi, counts in (("roll_rate", worse), ("cure_rate", not now.days), ("re_aged_rate", False)):
            yield kpi, where, int(counts), 1
            yield f"{kpi}_balance", where, then.balance if counts else 0, then.balance


def _cure(card: Card, on: date, now: Evening) -> Iterator[Counted]:
    cured_on = on - timedelta(days=91)
    if cured_on - DAY not in card.evenings:
        return
    if card.evenings[cured_on - DAY].days and not card.evenings[cured_on].days:
        held = all(card.evenings[cured_on + n * DAY].days < 30 for n in range(1, 92))
        yield "cure_persistence_3m", {"bucket": now.bucket}, int(held), 1


def _roll_forward(card: Card, then: Evening, now: Evening, start: date, on: date) -> Iterator[Counted]:
    fell, paid, adjusted = (card.sum_of(kind, start + DAY, on) for kind in ("fell", "paid", "adjusted"))
    lines = {
        "opening": then.past_due,
        "fell": fell,
        "paid" if now.days else "cured": paid,
        "adjusted": adjusted,
        "closing" if then.bucket == now.bucket else "moved_out": now.past_due,
    }
    for line, amount in lines.items():
        yield f"roll_forward_{line}", {"bucket": then.bucket}, amount, amount
    if now.days and then.bucket != now.bucket:
        for line in ("moved_in", "closing"):
            yield f"roll_forward_{line}", {"bucket": now.bucket}, now.past_due, now.past_due
