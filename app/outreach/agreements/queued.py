"""Queued messages of agreements that have ended since: they will be withheld when their time comes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.plans.models import Plan
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.rules import ended_since
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus


def will_not_leave(session: Session, messages: Sequence[OutboxMessage]) -> dict[int, str]:
    """Id of each queued message that its agreement's end makes false -> the reason. Others are left out."""
    waiting = {each.contact_id: id_of(each) for each in messages if each.status is OutboxStatus.QUEUED}
    if not waiting:
        return {}
    contact, plan = table_of(PlannedContact), table_of(Plan)
    query = (
        sa.select(contact.c.id, contact.c.step, plan.c.status)
        .join(plan, plan.c.id == contact.c.plan_id)
        .where(among(session, contact.c.id, [number for number in waiting if number is not None]))
    )
    rows = session.connection().execute(query)
    return {waiting[number]: why for number, *about in rows if (why := ended_since(*about))}
