"""Root causes of complaints: by month, who removes each, and whether complaints fell after the action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.complaints.causes import CauseText, save_cause
from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.complaints.causes import CauseRow, cause_rows, months_shown
from app.casework.complaints.queries import get_cause
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.complaints.words import Options
from app.web.forms import Typed
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page, redirect

router = Router(prefix="/complaints/causes")


@dataclass(frozen=True, slots=True)
class CausesPage(Page):
    template = "complaints/causes.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[CauseRow]
    months: Sequence[str]
    columns: Sequence[Column]
    owners: Options
    names: Mapping[str, str]
    typed: Mapping[str, str]
    opened: int
    """The cause whose form was refused; 0 = the new one."""
    errors: Mapping[str, str]


class CauseForm(Typed):
    name: str = ""
    owner: str = ""
    action: str = ""
    action_on: str = ""
    portfolio: str = ""

    def text(self) -> CauseText:
        on = None
        if self.action_on.strip():
            try:
                on = date.fromisoformat(self.action_on.strip())
            except ValueError:
                raise Invalid("This is not a date.", "action_on") from None
        return CauseText(self.name, self.owner, self.action, on)


@router.get("")
def causes(
    request: Request, _staff: Manager, session: ReadSession, now: Now, portfolio: str = ""
) -> Response:
    return _page(request, session, now, portfolio)


def _page(
    request: Request,
    session: Session,
    now: Now,
    code: str,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    opened: int = 0,
) -> Response:
    portfolios, chosen = choose_portfolio(session, code)
    portfolio_id = id_of(chosen) if chosen else 0
    today = local_today(session, portfolio_id, now) if chosen else now.date()
    months, names = months_shown(today), staff_names(session)
    columns = [Column("Cause"), Column("Owner"), *[Column(each, numeric=True) for each in months]]
    columns += [Column("Action"), Column("Before and after")]
    return page(
        request,
        CausesPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=cause_rows(session, portfolio_id, today) if chosen else [],
            months=months,
            columns=columns,
            owners=[("", "Choose"), *names.items()],
            names=names,
            typed=typed or {},
            opened=opened,
            errors=errors or {},
        ),
        422 if errors else 200,
    )


@router.post("")
def name_a_cause(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    form: Annotated[CauseForm, Form()],
) -> Response:
    return _save(request, staff, session, now, form, 0)


@router.post("/{cause_id}")
def change_a_cause(
    request: Request,
    cause_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    form: Annotated[CauseForm, Form()],
) -> Response:
    return _save(request, staff, session, now, form, cause_id)


def _save(
    request: Request, staff: Manager, session: WriteSession, now: Now, form: CauseForm, cause_id: int
) -> Response:
    _, chosen = choose_portfolio(session, form.portfolio)
    if chosen is None:
        return redirect(request, "/complaints/causes", "There is no portfolio yet.", tone="warn")
    if cause_id:
        get_cause(session, id_of(chosen), cause_id)
    try:
        with session.begin_nested():
            save_cause(session, chosen, form.text(), cause_id or None, by=staff.by, now=now)
    except Invalid as refused:
        errors = {refused.field or "name": sentence(refused.message)}
        return _page(request, session, now, chosen.code, form.values(), errors, cause_id)
    return redirect(request, f"/complaints/causes?portfolio={chosen.code}", "The cause is on record.")
