"""Hand-over of a bundle to the legal desk, and its obstacles."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.casework.cases.models import (
    CollectionsCase,
)
from app.core.database.bulk import upsert
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Purpose
from app.legal.bundle.models import Bundle
from app.legal.checklists.items import refuse_stopped
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from app.legal.referrals.models import ReferralStatus
from app.legal.referrals.service import open_referral
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    Destination,
    OutboxStatus,
)


def hand_over(session: Session, case: CollectionsCase, bundle: Bundle, *, now: datetime) -> None:
    """Queue the delivery of a bundle to the legal desk; asking again changes nothing. Conflict while the referral is
    not approved, and where something forbids legal action."""
    lock_customers(session, [case.customer_id])
    if why_not := obstacle(session, case, bundle, now=now):
        raise Conflict(why_not)
    row = {
        "destination": Destination.LEGAL_DESK,
        "portfolio_id": case.portfolio_id,
        "customer_id": case.customer_id,
        "case_id": case.id,
        "bundle_id": bundle.id,
        "purpose": Purpose.NOTICE,
        "business_date": bundle.as_of,
        "status": OutboxStatus.QUEUED,
        "not_before": now,
        "created_at": now,
        "console_only": False,
    }
    empty = ("letter", "template_version", "language", "address", "subject", "text", "html", "enclosed")
    row |= dict.fromkeys((*empty, "claimed_by", "attempt_id", "provider_ref", "error"), "")
    row |= {"context": "{}", "clearance": "{}", "past_due_minor": 0, "attempts": 0}
    session.execute(upsert(session, OutboxMessage).values(**row).on_conflict_do_nothing())


def obstacle(session: Session, case: CollectionsCase, bundle: Bundle, *, now: datetime) -> str:
    """The reason why this bundle may not go to the legal desk at this moment, '' = it may. Asked under the customer's
    lock, when it is handed over and again when it is delivered."""
    referral = open_referral(session, id_of(case))
    if referral is None or referral.status is ReferralStatus.NOMINATED:
        return "The referral of this case has not been approved."
    file = load_case_file(session, case, bundle_id=bundle.reference, now=now)
    try:
        refuse_stopped(completeness(file), f"Delivery of bundle {bundle.reference}")
    except Conflict as stopped:
        return str(stopped)
    since = [each.reference for each in file.disputes if each.is_part and each.opened_at > bundle.built_at]
    if since:
        return f"{', '.join(since)} came after {bundle.reference} was built. Build the bundle again."
    if bundle.owed_minor is not None and file.claimed_now_minor < bundle.owed_minor:
        currency = file.portfolio.currency
        return (
            f"{to_decimal_string(bundle.owed_minor, currency)} {currency} was owed when {bundle.reference} was built, "
            f"{to_decimal_string(file.claimed_now_minor, currency)} {currency} is owed now. Build the bundle again."
        )
    return ""
