"""Holds on a case's page: placed, reviewed and ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.holds import hold_customer, release_customer
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds
from app.casework.holds.service import keep_hold
from app.core.errors import Conflict, NotFound
from app.core.vocabulary import HoldKind
from app.http.context import Now, ports_of
from app.http.doors import CaseWorker
from app.http.transactions import WriteSession
from app.outreach.planning.event_letters import acknowledge_hold
from app.web.cases.case_file import CaseFile, CaseId
from app.web.cases.forms.action import Done, attempt
from app.web.cases.forms.answers import in_writing_words, teller_of
from app.web.forms import Fields, ReasonForm, Typed

router = APIRouter(prefix="/cases")


class HoldForm(Typed):
    kind: str = ""
    reason: str = ""
    until: str = ""


@router.post("/{case_id}/holds")
def place_hold(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HoldForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        kind, until = fields.choice("kind", HoldKind), fields.day("until")
        fields.done()
        _refuse_second(request, session, file, kind)
        hold = hold_customer(
            session, file.case, kind, typed.reason, until, by=staff.by, today=file.book.today, now=now
        )
        answer = acknowledge_hold(
            session, file.portfolio, hold, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        day = teller_of(request, file).day(until)
        said = f"Do not contact; review by {day}." if hold.for_good else f"On hold until {day}."
        return f"{said} {in_writing_words(request, file, answer, now)}".strip(), "good"

    return attempt(request, session, staff, case_id, "hold", typed, act, now=now)


def _refuse_second(request: Request, session: Session, file: CaseFile, kind: HoldKind) -> None:
    """Two of a kind would have to be ended twice before the customer hears from us again."""
    who = file.case.customer_id
    same = next((hold for hold in open_holds(session, [who]).get(who, []) if hold.kind is kind), None)
    if same is not None:
        day = teller_of(request, file).day(same.until)
        when = f"to be reviewed by {day}" if same.for_good else f"until {day}"
        raise Conflict(f"A hold of this kind stands already, {when}. Add a note, or end that one first.")


@router.post("/{case_id}/holds/{hold_id}/end")
def end_hold(
    request: Request,
    case_id: CaseId,
    hold_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        reason = fields.reason()
        fields.done()
        hold = _hold(session, file, hold_id)
        release_customer(session, hold, by=staff.by, today=file.book.today, now=now, reason=reason)
        return "The hold has ended; the strategy looks at the case again tonight.", "good"

    return attempt(request, session, staff, case_id, f"end-hold-{hold_id}", typed, act, now=now)


class ReviewForm(ReasonForm):
    until: str = ""


@router.post("/{case_id}/holds/{hold_id}/review")
def review_hold(
    request: Request,
    case_id: CaseId,
    hold_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReviewForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Done:
        reason, until = fields.reason(), fields.day("until")
        fields.done()
        hold = _hold(session, file, hold_id)
        keep_hold(session, hold, reason, until, by=staff.by, today=file.book.today, now=now)
        return f"The hold stays; review again by {teller_of(request, file).day(until)}.", "good"

    return attempt(request, session, staff, case_id, f"review-{hold_id}", typed, act, now=now)


def _hold(session: Session, file: CaseFile, hold_id: int) -> CaseHold:
    hold = session.get(CaseHold, hold_id, with_for_update=True)
    if hold is None or hold.customer_id != file.case.customer_id:
        raise NotFound("this customer has no such hold")
    return hold
