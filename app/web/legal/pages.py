"""The legal team's pages: referrals to decide on, the case file's checklist, sealed bundles and their delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlmodel import Session, col, select
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.service import add_note, case_event
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.staff.rules import LEGAL_WORK, MANAGEMENT, Role, Staff
from app.core.timeline.rules import Kind
from app.core.timeline.service import lock_customers, record
from app.http.deps import (
    LegalMember,
    Now,
    ReadSession,
    RowId,
    RowQuery,
    StreamSession,
    WriteSession,
    decode_cursor,
    encode_cursor,
    ports_of,
    requires,
)
from app.legal.bundle.loading import load_case_file
from app.legal.bundle.verification import Verification, verify
from app.legal.referrals import queries
from app.legal.referrals.models import Bundle, Referral, ReferralStatus
from app.legal.referrals.queries import Listed
from app.legal.referrals.rules import CaseFile, completeness, gaps, stops
from app.legal.referrals.service import build_bundle, decide, hand_over, latest_bundle
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.queries import bundle_deliveries, channel_stops
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.web.rendering import Column, csv_download, page, redirect

router = APIRouter(prefix="/legal")

LegalReader = Annotated[Staff, requires(*LEGAL_WORK, *MANAGEMENT)]
"""The legal team decides; managers look on."""

PAGE = 50


async def excuse_fields(request: Request) -> FormData:
    return await request.form(max_files=1, max_fields=60)


Excuses = Annotated[FormData, Depends(excuse_fields)]
STATUS_WORDS = {
    ReferralStatus.NOMINATED: ("Nominated", "info"),
    ReferralStatus.APPROVED: ("Approved", "good"),
    ReferralStatus.DELIVERED: ("Delivered", "good"),
    ReferralStatus.DECLINED: ("Declined", "neutral"),
}
DELIVERY_WORDS = {
    OutboxStatus.QUEUED: ("Waiting to be delivered", "info"),
    OutboxStatus.CLAIMED: ("Being delivered", "info"),
    OutboxStatus.SENDING: ("Being delivered", "info"),
    OutboxStatus.SENT: ("Delivered", "good"),
    OutboxStatus.DELIVERED: ("Delivered", "good"),
    OutboxStatus.UNDELIVERED: ("Refused by the legal desk", "bad"),
    OutboxStatus.BOUNCED: ("Refused by the legal desk", "bad"),
    OutboxStatus.FAILED: ("Not delivered", "bad"),
    OutboxStatus.WITHHELD: ("Withheld", "warn"),
    OutboxStatus.UNKNOWN: ("Unknown", "warn"),
}
COLUMNS = [
    Column("Case"),
    Column("Customer"),
    Column("Past due", numeric=True),
    Column("Balance", numeric=True),
    Column("Days past due", numeric=True),
    Column("Nominated"),
    Column("Why"),
]
NO_KEY = (
    "No key is set to sign bundles with. Set DESK_BUNDLE_KEY (see .env.example) and start the desk again."
)
NO_DESK = "No legal desk is configured. Set DESK_LEGAL_URL (see .env.example), or download the bundle."


# --- the list -----------------------------------------------------------------------------------------------


@router.get("")
def referrals(
    request: Request,
    _staff: LegalReader,
    session: StreamSession,
    status: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    wanted = ReferralStatus(status) if status in set(ReferralStatus) else ReferralStatus.NOMINATED
    if format == "csv":
        rows = queries.all_referrals(session, wanted)
        return csv_download(f"referrals-{wanted.value}.csv", CSV_HEADER, _csv_rows(rows))
    before = decode_cursor(cursor, 1, int)
    shown = queries.referrals(session, wanted, before=before[0] if before else None, limit=PAGE + 1)
    found = queries.counts(session)
    tabs = [
        (f"{words} ({found.get(each, 0):,})", f"/legal?status={each.value}", each is wanted)
        for each, (words, _) in STATUS_WORDS.items()
    ]
    return page(
        request,
        "legal/list.html",
        tabs=tabs,
        wanted=wanted,
        columns=COLUMNS,
        referrals=shown[:PAGE],
        next_cursor=encode_cursor(shown[PAGE - 1].referral.id) if len(shown) > PAGE else None,
    )


CSV_HEADER = (
    "case", "customer", "portfolio", "status", "past_due", "balance", "currency", "days_past_due", "reason",
    "nominated_by", "nominated_at", "decided_by", "decided_at", "delivered_at",
)  # fmt: skip


def _csv_rows(rows: Iterator[Listed]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        currency = row.portfolio.currency
        yield (
            row.reference,
            row.customer_name,
            row.portfolio.code,
            row.referral.status.value,
            to_decimal_string(row.past_due_minor, currency),
            to_decimal_string(row.balance_minor, currency),
            currency,
            row.days_past_due,
            row.referral.reason,
            row.referral.nominated_by,
            row.referral.nominated_at,
            row.referral.decided_by,
            row.referral.decided_at,
            row.referral.delivered_at,
        )


# --- one referral -------------------------------------------------------------------------------------------


@router.get("/{referral_id}")
def referral(
    request: Request,
    referral_id: RowId,
    staff: LegalReader,
    session: ReadSession,
    now: Now,
    verified: RowQuery = 0,
) -> Response:
    """`verified` = the bundle whose seal is to be checked on this view."""
    found = _found(session, referral_id)
    checked = queries.bundle(session, found.referral.case_id, verified) if verified else None
    return _referral_page(request, session, found, staff, now=now, checked=checked)


def _referral_page(
    request: Request,
    session: Session,
    found: Listed,
    staff: Staff,
    *,
    now: Now,
    checked: Bundle | None = None,
    errors: dict[str, str] | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    """`given` = what was typed into a form that is refused, by field."""
    ports = ports_of(request)
    file = _case_file(session, found.case, now)
    items = completeness(file)
    sealed = queries.bundles(session, found.referral.case_id)
    status = 422 if errors else 200
    return page(
        request,
        "legal/referral.html",
        status,
        found=found,
        status_words=STATUS_WORDS,
        delivery_words=DELIVERY_WORDS,
        decides=staff.role is Role.LEGAL,
        own=found.referral.nominated_by == staff.by,
        items=items,
        missing=[item for item in items if not item.ok],
        stops=stops(items),
        gaps=gaps(items),
        file=file,
        past_due_minor=sum(account.past_due_minor for account in file.accounts),
        days_late=max((account.days_past_due for account in file.accounts), default=0),
        excuses={b.id: json.loads(b.excuses) for b in sealed},
        bundles=sealed,
        deliveries=bundle_deliveries(session, found.referral.case_id),
        receipts={b.id: json.loads(b.receipt) for b in sealed if b.receipt},
        can_seal=ports.seal is not None,
        can_deliver=ports.legal_desk is not None,
        stopped=channel_stops(session).get(Destination.LEGAL_DESK),
        no_key=NO_KEY,
        no_desk=NO_DESK,
        checked=checked,
        verification=_verify(request, checked) if checked else None,
        errors=errors or {},
        given=given or {},
    )


def _found(session: Session, referral_id: int) -> Listed:
    found = queries.referral(session, referral_id)
    if found is None:
        raise NotFound("There is no such referral.")
    return found


def _case_file(session: Session, case: CollectionsCase, now: Now) -> CaseFile:
    """What a bundle built at this moment would show: its checklist and its figures are those of the page."""
    return load_case_file(session, case, bundle_id=case_reference(id_of(case)), now=now)


def _verify(request: Request, bundle: Bundle) -> Verification:
    """Against our own key, as a stranger who holds it would."""
    seal = ports_of(request).seal
    return verify(bundle.content, seal.key.public_key() if seal else None)


@router.post("/{referral_id}/decide")
def decide_on(
    request: Request,
    referral_id: RowId,
    staff: LegalMember,
    session: WriteSession,
    now: Now,
    approve: Annotated[bool, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    row = _locked(session, referral_id)
    found = _found(session, referral_id)
    if not approve and not reason.strip():
        errors = {"decline": "Say why the referral is declined."}
        return _referral_page(request, session, found, staff, now=now, errors=errors)
    decide(session, row, approve=approve, reason=reason, by=staff.by, now=now)
    words = "Approved. Build the bundle next." if approve else "Declined. The case stays with collections."
    return redirect(request, f"/legal/{referral_id}", words)


@router.post("/{referral_id}/bundles")
def build(
    request: Request, referral_id: RowId, staff: LegalMember, session: WriteSession, now: Now, fields: Excuses
) -> Response:
    """Seal the case file as of the last closed business day. Each gap that can be excused has a field of its own."""
    row = _locked(session, referral_id)
    found = _found(session, referral_id)
    if row.status is ReferralStatus.DECLINED:
        raise Conflict("This referral was declined; nominate the case again first.")
    seal = ports_of(request).seal
    if seal is None:
        raise Conflict(NO_KEY)
    missing = gaps(completeness(_case_file(session, found.case, now)))
    reasons = {item.id: str(fields.get(f"excuse.{item.id}", ""))[:500] for item in missing}
    errors = {
        f"excuse.{item.id}": "Say why the file may go without it."
        for item in missing
        if not reasons[item.id].strip()
    }
    if errors:
        given = {f"excuse.{item}": reason for item, reason in reasons.items()}
        return _referral_page(request, session, found, staff, now=now, errors=errors, given=given)
    bundle = build_bundle(session, found.case, seal, excuses=reasons, by=staff.by, now=now)
    words = f"{bundle.reference} is sealed."
    return redirect(request, f"/legal/{referral_id}#bundles", words)


@router.get("/{referral_id}/bundles/{bundle_id}")
def download(
    referral_id: RowId, bundle_id: RowId, staff: LegalReader, session: WriteSession, now: Now
) -> Response:
    """The archive itself. A write session because every download is on record."""
    found = _found(session, referral_id)
    bundle = _bundle(session, found, bundle_id)
    data = {"bundle": bundle.reference, "sha256": bundle.sha256}
    record(session, case_event(Kind.BUNDLE_DOWNLOADED, found.case, data), by=staff.by, now=now)
    headers = {"content-disposition": f'attachment; filename="{bundle.reference}.zip"'}
    return Response(bundle.content, media_type="application/zip", headers=headers)


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
    row = _locked(session, referral_id)
    found = _found(session, referral_id)
    if ports_of(request).legal_desk is None:
        raise Conflict(NO_DESK)
    bundle = _bundle(session, found, bundle_id)
    latest = latest_bundle(session, row.case_id)
    if latest is None or latest.id != bundle.id:
        raise Conflict("A later bundle supersedes this one; hand that one over.")
    queued = select(OutboxMessage.id).where(OutboxMessage.key == f"bundle:{bundle.reference}")
    if session.scalar(queued) is not None:
        return redirect(
            request, f"/legal/{referral_id}#bundles", f"{bundle.reference} was handed over already.", "info"
        )
    hand_over(session, found.case, bundle, now=now)
    add_note(
        session, found.case, f"Bundle {bundle.reference} handed over to the legal desk.", by=staff.by, now=now
    )
    return redirect(
        request, f"/legal/{referral_id}#bundles", f"{bundle.reference} is queued for the legal desk."
    )


def _locked(session: Session, referral_id: int) -> Referral:
    """The referral, locked: of two people who decide at once, one is told that it is decided.

    The customer comes first, as everywhere; settling a delivery takes both locks in this order too.
    """
    owner = (
        select(CollectionsCase.customer_id)
        .join(Referral, col(Referral.case_id) == CollectionsCase.id)
        .where(Referral.id == referral_id)
    )
    customer_id = session.scalar(owner)
    if customer_id is None:
        raise NotFound("There is no such referral.")
    lock_customers(session, [customer_id])
    return session.scalars(select(Referral).where(Referral.id == referral_id).with_for_update()).one()


def _bundle(session: Session, found: Listed, bundle_id: int) -> Bundle:
    bundle = queries.bundle(session, found.referral.case_id, bundle_id)
    if bundle is None:
        raise NotFound("There is no such bundle.")
    return bundle
