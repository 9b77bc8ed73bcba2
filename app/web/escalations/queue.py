"""The supervisors' queue: what is asked, who waits on the line, what is late. Agents see what they asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.casework.escalations.models import Escalation
from app.casework.escalations.queries import QueueItem, ended_since, queue
from app.casework.escalations.rules import REASON_LABELS, STATUS_LABELS, EscalationReason, EscalationStatus
from app.casework.hand_overs.models import DeskHandOver
from app.casework.hand_overs.rules import SUPERVISORS
from app.casework.support_needs.sight import sight_over
from app.core.staff.rules import MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/escalations")
ENDED_SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class EscalationsPage(Page):
    template = "escalations/queue.html"
    items: Sequence[QueueItem]
    ended: Sequence[tuple[Escalation, str]]
    names: Mapping[str, str]
    reasons: Mapping[EscalationReason, str]
    statuses: Mapping[EscalationStatus, str]
    supervises: bool
    handed: int
    """Open hand-overs to the desk of supervisors, which have a list of their own."""
    form: FormState


@router.get("")
def escalations(request: Request, staff: CaseWorker, session: ReadSession, now: Now) -> Response:
    return show_queue(request, session, staff, FormState(), now=now)


@router.get("/{escalation_id}/{form}")
def after_a_refusal(escalation_id: RowId, form: str, _staff: CaseWorker) -> Response:  # noqa: ARG001
    """A refused form is shown at its own address; after a reload the queue is found again."""
    return RedirectResponse("/escalations", status_code=303)


def show_queue(
    request: Request, session: Session, staff: Staff, form: FormState, status: int = 200, *, now: datetime
) -> Response:
    supervises = staff.role in MANAGEMENT
    authors = None if supervises else [str(staff.by)]
    items = queue(session, now, authors)
    ended = ended_since(session, now - ENDED_SHOWN, authors)
    theirs = {item.row.customer_id for item in items} | {row.customer_id for row, _ in ended}
    return page(
        request,
        EscalationsPage(
            items=items,
            ended=ended,
            names=staff_names(session),
            reasons=REASON_LABELS,
            statuses=STATUS_LABELS,
            supervises=supervises,
            handed=_handed(session) if supervises else 0,
            form=form,
        ),
        status,
        sight_over(session, theirs, staff.role, staff.by),
    )


def _handed(session: Session) -> int:
    query = select(sa.func.count()).where(
        DeskHandOver.desk == SUPERVISORS, col(DeskHandOver.ended_at).is_(None)
    )
    return session.scalar(query) or 0
