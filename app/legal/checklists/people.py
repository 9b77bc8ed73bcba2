"""Contact points and third parties of a customer, as a case file shows them."""

from __future__ import annotations

from sqlmodel import Session

from app.book.customers.queries import points_of
from app.book.ledger.models import Customer
from app.casework.parties.queries import parties_of
from app.core.ids import id_of
from app.legal.checklists import case_file as shown


def contacts_of(session: Session, customer: Customer) -> tuple[shown.ContactPoint, ...]:
    """Every number and address, the ended ones too."""
    return tuple(
        shown.ContactPoint(
            kind=point.kind.value,
            type=point.type.value,
            value=point.shown,
            is_main=point.is_main,
            state=point.state.value,
            employer=point.employer,
            source=point.source.value,
            noted_on=point.noted_on,
            ended_at=point.ended_at,
            end_reason=point.end_reason,
        )
        for point in points_of(session, customer)
    )


def third_parties_of(session: Session, customer: Customer) -> tuple[shown.ThirdParty, ...]:
    return tuple(
        shown.ThirdParty(
            kind=party.kind.value,
            name=party.name,
            organisation=party.organisation,
            reference=party.reference,
            may_be_told=party.may_be_told.value,
            authority_from=party.authority_from,
            authority_until=party.authority_until,
            added_at=party.created_at,
            ended_at=party.ended_at,
            end_reason=party.end_reason,
        )
        for party in parties_of(session, id_of(customer))
    )
