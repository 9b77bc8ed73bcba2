"""What the lawyers report of a case, and what the two sides ask each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.matters.reports import referral_of
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.staff.rules import LEGAL_WORK, MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.legal.matters.models import LegalQuestion, LegalReport
from app.legal.matters.queries import questions_of, reports_of
from app.legal.matters.rules import REPORT_LABELS
from app.legal.referrals.models import WITH_LEGAL, Referral
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")
REPORT_CHOICES = [("", "Choose"), *((kind.value, label) for kind, label in REPORT_LABELS.items())]


@dataclass(frozen=True, slots=True)
class MatterPage(Page):
    template = "cases/legal/matter.html"
    file: CaseFile
    referral: Referral | None
    """The one that is open."""
    with_legal: bool
    is_legal: bool
    """The reader is of the legal team: they report, and answer what collections asks."""
    sees_referral: bool
    reports: Sequence[LegalReport]
    questions: Sequence[LegalQuestion]
    report_labels: dict[str, str]
    report_choices: Sequence[tuple[str, str]]
    reader: PageReader
    form: FormState


@router.get("/{case_id}/legal")
def matter(request: Request, case_id: RowId, staff: CaseReader, session: ReadSession, now: Now) -> Response:
    return show(request, session, staff, open_case_file(session, case_id, now), FormState(), now=now)


@router.get("/{case_id}/legal/{_form:path}")
def form_address(case_id: RowId, _form: str, _staff: CaseReader) -> Response:
    """The address of a form, opened after a refused form or by hand."""
    return RedirectResponse(f"/cases/{case_id}/legal", status_code=303)


def show(
    request: Request, session: Session, staff: Staff, file: CaseFile, form: FormState, status: int = 200,
    *, now: datetime,
) -> Response:  # fmt: skip
    del now
    case_id = id_of(file.case)
    referral = referral_of(session, file.case)
    return page(
        request,
        MatterPage(
            file=file,
            referral=referral,
            with_legal=referral is not None and referral.status in WITH_LEGAL,
            is_legal=staff.role in LEGAL_WORK,
            sees_referral=staff.role in (*LEGAL_WORK, *MANAGEMENT),
            reports=reports_of(session, case_id),
            questions=questions_of(session, case_id),
            report_labels={kind.value: label for kind, label in REPORT_LABELS.items()},
            report_choices=REPORT_CHOICES,
            reader=PageReader(
                reader_locale(request), file.book.currency, file.portfolio.timezone, staff_names(session)
            ),
            form=form,
        ),
        status,
        sight_of(session, id_of(file.customer), staff.role, staff.by),
    )
