"""Thresholds of a portfolio's key figures: set, changed, ended, and which are crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Form, Query
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import Say, sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.formats import reader_words
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.operations.thresholds.events import ThresholdChanged, ThresholdEnded, ThresholdSet
from app.operations.thresholds.models import Threshold
from app.operations.thresholds.rules import TEST_LABELS, Measured, ThresholdTest
from app.operations.thresholds.service import (
    change_threshold,
    end_threshold,
    figure_words,
    set_threshold,
    thresholds_of,
    words_of,
)
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.rules import Dimension
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.managers.digests.changes import SaidChange, changes_of
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.rendering import Page, page, redirect

router = Router(prefix="/thresholds")
COLUMNS = [Column(marked("Figure")), Column(marked("Threshold")), Column(marked("State")), Column("")]
WHOLE, NONE = marked("the whole portfolio"), marked("none")
SLICED_BY = (Dimension.BUCKET, Dimension.PRODUCT, Dimension.TEAM, Dimension.CHANNEL, Dimension.SEGMENT)
"""Dimensions that the form offers; a program may name any."""
MEASURED_LABELS = {Measured.VALUE: marked("The figure itself"), Measured.COUNTED: marked("What it counts")}


@dataclass(frozen=True, slots=True)
class ShownThreshold:
    row: Threshold
    figure: str
    limit: str
    href: str


@dataclass(frozen=True, slots=True)
class ThresholdsPage(Page):
    template = "managers/digests/thresholds.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    on: date | None
    rows: Sequence[ShownThreshold]
    columns: Sequence[Column]
    figures: Sequence[tuple[str, str]]
    tests: Sequence[tuple[str, str]]
    measured: Sequence[tuple[str, str]]
    slices: Sequence[tuple[str, str]]
    changes: Sequence[SaidChange]
    names: Mapping[str, str]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    changed: int
    """The row whose change was refused; 0 = none."""


@router.get("")
def thresholds(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    figure: str = "",
    slice_: Annotated[str, Query(alias="slice")] = "",
) -> Response:
    """`?figure=` and `?slice=` begin a new one."""
    return _page(request, session, portfolio, values={"figure": figure, "slice": slice_})


def _page(
    request: Request,
    session: Session,
    code: str,
    *,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    changed: int = 0,
    status: int = 200,
) -> Response:
    portfolios, chosen = choose_portfolio(session, code)
    on = last_closed(session, chosen) if chosen else None
    portfolio_id = id_of(chosen) if chosen else 0
    say = reader_words(request)
    return page(
        request,
        ThresholdsPage(
            portfolio=chosen,
            portfolios=portfolios,
            on=on,
            rows=[_shown(row, chosen, on, say) for row in thresholds_of(session, portfolio_id)]
            if chosen
            else [],
            columns=COLUMNS,
            figures=[(name, each.title) for name, each in DEFINITIONS.items() if each.is_tile],
            tests=[(test.value, label) for test, label in TEST_LABELS.items()],
            measured=[(each.value, label) for each, label in MEASURED_LABELS.items()],
            slices=_slices(session, portfolio_id, on, say),
            changes=changes_of(session, portfolio_id, say, ThresholdSet, ThresholdChanged, ThresholdEnded),
            names=staff_names(session),
            values=values,
            errors=errors or {},
            changed=changed,
        ),
        status,
    )


def _shown(row: Threshold, portfolio: Portfolio, on: date | None, say: Say) -> ShownThreshold:
    href = figure_href(row.kpi, portfolio.code, on, row.dimension, row.member) if on else ""
    return ShownThreshold(row, figure_words(row, say), words_of(row, portfolio, say), href)


def _slices(session: Session, portfolio_id: int, on: date | None, say: Say) -> list[tuple[str, str]]:
    """The slices of the last closed day, as `bucket:30-59`."""
    stored = latest_versions(session, portfolio_id, on) if on else {}
    known = {(kind, member) for _, kind, member in stored if kind in SLICED_BY}
    return [("", say(WHOLE))] + [
        (f"{kind}:{member}", f"{say(kind)} {member or say(NONE)}") for kind, member in sorted(known)
    ]


@router.post("")
def add(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    figure: Annotated[str, Form(max_length=60)] = "",
    slice_: Annotated[str, Form(alias="slice", max_length=120)] = "",
    measured: Annotated[Measured, Form()] = Measured.VALUE,
    test: Annotated[ThresholdTest, Form()] = ThresholdTest.ABOVE,
    limit: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    book = get_portfolio(session, portfolio)
    dimension, _, member = slice_.partition(":")
    try:
        with session.begin_nested():
            row = set_threshold(
                session, book, figure, limit, test=test, measured=measured, dimension=dimension, member=member,
                by=staff.by, now=now,
            )  # fmt: skip
    except (Invalid, Conflict) as refused:
        values = {
            "figure": figure, "slice": slice_, "measured": measured.value, "test": test.value, "limit": limit,
        }  # fmt: skip
        field = {"dimension": "slice", "member": "slice"}.get(refused.field or "", refused.field or "limit")
        errors = {field: sentence(refused.message)}
        return _page(request, session, portfolio, values=values, errors=errors, status=refused.status)
    return redirect(
        request,
        f"/thresholds?portfolio={book.code}",
        marked("The next closed day is judged: {figure} {limit}."),
        figure=figure_words(row),
        limit=words_of(row, book),
    )


@router.post("/{threshold_id}")
def change(
    request: Request,
    threshold_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    test: Annotated[ThresholdTest, Form()] = ThresholdTest.ABOVE,
    limit: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    book = get_portfolio(session, portfolio)
    try:
        with session.begin_nested():
            row = change_threshold(session, book, threshold_id, limit, test=test, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        values = {"changed_test": test.value, "changed_limit": limit}
        errors = {"changed_limit": sentence(refused.message)}
        return _page(
            request,
            session,
            portfolio,
            values=values,
            errors=errors,
            changed=threshold_id,
            status=refused.status,
        )
    return redirect(
        request,
        f"/thresholds?portfolio={book.code}",
        marked("{figure} is held against {limit} from the next closed day on."),
        figure=figure_words(row),
        limit=words_of(row, book),
    )


@router.post("/{threshold_id}/end")
def end(
    request: Request,
    threshold_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    book = get_portfolio(session, portfolio)
    row = end_threshold(session, book, threshold_id, by=staff.by, now=now)
    said = marked("{figure} is judged no more.")
    return redirect(request, f"/thresholds?portfolio={book.code}", said, figure=figure_words(row))
