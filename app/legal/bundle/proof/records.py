"""The records of a bundle say the same when they are computed again: hash chain, running balances, claim, checklist."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from app.core.money import to_minor
from app.core.timeline.rules import GENESIS, chain_hash, instant_text
from app.core.timeline.sight import WITHHELD_JSON
from app.core.types import JsonObject
from app.legal.bundle import bag as fmt
from app.legal.bundle.proof.checklist import open_items
from app.legal.bundle.proof.claim import ClaimSums
from app.legal.bundle.proof.opened import Bag, Findings

_MAX_CELL = 16 << 20


def check_records(bag: Bag, found: Findings) -> None:
    for path, check in (
        ("data/timeline.csv", _check_timeline),
        ("data/ledger.csv", _check_ledger),
        ("data/case.json", _check_case),
        ("data/checklist.json", _check_checklist),
    ):
        if path not in bag.members:
            found.add(path, "is missing")
        elif path in bag.digests:
            try:
                with _long_cells():
                    check(bag, path, found)
            except Exception as error:
                found.add(path, f"cannot be read as this format ({type(error).__name__})")


def _check_timeline(bag: Bag, path: str, found: Findings) -> None:
    """Each stream begins with event 1 at the genesis hash and each event carries the hash of the one before it."""
    last: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(bag.rows(path, fmt.TIMELINE_COLUMNS), start=2):
        stream, seq, previous = row["stream"], int(row["seq"]), row["prev_hash"]
        at = datetime.strptime(row["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        before = last.get(stream)
        if before is None:
            follows = (seq, previous) == (1, GENESIS)
        else:
            follows = (seq, previous) == (before[0] + 1, before[1])
        if not follows:
            found.add(path, f"line {number}: does not follow the event before it in stream {stream[:80]}")
        computed = chain_hash(previous, stream, seq, row["kind"], at, row["by"], row["data_json"])
        # Of an event that is withheld from the bundle the hash is taken as it is: the next one still builds on it.
        withheld = row["data_json"] == WITHHELD_JSON
        if (computed != row["hash"] and not withheld) or instant_text(at) != row["at"]:
            found.add(path, f"line {number}: the hash is not that of the event")
        last[stream] = (seq, row["hash"])


def _check_ledger(bag: Bag, path: str, found: Findings) -> None:
    """Running balances, and the claim. That each account's stated balance fits is the checklist's business: an
    incomplete file may be exported with a reason, a claim the ledger does not bear out may not."""
    case = _case(bag)
    currency = case["claim"]["currency"]
    split = case["format"] != fmt.FIRST_FORMAT
    totals: dict[str, int] = {account["account_ref"]: 0 for account in case["accounts"]}
    claim = ClaimSums(case, currency) if split else None
    columns = fmt.CLAIM_COLUMNS if split else fmt.LEDGER_COLUMNS
    for number, row in enumerate(bag.rows(path, columns), start=2):
        account = row["account_ref"]
        if account not in totals:
            found.add(path, f"line {number}: an account that is not in case.json")
        totals[account] = totals.get(account, 0) + to_minor(row["amount"], currency)
        if row["currency"] != currency:
            found.add(path, f"line {number}: currency is not {currency}")
        if to_minor(row["running_balance"], currency) != totals[account]:
            found.add(path, f"line {number}: the running balance is wrong")
        if claim and not claim.count(row):
            found.add(path, f"line {number}: the parts do not sum to the amount")
    disputed = claim.disputed_minor() if claim else 0
    if sum(totals.values()) + disputed != to_minor(case["claim"]["amount"], currency):
        found.add(path, "does not sum to the amount claimed in case.json")
    for what in claim.problems() if claim else ():
        found.add("data/case.json", what)
    still = {
        each["reference"] for each in json.loads(bag.read("data/disputes.json")) if not each["resolved_at"]
    }
    for reference in claim.disputes() if claim else ():
        if reference not in still:
            found.add("data/case.json", f"claim: {reference[:40]} is no open dispute of disputes.json")


def _check_case(bag: Bag, path: str, found: Findings) -> None:
    case = _case(bag)
    if case["format"] not in (fmt.FORMAT, fmt.FIRST_FORMAT):
        found.add(path, f"format is not {fmt.FORMAT}")
    if case["format"] != found.bag_info.get("Bag-Software-Agent"):
        found.add(path, "format is not that of bag-info.txt")
    if case["bundle_id"] != bag.base or case["as_of"] != found.bag_info.get("Bagging-Date"):
        found.add(path, "bundle id or date is not that of the bag")


def _check_checklist(bag: Bag, path: str, found: Findings) -> None:
    for what in open_items(json.loads(bag.read(path)), _case(bag)):
        found.add(path, what)


def _case(bag: Bag) -> JsonObject:
    loaded: JsonObject = json.loads(bag.read("data/case.json"))
    return loaded


_cells = threading.Lock()


@contextmanager
def _long_cells() -> Iterator[None]:
    """The csv module's cell limit is one per process; others rely on its default, so it is put back."""
    with _cells:
        before = csv.field_size_limit(_MAX_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)
