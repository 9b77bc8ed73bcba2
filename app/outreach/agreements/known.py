"""Letters of an agreement that their reader has, or may have, and the earlier agreement that they name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, PlanStatus
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import MAY_HAVE_LEFT


def left_in_writing(session: Session, plan: Plan, step: DeskStep) -> list[Channel]:
    """Channels by which the plan's letter of this step left, or may have left."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = sa.select(contact.c.channel).join(message, message.c.contact_id == contact.c.id)
    left = query.where(
        contact.c.plan_id == plan.id, contact.c.step == step, message.c.status.in_(MAY_HAVE_LEFT)
    )
    session.flush()
    return [Channel(channel) for channel in session.scalars(left.order_by(contact.c.channel))]


def may_be_known(session: Session, offer: Plan) -> bool:
    """True if the customer has this offer in writing, or may have."""
    return bool(left_in_writing(session, offer, DeskStep.OFFER))


NAMED_FOR = timedelta(days=14)
"""Days after its end for which the next agreement names a broken one: the letter of the break may not have left, and is
withheld once another agreement runs."""


def agreements_of(session: Session, case_ids: Collection[int]) -> dict[int, list[Plan]]:
    """By case, what was agreed there."""
    query = select(Plan).where(
        among(session, table_of(Plan).c.case_id, case_ids), col(Plan.accepted_on).is_not(None)
    )
    found: dict[int, list[Plan]] = {}
    for plan in session.scalars(query.order_by(col(Plan.id))):
        found.setdefault(plan.case_id, []).append(plan)
    return found


def replaced_plan(plan: Plan, agreed: Sequence[Plan]) -> Plan | None:
    """The agreement that a letter about this offer or agreement names as the one before it: the one that it would
    replace, or for which that one ended; else the one that was broken shortly before this was agreed. `agreed`: what
    was agreed on the case."""
    old = next((each for each in agreed if each.id == plan.supersedes_id), None)
    if plan.accepted_on is None:
        return old if old is not None and old.status in LIVE else None
    ended_on = old.ended_on if old is not None and old.status is PlanStatus.CANCELLED else None
    if ended_on is not None and ended_on >= plan.accepted_on:
        return old
    broken = [
        each
        for each in agreed
        if each.id != plan.id
        and each.status is PlanStatus.BROKEN
        and each.ended_on is not None
        and timedelta(0) <= plan.accepted_on - each.ended_on <= NAMED_FOR
    ]
    return max(broken, key=lambda each: (each.ended_on, each.id), default=None)
