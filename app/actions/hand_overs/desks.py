"""Hand work to other desks, and record what they do with it. Callers hold the customer's lock."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.hand_overs.sales import refuse_sale
from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.casework.hand_overs import service
from app.casework.hand_overs.catalog import desk_named, desks
from app.casework.hand_overs.models import DeskHandOver
from app.casework.hand_overs.queries import get_hand_over
from app.casework.hand_overs.rules import CHOSEN_KINDS, HandOverKind, HandOverStatus, require_of_desk
from app.core.actor import Actor
from app.core.errors import Forbidden, Invalid
from app.core.staff.rules import MANAGEMENT, Role


def hand_over(
    session: Session, case: CollectionsCase, desk: str, kind: HandOverKind, words: str, due_on: date | None = None,
    *, by: Actor, role: Role, now: datetime,
) -> DeskHandOver:  # fmt: skip
    """Hand an application, an interest or help to another desk. Invalid for a sale that may not be, naming `desk`."""
    if kind not in CHOSEN_KINDS:
        raise Invalid("Record abusive contact under its own heading; a supervisor then hears of it.", "kind")
    to = desk_named(desk)
    if to.sells or kind is HandOverKind.SALES_INTEREST:
        refuse_sale(session, case, "desk", role, by)
    today = local_today(session, case.portfolio_id, now)
    return service.hand_to_desk(session, case, to, kind, words, due_on=due_on, today=today, by=by, now=now)


def receive_hand_over(
    session: Session, hand_over_id: int, received_by: str, *, by: Actor, role: Role, now: datetime
) -> DeskHandOver:
    """Record that a person of the desk has it."""
    row, case = _of_desk(session, hand_over_id, role)
    service.receive(session, case, row, received_by, by=by, now=now)
    return row


def end_hand_over(
    session: Session, hand_over_id: int, status: HandOverStatus, words: str, *, by: Actor, role: Role, now: datetime
) -> DeskHandOver:  # fmt: skip
    """Record that the desk did it, or gave it back, with its words."""
    row, case = _of_desk(session, hand_over_id, role)
    service.end(session, case, row, status, words, by=by, now=now)
    return row


def _of_desk(session: Session, hand_over_id: int, role: Role) -> tuple[DeskHandOver, CollectionsCase]:
    row = get_hand_over(session, hand_over_id, lock=True)
    require_of_desk(desks().get(row.desk), role)
    if row.kind is HandOverKind.CONDUCT and role not in MANAGEMENT:
        raise Forbidden("A supervisor takes over after abusive contact.")
    return row, session.get_one(CollectionsCase, row.case_id)
