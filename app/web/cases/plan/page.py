"""The page of one agreement: its terms, its payments and what came for them, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.casework.plans.rules import PlanStatus
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.labels import ACCEPTANCE_LABELS, CADENCE_LABELS, PARTY_LABELS, PLAN_LABELS
from app.core.staff.drafts import draft_of, typed_in
from app.core.staff.rules import CASEWORK, Staff
from app.core.timeline.presenting import TimelineEntry
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.plan.acceptance import ACCEPTANCES, PAYS_BY, parties_who_may_agree
from app.web.cases.plan.in_writing import WrittenLine, written_lines
from app.web.cases.plan.lines import Line
from app.web.cases.plan.reads import PlanFile, open_plan
from app.web.cases.plan.words import PLAN_TONES, authority_words, concession_words, read_back
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page
from app.web.timeline import PageReader, TimelinePresenter

router = Router(prefix="/cases")


@dataclass(frozen=True, slots=True)
class PlanPage(Page):
    template = "cases/plan/plan.html"
    file: CaseFile
    view: PlanFile
    reader: PageReader
    currency: str
    tone: Tone
    granted: str
    concessions: Sequence[str]
    read_back: str
    """Of an offer: the sentence that the customer says yes to."""
    written: Sequence[WrittenLine]
    story: Sequence[TimelineEntry]
    labels: Mapping[str, Mapping[str, str]]
    tones: Mapping[PlanStatus, Tone]
    movable: Sequence[tuple[str, str]]
    skippable: Sequence[tuple[str, str]]
    parties: Sequence[tuple[str, str]]
    can_write: bool
    form: FormState
    pays_by: Sequence[tuple[str, str]] = tuple(PAYS_BY)
    acceptances: Sequence[tuple[str, str]] = tuple(ACCEPTANCES)


@router.get("/{case_id}/plans/{plan_id}")
def plan_page(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    draft: str = "",
) -> Response:
    form = FormState(do)
    if draft and (kept := draft_of(session, staff.username, do, str(case_id))):
        form = FormState(do, typed_in(kept), drafted_at=kept.saved_at)
    file = open_case_file(session, case_id, now)
    return show_plan(request, session, staff, file, plan_id, form)


def show_plan(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    plan_id: int,
    form: FormState,
    status: int = 200,
) -> Response:
    view = open_plan(session, file, plan_id)
    currency, zone = file.book.currency, file.portfolio.timezone
    sight = sight_of(session, id_of(file.customer), staff.role, staff.by)
    reader = PageReader(reader_locale(request), currency, zone, staff_names(session), sight=sight)
    presenter = TimelinePresenter(reader)
    shown = PlanPage(
        file=file,
        view=view,
        reader=reader,
        currency=currency,
        tone=PLAN_TONES.get(view.plan.status, "neutral"),
        granted=authority_words(view, reader),
        concessions=concession_words(view, reader),
        read_back=read_back(view.agreed_parts, view.terms, reader) if view.is_offer else "",
        written=written_lines(session, view.plan, replace(reader, timezone=file.zone)),
        story=[presenter.present(event) for event in view.events],
        labels={
            "plan": PLAN_LABELS,
            "cadence": CADENCE_LABELS,
            "acceptance": ACCEPTANCE_LABELS,
            "party": PARTY_LABELS,
        },
        tones=PLAN_TONES,
        movable=_choices(view.movable, reader),
        skippable=_choices(view.skippable, reader),
        parties=parties_who_may_agree(session, file),
        can_write=staff.role in CASEWORK,
        form=form,
    )
    return page(request, shown, status)


def _choices(lines: Sequence[Line], reader: PageReader) -> list[tuple[str, str]]:
    return [(str(line.part.n), f"{line.name}, due {reader.day(line.part.due_on)}") for line in lines]
