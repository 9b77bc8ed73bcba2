"""Record a claim of payment and the payment that answers it: row and event together."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.casework.claims.events import ClaimFound, ClaimMade
from app.casework.claims.models import PaymentClaim
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, record


def record_claim(
    session: Session,
    portfolio_id: int,
    hold: CaseHold,
    amount_minor: int,
    paid_on: date | None,
    method: str,
    *,
    by: Actor,
    now: datetime,
) -> PaymentClaim:
    claim = PaymentClaim(
        portfolio_id=portfolio_id,
        customer_id=hold.customer_id,
        case_id=hold.case_id,
        hold_id=id_of(hold),
        paid_on=paid_on,
        amount_minor=amount_minor,
        method=method,
        claimed_at=now,
        by=by,
    )
    session.add(claim)
    session.flush()
    _record(session, claim, ClaimMade(id_of(claim), id_of(hold), amount_minor, paid_on, method), by, now)
    return claim


def find_claim(session: Session, claim: PaymentClaim, posted_minor: int, *, by: Actor, now: datetime) -> None:
    """Mark a claim as found: payments of `posted_minor` came in."""
    claim.found_at = now
    session.flush()
    _record(session, claim, ClaimFound(id_of(claim), posted_minor), by, now)


def _record(session: Session, claim: PaymentClaim, payload: Payload, by: Actor, now: datetime) -> None:
    record(session, about_customer(claim.customer_id, payload, case_id=claim.case_id), by=by, now=now)
