"""Result codes of calls: the text in use, its versions with what each changed, and the way back to one of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Form, Path
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.results.codes import revert_codes, save_codes
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.holds.rules import FOR_GOOD
from app.casework.results.choices import FIELD_LABELS
from app.casework.results.effects import (
    AskManager,
    Callback,
    ConductEnded,
    Effect,
    NumberBad,
    OptOut,
    PaymentClaimed,
    PlaceHold,
    Promise,
    Retry,
    Task,
)
from app.casework.results.file import BadCodes, CodeProblem
from app.casework.results.models import ResultCodeVersion
from app.casework.results.queries import results_of, text_of, versions_of
from app.casework.results.rules import CallField, ResultSet
from app.core.errors import Conflict, Invalid
from app.core.labels import HOLD_LABELS
from app.core.staff.rules import MANAGEMENT
from app.core.text import counted, sentence
from app.http.context import Now
from app.http.doors import CaseReader, Manager
from app.http.routes import Router
from app.http.security import MB
from app.http.transactions import ReadSession, WriteSession
from app.web.lookups import staff_names
from app.web.rendering import Page, page, redirect

router = Router(prefix="/results")
VersionNumber = Annotated[int, Path(ge=0, le=1_000_000)]


def effect_words(effect: Effect) -> str:
    """The effect in words, for the table of codes."""
    match effect:
        case Retry(attempts=most):
            return f"Call again, up to {most} attempts"
        case NumberBad(look_for_another=look):
            return "Number rests on all channels until a person confirms it" + (
                "; task to find another" if look else ""
            )
        case PaymentClaimed(days=days):
            return f"Reminders pause for {counted(days, 'day')} while the payment is looked for"
        case Promise():
            return "Promise to pay"
        case Callback():
            return "Callback"
        case PlaceHold(kind=kind, days=days):
            ends = "until a person ends it, review after" if kind in FOR_GOOD else "for"
            return f"{HOLD_LABELS[kind]} hold {ends} {counted(days, 'day')}"
        case OptOut():
            return "Opt-out of that channel"
        case AskManager():
            return "Request to a manager"
        case ConductEnded():
            return "On record as abusive; a supervisor takes over"
        case Task(text=text):
            return f"Task: {text}" if text else "Task"


@dataclass(frozen=True, slots=True)
class CodesPage(Page):
    template = "managers/result_codes.html"
    portfolio: Portfolio
    portfolios: Sequence[Portfolio]
    results: ResultSet
    text: str
    reason: str
    number: int
    """The version in use; 0 = as shipped."""
    versions: Sequence[ResultCodeVersion]
    names: Mapping[str, str]
    may_change: bool
    field_labels: Mapping[CallField, str] = field(default_factory=lambda: FIELD_LABELS)
    effect_words: Callable[[Effect], str] = effect_words
    problems: Sequence[CodeProblem] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoCodesPage(Page):
    template = "managers/result_codes_none.html"


@router.get("")
def show_codes(request: Request, staff: CaseReader, session: ReadSession, portfolio: str = "") -> Response:
    """The codes of a portfolio; the first one where none is named."""
    portfolios = _portfolios(session)
    if not portfolios:
        return page(request, NoCodesPage())
    chosen = get_portfolio(session, portfolio) if portfolio else portfolios[0]
    return _page(request, session, chosen, may_change=staff.role in MANAGEMENT)


@router.post("", max_body_size=MB)
def change_codes(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    text: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
    based_on: Annotated[int, Form()] = 0,
) -> Response:
    """Save the text as the next version; refused with every fault and its line, and nothing typed is lost."""
    chosen = get_portfolio(session, portfolio)
    try:
        version = save_codes(session, chosen, text, reason, based_on=based_on, by=staff.by, now=now)
    except BadCodes as bad:
        return _page(request, session, chosen, text=text, reason=reason, problems=bad.problems)
    except (Invalid, Conflict) as refused:
        errors = {refused.field or "": sentence(refused.message)}
        return _page(request, session, chosen, text=text, reason=reason, errors=errors)
    said = f"Version {version.number} is saved. Calls are logged by it from now on."
    return redirect(request, f"/results?portfolio={chosen.code}", said)


@router.post("/{number}/revert")
def revert(
    request: Request,
    number: VersionNumber,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Return to an earlier version, or with 0 to the shipped codes: the same text as a new version."""
    chosen = get_portfolio(session, portfolio)
    try:
        version = revert_codes(session, chosen, number, reason, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _page(request, session, chosen, errors={"": sentence(refused.message)})
    said = f"Version {version.number} repeats version {number}. Calls are logged by it from now on."
    return redirect(request, f"/results?portfolio={chosen.code}", said)


@dataclass(frozen=True, slots=True)
class DiffPage(Page):
    template = "managers/result_codes_diff.html"
    portfolio: Portfolio
    number: int
    lines: Sequence[tuple[str, str]]
    """Tone and line."""


@router.get("/{number}/changes")
def show_changes(
    request: Request, number: VersionNumber, _staff: CaseReader, session: ReadSession, portfolio: str = ""
) -> Response:
    """Show the lines that a version changed, against the one before it."""
    chosen = get_portfolio(session, portfolio)
    before, after = (text_of(session, chosen, n).splitlines() for n in (max(0, number - 1), number))
    found = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    tones = {"+": "good", "-": "bad", "@": "info"}
    lines = [(tones.get(line[:1], ""), line) for line in found]
    return page(request, DiffPage(portfolio=chosen, number=number, lines=lines))


def _portfolios(session: Session) -> Sequence[Portfolio]:
    return session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()


def _page(
    request: Request,
    session: Session,
    portfolio: Portfolio,
    *,
    text: str | None = None,
    reason: str = "",
    may_change: bool = True,
    problems: Sequence[CodeProblem] = (),
    errors: Mapping[str, str] | None = None,
) -> Response:
    versions = versions_of(session, portfolio)
    number = versions[0].number if versions else 0
    shown = CodesPage(
        portfolio=portfolio,
        portfolios=_portfolios(session),
        results=results_of(session, portfolio),
        text=text_of(session, portfolio, number) if text is None else text,
        reason=reason,
        number=number,
        versions=versions,
        names=staff_names(session),
        may_change=may_change,
        problems=problems,
        errors=errors or {},
    )
    return page(request, shown, 422 if problems or errors else 200)
