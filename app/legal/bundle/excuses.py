"""Excuses: a case file may become a bundle once a named person gave a reason for each gap. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.core.errors import Conflict, Invalid
from app.core.money import to_decimal_string
from app.legal.bundle.bag import BUNDLE_ID
from app.legal.checklists.case_file import CaseFile, Excuse, ledger_sum
from app.legal.checklists.disputed import left_out_of
from app.legal.checklists.items import IN_PART, ChecklistItem, gaps, refuse_stopped
from app.legal.checklists.rules import completeness


def check_exportable(case_file: CaseFile) -> tuple[ChecklistItem, ...]:
    """Return the checklist with its excuses, if this case file may become a bundle.

    Invalid: the bundle id cannot be a folder name, or a reason is given for no item. Conflict: something is there that
    no reason excuses, or items are missing and no person put their name and a reason to each.
    """
    if not BUNDLE_ID.fullmatch(case_file.bundle_id):
        raise Invalid(f"This is not a bundle id: {case_file.bundle_id[:100]!r}.", "bundle_id")
    unknown = {e.account_ref for e in case_file.entries} - {a.account_ref for a in case_file.accounts}
    if unknown:
        raise Conflict(
            f"The ledger has entries of accounts that are not in the case: {', '.join(sorted(unknown))}."
        )
    total = ledger_sum(case_file.entries) - left_out_of(case_file)
    if total != case_file.claimed_minor:
        currency = case_file.portfolio.currency
        raise Conflict(
            f"The ledger without what is disputed sums to {to_decimal_string(total, currency)} {currency}, "
            f"the claim is {to_decimal_string(case_file.claimed_minor, currency)} {currency}."
        )
    items = completeness(case_file)
    refuse_stopped(items, "This bundle")
    _check_excuses(case_file.excuses, items)
    items = tuple(_excused(item, case_file) for item in items)
    missing = [item for item in gaps(items) if not item.excuse]
    if missing:
        named = "; ".join(f"{item.id} ({item.detail})" for item in missing)
        raise Conflict(f"The case file is incomplete and no named person gave a reason: {named}.")
    return items


def why_incomplete(items: Sequence[ChecklistItem]) -> str:
    """All excuses in one line, '' = nothing had to be excused; one person's one reason stands alone."""
    excused = [item for item in items if item.excuse]
    if len({(item.excuse, item.excused_by) for item in excused}) == 1:
        return excused[0].excuse
    return "; ".join(f"{item.id}: {item.excuse} ({item.excused_by})" for item in excused)


def _check_excuses(excuses: Sequence[Excuse], items: Sequence[ChecklistItem]) -> None:
    known = [item.id for item in items]
    for excuse in excuses:
        if excuse.item not in known:
            message = f"The checklist has no item {excuse.item[:60]!r}. Its items are: {', '.join(known)}."
            raise Invalid(message, "excuses")
        if not excuse.reason.strip():
            raise Invalid(f"Say why the file may go without {excuse.item}.", "excuses")
        if not excuse.by.strip():
            raise Invalid(f"Name the person who excuses {excuse.item}.", "excuses")


def _excused(item: ChecklistItem, case: CaseFile) -> ChecklistItem:
    """With the reason for this very item; a reason for an item that is met is not needed and left out."""
    if item.ok or item.stops:
        return item
    own = next((excuse for excuse in case.excuses if excuse.item == item.id), None)
    shared = "" if item.id == IN_PART else case.incomplete_reason or ""
    reason, by = (own.reason, own.by) if own else (shared, case.exported_by)
    if not reason.strip() or not by.strip():
        return item
    return replace(item, excuse=reason.strip(), excused_by=by)
