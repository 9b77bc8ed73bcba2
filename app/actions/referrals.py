"""Referrals: nominate a case for the legal team, decide, seal its bundle, hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlmodel import Session, col, select

from app.actions.plans.printed import PrintPorts, agreement_pdf
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case, add_note
from app.core.actor import Actor
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.timeline.service import lock_customers, record
from app.legal.bundle import service as bundles
from app.legal.bundle.events import BundleDownloaded
from app.legal.bundle.models import Bundle
from app.legal.bundle.service import Seal
from app.legal.handover import service as handover
from app.legal.referrals import service
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.referrals.service import nominate
from app.outreach.outbox.models import OutboxMessage

NO_KEY = (
    "No key is set to sign bundles with. Set DESK_BUNDLE_KEY (see .env.example) and start the desk again."
)
NO_DESK = "No legal desk is configured. Set DESK_LEGAL_URL (see .env.example), or download the bundle."


class SealPorts(PrintPorts, Protocol):
    """The means of sealing a bundle: the key, and the printer of the agreements in it."""

    @property
    def seal(self) -> Seal | None: ...


def locked_referral(session: Session, referral_id: int) -> Referral:
    """Return the referral, locked after its customer: of two people who decide at once, the second is refused."""
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


def decide_referral(
    session: Session, referral_id: int, *, approve: bool, reason: str, by: Actor, now: datetime
) -> Referral:
    """Approve a nomination, or decline it with a reason. Forbidden to the person who made it."""
    referral = locked_referral(session, referral_id)
    service.decide(session, referral, approve=approve, reason=reason, by=by, now=now)
    return referral


def seal_bundle(
    session: Session,
    case: CollectionsCase,
    ports: SealPorts,
    excuses: Mapping[str, str],
    *,
    by: Actor,
    now: datetime,
) -> Bundle:
    """Seal the case file as of the last closed business day; `excuses` are reasons by the id of a missing item.
    Conflict without a key, and where the case's referral was declined."""
    if ports.seal is None:
        raise Conflict(NO_KEY)
    if _was_declined(session, id_of(case)):
        raise Conflict("This referral was declined. Nominate the case again first.")
    return bundles.build_bundle(
        session, case, ports.seal, excuses=excuses,
        print_agreement=lambda plan: agreement_pdf(session, plan, ports), by=by, now=now,
    )  # fmt: skip


def hand_over(session: Session, bundle: Bundle, *, has_desk: bool, by: Actor, now: datetime) -> bool:
    """Queue the newest bundle of a case for the legal desk; False where it is queued already. Conflict where no desk is
    configured, a later bundle supersedes it, or the referral is not approved."""
    if not has_desk:
        raise Conflict(NO_DESK)
    case = session.get_one(CollectionsCase, bundle.case_id)
    lock_customers(session, [case.customer_id])
    latest = bundles.latest_bundle(session, bundle.case_id)
    if latest is None or latest.id != bundle.id:
        raise Conflict("A later bundle supersedes this one. Hand that one over.")
    if session.scalar(select(OutboxMessage.id).where(OutboxMessage.bundle_id == bundle.id)) is not None:
        return False
    handover.hand_over(session, case, bundle, now=now)
    add_note(session, case, f"Bundle {bundle.reference} handed over to the legal desk.", by=by, now=now)
    return True


def fetch_bundle(session: Session, bundle: Bundle, *, by: Actor, now: datetime) -> bytes:
    """The archive, byte for byte as it was sealed. Every download is on record."""
    case = session.get_one(CollectionsCase, bundle.case_id)
    downloaded = BundleDownloaded(bundle.reference, bundle.sha256)
    record(session, about_case(case, downloaded), by=by, now=now)
    return bundle.content


def _was_declined(session: Session, case_id: int) -> bool:
    """True if the case's last referral was declined."""
    last = select(Referral.status).where(Referral.case_id == case_id).order_by(col(Referral.id).desc())
    return session.scalar(last.limit(1)) is ReferralStatus.DECLINED


__all__ = [
    "NO_DESK",
    "NO_KEY",
    "decide_referral",
    "fetch_bundle",
    "hand_over",
    "locked_referral",
    "nominate",
    "seal_bundle",
]
