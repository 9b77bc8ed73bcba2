"""The inbox of requests that wait for a second person, waivers among them, each with its story."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.approvals.asking import withdraw_request
from app.actions.approvals.deciding import decide_approval, decide_waiver
from app.book.ledger.models import Waiver
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import InboxItem, answered_requests, waiting_items
from app.core.errors import NotFound
from app.core.labels import ENTRY_LABELS
from app.core.staff.rules import MANAGEMENT, Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.formats import reader_locale
from app.http.transactions import ReadSession, WriteSession
from app.web.approvals.story import Story, story_of
from app.web.form_action import FormAction, MakeResponse
from app.web.forms import FormState, Typed
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page, redirect

router = APIRouter()
Act = Callable[[], str]
"""Does what was decided; returns what the next page says."""
ANSWERS_SHOWN = timedelta(days=14)
KINDS = {
    "settlement": "Settlement",
    "plan": "Repayment plan",
    "hand_over": "Hand-over",
    "waiver": "Waiver",
}


@dataclass(frozen=True, slots=True)
class ApprovalsPage(Page):
    template = "approvals/inbox.html"
    items: Sequence[InboxItem]
    story: Story | None
    answered: Sequence[ApprovalRequest]
    kinds: Mapping[str, str]
    entry_words: Mapping[str, str]
    names: Mapping[str, str]
    me: str
    may_decide: bool
    form: FormState


@router.get("/approvals")
def approvals(
    request: Request, staff: CaseWorker, session: ReadSession, now: Now, open: str = ""
) -> Response:
    """Managers: everything that waits, the oldest first. Agents: what they asked for, and the answers of two weeks."""
    return _inbox(request, session, staff, open, FormState(), now)


@router.get("/waivers")
def waivers(_staff: Manager) -> Response:
    """Where waivers were decided before they came into the inbox."""
    return RedirectResponse("/approvals", status_code=303)


@router.get("/approvals/{request_id}/decision")
def after_a_refusal(request_id: RowId, _staff: Manager) -> Response:
    """A refused decision is shown at its own address; after a reload its story is found again."""
    return RedirectResponse(f"/approvals?open=request-{request_id}", status_code=303)


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
        raise NotFound("There is no such waiver.")

    def act() -> str:
        decide_waiver(
            session, waiver, approve=approve, note=typed.note, by=staff.by, role=staff.role, now=now
        )
        return "Waiver approved; the credit is posted." if approve else "Waiver declined; nothing was posted."

    return _decide(request, session, staff, typed, f"waiver-{waiver_id}", act, now)


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
        return _inbox(request, session, staff, key, state, now, status)

    def do(_savepoint: SessionTransaction) -> MakeResponse:
        said = act()
        return lambda: redirect(request, "/approvals", said, tone)

    return FormAction(request, session, staff, "decision", typed, show, now).run(do)


def _inbox(
    request: Request,
    session: Session,
    staff: Staff,
    open: str,
    form: FormState,
    now: datetime,
    status: int = 200,
) -> Response:
    """`open`: the key of the request whose story is shown; the first one without it."""
    is_manager = staff.role in MANAGEMENT
    items = waiting_items(session, None if is_manager else staff.by)
    chosen = next((item for item in items if item.key == open), items[0] if items else None)
    shown = ApprovalsPage(
        items=items,
        story=story_of(session, chosen, reader_locale(request), now) if chosen else None,
        answered=answered_requests(session, staff.by, since=now - ANSWERS_SHOWN),
        kinds=KINDS,
        entry_words=ENTRY_LABELS,
        names=staff_names(session),
        me=staff.by,
        may_decide=is_manager and chosen is not None and chosen.asked_by != staff.by,
        form=form,
    )
    return page(request, shown, status)
