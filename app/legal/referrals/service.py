"""Referrals: a person nominates a case for the legal team, another one decides."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from app.casework.cases.models import (
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.queries import is_same_person
from app.core.text import clean_text
from app.core.timeline.service import lock_customers, record
from app.legal.checklists.items import refuse_stopped
from app.legal.checklists.loading import checklist_of
from app.legal.referrals.events import (
    ReferralApproved,
    ReferralDeclined,
    ReferralNominated,
    ReferralReturned,
)
from app.legal.referrals.models import ENDED, WITH_LEGAL, Referral, ReferralStatus


def nominate(session: Session, case: CollectionsCase, reason: str, *, by: Actor, now: datetime) -> Referral:
    """Nominate a case; another person has to approve it."""
    reason = clean_text(reason, "reason", at_most=500)
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} is closed. Reopen it to nominate it.")
    if open_referral(session, id_of(case)):
        raise Conflict(f"Case {case.reference} is with the legal team already, or nominated for it.")
    referral = Referral(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        reason=reason,
        nominated_by=by,
        nominated_at=now,
    )
    session.add(referral)
    session.flush()
    record(session, about_case(case, ReferralNominated(referral.reason)), by=by, now=now)
    return referral


def decide(
    session: Session, referral: Referral, *, approve: bool, reason: str = "", by: Actor, now: datetime
) -> None:
    """Approve a nomination, or decline it with a reason. Forbidden to the person who made it: a referral needs two
    people. Conflict where something forbids legal action; no reason overrules that."""
    case = session.get_one(CollectionsCase, referral.case_id)
    lock_customers(session, [case.customer_id])
    if referral.status is not ReferralStatus.NOMINATED:
        raise Conflict(f"This referral is {referral.status.value} already.")
    if is_same_person(session, referral.nominated_by, by):
        raise Forbidden("You nominated this case. Another person has to decide.")
    if approve and case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} was closed since it was nominated. Decline the referral.")
    if approve:
        refuse_stopped(checklist_of(session, case, now=now), "Approval of this referral")
        case.with_legal_since = now
    elif not reason.strip():
        raise Invalid("Say why the referral is declined.", "reason")
    referral.decision_reason = clean_text(reason, "reason", required=not approve, at_most=500)
    referral.status = ReferralStatus.APPROVED if approve else ReferralStatus.DECLINED
    referral.decided_by, referral.decided_at = by, now
    decided = ReferralApproved if approve else ReferralDeclined
    record(session, about_case(case, decided(id_of(referral), referral.decision_reason)), by=by, now=now)


def return_case(
    session: Session, referral: Referral, reason: str, *, is_recall: bool, by: Actor, now: datetime
) -> CollectionsCase:
    """End the legal team's time with a case: collections has it again. Conflict where they do not have it; Invalid
    without a reason. `is_recall`: collections took it back."""
    case = session.get_one(CollectionsCase, referral.case_id)
    lock_customers(session, [case.customer_id])
    if referral.status not in WITH_LEGAL:
        raise Conflict(
            f"This referral is {referral.status.value}. Only a case that the legal team has can come back."
        )
    referral.return_reason = clean_text(reason, "reason", at_most=500)
    referral.status, referral.returned_by, referral.returned_at = ReferralStatus.RETURNED, by, now
    case.with_legal_since = None
    session.flush()
    returned = ReferralReturned(id_of(referral), referral.return_reason, is_recall)
    record(session, about_case(case, returned), by=by, now=now)
    return case


def open_referral(session: Session, case_id: int) -> Referral | None:
    query = select(Referral).where(Referral.case_id == case_id, col(Referral.status).not_in(ENDED))
    return session.scalar(query)
