"""Referrals: the list, one referral, and the decision on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.referrals import decide_referral, return_case
from app.core.money import to_decimal_string
from app.core.staff.rules import LEGAL_WORK
from app.core.types import Cells
from app.http.context import Now
from app.http.cursors import RowId, RowQuery, decode_cursor, encode_cursor
from app.http.doors import LegalMember
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession, WriteSession
from app.legal.referrals import queries
from app.legal.referrals.models import ReferralStatus
from app.legal.referrals.queries import Listed
from app.web.legal.referral_page import (
    STATUS_WORDS,
    LegalReader,
    find_referral,
    referral_page,
)
from app.web.lists import Column, csv_download
from app.web.rendering import Page, page, redirect

router = Router(prefix="/legal")
PAGE = 50
COLUMNS = [
    Column("Case"),
    Column("Customer"),
    Column("Past due", numeric=True),
    Column("Balance", numeric=True),
    Column("Days past due", numeric=True),
    Column("Nominated"),
    Column("Why"),
]


@dataclass(frozen=True, slots=True)
class ReferralsPage(Page):
    template = "legal/list.html"
    tabs: Sequence[tuple[str, str, bool]]
    wanted: ReferralStatus
    columns: Sequence[Column]
    referrals: Sequence[Listed]
    next_cursor: str | None


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
        ReferralsPage(
            tabs=tabs,
            wanted=wanted,
            columns=COLUMNS,
            referrals=shown[:PAGE],
            next_cursor=encode_cursor(shown[PAGE - 1].referral.id) if len(shown) > PAGE else None,
        ),
    )


CSV_HEADER = (
    "case", "customer", "portfolio", "status", "past_due", "balance", "currency", "days_past_due", "reason",
    "nominated_by", "nominated_at", "decided_by", "decided_at", "delivered_at", "returned_by", "returned_at",
    "return_reason",
)  # fmt: skip


def _csv_rows(rows: Iterator[Listed]) -> Iterator[Cells]:
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
            row.referral.returned_by,
            row.referral.returned_at,
            row.referral.return_reason,
        )


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
    found = find_referral(session, referral_id)
    checked = queries.bundle(session, found.referral.case_id, verified) if verified else None
    return referral_page(request, session, found, staff, now=now, checked=checked)


@router.post("/{referral_id}/return")
def take_back(
    request: Request,
    referral_id: RowId,
    staff: LegalReader,
    session: WriteSession,
    now: Now,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    if not reason.strip():
        found = find_referral(session, referral_id)
        errors = {"return": "Say why the case comes back."}
        return referral_page(request, session, found, staff, now=now, errors=errors)
    is_recall = staff.role not in LEGAL_WORK
    return_case(session, referral_id, reason, is_recall=is_recall, by=staff.by, now=now)
    return redirect(request, f"/legal/{referral_id}", "The case is with collections again.")


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
    if not approve and not reason.strip():
        found = find_referral(session, referral_id)
        errors = {"decline": "Say why the referral is declined."}
        return referral_page(request, session, found, staff, now=now, errors=errors)
    decide_referral(session, referral_id, approve=approve, reason=reason, by=staff.by, now=now)
    words = "Approved. Build the bundle next." if approve else "Declined. The case stays with collections."
    return redirect(request, f"/legal/{referral_id}", words)
