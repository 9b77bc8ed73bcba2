"""Holds on a case's page: placed, reviewed and ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import holds as acts
from app.casework.holds.queries import get_hold
from app.casework.holds.rules import EndsBy, end_words
from app.core.vocabulary import HoldKind
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.cases.forms.answers import in_writing_words, reader_of
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases")


class EndForm(ReasonForm):
    decided_by: str = ""
    because: str = EndsBy.DECISION.value


class HoldForm(Typed):
    kind: str = ""
    reason: str = ""
    until: str = ""
    since: str = ""


@router.post("/{case_id}/holds")
def place_hold(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HoldForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        kind, until = fields.choice("kind", HoldKind), fields.day("until")
        since = fields.day("since") if typed.since.strip() else None
        fields.done()
        letters = ports_of(request).catalog
        placed = acts.place_hold(
            session, file.case, kind, typed.reason, until, letters, since=since, by=staff.by, now=now
        )
        day = reader_of(request, file).day(placed.hold.until)
        ends = end_words(kind, day)
        said = f"{ends[:1].upper()}{ends[1:]}." if placed.hold.for_good else f"On hold {ends}."
        return f"{said} {in_writing_words(request, file, placed.acknowledgement, now)}".strip(), "good"

    return submit(request, session, staff, case_id, "hold", typed, act, now=now)


@router.post("/{case_id}/holds/{hold_id}/end")
def end_hold(
    request: Request,
    case_id: RowId,
    hold_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[EndForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        because = fields.choice("because", EndsBy)
        reason = fields.reason()
        fields.done()
        hold = get_hold(session, file.case.customer_id, hold_id, lock=True)
        acts.end_hold(session, hold, reason, typed.decided_by, because=because, by=staff.by, now=now)
        return "The hold has ended; the strategy looks at the case again tonight.", "good"

    return submit(request, session, staff, case_id, f"end-hold-{hold_id}", typed, act, now=now)


class ReviewForm(ReasonForm):
    until: str = ""


@router.post("/{case_id}/holds/{hold_id}/review")
def review_hold(
    request: Request,
    case_id: RowId,
    hold_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReviewForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason, until = fields.reason(), fields.day("until")
        fields.done()
        hold = get_hold(session, file.case.customer_id, hold_id, lock=True)
        acts.review_hold(session, hold, reason, until, by=staff.by, now=now)
        return f"The hold stays; review again by {reader_of(request, file).day(until)}.", "good"

    return submit(request, session, staff, case_id, f"review-{hold_id}", typed, act, now=now)
