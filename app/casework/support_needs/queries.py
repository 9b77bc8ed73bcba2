"""Reads of support needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import may_see
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.staff.rules import CASEWORK, Role


@dataclass(frozen=True, slots=True)
class SeenNeeds:
    """The support needs of a customer, for one reader."""

    open: Sequence[SupportNeed] = ()
    ended: Sequence[SupportNeed] = ()
    hidden: int = 0
    """Open ones that this reader may not see; they have their effects all the same. 0 for who works no case."""


def needs_of(session: Session, customer_id: int) -> list[SupportNeed]:
    """Every support need of a customer, open ones first, then the latest."""
    ended = col(SupportNeed.ended_at).is_not(None)
    query = select(SupportNeed).where(SupportNeed.customer_id == customer_id)
    return list(session.scalars(query.order_by(ended, col(SupportNeed.id).desc())))


def seen_by(needs: Sequence[SupportNeed], role: Role, by: Actor) -> SeenNeeds:
    """Of these needs, those that a person may see."""
    seen = [need for need in needs if may_see(role, need.audience, recorded_it=need.by == by)]
    known = {need.id for need in seen}
    return SeenNeeds(
        open=[need for need in seen if need.ended_at is None],
        ended=[need for need in seen if need.ended_at is not None],
        hidden=sum(need.ended_at is None and need.id not in known for need in needs)
        if role in CASEWORK
        else 0,
    )


def get_need(session: Session, customer_id: int, need_id: int, *, lock: bool = False) -> SupportNeed:
    """A support need of this customer. NotFound where it is another's."""
    need = locked_row(session, SupportNeed, need_id) if lock else session.get(SupportNeed, need_id)
    if need is None or need.customer_id != customer_id:
        raise NotFound(f"This customer has no support need {need_id}.")
    return need


def with_need(session: Session, customer_ids: Collection[int], codes: Collection[str]) -> set[int]:
    """Those of the customers who have an open need with one of these codes."""
    row = table_of(SupportNeed)
    if not customer_ids:
        return set()
    query = sa.select(row.c.customer_id).where(
        among(session, row.c.customer_id, customer_ids),
        row.c.ended_at.is_(None),
        row.c.code.in_(sorted(codes)),
    )
    return set(session.connection().execute(query).scalars())
