"""Agreements that an adviser made, and the letters to that adviser."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.advisers.clients import NewAuthority, add_adviser, add_client
from app.actions.agreements import agree
from app.casework.advisers.models import Adviser
from app.casework.advisers.service import NewAdviser
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, Agreed
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.delivery.representatives.transport import RepresentativeTransport
from app.outreach.delivery.sending import deliver_due
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_ADVISERS
from tests import builders
from tests.agreements import monthly

DUE, ON = date(2026, 3, 1), date(2026, 3, 16)
NOW = builders.at(ON)
SOON = NOW + timedelta(minutes=5)
ANN = Actor.user("ann")
CATALOG = builders.catalog()
EMAIL = "plans@help.example"
ADDRESS = "3 Harbour Lane\nLeeds\nLS1 4AB"


def the_adviser(session: Session, **changes: Any) -> Adviser:
    """The adviser Help, added with the first question for it."""
    new = {"email": EMAIL, **changes}
    found = session.scalars(select(Adviser)).first()
    return found or add_adviser(
        session, NewAdviser("HELP", "Help with Debt", "Register 7", **new), by=ANN, now=NOW
    )


def agreed(
    session: Session,
    *,
    first: date = date(2026, 4, 1),
    ends: date | None = None,
    hold: Any = None,
    **adviser: Any,
) -> Plan:
    """A plan of two payments that the adviser Help made for a customer today. `hold` is told the case before."""
    case = builders.delinquent_case(session, due_on=DUE, on=ON)
    help_ = the_adviser(session, **adviser)
    party = add_client(
        session, help_, case, NewAuthority(date(2026, 3, 1), ends, "H-881"), CATALOG, by=ANN, now=NOW
    )
    if hold is not None:
        hold(case)
    how = Agreed(Acceptance.WRITING, "by their letter", id_of(party))
    terms = monthly(5_000, 0, 2, first)
    return agree(session, case, terms, CATALOG, how, grantor=Grantor(ANN, Role.MANAGER), now=NOW).plan


def to_adviser(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.destination in TO_ADVISERS.values()]


def deliver(
    engine: Engine, sender: object = None, now: datetime = SOON, channel: Channel = Channel.EMAIL
) -> builders.RecordingSender:
    """Send what is due to advisers by one channel, each letter by itself."""
    recording = builders.RecordingSender()
    transport = RepresentativeTransport(sender or recording, channel)  # type: ignore[arg-type]
    deliver_due(engine, {TO_ADVISERS[channel]: transport}, worker="w", clock=FixedClock(now))
    return recording
