"""The page of one referral: its checklist, its bundles and their fate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.actions.referrals import NO_DESK, NO_KEY
from app.casework.cases.models import CollectionsCase, case_reference
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.staff.queries import is_same_person
from app.core.staff.rules import LEGAL_WORK, MANAGEMENT, Role, Staff
from app.core.types import JsonObject
from app.http.context import Now, ports_of
from app.http.doors import requires
from app.legal.bundle.models import Bundle
from app.legal.bundle.page import page_amounts
from app.legal.bundle.verification import Verification, verify
from app.legal.checklists.case_file import CaseFile
from app.legal.checklists.items import ChecklistItem, gaps, stops
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from app.legal.claim.statement import claim_statement
from app.legal.claim.table import PART_TITLES, cells, order_sentence, rows_of, unsplit_sentence
from app.legal.courts.catalog import FORMATS
from app.legal.courts.formats import CourtFormat
from app.legal.matters.models import LegalReport
from app.legal.matters.queries import standing_of, waiting_for_legal
from app.legal.matters.rules import REPORT_LABELS
from app.legal.referrals import queries
from app.legal.referrals.models import WITH_LEGAL, ReferralStatus
from app.legal.referrals.queries import Listed, SealedBundle
from app.legal.timestamps.models import TimeStamp
from app.legal.timestamps.service import stamps_of
from app.outreach.outbox.models import ChannelStop, OutboxMessage
from app.outreach.outbox.queries import bundle_deliveries, channel_stops
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.web.rendering import Page, page

LegalReader = Annotated[Staff, requires(*LEGAL_WORK, *MANAGEMENT)]
"""The legal team decides; managers look on."""


async def excuse_fields(request: Request) -> FormData:
    return await request.form(max_files=1, max_fields=60)


Excuses = Annotated[FormData, Depends(excuse_fields)]
STATUS_WORDS = {
    ReferralStatus.NOMINATED: ("Nominated", "info"),
    ReferralStatus.APPROVED: ("Approved", "good"),
    ReferralStatus.DELIVERED: ("Delivered", "good"),
    ReferralStatus.DECLINED: ("Declined", "neutral"),
    ReferralStatus.RETURNED: ("Returned", "neutral"),
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
    OutboxStatus.WITHHELD: ("Stopped before delivery", "warn"),
    OutboxStatus.UNKNOWN: ("Unknown", "warn"),
}


@dataclass(frozen=True, slots=True)
class ReferralPage(Page):
    template = "legal/referral.html"
    found: Listed
    status_words: Mapping[ReferralStatus, tuple[str, str]]
    delivery_words: Mapping[OutboxStatus, tuple[str, str]]
    decides: bool
    is_with_legal: bool
    own: bool
    items: tuple[ChecklistItem, ...]
    missing: Sequence[ChecklistItem]
    stops: tuple[ChecklistItem, ...]
    gaps: tuple[ChecklistItem, ...]
    file: CaseFile
    past_due_minor: int
    days_late: int
    court_formats: Sequence[CourtFormat]
    claims: Sequence[Mapping[str, object]]
    part_titles: Sequence[str]
    claim_order: str
    claim_unsplit: str
    excuses: Mapping[int, object]
    bundles: Sequence[SealedBundle]
    deliveries: Mapping[int, OutboxMessage]
    receipts: Mapping[int, object]
    stamps: Mapping[int, TimeStamp]
    standing: LegalReport | None
    """The newest report of the lawyers."""
    standing_label: str
    questions_waiting: int
    """Questions of collections that the legal team has not answered."""
    can_seal: bool
    can_deliver: bool
    stopped: ChannelStop | None
    no_key: str
    no_desk: str
    checked: Bundle | None
    verification: Verification | None
    errors: Mapping[str, str]
    given: Mapping[str, str]


def referral_page(
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
    file = case_file_of(session, found.case, now)
    items = completeness(file)
    sealed = queries.bundles(session, found.referral.case_id)
    status = 422 if errors else 200
    return page(
        request,
        ReferralPage(
            found=found,
            status_words=STATUS_WORDS,
            delivery_words=DELIVERY_WORDS,
            decides=staff.role is Role.LEGAL,
            is_with_legal=found.referral.status in WITH_LEGAL,
            own=is_same_person(session, found.referral.nominated_by, staff.by),
            items=items,
            missing=[item for item in items if not item.ok],
            stops=stops(items),
            gaps=gaps(items),
            file=file,
            past_due_minor=sum(account.past_due_minor for account in file.accounts),
            days_late=max((account.days_past_due for account in file.accounts), default=0),
            court_formats=[form for form in FORMATS.values() if form.country == file.customer.country],
            **_claim(file),
            excuses={b.id: json.loads(b.excuses) for b in sealed},
            bundles=sealed,
            deliveries=bundle_deliveries(session, found.referral.case_id),
            receipts={b.id: json.loads(b.receipt) for b in sealed if b.receipt},
            **_with_lawyers(session, id_of(found.referral)),
            stamps=stamps_of(session, [b.id for b in sealed]),
            can_seal=ports.seal is not None,
            can_deliver=ports.legal_desk is not None,
            stopped=channel_stops(session).get(Destination.LEGAL_DESK),
            no_key=NO_KEY,
            no_desk=NO_DESK,
            checked=checked,
            verification=verify_bundle(request, checked) if checked else None,
            errors=errors or {},
            given=given or {},
        ),
        status,
    )


def _claim(file: CaseFile) -> JsonObject:
    """The claim line by line, as page 2 of the case file has it."""
    statement = claim_statement(file)
    shown = page_amounts(file)
    return {
        "claims": [
            {
                "account_ref": account.account_ref,
                "rows": [{"cells": cells(row, shown), "is_sum": row.is_sum} for row in rows_of(account)],
            }
            for account in statement.accounts
        ],
        "part_titles": tuple(PART_TITLES.values()),
        "claim_order": order_sentence(statement),
        "claim_unsplit": unsplit_sentence(
            statement, f"{shown(statement.unsplit_minor)} {file.portfolio.currency}"
        ),
    }


def find_referral(session: Session, referral_id: int) -> Listed:
    found = queries.referral(session, referral_id)
    if found is None:
        raise NotFound(f"There is no referral {referral_id}. Choose one from the list.")
    return found


class _WithLawyers(TypedDict):
    standing: LegalReport | None
    standing_label: str
    questions_waiting: int


def _with_lawyers(session: Session, referral_id: int) -> _WithLawyers:
    standing = standing_of(session, [referral_id]).get(referral_id)
    return {
        "standing": standing,
        "standing_label": REPORT_LABELS[standing.kind] if standing else "",
        "questions_waiting": waiting_for_legal(session, [referral_id]).get(referral_id, 0),
    }


def case_file_of(session: Session, case: CollectionsCase, now: Now) -> CaseFile:
    """The case file that a bundle built now would hold; its checklist and figures are those of the page."""
    return load_case_file(session, case, bundle_id=case_reference(id_of(case)), now=now)


def verify_bundle(request: Request, bundle: Bundle) -> Verification:
    """Against our own key, as a stranger who holds it would."""
    seal = ports_of(request).seal
    return verify(bundle.content, seal.key.public_key() if seal else None)
