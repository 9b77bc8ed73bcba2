"""Forms of escalations: ask on the case's page; take, answer, take over and withdraw in the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.escalations.supervisor import (
    answer_escalation,
    ask_supervisor,
    take_escalation,
    take_over,
    withdraw_escalation,
)
from app.casework.escalations.rules import EscalationReason
from app.core.staff.rules import Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.escalations.queue import show_queue
from app.web.form_action import Flash, FormAction, MakeResponse
from app.web.forms import Fields, Typed
from app.web.rendering import redirect

router = Router()


class SupervisorForm(Typed):
    reason: str = ""
    words: str = ""
    due_on: str = ""
    is_waiting: str = ""


@router.post("/cases/{case_id}/supervisor")
def ask(
    request: Request, case_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[SupervisorForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.choice("reason", EscalationReason)
        due_on = fields.day("due_on") if fields.has("due_on") else None
        fields.done()
        ask_supervisor(
            session, file.case, reason, typed.words, due_on=due_on, is_waiting=bool(typed.is_waiting),
            by=staff.by, now=now,
        )  # fmt: skip
        return "The supervisors have it. The answer comes back as a task.", "good"

    return submit(request, session, staff, case_id, "supervisor", typed, act, now=now)


class AnswerForm(Typed):
    answer: str = ""
    how: str = ""


@router.post("/escalations/{escalation_id}/take")
def take(
    request: Request, escalation_id: RowId, staff: Manager, session: WriteSession, now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:  # fmt: skip
    def act() -> str:
        take_escalation(session, escalation_id, by=staff.by, now=now)
        return "It is yours to answer."

    return _send(request, session, staff, escalation_id, typed, act, now)


@router.post("/escalations/{escalation_id}/answer")
def answer(
    request: Request, escalation_id: RowId, staff: Manager, session: WriteSession, now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:  # fmt: skip
    """`how`: answered, or returned with an instruction."""

    def act() -> str:
        returned = typed.how == "returned"
        answer_escalation(session, escalation_id, typed.answer, returned=returned, by=staff.by, now=now)
        return "The colleague has your words as a task."

    return _send(request, session, staff, escalation_id, typed, act, now)


@router.post("/escalations/{escalation_id}/take-over")
def take_the_case_over(
    request: Request, escalation_id: RowId, staff: Manager, session: WriteSession, now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:  # fmt: skip
    def act() -> str:
        take_over(session, escalation_id, typed.answer, staff.username, by=staff.by, role=staff.role, now=now)
        return "The case is yours now."

    return _send(request, session, staff, escalation_id, typed, act, now)


@router.post("/escalations/{escalation_id}/withdraw")
def withdraw(
    request: Request, escalation_id: RowId, staff: CaseWorker, session: WriteSession, now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:  # fmt: skip
    def act() -> str:
        withdraw_escalation(session, escalation_id, by=staff.by, now=now)
        return "The question is withdrawn."

    return _send(request, session, staff, escalation_id, typed, act, now)


def _send(
    request: Request, session: Session, staff: Staff, escalation_id: int, typed: Typed, act: Callable[[], str],
    now: datetime,
) -> Response:  # fmt: skip
    """Do it and go back to the queue; a refusal stands beside what was typed."""
    form = f"answer-{escalation_id}"

    def do(_savepoint: SessionTransaction) -> MakeResponse:
        said = act()
        return lambda: redirect(request, "/escalations", said)

    return FormAction(
        request, session, staff, form, typed,
        lambda state, status: show_queue(request, session, staff, state, status, now=now), now,
    ).run(do)  # fmt: skip
