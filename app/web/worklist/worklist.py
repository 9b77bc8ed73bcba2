"""The worklist: the reader's work in the order in which it is done, and lists of every other kind of open case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.views import default_view, views_of
from app.book.delinquency.days import bucket_labels
from app.casework.cases import listing as lists
from app.casework.cases.listing import PortfolioToday
from app.casework.presence.queries import viewers_of
from app.casework.presence.rules import Viewer
from app.core.staff.models import SavedView
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page
from app.web.wording import WORK_STATES
from app.web.worklist.asked import Asked, asked_of, remember, usual_owner, view_of
from app.web.worklist.export import HEADER, csv_rows
from app.web.worklist.rows import Line, line_of
from app.worklist.books import books_at
from app.worklist.memory import MEMORY
from app.worklist.queries import section_counts
from app.worklist.rows import rows_of
from app.worklist.rules import RESTING, Section, SectionCount, sections_of
from app.worklist.view import View, page_of, selection

router = Router(prefix="/worklist")
PAGE = 25
Counts = Mapping[Section, SectionCount]
GROUPS: tuple[tuple[str, str, str, Tone, tuple[Section, ...]], ...] = (
    ("callback", "callback due", "callbacks due", "bad", (Section.CALLBACK_DUE,)),
    ("reply", "reply", "replies", "warn", (Section.REPLY,)),
    ("missed", "promise missed", "promises missed", "bad", (Section.PROMISE_MISSED,)),
    ("today", "promise due today", "promises due today", "warn", (Section.PROMISE_DUE,)),
    ("call", "call", "calls", "info", (Section.CALL,)),
    ("task", "other task", "other tasks", "info", (Section.TASK,)),
)
"""The groups of the line of counts, in the order of their keys `1` to `6`."""
REST = {
    Section.WITH_LEGAL: ("legal", "with the legal team"),
    Section.ON_HOLD: ("hold", "on hold"),
    Section.PROMISE_RUNNING: ("plan", "promise or plan active"),
    Section.OPTED_OUT: ("optout", "opted out of calls"),
    Section.NOTHING_OWED: ("paid", "nothing past due"),
    Section.COMES_BACK: ("later", "call later"),
    Section.NOTHING_PLANNED: ("rest", "no action planned"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the line of counts."""

    state: str
    label: str
    cases: int
    tone: Tone
    first_on: date | None = None
    """When the first of a resting group comes back."""


@dataclass(frozen=True, slots=True)
class WorklistPage(Page):
    template = "worklist/worklist.html"
    columns: Sequence[Column]
    default_sort: str
    lines: Sequence[Line]
    blocked: Sequence[Line]
    """Calls that are not allowed now."""
    viewers: Mapping[int, Sequence[Viewer]]
    """By case, the colleagues who have it open."""
    next_cursor: str | None
    groups: Sequence[Group]
    resting: Sequence[Group]
    due: int
    """Callbacks that are due, of the reader's own cases or of all."""
    later: int
    total: int | None
    asked: Asked
    is_queue: bool
    is_filtered: bool
    books: tuple[PortfolioToday, ...]
    buckets: Sequence[str]
    states: Mapping[str, str]
    names: Mapping[str, str]
    views: Sequence[SavedView]
    usual_owner: str


@router.get("")
def worklist(
    request: Request, staff: CaseWorker, session: StreamSession, now: Now, format: str = ""
) -> Response:
    """The page, or with `format=csv` the file. Without a parameter, the reader's default view."""
    views = views_of(session, staff.by)
    if not request.query_params and (mine := default_view(views)) is not None:
        return RedirectResponse(f"/worklist?{mine.query}", status_code=303)
    books = books_at(session, now)
    asked = asked_of(request.query_params, staff)
    view = view_of(asked, staff, books)
    if format == "csv":
        return csv_download("worklist.csv", HEADER, csv_rows(session, view, now))
    after = decode_cursor(asked.cursor, view.cursor_length)
    items, position = MEMORY.get(
        session,
        ("page", view, asked.cursor, PAGE),
        now,
        lambda: page_of(session, view, after=after, limit=PAGE, now=now),
    )
    locale = reader_locale(request)
    lines = MEMORY.get(
        session,
        ("lines", view.owner, books, str(locale), *items),
        now,
        lambda: [line_of(row, now, locale) for row in rows_of(session, books, items, now, owner=view.owner)],
    )
    viewers = viewers_of(session, [line.case_id for line in lines], now, but=staff.username)
    sunk = [view.is_queue and line.is_blocked for line in lines]
    counts = _counts(session, view, now)
    response = page(
        request,
        WorklistPage(
            columns=_columns(asked),
            default_sort="",
            lines=[line for line, is_sunk in zip(lines, sunk, strict=True) if not is_sunk],
            blocked=[line for line, is_sunk in zip(lines, sunk, strict=True) if is_sunk],
            viewers=viewers,
            next_cursor=encode_cursor(*position) if position else None,
            groups=[
                _group(counts, state, label, sections, tone)
                for state, label, sections, tone in _named(counts)
            ],
            resting=_resting(counts),
            due=_cases(counts, Section.CALLBACK_DUE),
            later=_cases(counts, Section.CALLBACK_LATER),
            total=_total(session, view, counts, now),
            asked=asked,
            is_queue=view.is_queue,
            is_filtered=bool(asked.q or asked.bucket or asked.state or asked.portfolio),
            books=books,
            buckets=_bucket_options(books),
            states=WORK_STATES,
            names=staff_names(session) if asked.owner != "mine" or viewers else {},
            views=views,
            usual_owner=usual_owner(staff),
        ),
    )
    remember(request, response, asked)
    return response


def _columns(asked: Asked) -> list[Column]:
    """A list of the reader's own cases needs no owner."""
    columns = [
        Column("Why now", "urgency"),
        Column("Customer", "name"),
        Column("Past due", "past_due", numeric=True),
        Column("Days", "days", numeric=True),
        Column("Last contact"),
        Column("Call now?"),
    ]
    return columns if asked.owner == "mine" else [*columns, Column("Owner", "owner")]


def _counts(session: Session, view: View, now: datetime) -> Counts:
    key = ("counts", view.owner, view.books)
    return MEMORY.get(session, key, now, lambda: section_counts(session, view.books, view.owner, now))


def _cases(counts: Counts, *sections: Section) -> int:
    return sum(counts[section].cases for section in sections if section in counts)


def _total(session: Session, view: View, counts: Counts, now: datetime) -> int:
    """Rows of the view: known from the counts where it is whole sections."""
    if not view.text and not view.bucket:
        if view.state == "all":
            return _cases(counts, *Section)
        if sections_of(view.state) is not None:
            return _cases(counts, *view.sections)
    return MEMORY.get(session, ("total", view), now, lambda: lists.count(session, selection(view, now)))


def _named(counts: Counts) -> list[tuple[str, str, tuple[Section, ...], Tone]]:
    return [
        (state, one if _cases(counts, *sections) == 1 else many, sections, tone)
        for state, one, many, tone, sections in GROUPS
    ]


def _group(counts: Counts, state: str, label: str, sections: tuple[Section, ...], tone: Tone) -> Group:
    return Group(state, label, _cases(counts, *sections), tone)


def _resting(counts: Counts) -> list[Group]:
    found = []
    for section in RESTING:
        if count := counts.get(section):
            state, label = REST[section]
            found.append(Group(state, label, count.cases, "neutral", _first(section, count)))
    return found


def _first(section: Section, count: SectionCount) -> date | None:
    if section is Section.COMES_BACK and count.first_at is not None:
        return min(count.first_on or date.max, count.first_at.date())
    return count.first_on


def _bucket_options(books: Sequence[PortfolioToday]) -> list[str]:
    labels = {label: None for book in books for label in bucket_labels(book.edges)[1:]}
    return sorted(labels, key=lambda label: int(label.rstrip("+").partition("-")[0]))
