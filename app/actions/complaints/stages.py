"""Work on a complaint: who answers it, what it is about, its first response, its reopening, and the ombudsman."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.actions.complaints.answering import locked_complaint
from app.actions.complaints.opening import require_not_about, require_owner
from app.actions.holds import place_hold
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints import service
from app.casework.complaints.models import Complaint
from app.casework.complaints.queries import get_cause
from app.casework.complaints.rules import (
    ComplaintCategory,
    ComplaintChannel,
    ComplaintSeverity,
    OmbudsmanStage,
    clocks_of,
)
from app.casework.holds.queries import hold_of_kind
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.vocabulary import HoldKind
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.composition import packs_for


@dataclass(frozen=True, slots=True)
class ComplaintChange:
    """What a complaint is about and who answers it."""

    category: ComplaintCategory
    severity: ComplaintSeverity
    owner: str = ""
    about_staff: str = ""
    cause_id: int | None = None


def change_complaint(
    session: Session, complaint_id: int, change: ComplaintChange, *, by: Actor, now: datetime
) -> Complaint:
    """Set category, severity, owner, the person complained about and the root cause; also of a closed complaint, whose
    cause is often found later. Invalid for an owner who works no cases, Forbidden to the person complained about."""
    complaint = locked_complaint(session, complaint_id)
    require_not_about(session, complaint, by)
    if (change.owner, change.about_staff) != (complaint.owner, complaint.about_staff):
        require_owner(session, change.owner, change.about_staff)
    cause = get_cause(session, complaint.portfolio_id, change.cause_id) if change.cause_id else None
    service.change_complaint(
        session, complaint, category=change.category, severity=change.severity, owner=change.owner,
        about_staff=change.about_staff, cause=cause, by=by, now=now,
    )  # fmt: skip
    return complaint


def record_first_response(
    session: Session, complaint_id: int, on: date, *, by: Actor, now: datetime
) -> Complaint:
    """Put on record that a regulator's portal has our first response. Invalid for a day that has not come."""
    complaint = locked_complaint(session, complaint_id)
    _require_day(session, complaint, on, now)
    service.note_first_response(session, complaint, on, by=by, now=now)
    return complaint


def reopen_complaint(
    session: Session, complaint_id: int, reason: str, letters: LetterCatalog, *, by: Actor, now: datetime
) -> Complaint:
    """Open it again, with its hold; its clock runs from today. Conflict where it is open."""
    complaint = locked_complaint(session, complaint_id)
    if complaint.is_open:
        raise Conflict(f"Complaint {complaint.reference} is open.")
    reason = clean_text(reason, "reason", at_most=1000, empty="Say what is new, or what was missed.")
    portfolio = session.get_one(Portfolio, complaint.portfolio_id)
    customer = session.get_one(Customer, complaint.customer_id)
    case = session.get_one(CollectionsCase, complaint.case_id)
    pack, today = packs_for(portfolio, customer), local_date(now, portfolio.timezone)
    country = customer.country or pack.country
    clocks = clocks_of(pack.complaints, today, country, ComplaintChannel.OTHER)
    hold = hold_of_kind(session, complaint.customer_id, HoldKind.COMPLAINT)
    if hold is None:
        hold = place_hold(
            session, case, HoldKind.COMPLAINT, f"Complaint {complaint.reference} reopened: {reason}"[:500],
            clocks.answer_by, letters, is_reopened=True, by=by, now=now,
        ).hold  # fmt: skip
    service.reopen_complaint(session, complaint, reason, clocks, id_of(hold), on=today, by=by, now=now)
    return complaint


def set_ombudsman(
    session: Session,
    complaint_id: int,
    stage: OmbudsmanStage,
    on: date,
    reference: str = "",
    note: str = "",
    *,
    by: Actor,
    now: datetime,
) -> Complaint:
    """Put on record that the complaint was taken to the ombudsman, or what was decided there. Conflict where the stage
    cannot follow, Invalid for a day that has not come."""
    complaint = locked_complaint(session, complaint_id)
    _require_day(session, complaint, on, now)
    service.set_ombudsman(session, complaint, stage, on, reference, note, by=by, now=now)
    return complaint


def _require_day(session: Session, complaint: Complaint, on: date, now: datetime) -> None:
    today = local_date(now, session.get_one(Portfolio, complaint.portfolio_id).timezone)
    if not complaint.received_on <= on <= today:
        raise Invalid("Give a day from the receipt of the complaint until today.", "on")
