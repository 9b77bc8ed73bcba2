"""How an adviser is reached: correct it, say that an address is wrong, use one again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.advisers.addresses import correct_adviser, mark_wrong, use_again
from app.casework.advisers.models import Adviser
from app.casework.advisers.queries import get_adviser
from app.casework.advisers.service import AdviserContact
from app.core.staff.rules import Staff
from app.core.text import counted
from app.http.context import Now
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.advisers.page import Sent, obey, show_adviser
from app.web.form_action import FormAction
from app.web.forms import FormState

router = Router(prefix="/advisers")
Act = Callable[[Adviser, Mapping[str, str]], str]
"""Does what a form of the page asks; returns the message."""


@router.post("/{code}/contact")
def correct(
    request: Request,
    code: str,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    def act(adviser: Adviser, told: Mapping[str, str]) -> str:
        contact = AdviserContact(told["email"], told["address"], bool(told["by_post"]))
        clients = correct_adviser(session, adviser, contact, by=staff.by, now=now)
        also = f" The address was replaced on the files of {counted(clients, 'customer')}." if clients else ""
        return f"The contact data of {adviser.name} was saved.{also}"

    return _obey(request, session, staff, code, "contact", typed, act, now)


@router.post("/{code}/addresses/wrong")
def wrong(
    request: Request,
    code: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    def act(adviser: Adviser, told: Mapping[str, str]) -> str:
        mark_wrong(session, adviser, told["address"], told["reason"], by=staff.by, now=now)
        return "Nothing more is sent to this address."

    return _obey(request, session, staff, code, "wrong", typed, act, now)


@router.post("/{code}/addresses/again")
def again(
    request: Request,
    code: str,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    def act(adviser: Adviser, told: Mapping[str, str]) -> str:
        use_again(session, adviser, told["address"], told["reason"], by=staff.by, now=now)
        return "The address is used again."

    return _obey(request, session, staff, code, "again", typed, act, now)


def _obey(
    request: Request,
    session: Session,
    staff: Staff,
    code: str,
    form: str,
    typed: Sent,
    act: Act,
    now: datetime,
) -> Response:
    adviser = get_adviser(session, code)

    def do(told: Mapping[str, str]) -> tuple[str, str]:
        return f"/advisers/{adviser.code}", act(adviser, told)

    def show(state: FormState, status: int) -> Response:
        return show_adviser(request, session, staff, adviser, state, now=now, status=status)

    return obey(FormAction(request, session, staff, form, typed, show, now), do)
