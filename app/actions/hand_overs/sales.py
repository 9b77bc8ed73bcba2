"""What forbids a sale to a customer."""

from __future__ import annotations

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.complaints.queries import complaints_of
from app.casework.hand_overs.rules import SaleStops, sale_refusal
from app.casework.hardship.queries import open_request
from app.casework.holds.queries import impersonal_holds, open_holds_of
from app.casework.holds.rules import hold_name
from app.casework.support_needs.catalog import SAFETY, needs_in_group
from app.casework.support_needs.queries import needs_of
from app.casework.support_needs.rules import may_see
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.staff.rules import CASEWORK, Role


def sale_stops(session: Session, customer_id: int, role: Role, by: Actor) -> SaleStops:
    """What forbids a sale to this customer, as far as this person may know it."""
    holds = open_holds_of(session, customer_id)
    shown = holds if role in CASEWORK else impersonal_holds(holds)
    safety = needs_in_group(SAFETY)
    needs = [each for each in needs_of(session, customer_id) if each.ended_at is None]
    unseen = {each.id for each in needs if not may_see(role, each.audience, recorded_it=each.by == by)}
    stopping = [each for each in needs if each.code in safety]
    # A hold that an unseen need placed would tell of it.
    named = [each for each in shown if each.need_id not in unseen]
    return SaleStops(
        holds=[hold_name(each.kind) for each in named],
        hidden=any(each.id in unseen for each in stopping) or len(named) < len(holds),
        complaint=any(each.is_open for each in complaints_of(session, customer_id)),
        hardship=open_request(session, customer_id) is not None,
        need=any(each.id not in unseen for each in stopping),
    )


def refuse_sale(session: Session, case: CollectionsCase, field: str, role: Role, by: Actor) -> None:
    """Invalid, naming `field`, while something stands that forbids a sale."""
    if why := sale_refusal(sale_stops(session, case.customer_id, role, by)):
        raise Invalid(why, field)
