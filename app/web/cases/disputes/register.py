"""The register of disputes: what is open and until when, what to do next, filtered by its address, and as CSV."""

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
from app.casework.approvals.queries import disputes_asked_about
from app.casework.cases.models import case_reference
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.queries import evidence_of
from app.casework.disputes.register import (
    RegisterCounts,
    RegisterFilter,
    RegisterState,
    after_row,
    register_counts,
    register_query,
)
from app.casework.disputes.rules import KIND_LABELS, OUTCOME_LABELS, DisputeKind, EvidenceState, is_late
from app.casework.support_needs.sight import sight_in, sight_over
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.sight import Sight
from app.core.types import Cells
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page

router = Router(prefix="/disputes")
E = TypeVar("E", bound=StrEnum)
Options = Sequence[tuple[str, str]]
PAGE = 50
SOON = timedelta(days=5)
NOBODY = "-"
"""The owner of disputes without one, in the address."""
COLUMNS = [
    Column("Dispute"), Column("About"), Column("Amount", numeric=True), Column("With"), Column("Received"),
    Column("Age in days", numeric=True), Column("Answer by"), Column("What to do next"),
]  # fmt: skip
CSV_HEADER = (
    "dispute", "case", "customer", "kind", "amount", "left_out", "currency", "owner", "received_on", "received_as",
    "age_days", "acknowledge_by", "answer_by", "by_law", "overdue", "outcome", "conceded", "awaits_correction", "words",
)  # fmt: skip
STATES: Options = [
    ("open", "Open"), ("overdue", "Overdue"), ("correction", "The creditor has to correct"), ("decided", "Decided"),
    ("all", "All"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RegisterRow:
    dispute: Dispute
    name: str
    about: str
    age_days: int
    is_overdue: bool
    next: str


@dataclass(frozen=True, slots=True)
class RegisterPage(Page):
    template = "cases/disputes/register.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[RegisterRow]
    counts: RegisterCounts | None
    soon_days: int
    asked: Mapping[str, str]
    columns: Sequence[Column]
    choices: Mapping[str, Options]
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
    """`?state=`, `kind`, `owner`, `from` and `to` filter."""
    portfolios, chosen = choose_portfolio(session, portfolio)
    portfolio_id = id_of(chosen) if chosen else 0
    today = local_today(session, portfolio_id, now) if chosen else now.date()
    asked = {name: value for name, value in request.query_params.items() if value.strip()}
    query = register_query(portfolio_id, wanted_of(asked), today)
    if asked.get("format") == "csv":
        currency = chosen.currency if chosen else ""
        sight = sight_in(session, portfolio_id, staff.role, staff.by)
        return csv_download("disputes.csv", CSV_HEADER, _csv_rows(session, query, currency, today, sight))
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    found = [(row, name) for row, name in session.execute(query.limit(PAGE + 1))]
    last = found[PAGE - 1][0] if len(found) > PAGE else None
    names = staff_names(session)
    return page(
        request,
        RegisterPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=_rows(session, found[:PAGE], today),
            counts=register_counts(session, portfolio_id, today, today + SOON) if chosen else None,
            soon_days=SOON.days,
            asked={"state": "open", **asked},
            columns=COLUMNS,
            choices={
                "state": STATES,
                "kind": [("", "All"), *((kind.value, label) for kind, label in KIND_LABELS.items())],
                "owner": [("", "Anybody"), (NOBODY, "Nobody yet"), *names.items()],
            },
            names=names,
            next_cursor=encode_cursor(last.answer_by.isoformat(), id_of(last)) if last else None,
        ),
        sight=sight_over(session, {row.customer_id for row, _ in found[:PAGE]}, staff.role, staff.by),
    )


def wanted_of(asked: Mapping[str, str]) -> RegisterFilter:
    """The filter that an address names; what it spells wrongly filters nothing."""
    owner = asked.get("owner")
    return RegisterFilter(
        state=_member(RegisterState, asked.get("state")) or RegisterState.OPEN,
        kind=_member(DisputeKind, asked.get("kind")),
        owner="" if owner == NOBODY else owner,
        received_from=_day(asked.get("from")),
        received_to=_day(asked.get("to")),
    )


def next_of(dispute: Dispute, evidence: Sequence[DisputeEvidence], is_asked: bool, today: date) -> str:
    """What to do next about a dispute, in a sentence; '' = nothing."""
    if dispute.awaits_correction:
        return "Ask the creditor for its correction, and note its entry."
    if not dispute.is_open:
        return ""
    if is_asked:
        return "A manager decides the request."
    if is_late(dispute.answer_by, today):
        return "Decide now: the answer is overdue."
    if not dispute.owner:
        return "Give it to a colleague."
    waited = [each for each in evidence if each.state is EvidenceState.REQUESTED]
    if any(is_late(each.due_on, today) for each in waited):
        return "Evidence did not come: ask again, or decide without it."
    if waited:
        return "Evidence is awaited."
    if evidence:
        return "The evidence is in: decide."
    return "Ask for evidence, or decide."


def _rows(session: Session, found: Sequence[tuple[Dispute, str]], today: date) -> list[RegisterRow]:
    ids = [id_of(each) for each, _ in found]
    evidence, asked = evidence_of(session, ids), disputes_asked_about(session, ids)
    return [
        RegisterRow(
            dispute=each,
            name=name,
            about=KIND_LABELS[each.kind],
            age_days=(today - each.received_on).days,
            is_overdue=each.is_open and is_late(each.answer_by, today),
            next=next_of(each, evidence.get(id_of(each), ()), each.id in asked, today)
            or (OUTCOME_LABELS[each.outcome] if each.outcome else ""),
        )
        for each, name in found
    ]


def _member(kind: type[E], text: str | None) -> E | None:
    return kind(text) if text in set(kind) else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _csv_rows(
    session: Session, query: Select[Dispute, str], currency: str, today: date, sight: Sight
) -> Iterator[Cells]:
    for row, name in session.execute(query):
        yield (
            row.reference, case_reference(row.case_id), name, row.kind.value,
            "" if row.amount_minor is None else to_decimal_string(row.amount_minor, currency),
            to_decimal_string(row.left_out_minor, currency), currency, row.owner, row.received_on,
            row.received_as.value, (today - row.received_on).days, row.acknowledge_by, row.answer_by,
            "yes" if row.by_law else "",
            "yes" if row.is_open and is_late(row.answer_by, today) else "", row.outcome.value if row.outcome else "",
            to_decimal_string(row.conceded_minor, currency), "yes" if row.awaits_correction else "",
            sight.cover(row.words),
        )  # fmt: skip
