"""Third parties of a customer, and the one to write to or call in the customer's place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, select

from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import SPEAKS
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of


def parties_of(session: Session, customer_id: int) -> list[ThirdParty]:
    """Every third party of a customer: those on file first, then those who ended; the newest first."""
    query = select(ThirdParty).where(ThirdParty.customer_id == customer_id)
    ended = col(ThirdParty.ended_at).is_not(None)
    return list(session.scalars(query.order_by(ended, col(ThirdParty.id).desc())))


def get_party(session: Session, customer_id: int, party_id: int, *, lock: bool = False) -> ThirdParty:
    """A third party of this customer. NotFound where it is another's."""
    party = locked_row(session, ThirdParty, party_id) if lock else session.get(ThirdParty, party_id)
    if party is None or party.customer_id != customer_id:
        raise NotFound(f"This customer has no third party {party_id}.")
    return party


def representative_of(session: Session, customer_id: int, *, today: date) -> ThirdParty | None:
    """The person who speaks for the customer on a day: the executor, else the attorney, else an adviser or relative
    with authority. None where there is none."""
    query = select(ThirdParty).where(
        ThirdParty.customer_id == customer_id, col(ThirdParty.ended_at).is_(None)
    )
    return speaker(session.scalars(query).all(), today)


def speaker(parties: Sequence[ThirdParty], today: date) -> ThirdParty | None:
    """As `representative_of`, of third parties at hand."""
    standing = [party for party in parties if party.kind in SPEAKS and party.knows_on(today)]
    return min(standing, key=lambda party: (SPEAKS.index(party.kind), -id_of(party)), default=None)
