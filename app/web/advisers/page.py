"""The list of advisers, and the page of one: its customers, its files, its lump payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Form
from pydantic import ConfigDict
from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.advisers.addresses import KnownAddress, known_addresses
from app.actions.advisers.clients import NewAuthority, add_adviser, add_client, end_adviser
from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import Adviser, AdviserFile, LumpPayment
from app.casework.advisers.queries import (
    Client,
    advisers,
    clients_of,
    files_of,
    get_adviser,
    lumps_of,
    progress_of,
)
from app.casework.advisers.rules import ProposalStatus
from app.casework.advisers.service import NewAdviser
from app.casework.cases.queries import get_case
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.labels import SUPPRESSION_LABELS
from app.core.staff.rules import MANAGEMENT, Staff
from app.http.context import Now, ports_of
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.form_action import FormAction
from app.web.forms import FormState, Typed, Wrong
from app.web.rendering import Page, page, redirect

router = Router(prefix="/advisers")


class Sent(Typed):
    """A form of these pages, as it was typed."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class AdvisersPage(Page):
    template = "advisers/advisers.html"
    rows: Sequence[Adviser]
    form: FormState
    is_manager: bool


@dataclass(frozen=True, slots=True)
class AdviserPage(Page):
    template = "advisers/adviser.html"
    adviser: Adviser
    base: str
    addresses: Sequence[KnownAddress]
    why_closed: Mapping[str, str]
    clients: Sequence[Client]
    today: date
    files: Sequence[tuple[AdviserFile, Mapping[ProposalStatus, int]]]
    lumps: Sequence[LumpPayment]
    portfolios: Mapping[int, Portfolio]
    form: FormState
    is_manager: bool


@router.get("")
def list_advisers(request: Request, staff: CaseWorker, session: ReadSession) -> Response:
    return _list(request, session, staff, FormState())


def _list(request: Request, session: Session, staff: Staff, form: FormState, status: int = 200) -> Response:
    shown = AdvisersPage(rows=advisers(session), form=form, is_manager=staff.role in MANAGEMENT)
    return page(request, shown, status)


@router.post("")
def new_adviser(
    request: Request, staff: Manager, session: WriteSession, now: Now, typed: Annotated[Sent, Form()]
) -> Response:
    def act(told: Mapping[str, str]) -> tuple[str, str]:
        new = NewAdviser(
            told["code"],
            told["name"],
            told["authorisation"],
            told["phone"],
            told["email"],
            told["address"],
            by_post=bool(told["by_post"]),
        )
        row = add_adviser(session, new, by=staff.by, now=now)
        return f"/advisers/{row.code}", f"{row.name} was added."

    def show(form: FormState, status: int) -> Response:
        return _list(request, session, staff, form, status)

    return obey(FormAction(request, session, staff, "add", typed, show, now), act)


@router.get("/{code}")
def adviser_page(request: Request, code: str, staff: CaseWorker, session: ReadSession, now: Now) -> Response:
    return show_adviser(request, session, staff, get_adviser(session, code), FormState(), now=now)


def show_adviser(
    request: Request,
    session: Session,
    staff: Staff,
    adviser: Adviser,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    shown = AdviserPage(
        adviser=adviser,
        base=f"/advisers/{adviser.code}",
        addresses=known_addresses(session, adviser),
        why_closed=SUPPRESSION_LABELS,
        clients=clients_of(session, adviser),
        today=now.date(),
        files=[(row, progress_of(session, row)) for row in files_of(session, adviser)],
        lumps=lumps_of(session, adviser),
        portfolios={id_of(row): row for row in session.scalars(select(Portfolio).order_by("code"))},
        form=form,
        is_manager=staff.role in MANAGEMENT,
    )
    return page(request, shown, status)


@router.post("/{code}/end")
def end(
    request: Request,
    code: str,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    adviser = get_adviser(session, code)

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        end_adviser(session, adviser, told["reason"], by=staff.by, now=now)
        return "/advisers", f"Nothing is taken from {adviser.name} any more."

    def show(form: FormState, status: int) -> Response:
        return show_adviser(request, session, staff, adviser, form, now=now, status=status)

    return obey(FormAction(request, session, staff, "end", typed, show, now), act)


@router.post("/{code}/clients")
def new_client(
    request: Request,
    code: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Put the adviser on the file of a case's customer."""
    adviser = get_adviser(session, code)

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        number = told["case"].strip().upper().removeprefix("C-")
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise Wrong({"case": "Write the case's reference, such as C-000012."})
        case = get_case(session, int(number))
        authority = NewAuthority(
            typed_day(told, "authority_from"),
            typed_day(told, "authority_until") if told["authority_until"] else None,
            told["reference"],
        )
        letters = ports_of(request).catalog
        add_client(session, adviser, case, authority, letters, by=staff.by, now=now)
        today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
        instead = "It is contacted instead." if authority.begins <= today else ""
        return (
            f"/advisers/{adviser.code}",
            f"{adviser.name} acts for the customer of {case.reference}. {instead}",
        )

    def show(form: FormState, status: int) -> Response:
        return show_adviser(request, session, staff, adviser, form, now=now, status=status)

    return obey(FormAction(request, session, staff, "client", typed, show, now), act)


# --- forms of these pages -------------------------------------------------------------------------------------


def obey(action: FormAction, act: Callable[[Mapping[str, str]], tuple[str, str]]) -> Response:
    """Do what a form asks, once, and go to the page that `act` names with its message."""

    def do(_savepoint: object) -> Callable[[], Response]:
        if action.was_sent_before():
            back = action.request.url.path.rsplit("/", 1)[0]
            said = "This was saved already; it was not done a second time."
            return lambda: redirect(action.request, back, said, "info")
        told = defaultdict(str, {name: value.strip() for name, value in action.typed.values().items()})
        path, message = act(told)
        return lambda: redirect(action.request, path, message, "good")

    return action.run(do)


def typed_day(told: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(told[name])
    except ValueError:
        raise Wrong({name: "Choose a date."}) from None


def portfolio_of(session: Session, code: str) -> Portfolio:
    """The portfolio that a form chose."""
    found = session.scalars(select(Portfolio).where(Portfolio.code == code)).first()
    if found is None:
        raise Invalid("Choose a portfolio.", "portfolio")
    return found
