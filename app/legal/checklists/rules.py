"""Checklist of a complete case file, item by item. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from app.book.portfolios.rules import CollectorKind
from app.casework.plans.rules import PlanStatus
from app.core.money import to_decimal_string
from app.core.text import counted
from app.core.vocabulary import HoldKind, Suit, holds_with
from app.legal.checklists.case_file import AGREEMENT, ASSIGNMENT, Account, CaseFile, ledger_sum
from app.legal.checklists.disputed import left_out_of
from app.legal.checklists.items import IN_PART, ChecklistItem
from app.legal.checklists.notices import check_notice, notices_for

_LONGEST_CYCLE = timedelta(days=62)
"""Two statements further apart than this have one missing between them; no issuer bills less than every two months."""


def completeness(case_file: CaseFile) -> tuple[ChecklistItem, ...]:
    """Every item, met or not, in reading order: common ones first, then what the policy pack adds. `check_exportable`
    adds the excuses."""
    common = [check(case_file) for check in _COMMON]
    notices = [check_notice(case_file, notice) for notice in notices_for(case_file.portfolio)]
    apart = (*_claimed_in_part(case_file), *_barred(case_file), *_notices_late(case_file))
    return (*common, *notices, *apart)


def _parties(case: CaseFile) -> ChecklistItem:
    who = case.customer
    missing = [
        what
        for what, there in (
            ("name", who.name.strip()),
            ("address", any(line.strip() for line in who.address_lines)),
            ("country", who.country.strip()),
        )
        if not there
    ]
    detail = f"missing: {', '.join(missing)}" if missing else "name, address and country on file"
    return ChecklistItem("customer.identity", "Customer's name and address", not missing, detail)


def _opened(case: CaseFile) -> ChecklistItem:
    undated = [a.account_ref for a in case.accounts if a.opened_on is None]
    detail = _of_accounts("no opening date", undated) if undated else f"{len(case.accounts)} account(s) dated"
    if not case.accounts:
        detail = "no account in the case"
    return ChecklistItem(
        "account.opened", "Opening date of each account", bool(case.accounts) and not undated, detail
    )


def _agreement(case: CaseFile) -> ChecklistItem:
    return _document(case, AGREEMENT, "Credit agreement")


def _assignment(case: CaseFile) -> ChecklistItem:
    title = "Chain of assignment to the collector"
    if case.portfolio.collector is CollectorKind.FIRST_PARTY:
        return ChecklistItem(
            "document.assignment", title, True, "not applicable: the creditor collects itself"
        )
    return _document(case, ASSIGNMENT, title)


def _document(case: CaseFile, kind: str, title: str) -> ChecklistItem:
    found = [d for d in case.documents if d.kind == kind]
    detail = f"{len(found)} document(s) of kind {kind}" if found else f"no document of kind {kind}"
    return ChecklistItem(f"document.{kind}", title, bool(found), detail)


def _statements(case: CaseFile) -> ChecklistItem:
    """Each account in arrears has the statement that was first missed, and none is missing after it."""
    gaps = [text for account in case.accounts for text in _statement_gaps(case, account)]
    title = "Statements from the first missed due date onwards"
    detail = "; ".join(gaps) or f"{len(case.statements)} statement(s), no gap"
    return ChecklistItem("statement.coverage", title, not gaps and bool(case.accounts), detail)


def _statement_gaps(case: CaseFile, account: Account) -> list[str]:
    own = sorted(
        (s for s in case.statements if s.account_ref == account.account_ref), key=lambda s: s.closing_on
    )
    if not own:
        return [f"{account.account_ref}: no statement"] if account.balance_minor > 0 else []
    if account.oldest_due_on and account.oldest_due_on not in {s.due_on for s in own}:
        return [f"{account.account_ref}: no statement was due on {account.oldest_due_on}"]
    needed = [s for s in own if account.oldest_due_on is None or s.due_on >= account.oldest_due_on]
    return [
        f"{account.account_ref}: nothing between {before.closing_on} and {after.closing_on}"
        for before, after in zip(needed, needed[1:], strict=False)
        if after.closing_on - before.closing_on > _LONGEST_CYCLE
    ]


def _owed(case: CaseFile) -> ChecklistItem:
    """At the end of the day that the file shows, and still: a customer who paid since is not taken to court."""
    currency = case.portfolio.currency
    then, now = case.claimed_minor, case.claimed_now_minor
    detail = f"{to_decimal_string(then, currency)} {currency} at the end of {case.as_of}"
    if now != then:
        detail += f", {to_decimal_string(now, currency)} {currency} today"
    return ChecklistItem("claim.owed", "Something is owed and past due", then > 0 and now > 0, detail)


def _claim(case: CaseFile) -> ChecklistItem:
    currency = case.portfolio.currency
    owed, disputed = ledger_sum(case.entries), left_out_of(case)
    total = owed - disputed
    detail = (
        f"{to_decimal_string(owed, currency)} {currency} in {counted(len(case.entries), 'entry', 'entries')}"
    )
    detail += f", less {to_decimal_string(disputed, currency)} {currency} in dispute" if disputed else ""
    return ChecklistItem(
        "ledger.claim", "Ledger sums to the amount claimed", total == case.claimed_minor, detail
    )


def _balances(case: CaseFile) -> ChecklistItem:
    off = [a.account_ref for a in case.accounts if ledger_sum(case.entries, a.account_ref) != a.balance_minor]
    detail = (
        _of_accounts("ledger differs from the balance", off) if off else "each balance equals its entries"
    )
    return ChecklistItem("ledger.balances", "Ledger explains each account's balance", not off, detail)


def _reminder(case: CaseFile) -> ChecklistItem:
    sent = [m for m in case.messages if m.asks and m.given]
    detail = f"{len(sent)} written message(s) sent"
    if not sent:
        came_back = sum(1 for m in case.messages if m.asks and m.sent_at is not None)
        detail = f"all {came_back} came back" if came_back else "no written reminder was ever sent"
    return ChecklistItem("contact.reminder", "At least one written reminder on record", bool(sent), detail)


def _cleared(case: CaseFile) -> ChecklistItem:
    bare = [m.key for m in case.messages if m.sent_at is not None and not m.clearance]
    detail = f"without clearance: {', '.join(bare)}" if bare else "each message sent has its clearance"
    return ChecklistItem("contact.clearance", "Each message sent was cleared by rule", not bare, detail)


def _undisputed(case: CaseFile) -> ChecklistItem:
    """A dispute of a known part stops everything only where the law says so; otherwise that part is not claimed."""
    still = [
        d.reference for d in case.disputes if d.resolved_at is None and (case.dispute_bars or not d.is_part)
    ]
    held = [h for h in case.holds if h.ended_at is None and h.kind == HoldKind.DISPUTE]
    detail = f"open: {', '.join(still) or 'a dispute hold'}" if still or held else "none open"
    detail += f" ({case.dispute_bars})" if still and case.dispute_bars else ""
    return ChecklistItem("dispute.none_open", "No open dispute", not (still or held), detail)


def _claimed_in_part(case: CaseFile) -> Sequence[ChecklistItem]:
    """Shown only where a part is in dispute: a named person chooses to claim the rest, and says why."""
    parts = [d.reference for d in case.disputes if d.is_part]
    if not parts or case.dispute_bars:
        return ()
    currency = case.portfolio.currency
    detail = (
        f"{to_decimal_string(left_out_of(case), currency)} {currency} in dispute ({', '.join(parts)}) is not claimed."
        " To claim the rest, say why. Many courts hear one suit over a debt: what is left out now may be lost"
    )
    return [ChecklistItem(IN_PART, "No part of the debt in dispute", False, detail)]


def _no_stop(case: CaseFile) -> ChecklistItem:
    by_pack = Suit.STOPS_BY_PACK if case.military_stops else Suit.STOPS
    detail = _in_force(case, Suit.STOPS, by_pack)
    title = "No death, insolvency, moratorium or protected service"
    return ChecklistItem("hold.none_stopping", title, not detail, detail or "none in force")


def _no_other_hold(case: CaseFile) -> ChecklistItem:
    by_pack = Suit.SPEAKS_AGAINST if case.military_stops else Suit.STOPS_BY_PACK
    detail = _in_force(case, Suit.SPEAKS_AGAINST, by_pack)
    title = "No other hold that speaks against legal action"
    return ChecklistItem("hold.none_against", title, not detail, detail or "none in force")


def _in_force(case: CaseFile, *suits: Suit) -> str:
    kinds = holds_with(lambda traits: traits.suit in suits)
    found = sorted({h.kind for h in case.holds if h.ended_at is None and h.kind in kinds})
    return f"in force: {', '.join(kind.replace('_', ' ') for kind in found)}" if found else ""


def _no_plan(case: CaseFile) -> ChecklistItem:
    running = [p.reference for p in case.plans if p.status in (PlanStatus.ACCEPTED, PlanStatus.ACTIVE)]
    detail = f"running: {', '.join(running)}" if running else "none running"
    return ChecklistItem("plan.none_running", "No plan the customer is keeping", not running, detail)


_COMMON: tuple[Callable[[CaseFile], ChecklistItem], ...] = (
    _parties,
    _opened,
    _agreement,
    _assignment,
    _statements,
    _owed,
    _claim,
    _balances,
    _reminder,
    _cleared,
    _undisputed,
    _no_stop,
    _no_other_hold,
    _no_plan,
)


def _barred(case: CaseFile) -> Sequence[ChecklistItem]:
    """Shown only where it stands in the way: most packs know no period."""
    if not case.time_barred:
        return ()
    return [ChecklistItem("limitation", "Not time-barred", False, "; ".join(case.time_barred))]


def _notices_late(case: CaseFile) -> Sequence[ChecklistItem]:
    """Shown only where one is late: the agreement is not enforced until it is given."""
    if not case.notices_overdue:
        return ()
    return [ChecklistItem("notice.owed", "Notices owed were given", False, "; ".join(case.notices_overdue))]


def _of_accounts(what: str, refs: Sequence[str]) -> str:
    return f"{what}: {', '.join(refs)}"
