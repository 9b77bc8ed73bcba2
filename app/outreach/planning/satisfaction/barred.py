"""Who is not asked how satisfied they are, and why: read for many customers at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.holds.models import CaseHold
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import NEVER_AFTER
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Basis
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.timeline.models import Event
from app.outreach.gate.models import Consent

CRISIS = ("bereavement", "crisis_moratorium", "custody", "no_demands", "safe_contact")
"""Codes of support needs in which a customer is let alone; other needs change how they are asked, not whether."""
REFERRED = "referral.nominated"
"""The kind of event of a case that was nominated for the legal team; a test compares it."""


def barred(session: Session, customer_ids: Collection[int]) -> dict[int, str]:
    """Customers who are not asked -> why, of these. What the gate itself judges is not repeated here: a customer may be
    refused there too."""
    if not customer_ids:
        return {}
    found: dict[int, str] = {}
    for why, query in _reasons(session, customer_ids):
        for customer_id in session.scalars(query):
            found.setdefault(customer_id, why)
    return found


def _reasons(session: Session, ids: Collection[int]) -> Iterator[tuple[str, Query]]:
    hold, case, consent = table_of(CaseHold), table_of(CollectionsCase), table_of(Consent)
    survey, event, need = table_of(Survey), table_of(Event), table_of(SupportNeed)
    match, message = table_of(InboundMatch), table_of(InboundMessage)

    def of(column: sa.ColumnElement[int], *where: sa.ColumnElement[bool]) -> Query:
        return sa.select(column).where(among(session, column, ids), *where).distinct()

    yield (
        "a complaint or a hold for good is on record",
        of(hold.c.customer_id, hold.c.kind.in_(sorted(NEVER_AFTER))),
    )
    yield "they complained", of(table_of(Complaint).c.customer_id)
    yield "a hold stands", of(hold.c.customer_id, hold.c.ended_at.is_(None))
    yield (
        "a need of theirs protects them",
        of(
            need.c.customer_id,
            need.c.ended_at.is_(None),
            sa.or_(need.c.basis == Basis.SAFEGUARDING, need.c.code.in_(CRISIS)),
        ),
    )
    yield "the legal team has the case", of(case.c.customer_id, case.c.with_legal_since.is_not(None))
    yield "the case was nominated for the legal team", of(event.c.customer_id, event.c.kind == REFERRED)
    yield "they refused a channel", of(consent.c.customer_id, consent.c.allowed.is_(False))
    yield "they want no such questions", of(survey.c.customer_id, survey.c.declined_at.is_not(None))
    yield (
        "a message of theirs waits for an answer",
        of(match.c.customer_id, message.c.id == match.c.message_id, message.c.reviewed_at.is_(None)),
    )


def asked_since(session: Session, customer_ids: Collection[int], since: date) -> set[int]:
    """Those of these customers to whom a question was written on `since` or later."""
    survey = table_of(Survey)
    query = sa.select(survey.c.customer_id).where(
        among(session, survey.c.customer_id, customer_ids),
        survey.c.contact_id.is_not(None),
        survey.c.asked_on >= since,
    )
    return set(session.scalars(query))


def gap_begins(on: date, gap_days: int) -> date:
    """The first day of the gap: a question of that day or later is too near to one of `on`."""
    return on - timedelta(days=gap_days - 1)


def why_not_asked(session: Session, step: CaseStep, customer_id: int) -> str:
    """The reason that a question or its reminder may not leave any more; '' = it may."""
    survey = table_of(Survey)
    query = sa.select(survey.c.answered_at).where(
        survey.c.case_id == step.case_id, survey.c.occurrence == step.occurrence
    )
    row = session.execute(query).first()
    if row is None:
        return "the question is not on record"
    if row.answered_at is not None:
        return "the question was answered" if step.step == DeskStep.SATISFACTION_AGAIN else ""
    return barred(session, [customer_id]).get(customer_id, "")
