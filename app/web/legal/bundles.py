"""Bundles of a referral: built, downloaded and delivered."""

from __future__ import annotations

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.referrals import fetch_bundle, hand_over, locked_referral, seal_bundle
from app.core.errors import NotFound
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import LegalMember
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.legal.bundle.models import Bundle
from app.legal.checklists.items import gaps
from app.legal.checklists.rules import completeness
from app.legal.referrals import queries
from app.legal.referrals.queries import Listed
from app.legal.timestamps.service import MEDIA_TYPE, stamp_of
from app.web.legal.referral_page import (
    Excuses,
    LegalReader,
    case_file_of,
    find_referral,
    referral_page,
)
from app.web.rendering import redirect

router = Router(prefix="/legal")


@router.post("/{referral_id}/bundles")
def build(
    request: Request, referral_id: RowId, staff: LegalMember, session: WriteSession, now: Now, fields: Excuses
) -> Response:
    """Seal the case file as of the last closed business day. Each gap that can be excused has a field of its own."""
    locked_referral(session, referral_id)
    found = find_referral(session, referral_id)
    missing = gaps(completeness(case_file_of(session, found.case, now)))
    reasons = {item.id: str(fields.get(f"excuse.{item.id}", ""))[:500] for item in missing}
    errors = {
        f"excuse.{item.id}": "Say why the file may go without it."
        for item in missing
        if not reasons[item.id].strip()
    }
    if errors:
        given = {f"excuse.{item}": reason for item, reason in reasons.items()}
        return referral_page(request, session, found, staff, now=now, errors=errors, given=given)
    bundle = seal_bundle(session, found.case, ports_of(request), reasons, by=staff.by, now=now)
    words = f"{bundle.reference} is sealed."
    return redirect(request, f"/legal/{referral_id}#bundles", words)


@router.get("/{referral_id}/bundles/{bundle_id}")
def download(
    referral_id: RowId, bundle_id: RowId, staff: LegalReader, session: WriteSession, now: Now
) -> Response:
    """The archive itself. A write session because every download is on record."""
    found = find_referral(session, referral_id)
    bundle = _bundle(session, found, bundle_id)
    content = fetch_bundle(session, bundle, by=staff.by, now=now)
    headers = {"content-disposition": f'attachment; filename="{bundle.reference}.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


@router.get("/{referral_id}/bundles/{bundle_id}/time-stamp")
def time_stamp(referral_id: RowId, bundle_id: RowId, _staff: LegalReader, session: ReadSession) -> Response:
    """The time stamp of the bundle's tag manifest, as the authority gave it. It holds nothing of the case."""
    bundle = _bundle(session, find_referral(session, referral_id), bundle_id)
    stamp = stamp_of(session, bundle)
    headers = {"content-disposition": f'attachment; filename="{bundle.reference}.tsr"'}
    return Response(stamp.response, media_type=MEDIA_TYPE, headers=headers)


@router.post("/{referral_id}/bundles/{bundle_id}/hand-over")
def deliver(
    request: Request,
    referral_id: RowId,
    bundle_id: RowId,
    staff: LegalMember,
    session: WriteSession,
    now: Now,
) -> Response:
    """Queue the newest bundle for the legal desk; the worker delivers it."""
    bundle = _bundle(session, find_referral(session, referral_id), bundle_id)
    has_desk = ports_of(request).legal_desk is not None
    if not hand_over(session, bundle, has_desk=has_desk, by=staff.by, now=now):
        words = f"{bundle.reference} was handed over already."
        return redirect(request, f"/legal/{referral_id}#bundles", words, "info")
    return redirect(
        request, f"/legal/{referral_id}#bundles", f"{bundle.reference} is queued for the legal desk."
    )


def _bundle(session: Session, found: Listed, bundle_id: int) -> Bundle:
    bundle = queries.bundle(session, found.referral.case_id, bundle_id)
    if bundle is None:
        raise NotFound(
            f"Case {found.case.reference} has no bundle {bundle_id}. Choose one from the referral's page."
        )
    return bundle
