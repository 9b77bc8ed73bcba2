"""The worklist: open cases, the next step of each, and filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from fastapi import APIRouter
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import bucket_labels, bucket_of, days_past_due
from app.book.portfolios.models import Portfolio
from app.casework.cases import queries
from app.casework.cases import worklist as worklist_of
from app.casework.cases.debt import (
    CustomerDebt,
    debts_now,
)
from app.casework.cases.models import (
    case_reference,
)
from app.casework.cases.worklist import (
    Condition,
    PortfolioToday,
    Selection,
)
from app.casework.holds.queries import has_hold_to_review, is_on_hold, open_holds
from app.casework.plans.queries import has_live_plan, has_payment_due, next_payments
from app.core.database.rows import DbRow
from app.core.money import to_decimal_string
from app.core.staff.rules import Role, Staff
from app.core.types import Rows
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.transactions import StreamSession
from app.inbound.queries import has_reply, replied_since
from app.outreach.strategy.queries import has_task, next_tasks
from app.web.lists import Column, csv_download, sort_order
from app.web.lookups import books_at, bucket_tone, staff_names
from app.web.rendering import Page, Tone, page
from app.web.timeline import PageReader
from app.web.worklist.next_step import NextStep, next_step

router = APIRouter(prefix="/worklist")
PAGE = 50
COLUMNS = [
    Column("Customer", "name"),
    Column("Case", "reference"),
    Column("Past due", "past_due", numeric=True),
    Column("Days", "days", numeric=True),
    Column("Bucket"),
    Column("Accounts", numeric=True),
    Column("Next step", "urgency"),
    Column("Owner", "owner"),
]
DEFAULT_SORT = "-urgency"
STATES = {
    "reply": "Replied, not answered yet",
    "callback": "Callback due today",
    "call": "Call task open",
    "task": "Other task open",
    "today": "Promise due today",
    "week": "Promise due within a week",
    "plan": "Promise or plan running",
    "broken": "Broken promise",
    "hold": "On hold",
    "review": "Hold to review",
}


@dataclass(frozen=True, slots=True)
class WorklistPage(Page):
    template = "worklist/worklist.html"
    columns: Sequence[Column]
    default_sort: str
    rows: Sequence[Line]
    next_cursor: str | None
    total: int
    counts: Mapping[str, int]
    filters: Mapping[str, str]
    filtered: bool
    books: tuple[PortfolioToday, ...]
    buckets: Sequence[str]
    states: Mapping[str, str]
    names: Mapping[str, str]


@router.get("")
def worklist(
    request: Request,
    staff: CaseWorker,
    session: StreamSession,
    now: Now,
    owner: str = "",
    portfolio: str = "",
    bucket: str = "",
    state: str = "",
    q: str = "",
    sort: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    books = books_at(session, now)
    owner = owner if owner in ("mine", "all", "nobody") else _usual_owner(staff)
    chosen = Selection(
        books=tuple(book for book in books if not portfolio or book.code == portfolio),
        owner={"mine": staff.username, "nobody": ""}.get(owner),
        bucket=bucket,
        text=q.replace("\0", "").strip()[:100],
        conditions=_state_conditions(state, books),
    )
    key, descending = sort_order(sort, worklist_of.SORTS, DEFAULT_SORT)
    if format == "csv":
        return csv_download("worklist.csv", CSV_HEADER, _csv_rows(session, chosen, key, descending, now))
    after = decode_cursor(cursor, worklist_of.cursor_length(key))
    found, position = worklist_of.worklist(
        session, chosen, sort=key, descending=descending, after=after, limit=PAGE, now=now
    )
    return page(
        request,
        WorklistPage(
            columns=COLUMNS,
            default_sort=DEFAULT_SORT,
            rows=_lines(session, books, found, now, reader_locale(request)),
            next_cursor=encode_cursor(*position) if position else None,
            total=worklist_of.count(session, chosen),
            counts=_counts(session, books, staff, owner),
            filters={"owner": owner, "portfolio": portfolio, "bucket": bucket, "state": state, "q": q},
            filtered=bool(chosen.text or bucket or state or portfolio),
            books=books,
            buckets=_bucket_options(books),
            states=STATES,
            names=staff_names(session),
        ),
    )


def _usual_owner(staff: Staff) -> str:
    return "all" if staff.role is Role.MANAGER else "mine"


def _bucket_options(books: Sequence[PortfolioToday]) -> list[str]:
    labels = {label: None for book in books for label in bucket_labels(book.edges)[1:]}
    return sorted(labels, key=lambda label: int(label.rstrip("+").partition("-")[0]))


def _state_conditions(state: str, books: Sequence[PortfolioToday]) -> tuple[Condition, ...]:
    match state:
        case "reply":
            return (has_reply(),)
        case "callback":
            return (worklist_of.has_callback_today(books),)
        case "call":
            return (worklist_of.has_call_task(),)
        case "task":
            return (has_task(),)
        case "today":
            return (has_payment_due(books, 1),)
        case "week":
            return (has_payment_due(books, 7),)
        case "plan":
            return (has_live_plan(),)
        case "broken":
            return (worklist_of.has_broken_promise(),)
        case "hold":
            return (is_on_hold(),)
        case "review":
            return (has_hold_to_review(books),)
    return ()


def _counts(session: Session, books: tuple[PortfolioToday, ...], staff: Staff, owner: str) -> dict[str, int]:
    """The figures on top: the reader's own work, or everybody's where everybody's is shown."""
    whose = staff.username if owner == "mine" else None

    def counted(state: str) -> int:
        conditions = _state_conditions(state, books)
        return worklist_of.count(session, Selection(books=books, owner=whose, conditions=conditions))

    return {
        state: counted(state)
        for state in ("", "reply", "callback", "call", "review", "task", "today", "week")
    }


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is shown."""

    case_id: int
    reference: str
    name: str
    past_due_minor: int
    """Past due and owed, as of now."""
    not_owed_minor: int
    balance_minor: int
    night_minor: int | None
    """Past due at the last close of day, where it is something else now."""
    currency: str
    timezone: str
    days: int
    bucket: str
    tone: Tone
    accounts: int
    owner: str
    broken: int
    step: NextStep
    when: str
    """The step's date or time in the reader's locale."""


def _lines(
    session: Session,
    books: Sequence[PortfolioToday],
    found: Sequence[DbRow],
    now: datetime,
    locale: Locale | None,
) -> list[Line]:
    by_id = {book.portfolio_id: book for book in books}
    case_ids, customer_ids = [row.id for row in found], [row.customer_id for row in found]
    accounts = queries.account_counts(session, customer_ids)
    holds = open_holds(session, customer_ids)
    calls = queries.next_calls(session, case_ids)
    tasks = next_tasks(session, case_ids)
    replies = replied_since(session, case_ids)
    payments = next_payments(session, case_ids, min((book.today for book in books), default=now.date()))
    owes = _owes_now(session, books, found)
    lines = []
    for row in found:
        book = by_id[row.portfolio_id]
        owed = owes.get(row.customer_id, CustomerDebt())
        late = days_past_due(owed.oldest, book.today)
        held = holds.get(row.customer_id, [])
        step = next_step(
            row,
            book,
            replied_at=replies.get(row.id),
            hold=held[0] if held else None,
            call=calls.get(row.id),
            task=tasks.get(row.id),
            payment=payments.get(row.id),
            now=now,
        )
        lines.append(
            Line(
                case_id=row.id,
                reference=case_reference(row.id),
                name=row.full_name,
                past_due_minor=owed.past_due,
                not_owed_minor=owed.not_owed,
                balance_minor=owed.balance,
                night_minor=row.past_due_minor if row.past_due_minor != owed.past_due else None,
                currency=book.currency,
                timezone=book.timezone,
                days=late,
                bucket=bucket_of(late, book.edges),
                tone=bucket_tone(late),
                accounts=accounts.get(row.customer_id, 0),
                owner=row.owner,
                broken=row.broken_promises,
                step=step,
                when=_when(step, book, locale) if locale else "",
            )
        )
    return lines


def _owes_now(
    session: Session, books: Sequence[PortfolioToday], found: Sequence[DbRow]
) -> dict[int, CustomerDebt]:
    """Map customer -> debt now. Only the rows shown are folded to this moment; a list is filtered and sorted by the
    night's figures."""
    owes: dict[int, CustomerDebt] = {}
    for book in books:
        customers = [row.customer_id for row in found if row.portfolio_id == book.portfolio_id]
        if customers:
            portfolio = session.get_one(Portfolio, book.portfolio_id)
            owes |= debts_now(session, portfolio, customers, book.today)
    return owes


def _when(step: NextStep, book: PortfolioToday, locale: Locale) -> str:
    reader = PageReader(locale, book.currency, book.timezone)
    if step.at is not None:
        return reader.near(step.at, book.today)
    return reader.day(step.on) if step.on else ""


CSV_HEADER = (
    "case", "portfolio", "customer_ref", "customer", "currency", "past_due", "not_owed", "balance", "days_past_due",
    "bucket", "accounts", "owner", "priority", "next_step", "next_step_at",
)  # fmt: skip


def _csv_rows(
    session: Session, chosen: Selection, sort: str, descending: bool, now: datetime
) -> Iterator[Rows]:
    codes: Mapping[int, PortfolioToday] = {book.portfolio_id: book for book in chosen.books}
    batches = worklist_of.all_rows(session, chosen, sort=sort, descending=descending, now=now)
    for batch in batches:
        for row, line in zip(batch, _lines(session, chosen.books, batch, now, None), strict=True):
            book = codes[row.portfolio_id]
            yield (
                line.reference,
                book.code,
                row.customer_reference,
                line.name,
                line.currency,
                to_decimal_string(line.past_due_minor, book.currency),
                to_decimal_string(line.not_owed_minor, book.currency),
                to_decimal_string(line.balance_minor, book.currency),
                line.days,
                line.bucket,
                line.accounts,
                line.owner,
                row.priority,
                line.step.words,
                line.step.on or line.step.at,
            )
