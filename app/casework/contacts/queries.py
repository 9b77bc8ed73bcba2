"""Contacts that exist already."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.types import Cells
from app.core.vocabulary import Channel


def step_columns() -> Cells:
    """The columns of a contact's `CaseStep`, in its order."""
    contact = table_of(PlannedContact)
    return tuple(contact.c[name] for name in CaseStep._fields)


def steps_of(session: Session, contact_ids: Collection[int]) -> dict[int, CaseStep]:
    """Contact id -> the step that it belongs to."""
    contact = table_of(PlannedContact)
    query = sa.select(contact.c.id, *step_columns()).where(among(session, contact.c.id, sorted(contact_ids)))
    return {row[0]: CaseStep(*row[1:]) for row in session.connection().execute(query)}


def contacts_of(
    session: Session, case_ids: Collection[int], steps: Collection[str]
) -> set[tuple[CaseStep, Channel]]:
    """The contacts that these cases had at steps of these names."""
    contact = table_of(PlannedContact)
    query = sa.select(*step_columns(), contact.c.channel).where(
        among(session, contact.c.case_id, sorted(case_ids)), contact.c.step.in_(sorted(steps))
    )
    return {(CaseStep(*row[:6]), row[6]) for row in session.connection().execute(query)}


def contact_id(session: Session, step: CaseStep, channel: Channel) -> int:
    """The contact of this step and channel; LookupError if there is none."""
    contact = table_of(PlannedContact)
    query = sa.select(contact.c.id).where(
        contact.c.case_id == step.case_id,
        contact.c.step == step.step,
        contact.c.occurrence == step.occurrence,
        contact.c.plan_id.is_not_distinct_from(step.plan_id),
        contact.c.hold_id.is_not_distinct_from(step.hold_id),
        contact.c.instalment.is_not_distinct_from(step.instalment),
        contact.c.channel == channel,
    )
    found: int | None = session.execute(query).scalar()
    if found is None:
        raise LookupError(f"Case {step.case_id} has no {channel} contact of step {step.step}")
    return found


def next_occurrence(session: Session, case_id: int, step: str) -> int:
    """The occurrence of this step if the case takes it once more."""
    return next_occurrences(session, [case_id], step)[case_id]


def next_occurrences(session: Session, case_ids: Collection[int], step: str) -> dict[int, int]:
    """By case the occurrence of this step if the case takes it once more."""
    contact = table_of(PlannedContact)
    last = (
        sa.select(contact.c.case_id, sa.func.max(contact.c.occurrence))
        .where(among(session, contact.c.case_id, sorted(case_ids)), contact.c.step == step)
        .group_by(contact.c.case_id)
    )
    taken: dict[int, int] = {case_id: number for case_id, number in session.execute(last)}
    return {case_id: taken.get(case_id, 0) + 1 for case_id in case_ids}
