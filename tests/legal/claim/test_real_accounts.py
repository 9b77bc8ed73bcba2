"""Claims of the real accounts that the demo ships, computed twice: by the program, and from the files another way."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.core.money import exponent
from app.legal.bundle.build import build, verify
from app.legal.checklists.case_file import Entry
from app.legal.claim.order import PaymentOrder
from app.legal.claim.parts import PARTS
from app.legal.claim.statement import account_claim
from tests.legal.builders import KEY, account, case_file, no_page, portfolio
from tests.paths import ROOT

SAMPLE = ROOT / "app" / "programs" / "demo" / "sample"
LATE = re.compile("late|overdue|overlimit|over limit|penalty|default", re.IGNORECASE)


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(SAMPLE / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@pytest.fixture(scope="module")
def ledgers() -> dict[str, list[Entry]]:
    """Entries by account, in order, from the files themselves."""
    currency = {row["account_ref"]: row["currency"] for row in rows("accounts")}
    found: dict[str, list[Entry]] = defaultdict(list)

    def add(ref: str, reference: str, kind: str, on: str, amount: str, text: str) -> None:
        minor = int(Decimal(amount).scaleb(exponent(currency[ref])))
        lowers = kind in ("payment", "refund", "credit", "write_off", "recovery")
        day = date.fromisoformat(on)
        found[ref].append(Entry(reference, ref, kind, day, day, -minor if lowers else minor, "feed", text))

    for row in rows("transactions"):
        about = (row["kind"], row["posted_on"], row["amount"], row["description"])
        add(row["account_ref"], row["transaction_ref"], *about)
    for row in rows("payments"):
        add(row["account_ref"], row["payment_ref"], "payment", row["paid_on"], row["amount"], "")
    for entries in found.values():
        entries.sort(key=lambda e: (e.effective_on, e.posted_on, e.reference))
    return dict(found)


def column_of(entry: Entry) -> str:
    if entry.kind == "interest":
        return "interest"
    if entry.kind != "fee":
        return "principal"
    return "penalty" if LATE.search(entry.description) else "fees"


def recomputed(entries: list[Entry], order: PaymentOrder) -> dict[str, int]:
    """What is left in each part: a list of charges that is searched anew for each unit of money. Slow and plain."""
    ranks = {
        PaymentOrder.OLDEST_FIRST: [],
        PaymentOrder.COSTS_FIRST: ["costs", "fees", "penalty", "interest", "principal"],
        PaymentOrder.PRINCIPAL_FIRST: ["principal", "interest", "penalty", "fees", "costs"],
    }[order]
    charges: list[list[object]] = []
    spare = 0
    for entry in sorted(entries, key=lambda e: (e.effective_on, e.amount_minor <= 0)):
        if entry.amount_minor >= 0:
            charges.append([column_of(entry), entry.amount_minor])
            money = spare
        else:
            money = spare - entry.amount_minor
        first = ["principal"] if entry.kind == "refund" else []
        for wanted in [*first, *(ranks or [None])]:
            for charge in charges:
                if wanted in (None, charge[0]):
                    paid = min(money, int(str(charge[1])))
                    charge[1] = int(str(charge[1])) - paid
                    money -= paid
        spare = money
    left = dict.fromkeys((part.value for part in PARTS), 0)
    for part, amount in charges:
        left[str(part)] += int(str(amount))
    left["principal"] -= spare
    return left


@pytest.mark.parametrize("order", PaymentOrder)
def test_each_claim_is_what_the_files_say(ledgers: dict[str, list[Entry]], order: PaymentOrder) -> None:
    """Part by part, for accounts late and healthy, overpaid and paid off."""
    chosen = sorted(ledgers)[:: max(1, len(ledgers) // 150)]
    assert len(chosen) >= 100
    for ref in chosen:
        claim = account_claim(ref, ledgers[ref], order)
        told = {part.value: getattr(claim.claimed, part) for part in PARTS}
        assert told == recomputed(ledgers[ref], order), ref
        assert claim.claimed.total == sum(entry.amount_minor for entry in ledgers[ref])


def test_a_sealed_bundle_of_them_verifies_and_its_columns_sum(ledgers: dict[str, list[Entry]]) -> None:
    for number, ref in enumerate(sorted(ledgers)):
        owed = sum(entry.amount_minor for entry in ledgers[ref])
        if owed <= 0 or number % 40:
            continue
        last = max(entry.effective_on for entry in ledgers[ref])
        gone = last - timedelta(days=60) if number % 80 else None
        case = case_file(
            as_of=last,
            portfolio=portfolio(currency="TWD", timezone="Asia/Taipei"),
            accounts=(account(account_ref=ref, balance_minor=owed, charged_off_on=gone),),
            entries=tuple(ledgers[ref]),
            claimed_minor=owed,
            statements=(),
            incomplete_reason="a test",
        )
        sealed = build(case, KEY, no_page)
        result = verify(sealed, KEY.public_key())
        assert result.ok, (ref, result.problems)
        assert build(case, KEY, no_page) == sealed
