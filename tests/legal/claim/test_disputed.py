"""A claim without its disputed part: how much is left out, of which part, and what nobody may choose."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Conflict
from app.legal.bundle.build import build, verify
from app.legal.bundle.excuses import check_exportable
from app.legal.bundle.proof import verify as script
from app.legal.bundle.service import single_excuse
from app.legal.checklists.case_file import CaseFile, Dispute, Excuse
from app.legal.checklists.items import IN_PART
from app.legal.checklists.rules import completeness
from app.legal.claim.amounts import Parts
from app.legal.claim.disputed import left_out
from app.legal.claim.statement import claim_statement
from app.legal.claim.table import rows_of
from tests.legal.builders import KEY, NOON, case_file, entry, no_page
from tests.legal.bundle.test_bundle import contents, resealed

OWED = Parts(900, 50, 30, 20)
WHY = Excuse(IN_PART, "the rest is time-barred in May", "user:mei")
FEE = entry("F-1", "fee", NOON.date(), 30, description="Late fee")


def dispute(amount: int, **changes: Any) -> Dispute:
    given = Dispute("D-7", NOON, "An amount: not mine", amount, None, "", "A-77001", amount)
    return replace(given, **changes)


def disputed(amount: int = 10_000, **changes: Any) -> CaseFile:
    """1,234.50 is owed, and 100.00 of it is in dispute."""
    given = {"claimed_minor": 123_450 - amount, "excuses": (WHY,), **changes}
    return case_file(disputes=(dispute(amount),), **given)


@pytest.mark.parametrize(
    ("amount", "entry_ref", "taken"),
    [
        (899, "", Parts(-899)),
        (900, "", Parts(-900)),
        (901, "", Parts(-900, -1)),
        (30, "F-1", Parts(0, 0, -30)),
        (31, "F-1", Parts(-1, 0, -30)),
        (1_000, "", Parts(-900, -50, -30, -20)),
        (1_001, "", Parts(-900, -50, -30, -20)),
    ],
)
def test_no_part_falls_below_zero(amount: int, entry_ref: str, taken: Parts) -> None:
    [found] = left_out(OWED, "A-77001", [dispute(amount, entry_ref=entry_ref)], {"F-1": FEE})
    assert (found.dispute, found.parts) == ("D-7", taken)


@pytest.mark.parametrize(
    "changes",
    [{"resolved_at": NOON}, {"account_ref": "A-2"}, {"account_ref": ""}, {"left_out_minor": 0}],
)
def test_another_dispute_leaves_nothing_out(changes: Mapping[str, Any]) -> None:
    assert left_out(OWED, "A-77001", [dispute(100, **changes)], {}) == ()


def test_the_claim_shows_what_it_leaves_out_and_sums_to_the_rest() -> None:
    file = disputed()
    statement = claim_statement(file)
    [account] = statement.accounts
    assert (account.owed.total, statement.claimed.total) == (123_450, 113_450)
    shown = [(row.what, row.amounts.total) for row in rows_of(account)][-3:]
    assert shown == [
        ("Owed by the ledger", 123_450),
        ("In dispute, not claimed (D-7)", -10_000),
        ("Claimed on account A-77001", 113_450),
    ]
    told = {item.id: item for item in check_exportable(file)}
    assert (told[IN_PART].excused_by, told["ledger.claim"].ok) == ("user:mei", True)
    assert "less 100.00 EUR in dispute" in told["ledger.claim"].detail


def test_nobody_leaves_a_part_out_without_saying_so() -> None:
    """Neither no reason nor one for all gaps is the choice; a reason that names no item is refused."""
    with pytest.raises(Conflict, match=IN_PART):
        check_exportable(disputed(excuses=()))
    with pytest.raises(Conflict, match=IN_PART):
        check_exportable(disputed(excuses=(), incomplete_reason="as agreed", exported_by="user:mei"))
    with pytest.raises(Conflict, match="by the name dispute.part"):
        single_excuse(completeness(disputed()), "as agreed")


@pytest.mark.parametrize(
    "changes",
    [
        {"dispute_bars": "CONC 7.14.1R"},
        {"disputes": (dispute(10_000, amount_minor=None, left_out_minor=0),)},
        {"disputes": (dispute(10_000, account_ref=""),)},
    ],
)
def test_the_law_or_a_dispute_of_everything_stops_the_whole_claim(changes: Mapping[str, Any]) -> None:
    found = {item.id: item for item in completeness(replace(disputed(), **changes)) if not item.ok}
    assert found["dispute.none_open"].stops
    assert IN_PART not in found


@pytest.mark.parametrize(("amount", "is_owed"), [(123_449, True), (123_450, False), (200_000, False)])
def test_where_all_is_disputed_nothing_is_claimed(amount: int, is_owed: bool) -> None:
    file = disputed(amount, claimed_minor=max(0, 123_450 - amount))
    owed = next(item for item in completeness(file) if item.id == "claim.owed")
    assert owed.ok is is_owed


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return build(disputed(), KEY, no_page)


def problems(bundle: bytes, folder: Path) -> tuple[set[str], set[str]]:
    """Files that our program, and the script in the bundle, name."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        archive.extractall(folder)
    raw = KEY.public_key().public_bytes_raw()
    theirs = {file for file, _ in script.check(str(folder / case_file().bundle_id), raw)}
    return {problem.file for problem in verify(bundle, KEY.public_key()).problems}, theirs


def test_both_checkers_know_the_line(sealed: bytes, tmp_path: Path) -> None:
    assert problems(sealed, tmp_path) == (set(), set())
    claim = json.loads(contents(sealed)["data/case.json"])["claim"]
    assert claim["amount"] == "1134.50"
    assert claim["accounts"][0]["disputed"][0]["dispute"] == "D-7"


@pytest.mark.parametrize(
    ("path", "told", "forged"),
    [
        ("data/case.json", b'"total": "-100.00"', b'"total": "-90.00"'),
        ("data/case.json", b'"dispute": "D-7"', b'"dispute": "D-8"'),
        ("data/disputes.json", b'"resolved_at": null', b'"resolved_at": "2026-06-01T12:00:00.000000Z"'),
    ],
)
def test_a_forged_line_is_found_by_both(
    sealed: bytes, tmp_path: Path, path: str, told: bytes, forged: bytes
) -> None:
    files = contents(sealed)
    assert told in files[path]
    name = path.removeprefix("data/").replace(".", "__")
    ours, theirs = problems(resealed(files, **{name: files[path].replace(told, forged)}), tmp_path)
    assert "data/case.json" in ours & theirs
