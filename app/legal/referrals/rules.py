"""What a case file holds, what makes it complete, and when it may leave the house. Pure.

A `CaseFile` is a full copy of one case at the end of one business day. Everything a bundle shows is in it, so
that the same case file always gives the same bundle, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from app.book.ledger.rules import AccountStatus, CollectorKind
from app.casework.plans.rules import PlanStatus
from app.core.errors import Conflict, Invalid
from app.core.money import to_decimal_string
from app.core.vocabulary import HoldKind

AGREEMENT = "agreement"
ASSIGNMENT = "assignment"
"""Kinds of documents every checklist knows; a pack's notice may name further kinds (see `Notice`)."""

BUNDLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A bundle id is also a folder name and part of a URL."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    code: str
    creditor: str
    currency: str
    timezone: str
    policy_pack: str
    collector: CollectorKind


@dataclass(frozen=True, slots=True)
class Customer:
    customer_ref: str
    name: str
    address_lines: tuple[str, ...]
    country: str
    """ISO 3166-1 alpha-2."""
    language: str
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One card account at the end of `CaseFile.as_of`. `apr` is a decimal string in percent ('19.90')."""

    account_ref: str
    last4: str
    product: str
    limit_minor: int
    apr: str
    opened_on: date | None
    status: str
    balance_minor: int
    past_due_minor: int
    days_past_due: int
    oldest_due_on: date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry; `amount_minor` is signed, a payment is negative."""

    reference: str
    account_ref: str
    kind: str
    effective_on: date
    posted_on: date
    amount_minor: int
    source: str
    description: str = ""
    reverses: str = ""
    """Reference of the entry this one undoes, or ''."""


@dataclass(frozen=True, slots=True)
class Statement:
    statement_ref: str
    account_ref: str
    closing_on: date
    due_on: date
    balance_minor: int
    minimum_due_minor: int


@dataclass(frozen=True, slots=True)
class Event:
    """One timeline event with its place in the hash chain; `data_json` is the exact text that was hashed."""

    stream: str
    seq: int
    kind: str
    at: datetime
    by: str
    data_json: str
    prev_hash: str
    hash: str


CAME_BACK = frozenset({"undelivered", "bounced", "failed"})
"""What became of messages that reached nobody, whatever was sent when."""


@dataclass(frozen=True, slots=True)
class Message:
    """One written contact exactly as it was sent. `sent_at` None = the provider never accepted it."""

    key: str
    channel: str
    to: str
    subject: str
    text: str
    html: str
    letter: str
    letter_version: str
    language: str
    sent_at: datetime | None
    status: str
    provider_ref: str
    clearance: Mapping[str, Any] = field(default_factory=dict)
    enclosed: str = ""
    """Words of the printed letter that went with an e-mail."""
    exact_sha256: Mapping[str, str] = field(default_factory=dict)
    """Of `text`, `html` and `enclosed` as they were sent, with the reader's personal link that is removed here."""
    asks: bool = True
    """It reminds or gives notice; False = it confirms or answers something."""

    @property
    def given(self) -> bool:
        """It left, and did not come back."""
        return self.sent_at is not None and self.status not in CAME_BACK


@dataclass(frozen=True, slots=True)
class Instalment:
    seq: int
    due_on: date
    amount_minor: int
    paid_minor: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    reference: str
    kind: str
    status: str
    offered_at: datetime
    accepted_at: datetime | None
    total_minor: int
    by: str
    instalments: tuple[Instalment, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    kind: str
    started_at: datetime
    until: datetime | None
    ended_at: datetime | None
    """None = still in force."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dispute:
    reference: str
    opened_at: datetime
    reason: str
    amount_minor: int | None
    """None = the whole debt is disputed."""
    resolved_at: datetime | None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """An uploaded file: agreement, assignment, notice. `kind` is what the checklist looks for."""

    kind: str
    name: str
    media_type: str
    dated_on: date
    content: bytes


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why the file may go although one item of the checklist is missing, by a named person."""

    item: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """An account of the customer that is no part of the claim. `balance_minor` as `Account` has it."""

    account_ref: str
    status: str
    balance_minor: int
    why: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    case_reference: str
    bundle_id: str
    as_of: date
    """Business date at whose end the case is shown; also the date of every file in the bundle."""
    portfolio: Portfolio
    customer: Customer
    claimed_minor: int
    accounts: tuple[Account, ...]
    """Those that make the claim (see `why_not_claimed`)."""
    entries: tuple[Entry, ...]
    """Of these accounts, up to `as_of`; they sum to the claim."""
    statements: tuple[Statement, ...] = ()
    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    plans: tuple[Plan, ...] = ()
    holds: tuple[Hold, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    documents: tuple[Document, ...] = ()
    supersedes: str | None = None
    exported_by: str = ""
    incomplete_reason: str | None = None
    """One reason that `exported_by` gives for every gap that can be excused and has no reason of its own."""
    excuses: tuple[Excuse, ...] = ()
    time_barred: tuple[str, ...] = ()
    """Why the debt is too old to sue for, by the packs of the customer's place."""
    owed_now_minor: int | None = None
    """What the same claim would be at the moment of building; None = as `claimed_minor`."""
    not_claimed: tuple[NotClaimed, ...] = ()
    off_book: tuple[Entry, ...] = ()
    """Entries by which a creditor took the debt off its book: they change nothing in what is owed."""
    since: tuple[Entry, ...] = ()
    """Entries of the claimed accounts after `as_of`."""
    military_stops: bool = False
    """The pack of the customer's place protects people in military service."""

    @property
    def claimed_now_minor(self) -> int:
        """The same claim at the moment of building."""
        return self.claimed_minor if self.owed_now_minor is None else self.owed_now_minor


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    id: str
    title: str
    ok: bool
    detail: str
    excused_by: str = ""
    """The named person who lets the file go without it; '' = nobody."""
    excuse: str = ""
    """The reason that this person gave."""

    @property
    def stops(self) -> bool:
        """It is not met, and no reason excuses it."""
        return not self.ok and self.id in NEVER_EXCUSED


@dataclass(frozen=True, slots=True)
class Receipt:
    """The legal desk's proof that it holds a verified bundle. `received_at` is RFC 3339 text, `files` a count."""

    receipt_id: str
    bundle_id: str
    received_at: str
    files: int
    sha256_of_tagmanifest: str
    status: str = "accepted"

    @property
    def provider_ref(self) -> str:
        """The same name `outreach.Accepted` has, so the outbox can settle a delivery like any other."""
        return self.receipt_id


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice a jurisdiction wants on record before suit: a sent letter of this name, or a document of this kind."""

    id: str
    title: str
    kinds: tuple[str, ...]
    citation: str
    min_age_days: int
    max_age_days: int | None = None
    collector: CollectorKind | None = None
    """None = whoever collects."""
    of_this_default: bool = True
    """One that was given about an earlier default, cured since, proves nothing; False = it is given once for a debt."""


NOTICES: Mapping[str, tuple[Notice, ...]] = {
    "US": (
        Notice(
            "notice.validation",
            "Validation notice given and its period over",
            ("validation_notice",),
            "12 CFR 1006.34",
            30,
            collector=CollectorKind.THIRD_PARTY,
            of_this_default=False,
        ),
    ),
    "UK": (
        Notice("notice.default", "Default notice served", ("default_notice",), "CCA 1974 ss.87-88", 14),
        Notice(
            "notice.claim",
            "Letter of claim sent and its reply period over",
            ("letter_of_claim",),
            "Pre-Action Protocol for Debt Claims, para 3",
            30,
        ),
    ),
    "NO": (
        Notice(
            "notice.demand",
            "Written payment demand sent, not stale",
            ("payment_demand", "betalingsoppfordring"),
            "Inkassoloven ss 10-11",
            14,
            max_age_days=183,
            of_this_default=False,
        ),
    ),
    "AU": (
        Notice(
            "notice.default", "Default notice served", ("default_notice",), "National Credit Code s 88", 30
        ),
    ),
}
"""By pack code; 'US-NY' also takes what stands under 'US'. What no pack adds to has only the common items."""

NEVER_EXCUSED = frozenset(
    {"claim.owed", "ledger.claim", "dispute.none_open", "hold.none_stopping", "limitation"}
)
"""Items without which nobody is taken to court, whoever gives whatever reason."""

_STOPS_SUIT = frozenset({HoldKind.BANKRUPTCY, HoldKind.BREATHING_SPACE, HoldKind.DECEASED})
_SPEAKS_AGAINST_SUIT = frozenset({HoldKind.FRAUD, HoldKind.HARDSHIP})
"""A named person may decide to go on; military service too, where no pack protects those in it."""
_LONGEST_CYCLE = timedelta(days=62)
"""Two statements further apart than this have one missing between them; no issuer bills less than every two months."""


def ledger_sum(entries: Sequence[Entry], account_ref: str | None = None) -> int:
    """Sum in minor units, of one account or of all."""
    return sum(e.amount_minor for e in entries if account_ref in (None, e.account_ref))


def completeness(case_file: CaseFile) -> tuple[ChecklistItem, ...]:
    """Every item, met or not, in reading order: common ones first, then what the policy pack adds. Who excused what is
    told by `check_exportable`."""
    common = [check(case_file) for check in _COMMON]
    notices = [_notice(case_file, notice) for notice in _notices(case_file.portfolio)]
    return (*common, *notices, *_barred(case_file))


def why_not_claimed(status: AccountStatus, past_due_minor: int, owed_minor: int) -> str:
    """Why an account is no part of the claim, '' = it is: all that is owed on it, once part of that is past due or the
    account was charged off, here or at the creditor. What is overpaid on one card is not set off against another."""
    if status in (AccountStatus.SETTLED, AccountStatus.PAID, AccountStatus.SOLD):
        return f"the account is {status.value}"
    if owed_minor < 0:
        return "overpaid; nobody decided to set it off"
    if owed_minor == 0:
        return "nothing is owed on it"
    if past_due_minor <= 0 and status is not AccountStatus.CHARGED_OFF:
        return "nothing is past due on it"
    return ""


def stops(items: Sequence[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """What forbids approval, sealing and hand-over alike."""
    return tuple(item for item in items if item.stops)


def refuse_stopped(items: Sequence[ChecklistItem], act: str) -> None:
    """Conflict that names everything that stands in the way of `act` and cannot be excused."""
    if found := stops(items):
        named = "; ".join(f"{item.title}: {item.detail}" for item in found)
        raise Conflict(f"{act} is refused, and no reason excuses it: {named}.")


def gaps(items: Sequence[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """What is missing and may be excused, item by item."""
    return tuple(item for item in items if not item.ok and not item.stops)


def check_exportable(case_file: CaseFile) -> tuple[ChecklistItem, ...]:
    """The checklist, with who excused what, if this case file may become a bundle.

    Invalid: the bundle id cannot be a folder name, or a reason is given for no item. Conflict: something is there that
    no reason excuses, or items are missing and nobody put their name and a reason to each.
    """
    if not BUNDLE_ID.fullmatch(case_file.bundle_id):
        raise Invalid(f"not a bundle id: {case_file.bundle_id[:100]!r}", "bundle_id")
    unknown = {e.account_ref for e in case_file.entries} - {a.account_ref for a in case_file.accounts}
    if unknown:
        raise Conflict(f"ledger entries of accounts that are not in the case: {', '.join(sorted(unknown))}")
    total = ledger_sum(case_file.entries)
    if total != case_file.claimed_minor:
        currency = case_file.portfolio.currency
        raise Conflict(
            f"the ledger sums to {to_decimal_string(total, currency)} {currency}, "
            f"the claim is {to_decimal_string(case_file.claimed_minor, currency)} {currency}"
        )
    items = completeness(case_file)
    refuse_stopped(items, "This bundle")
    _check_excuses(case_file.excuses, items)
    items = tuple(_excused(item, case_file) for item in items)
    missing = [item for item in gaps(items) if not item.excuse]
    if missing:
        named = "; ".join(f"{item.id} ({item.detail})" for item in missing)
        raise Conflict(f"the case file is incomplete and no named person gave a reason: {named}")
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
    """With the reason for this very item; a reason for what is met is not needed and left out."""
    if item.ok or item.stops:
        return item
    own = next((excuse for excuse in case.excuses if excuse.item == item.id), None)
    reason, by = (own.reason, own.by) if own else (case.incomplete_reason or "", case.exported_by)
    if not reason.strip() or not by.strip():
        return item
    return replace(item, excuse=reason.strip(), excused_by=by)


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
    """At the end of the day that the file shows, and still: who paid since is not taken to court."""
    currency = case.portfolio.currency
    then, now = case.claimed_minor, case.claimed_now_minor
    detail = f"{to_decimal_string(then, currency)} {currency} at the end of {case.as_of}"
    if now != then:
        detail += f", {to_decimal_string(now, currency)} {currency} today"
    return ChecklistItem("claim.owed", "Something is owed and past due", then > 0 and now > 0, detail)


def _claim(case: CaseFile) -> ChecklistItem:
    currency = case.portfolio.currency
    total = ledger_sum(case.entries)
    detail = f"{to_decimal_string(total, currency)} {currency} in {len(case.entries)} entries"
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
    still = [d.reference for d in case.disputes if d.resolved_at is None]
    held = [h for h in case.holds if h.ended_at is None and h.kind == HoldKind.DISPUTE]
    detail = f"open: {', '.join(still) or 'a dispute hold'}" if still or held else "none open"
    return ChecklistItem("dispute.none_open", "No open dispute", not (still or held), detail)


def _no_stop(case: CaseFile) -> ChecklistItem:
    stopping = _STOPS_SUIT | ({HoldKind.MILITARY} if case.military_stops else set())
    detail = _in_force(case, stopping)
    title = "No death, insolvency, moratorium or protected service"
    return ChecklistItem("hold.none_stopping", title, not detail, detail or "none in force")


def _no_other_hold(case: CaseFile) -> ChecklistItem:
    against = _SPEAKS_AGAINST_SUIT | (set() if case.military_stops else {HoldKind.MILITARY})
    detail = _in_force(case, against)
    title = "No other hold that speaks against legal action"
    return ChecklistItem("hold.none_against", title, not detail, detail or "none in force")


def _in_force(case: CaseFile, kinds: Collection[str]) -> str:
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


def _notices(portfolio: Portfolio) -> tuple[Notice, ...]:
    code = portfolio.policy_pack.upper().partition("@")[0]
    country = code.partition("-")[0]
    found = NOTICES.get(country, ()) + (NOTICES.get(code, ()) if code != country else ())
    return tuple(n for n in found if n.collector in (None, portfolio.collector))


def _notice(case: CaseFile, notice: Notice) -> ChecklistItem:
    """Met when any such notice is old enough for its period to be over, and young enough not to be stale."""
    title = f"{notice.title} ({notice.citation})"
    sent = [
        m.sent_at.date()
        for m in case.messages
        if m.sent_at and m.given and m.letter.replace("-", "_") in notice.kinds
    ]
    given = sorted(sent + [d.dated_on for d in case.documents if d.kind in notice.kinds])
    if notice.of_this_default and given:
        defaulted = min((a.oldest_due_on for a in case.accounts if a.oldest_due_on), default=None)
        earlier = [on for on in given if defaulted is not None and on <= defaulted]
        given = [on for on in given if on not in earlier]
        if not given:
            dates = ", ".join(on.isoformat() for on in earlier)
            detail = f"given {dates}, before what is past due now fell due on {defaulted}"
            return ChecklistItem(notice.id, title, False, detail)
    if not given:
        return ChecklistItem(notice.id, title, False, "not on record")
    longest = notice.max_age_days
    ages = [(case.as_of - on).days for on in given]
    ok = any(age >= notice.min_age_days and (longest is None or age <= longest) for age in ages)
    wanted = f"at least {notice.min_age_days} days old" + (
        f", at most {longest}" if longest is not None else ""
    )
    dates = ", ".join(on.isoformat() for on in given)
    return ChecklistItem(notice.id, title, ok, f"given {dates}; must be {wanted}")


def _of_accounts(what: str, refs: Sequence[str]) -> str:
    return f"{what}: {', '.join(refs)}"
