"""My customers: each agent's own customers on one page, with the figures of this moment; managers see anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import bucket_labels
from app.casework.cases import listing as lists
from app.casework.cases.listing import PortfolioToday
from app.casework.holds.rules import hold_name
from app.casework.support_needs.catalog import label_of
from app.casework.support_needs.sight import sight_over
from app.core.labels import PLAN_LABELS
from app.core.money import to_decimal_string
from app.core.staff.rules import MANAGEMENT, Staff
from app.core.types import Rows
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader
from app.web.wording import WORK_STATES
from app.web.worklist.rows import Line, line_of
from app.worklist.books import books_at
from app.worklist.mine.customers import MyCustomer, my_customers
from app.worklist.view import View, is_state, selection

router = Router(prefix="/my-customers")
PAGE = 50
AT_ONCE = 200
SORT = "-days"
COLUMNS = [
    Column("Customer", "name"), Column("Past due", "past_due", numeric=True), Column("Minimum due", numeric=True),
    Column("Days", "days", numeric=True), Column("Next step", "urgency"), Column("Promise"), Column("Last contact"),
    Column("Holds and needs"),
]  # fmt: skip
HEADER = (
    "case", "portfolio", "customer_ref", "customer", "currency", "past_due", "balance", "minimum_due", "minimum_due_on",
    "days_past_due", "next_step", "promise", "promise_amount", "promise_due_on", "last_contact_at", "holds", "needs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A customer as the page tells of them."""

    line: Line
    minimum: str
    each: MyCustomer
    promise: str
    marks: Sequence[str]
    hidden: int


@dataclass(frozen=True, slots=True)
class MyCustomersPage(Page):
    template = "worklist/mine.html"
    columns: Sequence[Column]
    default_sort: str
    rows: Sequence[Shown]
    total: int
    next_cursor: str | None
    person: str
    people: Sequence[tuple[str, str]]
    """Those whose customers the reader may look at; empty for an agent."""
    chosen: View
    portfolio: str
    books: tuple[PortfolioToday, ...]
    buckets: Sequence[str]
    states: Mapping[str, str]


@router.get("")
def mine(
    request: Request, staff: CaseWorker, session: StreamSession, now: Now, person: str = "", q: str = "",
    state: str = "all", bucket: str = "", portfolio: str = "", sort: str = "", cursor: str = "", format: str = "",
) -> Response:  # fmt: skip
    names = staff_names(session) if staff.role in MANAGEMENT else {}
    whose = person if person in names else staff.username
    books = books_at(session, now)
    view = View(
        books=tuple(book for book in books if not portfolio or book.code == portfolio),
        owner=whose,
        state=state if is_state(state) and state else "all",
        bucket=bucket[:20],
        text=q.replace("\0", "").strip()[:100],
        sort=sort if sort.lstrip("-") in lists.SORTS else SORT,
    )
    if format == "csv":
        return csv_download("my-customers.csv", HEADER, _csv_rows(session, view, staff, now))
    after = decode_cursor(cursor, view.cursor_length)
    found, position = my_customers(
        session, view, role=staff.role, by=staff.by, after=after, limit=PAGE, now=now
    )
    locale = reader_locale(request)
    shown = [_shown(each, now, locale) for each in found]
    labels = {label: None for book in books for label in bucket_labels(book.edges)[1:]}
    return page(
        request,
        MyCustomersPage(
            columns=COLUMNS,
            default_sort=SORT,
            rows=shown,
            total=lists.count(session, selection(view, now)),
            next_cursor=encode_cursor(*position) if position else None,
            person=whose,
            people=sorted(names.items(), key=lambda each: each[1]),
            chosen=view,
            portfolio=portfolio,
            books=books,
            buckets=sorted(labels, key=lambda label: int(label.rstrip("+").partition("-")[0])),
            states={key: label for key, label in WORK_STATES.items() if key},
        ),
        sight=sight_over(session, {each.row.customer_id for each in found}, staff.role, staff.by),
    )


def _shown(each: MyCustomer, now: datetime, locale: Locale) -> Shown:
    book = each.row.book
    reader = PageReader(locale, book.currency, book.timezone)
    promise = ""
    if each.payment:
        due = f"{reader.money(each.payment.amount_minor)} by {reader.day(each.payment.due_on)}"
        promise = f"{PLAN_LABELS[each.payment.kind]}: {due}"
    marks = [hold_name(hold.kind) for hold in each.holds] + [label_of(need.code) for need in each.needs.open]
    minimum = (
        f"{reader.money(each.minimum.amount_minor)} by {reader.day(each.minimum.due_on)}"
        if each.minimum
        else ""
    )
    return Shown(line_of(each.row, now, locale), minimum, each, promise, marks, each.needs.hidden)


def _csv_rows(session: Session, view: View, staff: Staff, now: datetime) -> Iterator[Rows]:
    after: Rows | None = None
    while True:
        found, position = my_customers(
            session, view, role=staff.role, by=staff.by, after=after, limit=AT_ONCE, now=now
        )
        sight = sight_over(session, {each.row.customer_id for each in found}, staff.role, staff.by)
        for each in found:
            shown, row = _shown(each, now, Locale("en")), each.row
            currency, payment, minimum = row.book.currency, each.payment, each.minimum
            yield (
                row.reference, row.book.code, row.customer_reference, row.name, currency,
                to_decimal_string(row.past_due, currency), to_decimal_string(row.balance, currency),
                to_decimal_string(minimum.amount_minor, currency) if minimum else "",
                minimum.due_on if minimum else None, row.days,
                sight.cover(" ".join(filter(None, (shown.line.why.reason, shown.line.why.words)))),
                payment.kind.value if payment else "",
                to_decimal_string(payment.amount_minor, currency) if payment else "",
                payment.due_on if payment else None, row.contact.at if row.contact else None,
                ", ".join(hold.kind.value for hold in each.holds), ", ".join(need.code for need in each.needs.open),
            )  # fmt: skip
        if position is None:
            return
        after = position
