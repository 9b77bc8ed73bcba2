"""The page of support needs: those on file with what they do, the form for another, and for the legal team a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.holds import knows_crisis
from app.book.customers.models import WithheldPlace
from app.book.customers.queries import Point, points_of
from app.book.customers.rules import on_one_line
from app.book.customers.withheld import places_of
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds_of
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import waiting_question
from app.casework.questions.rules import SOURCE_LABELS, QuestionSource
from app.casework.recognition.cues import Subject
from app.casework.support_needs.catalog import label_of, support_needs
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import SeenNeeds, needs_of, seen_by
from app.casework.support_needs.rules import NeedCode, ToldBy, effect_words
from app.core.ids import id_of
from app.core.labels import AUDIENCE_LABELS, BASIS_LABELS, TOLD_BY_LABELS, Labels
from app.core.staff.rules import CASEWORK, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.policy.composition import packs_for
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms import action
from app.web.cases.forms.action import Place
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")


@dataclass(frozen=True, slots=True)
class NeedLine:
    """A need on file, in words."""

    row: SupportNeed
    label: str
    does: Sequence[str]
    """What it brings."""
    script: Sequence[str]
    is_due: bool
    """A person is to look at it now."""
    places: Sequence[str]
    """The numbers and addresses that are withheld with it."""
    treatment: CaseHold | None
    """A moratorium that waits for the end of a treatment; None = there is none."""


@dataclass(frozen=True, slots=True)
class NeedsPage(Page):
    template = "cases/support_needs.html"
    file: CaseFile
    lines: Sequence[NeedLine]
    ended: Sequence[SupportNeed]
    hidden: int
    shown_for: str
    """The reason for which somebody who works no case sees the needs; '' = they do not."""
    question: CaseQuestion | None
    """The words that the form takes up."""
    sources: Mapping[QuestionSource, str]
    choices: Sequence[NeedCode]
    points: Sequence[Point]
    labels: Mapping[str, Labels]
    label_of: Callable[[str], str]
    does: Callable[[NeedCode], Sequence[str]]
    today: date
    latest: date
    reader: PageReader
    can_write: bool
    form: FormState


@router.get("/{case_id}/support-needs")
def support_needs_page(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    question: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """`?question=` brings words that wait for an answer beside the form. The need keeps none of them."""
    file, form = open_case_file(session, case_id, now), FormState(do)
    asked = waiting_question(session, id_of(file.customer), question, Subject.SUPPORT_NEED)
    if asked is not None:
        told_by = "" if asked.source is QuestionSource.NOTE else ToldBy.CUSTOMER.value
        form = FormState("need", {"question": str(asked.id), "told_by": told_by})
    return show(request, session, staff, file, form)


@router.get("/{case_id}/support-needs/{_form:path}")
def form_address(case_id: RowId, _form: str, _staff: CaseReader) -> Response:
    """The address of a form, opened after a refused form or by hand."""
    return RedirectResponse(f"/cases/{case_id}/support-needs", status_code=303)


def show(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    form: FormState,
    *,
    disclosed: Sequence[SupportNeed] | None = None,
    reason: str = "",
    status: int = 200,
) -> Response:
    """Render the page. `disclosed`: the needs that somebody who works no case sees this once, for a `reason`."""
    who, works = id_of(file.customer), staff.role in CASEWORK
    seen = seen_by(needs_of(session, who), staff.role, staff.by) if works else SeenNeeds(open=disclosed or ())
    pack = packs_for(file.portfolio, file.customer)
    holds, places = (open_holds_of(session, who), places_of(session, who)) if seen.open else ([], [])
    on_file = {need.code for need in seen.open}
    number = form.of("need").values.get("question", "") if works else ""
    return page(
        request,
        NeedsPage(
            file=file,
            lines=[_line(need, file.book.today, holds, places) for need in seen.open],
            ended=seen.ended,
            hidden=seen.hidden,
            shown_for=reason,
            question=waiting_question(
                session, who, int(number) if number.isdigit() else None, Subject.SUPPORT_NEED
            ),
            sources=SOURCE_LABELS,
            choices=[
                each
                for each in support_needs().values()
                if each.code not in on_file and (knows_crisis(pack) or not each.by_law)
            ],
            points=[point for point in points_of(session, file.customer) if point.ended_at is None]
            if works
            else (),
            labels={"basis": BASIS_LABELS, "told": TOLD_BY_LABELS, "audience": AUDIENCE_LABELS},
            label_of=label_of,
            does=lambda need: [effect_words(effect) for effect in need.effects],
            today=file.book.today,
            latest=file.book.today + timedelta(days=365),
            reader=PageReader(
                reader_locale(request), file.book.currency, file.portfolio.timezone, staff_names(session)
            ),
            can_write=works,
            form=form,
        ),
        status,
    )


def _line(
    row: SupportNeed, today: date, holds: Sequence[CaseHold], places: Sequence[WithheldPlace]
) -> NeedLine:
    need = support_needs().get(row.code)
    return NeedLine(
        row,
        label_of(row.code),
        does=[effect_words(effect) for effect in need.effects] if need else (),
        script=need.script if need else (),
        is_due=row.review_on <= today,
        places=[on_one_line(place.value) for place in places if place.need_id == row.id],
        treatment=next((hold for hold in holds if hold.need_id == row.id and hold.by_person), None)
        if need and need.by_law
        else None,
    )


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash],
    *,
    now: datetime,
) -> Response:
    """Do what a form of this page asks, or show the page again with what was typed."""

    def again(file: CaseFile, state: FormState, status: int) -> Response:
        return show(request, session, staff, file, state, status=status)

    place = Place(again, lambda: f"/cases/{case_id}/support-needs#content", keeps_drafts=False)
    return action.submit(request, session, staff, case_id, form, typed, act, now=now, place=place)
