"""Forms of moves: prepare, confirm, take back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.staffing.choice import CaseChoice
from app.actions.staffing.moves import confirm_move, prepare_move, undo_move
from app.casework.assignment.move_queries import view_move
from app.casework.assignment.stays import OVERRULED, MoveState
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import counted, sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.forms import ReasonForm, Typed
from app.web.managers.moves.form import show_form
from app.web.managers.moves.pages import show_move
from app.web.rendering import redirect

router = Router(prefix="/moves")
FILTERS = ("person", "portfolio", "bucket", "state", "language", "balance_from", "balance_to")


class MoveForm(Typed):
    person: str = ""
    portfolio: str = ""
    bucket: str = ""
    state: str = ""
    language: str = ""
    balance_from: str = ""
    balance_to: str = ""
    untouched_days: str = ""
    at_most: str = ""
    references: str = ""
    returns: str = ""
    receivers: list[str] = []
    overruled: list[str] = []


@router.post("/new")
def prepare(
    request: Request, staff: Manager, session: WriteSession, now: Now, typed: Annotated[MoveForm, Form()]
) -> Response:
    """Show what would move; nothing moves yet."""
    try:
        with session.begin_nested():
            move = _prepare(session, typed, staff.by, now)
    except (Invalid, Conflict) as refused:
        field = getattr(refused, "field", None) or ""
        values = {name: value for name, value in typed.model_dump().items() if isinstance(value, str)}
        return show_form(
            request,
            session,
            values,
            receivers=typed.receivers,
            overruled=typed.overruled,
            errors={field: sentence(refused.message)},
            status=refused.status,
            now=now,
        )
    return redirect(request, f"/moves/{move}")


def _prepare(session: Session, typed: MoveForm, by: Actor, now: datetime) -> int:
    choice = CaseChoice(
        **{name: getattr(typed, name).strip() for name in FILTERS},
        untouched_days=_count(typed.untouched_days, "untouched_days"),
        at_most=_count(typed.at_most, "at_most"),
        references=tuple(filter(None, re.split(r"[\s,;]+", typed.references))),
    )
    overruled = [reason for reason in OVERRULED if reason.value in typed.overruled]
    move = prepare_move(
        session, choice, typed.receivers, returns=bool(typed.returns), overruled=overruled, by=by, now=now
    )
    return id_of(move)


def _count(text: str, name: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Invalid("Write a whole number, or nothing.", name)
    return int(text)


@router.post("/{move_id}/confirm")
def confirm(
    request: Request,
    move_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    try:
        with session.begin_nested():
            move = confirm_move(session, move_id, typed.reason, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        errors = {getattr(refused, "field", None) or "": sentence(refused.message)}
        return show_move(
            request, session, move_id, reason=typed.reason, errors=errors, status=refused.status, now=now
        )
    view = view_move(session, move)
    left = len(view.of(MoveState.CHANGED))
    said = f"{counted(len(view.of(MoveState.MOVED)), 'case')} moved."
    if left:
        return redirect(
            request, f"/moves/{move_id}", f"{said} {left} changed meanwhile and did not move.", "warn"
        )
    return redirect(request, f"/moves/{move_id}", said)


@router.post("/{move_id}/undo")
def undo(request: Request, move_id: RowId, staff: Manager, session: WriteSession, now: Now) -> Response:
    move = undo_move(session, move_id, by=staff.by, now=now)
    view = view_move(session, move)
    kept = len(view.of(MoveState.KEPT))
    said = f"{counted(len(view.of(MoveState.RESTORED)), 'case')} went back."
    if kept:
        return redirect(request, f"/moves/{move_id}", f"{said} {kept} had moved on and stayed.", "warn")
    return redirect(request, f"/moves/{move_id}", said)
