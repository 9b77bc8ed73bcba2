"""The tabs of an account: ledger, past due over time, pauses and status, and its standing on a past day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import bucket_labels
from app.book.delinquency.events import AccountReAged, PauseEnded, PauseSet, ReAgeUndone
from app.book.delinquency.history import AccountOn, as_known
from app.book.delinquency.models import ReAge, Spell
from app.book.feeds.events import ChangeReported, ReportDecided
from app.book.ledger.events import AccountChanged, AccountHolderChanged, AccountStatusChanged
from app.book.ledger.models import Entry
from app.book.ledger.queries import LedgerLine, ledger_page
from app.book.ledger.rules import EntryKind
from app.core.labels import ENTRY_LABELS
from app.core.money import to_decimal_string
from app.core.timeline.presenting import TimelineEntry
from app.core.timeline.queries import events_of_customer
from app.core.types import Cells, JsonObject
from app.http.context import Now
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import CaseReader
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.web.accounts.account_file import AccountFile, open_account
from app.web.lists import Column, csv_download
from app.web.timeline import PageReader, TimelinePresenter

router = Router(prefix="/accounts")
PAGE = 50
STRIP_DAYS = 730
"""The strip of spells reaches back two years; the table beneath it has them all."""
TABS = {
    "statements": "Statements",
    "ledger": "Ledger",
    "late": "Past due over time",
    "record": "Pauses and status",
    "known": "As of a past date",
}
ON_RECORD = (
    AccountStatusChanged.KIND, AccountReAged.KIND, ReAgeUndone.KIND, PauseSet.KIND, PauseEnded.KIND,
    AccountChanged.KIND, AccountHolderChanged.KIND, ChangeReported.KIND, ReportDecided.KIND,
)  # fmt: skip
LEDGER_COLUMNS = [
    Column("Effective"),
    Column("What"),
    Column("Amount", numeric=True),
    Column("Balance after", numeric=True),
    Column(""),
]


def tab_content(
    request: Request,
    session: Session,
    file: AccountFile,
    reader: PageReader,
    tab: str,
) -> AccountTab | None:
    match tab:
        case "ledger":
            return _ledger_tab(request, session, file)
        case "late":
            return _late_tab(session, file)
        case "record":
            return _record_tab(session, file, reader)
        case "known":
            return _known_tab(request, session, file)
    return None


@dataclass(frozen=True, slots=True)
class LedgerTab:
    ledger_columns: Sequence[Column]
    lines: Sequence[LedgerLine]
    linked: Mapping[int, tuple[str, date]]
    chosen: Mapping[str, str]
    kinds: Sequence[tuple[str, str]]
    next_cursor: str | None


def _ledger_tab(request: Request, session: Session, file: AccountFile) -> LedgerTab:
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
    return LedgerTab(
        ledger_columns=LEDGER_COLUMNS,
        lines=lines[:PAGE],
        linked={entry_id: (reference, on) for entry_id, reference, on in found},
        chosen={name: request.query_params.get(name, "") for name in ("kind", "first", "last")},
        kinds=[("", "Everything")] + [(kind.value, ENTRY_LABELS[kind]) for kind in EntryKind],
        next_cursor=encode_cursor(more.effective_on.isoformat(), more.entry_id) if more else None,
    )


def _ledger_filter(request: Request) -> JsonObject:
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
    request: Request, account_id: RowId, _staff: CaseReader, session: StreamSession, now: Now
) -> Response:
    """The entries the page's filter chooses, the latest first, each with the running balance after it."""
    file = open_account(session, account_id, now)
    lines = ledger_page(session, file.id, **_ledger_filter(request))
    rows = (_csv_row(file, line) for line in lines)
    return csv_download(f"account-{account_id}-ledger.csv", LEDGER_HEADER, rows)


def _csv_row(file: AccountFile, line: LedgerLine) -> Cells:
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


@dataclass(frozen=True, slots=True)
class Bar:
    """A spell on the strip: `x` and `width` on a scale of 1000, `step` its colour from light (1) to dark (8)."""

    spell: Spell
    x: float
    width: float
    step: int


@dataclass(frozen=True, slots=True)
class LateTab:
    spells: Sequence[Spell]
    strip_from: date
    bars: Sequence[Bar]
    strip_labels: Sequence[str]


def _late_tab(session: Session, file: AccountFile) -> LateTab:
    query = select(Spell).where(Spell.account_id == file.id).order_by(col(Spell.from_on).desc())
    spells = list(session.scalars(query))
    first = max(min((spell.from_on for spell in spells), default=file.book.on), _strip_start(file))
    return LateTab(
        spells=spells,
        strip_from=first,
        bars=_bars(spells, file, first),
        strip_labels=bucket_labels(file.book.edges)[1:],
    )


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


@dataclass(frozen=True, slots=True)
class RecordTab:
    re_ages: Sequence[ReAge]
    told: Sequence[TimelineEntry]


def _record_tab(session: Session, file: AccountFile, reader: PageReader) -> RecordTab:
    re_ages = select(ReAge).where(ReAge.account_id == file.id).order_by(col(ReAge.on).desc())
    events, _ = events_of_customer(session, file.account.customer_id, kinds=ON_RECORD, before=None, limit=200)
    presenter = TimelinePresenter(reader)
    told: list[TimelineEntry] = [presenter.present(event) for event in events if event.account_id == file.id]
    return RecordTab(re_ages=list(session.scalars(re_ages)), told=told)


@dataclass(frozen=True, slots=True)
class PastState:
    """State of the account on the day asked about: as known now (`known_on` None) or as known then."""

    stood: AccountOn
    known_on: date | None


@dataclass(frozen=True, slots=True)
class PastDayTab:
    """`?on=&known_on=`: the answer as known now, and beside it as known on another day."""

    asked: Mapping[str, str]
    asked_on: date | None
    asked_errors: Mapping[str, str]
    answers: Sequence[PastState]


def _known_tab(request: Request, session: Session, file: AccountFile) -> PastDayTab:
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
            PastState(as_known(session, file.portfolio, file.id, on, known), known)
            for known in ((None, known_on) if known_on else (None,))
        ]
    return PastDayTab(asked=typed, asked_on=on, asked_errors=errors, answers=answers)


AccountTab = LedgerTab | LateTab | RecordTab | PastDayTab
