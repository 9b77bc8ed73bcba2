"""Facts of a representative and of the agreement that they made, at the moment of a letter; and the gate's
question about it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, select

from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import parties_of, speaker
from app.casework.parties.rules import in_force
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import live_plan
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.gate.suppression import normalised
from app.outreach.planning.representatives.addresses import closed_address
from app.outreach.planning.representatives.rules import AgreementNow, Mandate
from app.policy.facts import Contact, Facts

WITHIN = timedelta(days=1)
"""A letter that has to wait no longer than this is written now and leaves then."""


def mandate_of(session: Session, party: ThirdParty, contact_case: ContactCase, today: date) -> Mandate:
    """The authority of a third party on a day, and how they are reached."""
    speaks = speaker(parties_of(session, party.customer_id), today)
    ended = (
        select(Adviser.ended_at)
        .join(AdviserClient, AdviserClient.adviser_id == Adviser.id)  # type: ignore[arg-type]
        .where(AdviserClient.party_id == party.id)
    )
    own = normalised(contact_case.customer.email or "")
    return Mandate(
        party.kind,
        party.may_be_told,
        party.ended_at is None,
        in_force(party.authority_from, party.authority_until, today),
        speaks is not None and speaks.id == party.id,
        all(at is None for at in session.scalars(ended)),
        party.email,
        bool(own) and own == normalised(party.email),
    )


def last_change(session: Session, plan: Plan) -> int:
    """Id of the last change of an instalment of a plan; 0 = none."""
    change = table_of(PlanChange)
    query = sa.select(sa.func.max(change.c.id)).where(change.c.plan_id == id_of(plan))
    return session.scalar(query) or 0


def agreement_now(session: Session, plan: Plan, contact_case: ContactCase) -> AgreementNow:
    return AgreementNow(
        plan.status,
        last_change(session, plan),
        live_plan(session, plan.case_id) is not None,
        contact_case.to_ask > 0,
    )


def question(
    session: Session,
    contact_case: ContactCase,
    party: ThirdParty,
    letter: str,
    language: str,
    flaw: str,
    *,
    now: datetime,
    waits: bool,
) -> ReviewRequest:
    """The question to the gate. It names the customer's holds, the legal team and where they live; their consents,
    preferences and caps are about contacts with them, and are left out. `waits`: it may leave within a day."""
    closed = closed_address(session, party.email)
    known = contact_case.facts
    facts = Facts(
        known.timezones,
        suppressed_since={Channel.EMAIL: closed.since} if closed else {},
        holds=known.holds,
        with_legal_since=known.with_legal_since,
        representative=party.kind.value,
    )
    contact = Contact(
        Channel.EMAIL, Purpose.REPRESENTATIVE, party.email, letter=letter, language=language, flaw=flaw
    )
    return ReviewRequest(contact, facts, now, now + WITHIN if waits else None)
