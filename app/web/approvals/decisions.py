"""Decisions on requests, waivers and redress, sent from the inbox; a refused one comes back beside its story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.approvals.asking import withdraw_request
from app.actions.approvals.deciding import decide_approval, decide_waiver
from app.actions.complaints.redress import decide_redress
from app.book.ledger.models import Waiver
from app.core.errors import NotFound
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.approvals.inbox import KINDS, show_inbox
from app.web.form_action import FormAction, MakeResponse
from app.web.forms import FormState, Typed, Wrong
from app.web.rendering import Tone, redirect

router = Router()
Act = Callable[[], str]
"""Does what was decided; returns what the next page says."""


@router.get("/approvals/{request_id}/decision")
def after_a_refusal(request_id: RowId, _staff: Manager) -> Response:
    """A refused decision is shown at its own address; after a reload its story is found again."""
    return RedirectResponse(f"/approvals?open=request-{request_id}", status_code=303)


@router.get("/approvals/redress/{redress_id}/decision")
def after_a_refused_redress(redress_id: RowId, _staff: Manager) -> Response:
    return RedirectResponse(f"/approvals?open=redress-{redress_id}", status_code=303)


@router.get("/waivers/{waiver_id}/decide")
def after_a_refused_waiver(waiver_id: RowId, _staff: Manager) -> Response:
    return RedirectResponse(f"/approvals?open=waiver-{waiver_id}", status_code=303)


class DecisionForm(Typed):
    approve: str = ""
    note: str = ""


@router.post("/approvals/{request_id}/decision")
def decide_request(
    request: Request,
    request_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    approve = typed.approve == "true"

    def act() -> str:
        decided = decide_approval(
            session, request_id, ports_of(request).catalog, approve=approve, note=typed.note, seen=typed.seen,
            by=staff.by, role=staff.role, now=now,
        )  # fmt: skip
        what = KINDS[decided.request.kind.value]
        return f"{what} approved and done." if approve else f"{what} declined; nothing was changed."

    return _decide(request, session, staff, typed, f"request-{request_id}", act, now)


@router.post("/waivers/{waiver_id}/decide")
def decide_a_waiver(
    request: Request,
    waiver_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    approve = typed.approve == "true"
    waiver = session.get(Waiver, waiver_id)
    if waiver is None:
        raise NotFound(f"There is no waiver {waiver_id}. Choose one from the list.")

    def act() -> str:
        decide_waiver(
            session, waiver, approve=approve, note=typed.note, by=staff.by, role=staff.role, now=now
        )
        return "Waiver approved; the credit is posted." if approve else "Waiver declined; nothing was posted."

    return _decide(request, session, staff, typed, f"waiver-{waiver_id}", act, now)


@router.post("/approvals/redress/{redress_id}/decision")
def decide_about_redress(
    request: Request,
    redress_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    approve = typed.approve == "true"

    def act() -> str:
        decide_redress(
            session, redress_id, approve=approve, note=typed.note, by=staff.by, role=staff.role, now=now
        )
        done = (
            "Redress approved; the credit is posted." if approve else "Redress declined; nothing was posted."
        )
        return f"{done} Now the complaint can be answered."

    return _decide(request, session, staff, typed, f"redress-{redress_id}", act, now)


@router.post("/approvals/{request_id}/withdrawal")
def withdraw(
    request: Request, request_id: RowId, staff: CaseWorker, session: WriteSession, now: Now
) -> Response:
    withdraw_request(session, request_id, by=staff.by, now=now)
    return redirect(request, "/approvals", "The request is withdrawn.", "info")


def _decide(
    request: Request,
    session: Session,
    staff: Staff,
    typed: DecisionForm,
    key: str,
    act: Act,
    now: datetime,
) -> Response:
    """Do it and go back to the inbox; a refusal is shown beside the story with the note that was typed."""
    tone: Tone = "good" if typed.approve == "true" else "info"

    def show(state: FormState, status: int) -> Response:
        return show_inbox(request, session, staff, key, state, now, status)

    def do(_savepoint: SessionTransaction) -> MakeResponse:
        if typed.approve not in ("true", "false"):
            raise Wrong({"": "Press Approve or Decline."})
        said = act()
        return lambda: redirect(request, "/approvals", said, tone)

    return FormAction(request, session, staff, "decision", typed, show, now).run(do)
