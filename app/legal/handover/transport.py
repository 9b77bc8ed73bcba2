"""Transport: delivers bundles to the legal desk as one destination of the outbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel import Session

from app.casework.cases.models import (
    CollectionsCase,
)
from app.casework.cases.service import about_case
from app.core.actor import SYSTEM
from app.core.timeline.service import Heads, record
from app.legal.bundle.events import BundleDelivered, BundleFailed
from app.legal.bundle.models import Bundle
from app.legal.bundle.receipt import Receipt
from app.legal.handover.service import obstacle
from app.legal.referrals.models import ReferralStatus
from app.legal.referrals.service import open_referral
from app.outreach.delivery.moves import Postpone, Withhold
from app.outreach.delivery.transports import Candidate, ProviderRequest
from app.outreach.outbox.dispatch import Accepted, Misconfigured, SendResult, TryLater, Undeliverable
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus


@dataclass(frozen=True, slots=True)
class Delivered(Accepted):
    """The legal desk accepted a bundle; its receipt says so."""

    receipt: Receipt


def _as_result(answer: Receipt | Undeliverable | TryLater | Misconfigured) -> SendResult:
    return Delivered(answer.receipt_id, answer) if isinstance(answer, Receipt) else answer


class LegalDesk(Protocol):
    """The legal team's endpoint."""

    def deliver(
        self, bundle_id: str, bundle: bytes
    ) -> Receipt | Undeliverable | TryLater | Misconfigured: ...


@dataclass(frozen=True)
class BundleTransport:
    """Serves the destination `legal_desk` of the outbox; the receiver recognises a repetition."""

    desk: LegalDesk
    repeatable: bool = True
    in_flight: int = 1
    pace: None = None
    lines: tuple[str, ...] = ("",)

    def line(self, row: OutboxMessage) -> str:
        del row
        return ""

    def recheck_without_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Candidate | None]:
        del session, now
        return [None] * len(rows)

    def recheck_under_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[ProviderRequest | Withhold | Postpone]:
        return [self._request(session, row, now=now) for row in rows]

    def _request(self, session: Session, row: OutboxMessage, *, now: datetime) -> ProviderRequest | Withhold:
        bundle = session.get(Bundle, row.bundle_id)
        if bundle is None:
            return Withhold("The bundle is gone.", {})
        case = session.get_one(CollectionsCase, row.case_id)
        if why_not := obstacle(session, case, bundle, now=now):
            return Withhold(why_not[:480], {"bundle": bundle.reference})
        reference, content = bundle.reference, bundle.content
        return lambda: _as_result(self.desk.deliver(reference, content))

    async def disconnect(self) -> None:
        """Do nothing: no connection is kept open."""

    def record_results(
        self,
        session: Session,
        finished: Sequence[tuple[OutboxMessage, SendResult]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        del heads
        for row, result in finished:
            self._record(session, row, result, now=now)

    def _record(self, session: Session, row: OutboxMessage, result: SendResult, *, now: datetime) -> None:
        case = session.get_one(CollectionsCase, row.case_id)
        bundle = session.get_one(Bundle, row.bundle_id)
        if isinstance(result, Delivered):
            bundle.receipt = json.dumps(asdict(result.receipt), sort_keys=True)
            referral = open_referral(session, row.case_id)
            if referral is not None and referral.status is ReferralStatus.APPROVED:
                referral.status, referral.delivered_at = ReferralStatus.DELIVERED, now
            delivered = BundleDelivered(bundle.reference, result.receipt.receipt_id)
            record(session, about_case(case, delivered), by=SYSTEM, now=now)
        elif row.status in (OutboxStatus.FAILED, OutboxStatus.UNDELIVERED):
            record(session, about_case(case, BundleFailed(bundle.reference, row.error)), by=SYSTEM, now=now)
