"""A bundle in the form of a court or attorney: what is asked for it, what it cannot carry, and the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.referrals import check_export, export_bundle
from app.core.errors import NotFound
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import LegalMember
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.legal.bundle.models import Bundle
from app.legal.courts.catalog import format_named
from app.legal.courts.formats import CourtFormat, Finding
from app.legal.referrals import queries
from app.legal.referrals.queries import Listed
from app.web.legal.referral_page import Excuses, find_referral
from app.web.rendering import Page, page

router = Router(prefix="/legal")
FormCode = Annotated[str, Path(max_length=40)]


@dataclass(frozen=True, slots=True)
class ExportPage(Page):
    template = "legal/export.html"
    found: Listed
    bundle: Bundle
    form: CourtFormat
    given: Mapping[str, str]
    stops: Sequence[Finding]
    left_out: Sequence[Finding]
    is_checked: bool


@router.get("/{referral_id}/bundles/{bundle_id}/exports/{form}")
def show_export(
    request: Request,
    referral_id: RowId,
    bundle_id: RowId,
    form: FormCode,
    _staff: LegalMember,
    session: ReadSession,
) -> Response:
    """The settings of the format, and what it cannot carry whatever they are."""
    found, bundle = _bundle(session, referral_id, bundle_id)
    return _page(request, found, bundle, format_named(form), {}, is_checked=False)


@router.post("/{referral_id}/bundles/{bundle_id}/exports/{form}")
def make_export(
    request: Request,
    referral_id: RowId,
    bundle_id: RowId,
    form: FormCode,
    staff: LegalMember,
    session: WriteSession,
    now: Now,
    fields: Excuses,
) -> Response:
    """The file, or the page again with everything that stands in its way."""
    found, bundle = _bundle(session, referral_id, bundle_id)
    made = format_named(form)
    given = {setting.name: str(fields.get(setting.name, ""))[:200].strip() for setting in made.settings}
    if any(each.stops for each in check_export(bundle, form, given)):
        return _page(request, found, bundle, made, given, is_checked=True)
    content = export_bundle(session, bundle, form, given, by=staff.by, now=now)
    headers = {"content-disposition": f'attachment; filename="{made.file_name(bundle.reference)}"'}
    return Response(content, media_type=made.media_type, headers=headers)


def _bundle(session: Session, referral_id: int, bundle_id: int) -> tuple[Listed, Bundle]:
    found = find_referral(session, referral_id)
    bundle = queries.bundle(session, found.referral.case_id, bundle_id)
    if bundle is None:
        raise NotFound(
            f"Case {found.case.reference} has no bundle {bundle_id}. Choose one from the referral's page."
        )
    return found, bundle


def _page(
    request: Request,
    found: Listed,
    bundle: Bundle,
    form: CourtFormat,
    given: Mapping[str, str],
    *,
    is_checked: bool,
) -> Response:
    told = check_export(bundle, form.code, given)
    stops = [each for each in told if each.stops]
    if not is_checked:
        stops = [each for each in stops if " is missing: " not in each.what]
    shown = ExportPage(
        found=found,
        bundle=bundle,
        form=form,
        given=given,
        stops=stops,
        left_out=[each for each in told if not each.stops],
        is_checked=is_checked,
    )
    return page(request, shown, 422 if is_checked else 200)
