"""The page of one account: what it owes and since when, so that a person can follow the days with a finger.

Its figures are those of this moment: what was posted since the last business day was closed counts already, as in
the API. What people do here is in `corrections.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa
from fastapi import APIRouter, Path
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.history import AccountOn, as_known, statement_view
from app.book.delinquency.lifecycle import re_age_facts
from app.book.delinquency.models import AccountState, Pause, ReAge, Spell
from app.book.delinquency.re_age import ReAgeRefusal, review_re_age
from app.book.delinquency.rules import DAY, Interval, TakenBy, bucket_labels, union
from app.book.ledger.balances import still_owed
from app.book.ledger.corrections import left_to_waive
from app.book.ledger.models import Account, Customer, Entry, Portfolio, Statement, Waiver
from app.book.ledger.queries import LedgerLine, find_accounts, ledger_page
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import (
    POSTED_BY_HAND,
    TRANSITIONS,
    WAIVABLE,
    AccountStatus,
    EntryKind,
    WaiverStatus,
)
from app.book.ledger.statements import replaced_statements
from app.casework.cases.queries import Book, cases_of
from app.casework.cases.rules import CaseStatus
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.staff.rules import CASEWORK, Role, Staff
from app.core.timeline.queries import events_of_customer
from app.core.timeline.rules import Kind
from app.http.deps import CaseReader, Now, ReadSession, StreamSession, decode_cursor, encode_cursor
from app.outreach.gate.service import pack_of
from app.web.rendering import Column, Tone, csv_download, page, reader_locale, redirect
from app.web.wording import ENTRY_WORDS, Teller, Told
from app.web.worklist.worklist import book_of, bucket_tone, staff_names

router = APIRouter(prefix="/accounts")

AccountId = Annotated[int, Path(ge=1, le=2**62)]
PAGE = 50
LISTED = 50
STRIP_DAYS = 730
"""The strip of spells reaches back two years; the table beneath it has them all."""
TABS = {
    "statements": "Statements",
    "ledger": "Ledger",
    "late": "Past due over time",
    "record": "Pauses and status",
    "known": "On a past day",
}
STATUS_WORDS: Mapping[AccountStatus, tuple[str, Tone]] = {
    AccountStatus.ACTIVE: ("Active", "good"),
    AccountStatus.CHARGED_OFF: ("Charged off", "bad"),
    AccountStatus.SETTLED: ("Settled", "info"),
    AccountStatus.PAID: ("Paid", "good"),
    AccountStatus.CLOSED: ("Closed", "neutral"),
    AccountStatus.SOLD: ("Sold", "neutral"),
    AccountStatus.DORMANT: ("Dormant", "neutral"),
}
PAUSE_WORDS = {
    "hardship": "Hardship",
    "moratorium": "Moratorium",
    "dispute": "Dispute",
    "breathing_space": "Breathing space",
}
TAKEN_WORDS = {
    TakenBy.RE_AGE: "re-aged",
    TakenBy.POSITION: "not in the creditor’s figures",
    TakenBy.END: "ended with the account",
}
ON_RECORD = (
    Kind.ACCOUNT_STATUS_CHANGED, Kind.ACCOUNT_RE_AGED, Kind.PAUSE_SET, Kind.PAUSE_ENDED, Kind.ACCOUNT_CHANGED,
    Kind.ACCOUNT_HOLDER_CHANGED, Kind.CHANGE_REPORTED, Kind.REPORT_DECIDED,
)  # fmt: skip
LEDGER_COLUMNS = [
    Column("Effective"),
    Column("What"),
    Column("Amount", numeric=True),
    Column("Balance after", numeric=True),
    Column(""),
]
LIST_COLUMNS = [
    Column("Account"),
    Column("Customer"),
    Column("Product"),
    Column("Status"),
    Column("Past due", numeric=True),
    Column("Balance", numeric=True),
]


# --- the account and where it stands ------------------------------------------------------------------------


class Paused(NamedTuple):
    """A stretch of days that do not count, `first` to `last`."""

    first: date
    last: date
    days: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """How the days past due come about: the days after the oldest unpaid due date, less the paused ones."""

    oldest_due_on: date
    on: date
    paused: Sequence[Paused]
    days: int

    @property
    def elapsed(self) -> int:
        return (self.on - self.oldest_due_on).days


@dataclass(frozen=True, slots=True)
class AccountFile:
    """An account, whose it is, and where it stands at the end of today with everything posted until now."""

    account: Account
    customer: Customer
    portfolio: Portfolio
    book: Book
    stands: AccountOn
    still_owed: int
    """The balance, and what is owed off the book."""
    pauses: Sequence[Pause]
    case_id: int | None
    """The customer's open case, or the latest one."""

    @property
    def id(self) -> int:
        return id_of(self.account)

    @property
    def path(self) -> str:
        return f"/accounts/{self.account.id}"

    @property
    def currency(self) -> str:
        return self.book.currency

    @property
    def days(self) -> int:
        return self.stands.days_past_due

    @property
    def intervals(self) -> list[Interval]:
        return [(pause.from_on, pause.to_on) for pause in self.pauses]

    @property
    def overpaid_minor(self) -> int:
        return max(0, -max(self.stands.balance, self.still_owed))

    @property
    def paused_now(self) -> bool:
        return any(covers(pause, self.book.today) for pause in self.pauses)


def covers(pause: Pause, on: date) -> bool:
    return pause.from_on <= on and (pause.to_on is None or on < pause.to_on)


def open_account(session: Session, account_id: int, now: datetime, *, lock: bool = False) -> AccountFile:
    """The account with its customer and portfolio. With `lock` the customer is locked, as by every verb on money."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    if lock:
        session.execute(select(Customer.id).where(Customer.id == account.customer_id).with_for_update())
        session.refresh(account)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    book = book_of(session, portfolio, now)
    cases = cases_of(session, account.customer_id)
    case = next((case for case in cases if case.status is CaseStatus.OPEN), cases[0] if cases else None)
    pauses = select(Pause).where(Pause.account_id == account_id).order_by(col(Pause.from_on), col(Pause.id))
    return AccountFile(
        account=account,
        customer=session.get_one(Customer, account.customer_id),
        portfolio=portfolio,
        book=book,
        stands=as_known(session, portfolio, account_id, book.today),
        still_owed=still_owed(session, account, book.today),
        pauses=list(session.scalars(pauses)),
        case_id=case.id if case else None,
    )


@dataclass(frozen=True, slots=True)
class FormState:
    """The action a page shows open: what was typed and what is wrong with it."""

    opened: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def of(self, form: str) -> FormState:
        return self if form == self.opened else FormState()


# --- finding one --------------------------------------------------------------------------------------------


@router.get("")
def accounts(
    request: Request,
    staff: CaseReader,
    session: StreamSession,
    q: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    """Accounts by reference or name; without a search those that were paid more than was owed."""
    text = q.replace("\0", "").strip()[:100]
    if format == "csv":
        return csv_download("overpaid.csv", OVERPAID_HEADER, _overpaid_rows(overpaid(session)))
    if text:
        found = find_accounts(session, text, limit=LISTED + 1)
        rows = _listed(session, [id_of(account) for account in found[:LISTED]])
        return _list_page(request, staff, text, rows, more=len(found) > LISTED)
    after = decode_cursor(cursor, 2, int, int)
    shown = overpaid(session, after=(int(after[0]), int(after[1])) if after else None, limit=LISTED + 1)
    last = shown[LISTED - 1] if len(shown) > LISTED else None
    next_cursor = encode_cursor(last.balance_minor, last.account.id) if last else None
    return _list_page(request, staff, "", shown[:LISTED], next_cursor=next_cursor)


def _list_page(
    request: Request,
    staff: Staff,
    text: str,
    rows: Sequence[Listed],
    *,
    more: bool = False,
    next_cursor: str | None = None,
) -> Response:
    return page(
        request,
        "accounts/list.html",
        q=text,
        rows=rows,
        columns=LIST_COLUMNS,
        more=more,
        next_cursor=next_cursor,
        status_words=STATUS_WORDS,
        is_manager=staff.role is Role.MANAGER,
    )


@dataclass(frozen=True, slots=True)
class Listed:
    account: Account
    name: str
    currency: str
    past_due_minor: int | None
    balance_minor: int | None


def _listing() -> Any:
    state = AccountState
    return (
        sa.select(
            Account,
            col(Customer.full_name),
            col(Portfolio.currency),
            col(state.past_due_minor),
            col(state.balance_minor),
        )
        .join(Customer, col(Customer.id) == Account.customer_id)
        .join(Portfolio, col(Portfolio.id) == Account.portfolio_id)
    )


def _listed(session: Session, account_ids: Sequence[int]) -> list[Listed]:
    query = _listing().outerjoin(AccountState, col(AccountState.account_id) == Account.id)
    rows = session.execute(query.where(col(Account.id).in_(account_ids)))
    by_id = {row[0].id: Listed(*row) for row in rows}
    return [by_id[account_id] for account_id in account_ids]


def overpaid(
    session: Session, *, after: tuple[int, int] | None = None, limit: int | None = None
) -> list[Listed]:
    """Accounts with a credit balance at the last close of day, the largest first."""
    state = AccountState
    query = _listing().join(state, col(state.account_id) == Account.id).where(col(state.balance_minor) < 0)
    if after:
        query = query.where(sa.tuple_(col(state.balance_minor), col(Account.id)) > after)
    query = query.order_by(col(state.balance_minor), col(Account.id)).limit(limit)
    return [Listed(*row) for row in session.execute(query)]


OVERPAID_HEADER = ("account_ref", "name", "product", "status", "overpaid", "currency")


def _overpaid_rows(rows: Sequence[Listed]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (
            row.account.reference,
            row.name,
            row.account.product,
            row.account.status.value,
            to_decimal_string(-(row.balance_minor or 0), row.currency),
            row.currency,
        )


# --- the page -----------------------------------------------------------------------------------------------


@router.get("/by-reference/{reference:path}")
def by_reference(request: Request, reference: str, _staff: CaseReader, session: ReadSession) -> Response:
    """To the account's page; to a list where several portfolios use the reference."""
    spellings = (reference[:60], normal_reference(reference)[:60])
    found = list(session.scalars(select(Account.id).where(col(Account.reference).in_(spellings)).limit(2)))
    if not found:
        raise NotFound("There is no account with this reference.")
    return redirect(request, f"/accounts/{found[0]}" if len(found) == 1 else f"/accounts?q={reference[:60]}")


@router.get("/{account_id}")
def account_file(
    request: Request,
    account_id: AccountId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    entry: int = 0,
) -> Response:
    """`do` opens one of the forms, `entry` names the entry it is about."""
    file = open_account(session, account_id, now)
    values = {"entry": str(entry)} if entry else {}
    return account_page(request, session, staff, file, FormState(do, values), now=now)


def account_page(
    request: Request,
    session: Session,
    staff: Staff,
    file: AccountFile,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    """The whole page; after a form that was refused too, so that nothing typed is lost."""
    tab = request.query_params.get("tab", "")
    tab = tab if tab in TABS else "statements"
    names = staff_names(session)
    teller = Teller(reader_locale(request), file.currency, file.portfolio.timezone, names)
    stories = statement_view(session, file.id, file.book.today)
    return page(
        request,
        "accounts/account.html",
        status,
        file=file,
        now=now,
        tab=tab,
        tabs=[(label, f"{file.path}?tab={name}#record", name == tab) for name, label in TABS.items()],
        bucket=file.stands.bucket,
        bucket_tone=bucket_tone(file.days),
        day_count=day_count(file),
        stories=stories[::-1],
        oldest=next((story for story in stories if story.is_late), None),
        upcoming=next((story for story in stories if story.open_minor and not story.is_late), None),
        replaced_statements=replaced_statements(session, file.id) if tab == "statements" else [],
        still_owed=file.still_owed,
        taken_words=TAKEN_WORDS,
        one_day=DAY,
        teller=teller,
        currency=file.currency,
        status_words=STATUS_WORDS,
        pause_words=PAUSE_WORDS,
        entry_words=ENTRY_WORDS,
        can_write=staff.role in CASEWORK,
        is_manager=staff.role is Role.MANAGER,
        form=form,
        chosen_entry=chosen_entry(session, file, form),
        options=_options(session, file, staff),
        **_tab_content(request, session, file, teller, tab),
    )


def _tab_content(
    request: Request,
    session: Session,
    file: AccountFile,
    teller: Teller,
    tab: str,
) -> dict[str, Any]:
    match tab:
        case "ledger":
            return _ledger_tab(request, session, file)
        case "late":
            return _late_tab(session, file)
        case "record":
            return _record_tab(session, file, teller)
        case "known":
            return _known_tab(request, session, file)
    return {}


# --- what the forms offer -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChosenEntry:
    """An entry somebody wants to put right, and what can be done with it."""

    entry: Entry
    is_reversed: bool
    left_to_waive: int
    """Minor units; 0 for what cannot be waived."""

    @property
    def can_move(self) -> bool:
        return not self.is_reversed and self.entry.kind in (EntryKind.PAYMENT, EntryKind.RECOVERY)

    @property
    def can_reverse(self) -> bool:
        return not self.is_reversed and self.entry.kind is not EntryKind.REVERSAL


def chosen_entry(session: Session, file: AccountFile, form: FormState) -> ChosenEntry | None:
    entry_id = form.values.get("entry", "")
    entry = session.get(Entry, int(entry_id)) if entry_id.isdigit() and len(entry_id) < 19 else None
    if entry is None or entry.account_id != file.id:
        return None
    is_reversed = session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)) is not None
    waivable = entry.kind in WAIVABLE and entry.amount_minor > 0 and not is_reversed
    return ChosenEntry(entry, is_reversed, left_to_waive(session, entry) if waivable else 0)


def _options(session: Session, file: AccountFile, staff: Staff) -> dict[str, Any]:
    """What the forms offer and start from."""
    waiting = select(Waiver).where(Waiver.account_id == file.id, col(Waiver.status) == WaiverStatus.REQUESTED)
    is_manager = staff.role is Role.MANAGER
    return {
        "kinds": [
            (kind.value, ENTRY_WORDS[kind]) for kind, roles in POSTED_BY_HAND.items() if staff.role in roles
        ],
        "statuses": [
            (to.value, STATUS_WORDS[to][0]) for to in AccountStatus if to in TRANSITIONS[file.account.status]
        ],
        "pauses": list(PAUSE_WORDS.items()),
        "statements": [
            (each.reference, f"{each.reference}, closed {each.closing_on.isoformat()}")
            for each in session.scalars(
                select(Statement)
                .where(Statement.account_id == file.id)
                .order_by(col(Statement.closing_on).desc(), col(Statement.id).desc())
                .limit(60)
            )
        ],
        "waiting": list(session.scalars(waiting.order_by(col(Waiver.id)))),
        "today": file.book.today.isoformat(),
        "opened": file.account.opened_on.isoformat(),
        "overpaid": to_decimal_string(file.overpaid_minor, file.currency) if file.overpaid_minor else "",
        "re_age_refusals": _re_age_refusals(session, file) if is_manager and file.stands.past_due else [],
    }


def _re_age_refusals(session: Session, file: AccountFile) -> list[ReAgeRefusal]:
    rule = pack_of(file.portfolio).re_age
    on = file.book.today
    return review_re_age(re_age_facts(session, file.account, rule, on), rule, on)


# --- the days, counted out ----------------------------------------------------------------------------------


def day_count(file: AccountFile) -> DayCount | None:
    """None while nothing is past due."""
    oldest, on = file.stands.oldest_due_on, file.book.today
    if oldest is None:
        return None
    first, end = oldest + DAY, on + DAY
    paused = [
        (max(from_on, first), min(to_on, end)) for from_on, to_on in union(file.intervals) if from_on < end
    ]
    return DayCount(oldest, on, [Paused(a, b - DAY, (b - a).days) for a, b in paused if a < b], file.days)


# --- the ledger ---------------------------------------------------------------------------------------------


def _ledger_tab(request: Request, session: Session, file: AccountFile) -> dict[str, Any]:
    chosen = _ledger_filter(request)
    before = decode_cursor(request.query_params.get("cursor"), 2, date.fromisoformat, int)
    position = (date.fromisoformat(str(before[0])), int(before[1])) if before else None
    lines = ledger_page(session, file.id, before=position, limit=PAGE + 1, **chosen)
    more = lines[PAGE - 1] if len(lines) > PAGE else None
    linked = [i for line in lines for i in (line.reverses_id, line.mirror_id) if i]
    found = session.execute(
        sa.select(col(Entry.id), col(Entry.reference), col(Entry.effective_on)).where(
            col(Entry.id).in_(linked)
        )
    )
    return {
        "ledger_columns": LEDGER_COLUMNS,
        "lines": lines[:PAGE],
        "linked": {entry_id: (reference, on) for entry_id, reference, on in found},
        "chosen": {name: request.query_params.get(name, "") for name in ("kind", "first", "last")},
        "kinds": [("", "Everything")] + [(kind.value, ENTRY_WORDS[kind]) for kind in EntryKind],
        "next_cursor": encode_cursor(more.effective_on.isoformat(), more.entry_id) if more else None,
    }


def _ledger_filter(request: Request) -> dict[str, Any]:
    """`?kind=&first=&last=`; what cannot be read filters nothing."""
    kind = request.query_params.get("kind", "")
    return {
        "kinds": [EntryKind(kind)] if kind in set(EntryKind) else [],
        "first_on": day_of(request.query_params.get("first", "")),
        "last_on": day_of(request.query_params.get("last", "")),
    }


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


LEDGER_HEADER = (
    "account", "effective_on", "posted_on", "kind", "amount", "balance", "currency", "reference", "reversed",
    "source", "description",
)  # fmt: skip


@router.get("/{account_id}/ledger.csv")
def ledger_csv(
    request: Request, account_id: AccountId, _staff: CaseReader, session: StreamSession, now: Now
) -> Response:
    """The entries the page's filter chooses, the latest first, each with the running balance after it."""
    file = open_account(session, account_id, now)
    lines = ledger_page(session, file.id, **_ledger_filter(request))
    rows = (_csv_row(file, line) for line in lines)
    return csv_download(f"account-{account_id}-ledger.csv", LEDGER_HEADER, rows)


def _csv_row(file: AccountFile, line: LedgerLine) -> tuple[Any, ...]:
    return (
        file.account.reference,
        line.effective_on,
        line.posted_on,
        line.kind.value,
        to_decimal_string(line.amount_minor, file.currency),
        to_decimal_string(line.balance_minor, file.currency),
        file.currency,
        line.reference,
        "yes" if line.reversed else "no",
        line.source,
        line.description,
    )


# --- past due over time -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """A spell on the strip: `x` and `width` on a scale of 1000, `step` its colour from light (1) to dark (8)."""

    spell: Spell
    x: float
    width: float
    step: int


def _late_tab(session: Session, file: AccountFile) -> dict[str, Any]:
    query = select(Spell).where(Spell.account_id == file.id).order_by(col(Spell.from_on).desc())
    spells = list(session.scalars(query))
    first = max(min((spell.from_on for spell in spells), default=file.book.on), _strip_start(file))
    return {
        "spells": spells,
        "strip_from": first,
        "bars": _bars(spells, file, first),
        "strip_labels": bucket_labels(file.book.edges)[1:],
    }


def _strip_start(file: AccountFile) -> date:
    return file.book.on - timedelta(days=STRIP_DAYS)


def _bars(spells: Sequence[Spell], file: AccountFile, first: date) -> list[Bar]:
    last = file.book.on + timedelta(days=1)
    scale = 1000 / max(1, (last - first).days)
    labels = bucket_labels(file.book.edges)
    bars = []
    for spell in spells:
        begin, end = max(spell.from_on, first), min(spell.to_on or last, last)
        if begin < end:
            step = labels.index(spell.bucket) if spell.bucket in labels else 1
            x, width = (begin - first).days * scale, (end - begin).days * scale
            bars.append(Bar(spell, round(x, 1), round(width, 1), max(1, min(8, step))))
    return bars


# --- pauses, re-ages, status --------------------------------------------------------------------------------


def _record_tab(session: Session, file: AccountFile, teller: Teller) -> dict[str, Any]:
    re_ages = select(ReAge).where(ReAge.account_id == file.id).order_by(col(ReAge.on).desc())
    events, _ = events_of_customer(session, file.account.customer_id, kinds=ON_RECORD, before=None, limit=200)
    told: list[Told] = [teller.tell(event) for event in events if event.account_id == file.id]
    return {"re_ages": list(session.scalars(re_ages)), "told": told}


# --- on a past day ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """How the account stood on the day asked about: as known now (`known_on` None) or then."""

    stood: AccountOn
    known_on: date | None


def _known_tab(request: Request, session: Session, file: AccountFile) -> dict[str, Any]:
    """`?on=&known_on=`: the answer as known now, and beside it as known on another day."""
    typed = {name: request.query_params.get(name, "") for name in ("on", "known_on")}
    days = {name: day_of(text) for name, text in typed.items()}
    errors = {name: "This is not a date." for name, text in typed.items() if text and days[name] is None}
    on, known_on = days["on"], days["known_on"]
    if on and not file.account.opened_on <= on <= file.book.today:
        errors["on"] = "Choose a day from the account’s opening to today."
    elif on and known_on and known_on < on:
        errors["known_on"] = "Before the day itself nothing was known of it."
    answers = []
    if on and not errors:
        answers = [
            Answer(as_known(session, file.portfolio, file.id, on, known), known)
            for known in ((None, known_on) if known_on else (None,))
        ]
    return {"asked": typed, "asked_on": on, "asked_errors": errors, "answers": answers}
