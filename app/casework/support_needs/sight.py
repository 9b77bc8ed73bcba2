"""What one reader may see of a customer: by the support needs on file and the places withheld with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from app.book.customers.models import WithheldPlace
from app.book.customers.withheld import hidden_texts, places_among, places_of
from app.book.ledger.models import Customer
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import needs_of
from app.casework.support_needs.rules import may_see
from app.core.actor import Actor
from app.core.staff.rules import CASEWORK, Role
from app.core.timeline.sight import Sight


def sight_of(session: Session, customer_id: int, role: Role, by: Actor) -> Sight:
    """The sight of a person of this role on a customer's events and texts."""
    places = places_of(session, customer_id)
    return sight_with(needs_of(session, customer_id) if places else (), places, role, by)


def sight_over(session: Session, customer_ids: Collection[int], role: Role, by: Actor) -> Sight:
    """The sight of a person on a list with several customers: places withheld of any are covered on all of it."""
    if not customer_ids:
        return Sight(works_cases=role in CASEWORK)
    places = places_among(session, customer_ids)
    brought = {place.need_id for place in places}
    needs = (
        session.scalars(select(SupportNeed).where(col(SupportNeed.id).in_(brought))).all() if brought else ()
    )
    return sight_with(needs, places, role, by)


def sight_in(session: Session, portfolio_id: int, role: Role, by: Actor) -> Sight:
    """The sight of a person on a file of a whole portfolio, which is written while it is read. Few have a place that
    is withheld."""
    theirs = (
        select(WithheldPlace.customer_id)
        .join(Customer, col(Customer.id) == WithheldPlace.customer_id)
        .where(Customer.portfolio_id == portfolio_id, col(WithheldPlace.ended_at).is_(None))
    )
    return sight_over(session, set(session.scalars(theirs)), role, by)


def sight_with(
    needs: Sequence[SupportNeed], places: Collection[WithheldPlace], role: Role, by: Actor
) -> Sight:
    """The same, of rows at hand; `places` are those that stand."""
    shown = {need.id for need in needs if may_see(role, need.audience, recorded_it=need.by == by)}
    hidden = hidden_texts(place for place in places if place.need_id not in shown)
    return Sight(works_cases=role in CASEWORK, hidden=hidden)


def sight_outside(session: Session, customer_id: int) -> Sight:
    """The sight of a reader outside the desk: of a case bundle."""
    return Sight(works_cases=False, hidden=hidden_texts(places_of(session, customer_id)))
