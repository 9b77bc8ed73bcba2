"""Reads of negotiations and offers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer, offer_reference
from app.casework.negotiation.record.rules import STANDING
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def negotiations_of(session: Session, case_id: int, *, limit: int = 20) -> Sequence[Negotiation]:
    """Negotiations of a case, the latest first."""
    query = select(Negotiation).where(Negotiation.case_id == case_id).order_by(col(Negotiation.id).desc())
    return session.scalars(query.limit(limit)).all()


def negotiation_of(session: Session, case: CollectionsCase, number: int) -> Negotiation:
    """A negotiation of the case. NotFound where the case has no such one."""
    found = session.get(Negotiation, number)
    if found is None or found.case_id != case.id:
        raise NotFound(f"Case {case.reference} has no negotiation {number}. Choose one of its negotiations.")
    return found


def get_negotiation(session: Session, number: int) -> Negotiation:
    found = session.get(Negotiation, number)
    if found is None:
        raise NotFound(f"There is no negotiation {number}.")
    return found


def offers_of(session: Session, negotiation_ids: Sequence[int]) -> dict[int, list[NegotiationOffer]]:
    """By negotiation: its offers, the best first, then the customer's own figures, then the kinds not offered."""
    query = (
        select(NegotiationOffer)
        .where(col(NegotiationOffer.negotiation_id).in_(negotiation_ids))
        .order_by(col(NegotiationOffer.id))
    )
    found: dict[int, list[NegotiationOffer]] = {number: [] for number in negotiation_ids}
    for row in session.scalars(query):
        found[row.negotiation_id].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row.rank == 0, row.countered, row.rank, row.id))
    return found


def offer_of(session: Session, case: CollectionsCase, number: int) -> NegotiationOffer:
    """An offer of the case, locked. NotFound where the case has no such one."""
    found = locked_row(session, NegotiationOffer, number)
    if found is None or found.case_id != case.id:
        raise NotFound(
            f"Case {case.reference} has no offer {offer_reference(number)}. Choose one that was shown."
        )
    return found


def standing_offers(session: Session, case_id: int, today: date) -> Sequence[NegotiationOffer]:
    """Offers of a case whose price holds today, the latest first."""
    query = select(NegotiationOffer).where(
        NegotiationOffer.case_id == case_id,
        col(NegotiationOffer.status).in_(STANDING),
        col(NegotiationOffer.expires_on) >= today,
    )
    return session.scalars(query.order_by(col(NegotiationOffer.id).desc())).all()


def every_negotiation(session: Session) -> Iterator[Negotiation]:
    """All negotiations, the oldest first, some at a time."""
    yield from session.scalars(
        select(Negotiation).order_by(col(Negotiation.id)).execution_options(yield_per=500)
    )
