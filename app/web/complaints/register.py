"""The register of complaints: what is open and until when, filtered by its address, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from sqlmodel import Session
from sqlmodel.sql.expression import Select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint
from app.casework.complaints.queries import (
    RegisterCounts,
    RegisterFilter,
    after_row,
    causes_of,
    register_counts,
    register_query,
)
from app.casework.complaints.rules import (
    CATEGORY_LABELS,
    LETTER_LABELS,
    OMBUDSMAN_LABELS,
    OUTCOME_LABELS,
    SEVERITY_LABELS,
    ComplaintCategory,
    ComplaintOutcome,
    ComplaintSeverity,
    OmbudsmanStage,
)
from app.casework.questions.queries import count_open
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_in, sight_over
from app.core.ids import id_of
from app.core.timeline.sight import Sight
from app.core.types import Cells
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.web.complaints.words import Options, options, texts
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page

router = Router(prefix="/complaints")
E = TypeVar("E", bound=StrEnum)
PAGE = 50
SOON = timedelta(days=3)
COLUMNS = [
    Column("Complaint"), Column("Category"), Column("Severity"), Column("With"), Column("Received"),
    Column("Age in days", numeric=True), Column("Answer by"), Column("Outcome"),
]  # fmt: skip
CSV_HEADER = (
    "complaint", "case", "customer", "category", "severity", "channel", "owner", "about_staff", "received_on",
    "answer_by", "resolve_by", "holding_on", "overdue", "letter_lost", "outcome", "closed_with", "closed_on",
    "ombudsman", "cause_id", "reopenings", "words",
)  # fmt: skip
STATES: Options = [
    ("open", "Open"), ("overdue", "Overdue"), ("lost", "Letter did not arrive"), ("closed", "Closed"), ("all", "All"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RegisterPage(Page):
    template = "complaints/register.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[tuple[Complaint, str]]
    counts: RegisterCounts | None
    questions: int
    """Words that nobody has said of whether they are a complaint."""
    today: date
    asked: Mapping[str, str]
    columns: Sequence[Column]
    choices: Mapping[str, Options]
    labels: Mapping[str, Mapping[str, str]]
    names: Mapping[str, str]
    next_cursor: str | None


@router.get("")
def register(
    request: Request,
    staff: CaseWorker,
    session: StreamSession,
    now: Now,
    portfolio: str = "",
    cursor: str = "",
) -> Response:
    """`?state=`, `category`, `severity`, `owner`, `outcome`, `ombudsman`, `cause`, `from` and `to` filter."""
    portfolios, chosen = choose_portfolio(session, portfolio)
    portfolio_id = id_of(chosen) if chosen else 0
    today = local_today(session, portfolio_id, now) if chosen else now.date()
    asked = {name: value for name, value in request.query_params.items() if value.strip()}
    query = register_query(portfolio_id, wanted_of(asked), today)
    if asked.get("format") == "csv":
        sight = sight_in(session, portfolio_id, staff.role, staff.by)
        return csv_download("complaints.csv", CSV_HEADER, _csv_rows(session, query, today, sight))
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    rows = [(row, name) for row, name in session.execute(query.limit(PAGE + 1))]
    shown = rows[:PAGE]
    last = shown[-1][0] if len(rows) > PAGE else None
    names = staff_names(session)
    return page(
        request,
        RegisterPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=shown,
            counts=register_counts(session, portfolio_id, today, today + SOON) if chosen else None,
            questions=count_open(session, portfolio_id, Subject.COMPLAINT),
            today=today,
            asked={"state": "open", **asked},
            columns=COLUMNS,
            choices=_choices(session, portfolio_id, names),
            labels={
                "category": texts(CATEGORY_LABELS),
                "severity": texts(SEVERITY_LABELS),
                "outcome": texts(OUTCOME_LABELS),
                "letter": texts(LETTER_LABELS),
                "ombudsman": texts(OMBUDSMAN_LABELS),
            },
            names=names,
            next_cursor=encode_cursor(last.answer_by.isoformat(), id_of(last)) if last else None,
        ),
        sight=sight_over(session, {row.customer_id for row, _ in shown}, staff.role, staff.by),
    )


NOBODY = "-"
"""The owner of complaints without one, in the address."""


def wanted_of(asked: Mapping[str, str]) -> RegisterFilter:
    """The filter that an address names; what it spells wrongly filters nothing."""
    state, owner = asked.get("state", "open"), asked.get("owner")
    cause = asked.get("cause", "")
    return RegisterFilter(
        is_open={"open": True, "closed": False}.get(state),
        is_overdue=state == "overdue",
        is_lost=state == "lost",
        category=_member(ComplaintCategory, asked.get("category")),
        severity=_member(ComplaintSeverity, asked.get("severity")),
        owner="" if owner == NOBODY else owner,
        outcome=_member(ComplaintOutcome, asked.get("outcome")),
        ombudsman=_member(OmbudsmanStage, asked.get("ombudsman")),
        cause_id=int(cause) if cause.isascii() and cause.isdigit() and len(cause) < 19 else None,
        received_from=_day(asked.get("from")),
        received_to=_day(asked.get("to")),
    )


def _member(kind: type[E], text: str | None) -> E | None:
    return kind(text) if text in set(kind) else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _choices(session: Session, portfolio_id: int, names: Mapping[str, str]) -> Mapping[str, Options]:
    causes = [(str(id_of(each)), each.name) for each in causes_of(session, portfolio_id)]
    return {
        "state": STATES,
        "category": options(CATEGORY_LABELS, "All"),
        "severity": options(SEVERITY_LABELS, "All"),
        "outcome": options(OUTCOME_LABELS, "All"),
        "ombudsman": options(OMBUDSMAN_LABELS, "All"),
        "owner": [("", "Anybody"), (NOBODY, "Nobody yet"), *names.items()],
        "cause": [("", "All"), *causes],
    }


def _csv_rows(session: Session, query: Select[Complaint, str], today: date, sight: Sight) -> Iterator[Cells]:
    for row, name in session.execute(query):
        yield (
            row.reference, f"C-{row.case_id:06d}", name, row.category.value, row.severity.value, row.channel.value,
            row.owner, sight.cover(row.about_staff), row.received_on, row.answer_by, row.resolve_by, row.holding_on,
            "yes" if row.is_overdue(today) else "", row.lost_letter.value if row.lost_letter else "",
            row.outcome.value if row.outcome else "",
            row.closed_with.value if row.closed_with else "", row.closed_on, row.ombudsman.value, row.cause_id,
            row.reopenings, sight.cover(row.words),
        )  # fmt: skip
