"""The legal team's door: referrals, and the sealed bundles of their cases."""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from fastapi import Header, Path, Query, Request, Response
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.referrals import (
    check_export,
    decide_referral,
    export_bundle,
    fetch_bundle,
    hand_over,
    nominate,
    return_case,
    seal_bundle,
)
from app.api.cases.lookup import case_named
from app.api.deps import (
    ApiCaseWorker,
    ApiLegal,
    ApiLegalReader,
    Input,
    OnceSession,
    Page,
    ReadSession,
    api_router,
)
from app.api.fields import BundleRef, CaseRef, Cursor, Limit, RowId, after, case_id_of, page_of
from app.api.legal_shapes import BundleShape, ExportShape, ReferralShape
from app.api.shapes import Shape
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import case_reference
from app.casework.cases.queries import get_case
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.staff.rules import LEGAL_WORK
from app.core.text import Line, Paragraph
from app.core.timeline.service import lock_customers
from app.core.types import JsonObject
from app.http.context import Now, ports_of
from app.http.transactions import WriteSession
from app.legal.bundle.case_json import ClaimJson, case_schema, claim_json
from app.legal.bundle.models import Bundle
from app.legal.bundle.service import single_excuse
from app.legal.checklists.loading import checklist_of, load_case_file
from app.legal.courts.catalog import format_named
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.timestamps.service import MEDIA_TYPE, stamp_of

router = api_router("", tags=["legal"])

_COLUMNS = sa.inspect(Bundle).columns
_LISTED = [column for column in _COLUMNS if column.name != "content"]


# --- referrals ----------------------------------------------------------------------------------------------


@router.get("/referrals", summary="List referrals")
def list_referrals(
    _caller: ApiLegalReader,
    session: ReadSession,
    status: ReferralStatus | None = None,
    portfolio: Annotated[Line | None, Query(max_length=40, description="Portfolio code.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ReferralShape]:
    """Cases nominated for the legal team, in the order in which they were nominated."""
    query = (
        select(Referral, Portfolio.code)
        .join(Portfolio, col(Portfolio.id) == Referral.portfolio_id)
        .where(col(Referral.id) > after(cursor))
    )
    if status is not None:
        query = query.where(Referral.status == status)
    if portfolio is not None:
        query = query.where(Referral.portfolio_id == get_portfolio(session, portfolio).id)
    rows = session.execute(query.order_by(col(Referral.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda row: id_of(row[0]))
    return Page(items=[ReferralShape.of(row, code) for row, code in shown], next_cursor=next_cursor)


class Verdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"


class NewDecision(Input):
    decision: Annotated[Verdict, Field(strict=False)]
    reason: Annotated[Paragraph, Field(max_length=500, description="Needed to decline.")] = ""


@router.post("/referrals/{referral_id}/decision", summary="Decide a referral")
def post_referral_decision(
    referral_id: RowId,
    caller: ApiLegal,
    session: OnceSession,
    now: Now,
    body: NewDecision,
) -> ReferralShape:
    """Approve a nomination, or decline it with a reason. A referral needs two people: the one who nominated it cannot
    decide. What no reason excuses (death, insolvency, an open dispute, nothing owed ...) refuses the approval."""
    approve = body.decision is Verdict.APPROVE
    referral = decide_referral(
        session, referral_id, approve=approve, reason=body.reason, by=caller.by, now=now
    )
    return ReferralShape.of(referral, session.get_one(Portfolio, referral.portfolio_id).code)


class NewReturn(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=500)]


@router.post("/referrals/{referral_id}/return", summary="Take a case back from the legal team")
def post_referral_return(
    referral_id: RowId, caller: ApiLegalReader, session: OnceSession, now: Now, body: NewReturn
) -> ReferralShape:
    """The legal team gives the case back, or a manager recalls it. What rested while they had it goes on; a settlement
    that was paid meanwhile is accepted."""
    is_recall = caller.role not in LEGAL_WORK
    referral = return_case(session, referral_id, body.reason, is_recall=is_recall, by=caller.by, now=now)
    return ReferralShape.of(referral, session.get_one(Portfolio, referral.portfolio_id).code)


class NewReferral(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=500)]


@router.post("/cases/{reference}/referrals", status_code=201, summary="Nominate a case for the legal team")
def post_referral(
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewReferral,
) -> ReferralShape:
    """Nominate the case; another person has to approve it."""
    case = case_named(session, reference, lock=True)
    referral = nominate(session, case, body.reason, by=caller.by, now=now)
    return ReferralShape.of(referral, session.get_one(Portfolio, case.portfolio_id).code)


# --- the claim ----------------------------------------------------------------------------------------------


@router.get("/cases/{reference}/claim", summary="Read a case's claim")
def get_claim(reference: CaseRef, _caller: ApiLegalReader, session: ReadSession, now: Now) -> ClaimJson:
    """The claim of a bundle built now, line by line, as `claim` of its `case.json` has it: of each account what was
    charged, paid and credited, in principal, interest, penalty, fees and costs, until its charge-off and since."""
    case = get_case(session, case_id_of(reference))
    file = load_case_file(session, case, bundle_id=case_reference(id_of(case)), now=now)
    return ClaimJson.model_validate(claim_json(file))


# --- bundles ------------------------------------------------------------------------------------------------


@router.get("/cases/{reference}/bundles", summary="List a case's bundles")
def list_bundles(
    reference: CaseRef,
    _caller: ApiLegalReader,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BundleShape]:
    """Sealed case files, oldest first; a later one supersedes those before it."""
    case = get_case(session, case_id_of(reference))
    query = sa.select(*_LISTED).where(col(Bundle.case_id) == case.id, col(Bundle.id) > after(cursor))
    rows = session.execute(query.order_by(col(Bundle.id)).limit(limit + 1)).mappings().all()
    shown, next_cursor = page_of(rows, limit, lambda row: row["id"])
    return Page(items=[BundleShape.of(dict(row)) for row in shown], next_cursor=next_cursor)


class NewExcuse(Input):
    item: Annotated[Line, Field(min_length=1, max_length=60, examples=["document.agreement"])]
    reason: Annotated[Line, Field(min_length=1, max_length=500)]


class NewBundle(Input):
    excuses: Annotated[
        list[NewExcuse], Field(max_length=60, description="A reason for each item that is missing.")
    ] = []
    incomplete_reason: Annotated[
        Paragraph,
        Field(max_length=500, description="Instead of `excuses`, where exactly one item is missing."),
    ] = ""


@router.post("/cases/{reference}/bundles", status_code=201, summary="Build a bundle")
def post_bundle(
    request: Request,
    reference: CaseRef,
    caller: ApiLegal,
    session: OnceSession,
    now: Now,
    body: NewBundle,
) -> BundleShape:
    """Seal the case file as of the last closed business day. Missing items are excused one by one under the caller's
    name; some items no reason excuses."""
    case = get_case(session, case_id_of(reference))
    lock_customers(session, [case.customer_id])
    items = checklist_of(session, case, now=now)
    excuses = single_excuse(items, body.incomplete_reason) | {each.item: each.reason for each in body.excuses}
    bundle = seal_bundle(session, case, ports_of(request), excuses, by=caller.by, now=now)
    return BundleShape.of({column.name: getattr(bundle, column.name) for column in _LISTED})


class HandOver(Shape):
    bundle: str = Field(examples=["C-000012-01"])
    queued: bool = Field(description="False where it was handed over before.")


@router.post("/bundles/{reference}/hand-over", summary="Hand a bundle over to the legal desk")
def post_hand_over(
    request: Request,
    reference: BundleRef,
    caller: ApiLegal,
    session: OnceSession,
    now: Now,
) -> HandOver:
    """Queue the newest bundle of an approved referral for the legal desk; the worker delivers it."""
    bundle = _bundle(session, reference)
    has_desk = ports_of(request).legal_desk is not None
    return HandOver(
        bundle=bundle.reference,
        queued=hand_over(session, bundle, has_desk=has_desk, by=caller.by, now=now),
    )


class TimeStampReply(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/bundles/{reference}/time-stamp",
    response_class=TimeStampReply,
    summary="Download a bundle's time stamp",
    responses={
        200: {
            "description": "The authority's answer (RFC 3161) over the bundle's `tagmanifest-sha256.txt`.",
            "content": {MEDIA_TYPE: {"schema": {"format": "binary"}}},
        }
    },
)
def download_time_stamp(reference: BundleRef, _caller: ApiLegalReader, session: ReadSession) -> Response:
    """Proof that the bundle existed at a time, for `desk bundle verify --time-stamp` and `openssl ts -verify`."""
    return TimeStampReply(stamp_of(session, _bundle(session, reference)).response)


class NewExport(Input):
    settings: Annotated[
        dict[str, str], Field(max_length=20, description="What the bundle does not know; see docs/courts.md.")
    ] = {}
    check_only: Annotated[bool, Field(description="Say what the format cannot carry; make no file.")] = False


@router.post("/bundles/{reference}/exports/{form}", summary="Export a bundle for a court or attorney")
def post_export(
    reference: BundleRef,
    form: Annotated[str, Path(max_length=40, examples=["england"])],
    caller: ApiLegal,
    session: OnceSession,
    now: Now,
    body: NewExport,
) -> ExportShape:
    """The newest bundle of an approved referral in the form of a court (`england`) or of attorneys (`ygc`). What stands
    in the law's way refuses it, whoever asks. Every export is on the case's timeline."""
    made = format_named(form)
    bundle = _bundle(session, reference)
    told = check_export(bundle, form, body.settings)
    content = None
    if not body.check_only:
        content = export_bundle(session, bundle, form, body.settings, by=caller.by, now=now)
    return ExportShape.of(made, bundle.reference, told, content)


@router.get("/schemas/case", summary="Read the JSON Schema of case.json")
def get_case_schema(_caller: ApiLegalReader) -> JsonObject:
    """JSON Schema (2020-12) of `data/case.json` in the bundles that are built now."""
    return case_schema()


class Zip(Response):
    media_type = "application/zip"


@router.get(
    "/bundles/{reference}",
    response_class=Zip,
    summary="Download a bundle",
    responses={
        200: {
            "description": "The bundle, byte for byte as it was sealed.",
            "content": {"application/zip": {"schema": {"format": "binary"}}},
            "headers": {
                "ETag": {"description": "SHA-256 of the file, in hex.", "schema": {"type": "string"}},
                "Content-Digest": {"description": "The same as in RFC 9530.", "schema": {"type": "string"}},
            },
        },
        304: {"description": "You have it: the ETag in If-None-Match is the bundle's."},
    },
)
def download_bundle(
    reference: BundleRef,
    caller: ApiLegalReader,
    session: WriteSession,
    now: Now,
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> Response:
    """The sealed case file. Every download is on the case's timeline. `desk bundle verify` checks it offline."""
    head = session.execute(
        sa.select(col(Bundle.id), col(Bundle.sha256)).where(col(Bundle.reference) == reference)
    ).first()
    if head is None:
        raise NotFound(f"There is no bundle {reference}. List the bundles of its referral.")
    tag = f'"{head.sha256}"'
    if if_none_match and {tag, "*"} & {part.strip().removeprefix("W/") for part in if_none_match.split(",")}:
        return Response(status_code=304, headers={"etag": tag})
    bundle = session.get_one(Bundle, head.id)
    content = fetch_bundle(session, bundle, by=caller.by, now=now)
    digest = base64.b64encode(bytes.fromhex(bundle.sha256)).decode()
    return Zip(
        content,
        headers={
            "etag": tag,
            "content-digest": f"sha-256=:{digest}:",
            "content-disposition": f'attachment; filename="{bundle.reference}.zip"',
        },
    )


def _bundle(session: Session, reference: str) -> Bundle:
    bundle: Bundle | None = session.scalar(select(Bundle).where(Bundle.reference == reference))
    if bundle is None:
        raise NotFound(f"There is no bundle {reference}. List the bundles of its referral.")
    return bundle
