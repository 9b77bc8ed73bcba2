"""The inbox of what waits for a second person, waivers and redress of complaints among it, each with its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import InboxItem, answered_requests, waiting_items
from app.casework.approvals.rules import APPROVAL_LABELS
from app.casework.disputes.rules import CORRECTION_LABELS, OUTCOME_LABELS, Correction, DisputeOutcome
from app.casework.support_needs.sight import sight_over
from app.core.ids import id_of
from app.core.labels import CADENCE_LABELS, ENTRY_LABELS
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Staff
from app.http.context import Now
from app.http.doors import CaseWorker, Manager
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.approvals.story import Story, story_of
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router()
ANSWERS_SHOWN = timedelta(days=14)
KINDS = {kind.value: label for kind, label in APPROVAL_LABELS.items()} | {
    "waiver": "Waiver",
    "redress": "Redress",
}


@dataclass(frozen=True, slots=True)
class ApprovalsPage(Page):
    template = "approvals/inbox.html"
    items: Sequence[InboxItem]
    story: Story | None
    answered: Sequence[ApprovalRequest]
    kinds: Mapping[str, str]
    entry_words: Mapping[str, str]
    cadences: Mapping[str, str]
    outcomes: Mapping[DisputeOutcome, str]
    corrections: Mapping[Correction, str]
    names: Mapping[str, str]
    is_mine: bool
    """The reader asked for the chosen request, in person or by a token of theirs."""
    may_decide: bool
    form: FormState


@router.get("/approvals")
def approvals(
    request: Request, staff: CaseWorker, session: ReadSession, now: Now, open: str = ""
) -> Response:
    """Managers: everything that waits, the oldest first. Agents: what they asked for, and the answers of two weeks."""
    return show_inbox(request, session, staff, open, FormState(), now)


@router.get("/waivers")
def waivers(_staff: Manager) -> Response:
    """The former page for waivers: it leads to the inbox."""
    return RedirectResponse("/approvals", status_code=303)


def show_inbox(
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
    is_mine = chosen is not None and is_same_person(session, chosen.asked_by, staff.by)
    shown = ApprovalsPage(
        items=items,
        story=story_of(session, chosen, reader_locale(request), now) if chosen else None,
        answered=answered_requests(session, staff.by, since=now - ANSWERS_SHOWN),
        kinds=KINDS,
        entry_words=ENTRY_LABELS,
        cadences=CADENCE_LABELS,
        outcomes=OUTCOME_LABELS,
        corrections=CORRECTION_LABELS,
        names=staff_names(session),
        is_mine=is_mine,
        may_decide=is_manager and chosen is not None and not is_mine,
        form=form,
    )
    theirs = [id_of(shown.story.file.customer)] if shown.story and shown.story.file else []
    return page(request, shown, status, sight_over(session, theirs, staff.role, staff.by))
