"""Forget numbers, addresses, third parties and support needs that ended, household statements, requests for help with
payments, negotiations and what advisers sent, once the record of their customer need not be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.people.support_needs import forget
from app.book.customers.models import ContactPoint
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.advisers.events import AdvisersForgotten
from app.casework.advisers.forgetting import forget_sent
from app.casework.advisers.models import AdviserClient
from app.casework.hardship.events import HardshipForgotten
from app.casework.hardship.models import HardshipRequest
from app.casework.hardship.service import forget_requests
from app.casework.negotiation.household.events import HouseholdsForgotten
from app.casework.negotiation.household.models import HouseholdStatement
from app.casework.negotiation.household.service import forget_households
from app.casework.negotiation.record.events import NegotiationsForgotten
from app.casework.negotiation.record.service import delete_negotiations
from app.casework.parties.events import PeopleForgotten
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan
from app.casework.questions.service import forget_questions
from app.casework.recognition.cues import Subject
from app.casework.support_needs.events import SupportNeedsForgotten
from app.casework.support_needs.service import forgettable
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import about_portfolio, record
from app.outreach.gate.decisions import years_before
from app.outreach.outbox.models import PartyLetter
from app.policy.composition import pack_of
from app.policy.packfile import shipped_packs

NEEDED_BY: Mapping[
    type[ContactPoint] | type[ThirdParty],
    Sequence[sa.SQLColumnExpression[int] | sa.SQLColumnExpression[int | None]],
] = {
    ContactPoint: (),
    ThirdParty: (
        col(Plan.agreed_with_id),
        col(HouseholdStatement.party_id),
        col(AdviserClient.party_id),
        col(PartyLetter.party_id),
    ),
}
"""Columns whose rows say who agreed, who spoke for the customer or who pays for them: such a person stays on file."""


def forget_people(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete ended rows of customers to whom nothing has happened for as many years as the longest retention of any
    pack, in portfolios whose pack has one. Points and parties in use stay. Returns how many; an event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        deleted = [_delete(session, model, id_of(portfolio), since) for model in (ContactPoint, ThirdParty)]
        if any(deleted):
            told = PeopleForgotten(deleted[0], deleted[1], since)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += sum(deleted)
    return total


def forget_statements(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete household statements and answers on affordability after the same time (`forget_households` says which).
    Returns how many; an event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        _let_go_of_statements(session, id_of(portfolio), since)
        statements, answers = forget_households(session, id_of(portfolio), since)
        if statements or answers:
            told = HouseholdsForgotten(statements, answers, since)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += statements + answers
    return total


def _let_go_of_statements(session: Session, portfolio_id: int, since: datetime) -> None:
    """A request for help that stays names no household statement that may be deleted: it is a foreign key."""
    request, statement = table_of(HardshipRequest), table_of(HouseholdStatement)
    old = sa.select(statement.c.id).where(
        statement.c.portfolio_id == portfolio_id, statement.c.created_at < since
    )
    session.execute(sa.update(request).where(request.c.statement_id.in_(old)).values(statement_id=None))


def forget_negotiations(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete negotiations with their offers after the same time: they hold what a household can pay. The plans that
    came of them stay. Returns how many; an event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        if deleted := delete_negotiations(session, id_of(portfolio), since):
            told = NegotiationsForgotten(deleted, since)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += deleted
    return total


def forget_advice(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete what advisers sent, and that they acted for customers, after the same time (`forget_sent` says which).
    Returns how many rows; an event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        gone = forget_sent(session, id_of(portfolio), since)
        if gone.total:
            told = AdvisersForgotten(gone.files, gone.proposals, gone.lumps, gone.clients, since)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += gone.total
    return total


def forget_hardship(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete decided requests for help with payments after the same time. Returns how many; an event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        words = forget_questions(session, id_of(portfolio), Subject.HARDSHIP, since)
        deleted = forget_requests(session, id_of(portfolio), since)
        if deleted or words:
            told = HardshipForgotten(deleted, since, words)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += deleted
    return total


def forget_needs(session: Session, *, by: Actor, now: datetime) -> int:
    """Delete support needs that ended, with the places withheld by them, after the same time. Returns how many; an
    event tells it."""
    total = 0
    for portfolio, since in _kept_since(session, now):
        words = forget_questions(session, id_of(portfolio), Subject.SUPPORT_NEED, since)
        deleted = forget(session, forgettable(session, id_of(portfolio), since))
        if deleted or words:
            told = SupportNeedsForgotten(deleted, since, words)
            record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
        total += deleted
    return total


def _kept_since(session: Session, now: datetime) -> Iterator[tuple[Portfolio, datetime]]:
    """Portfolios whose pack has a retention, and the instant before which their records need not be kept."""
    longest = [pack.retention.years for pack in shipped_packs().values() if pack.retention is not None]
    for portfolio in session.scalars(select(Portfolio)).all():
        own = pack_of(portfolio).retention
        if own is not None:
            yield portfolio, years_before(now, max([own.years, *longest]))


def _delete(
    session: Session, model: type[ContactPoint] | type[ThirdParty], portfolio_id: int, since: datetime
) -> int:
    table, customer, event = table_of(model), table_of(Customer), table_of(Event)
    theirs = sa.select(customer.c.id).where(customer.c.portfolio_id == portfolio_id)
    lately = sa.exists().where(event.c.customer_id == table.c.customer_id, event.c.at >= since)
    needed = [sa.exists().where(each == table.c.id) for each in NEEDED_BY[model]]
    old = sa.select(table.c.id).where(
        table.c.ended_at < since, table.c.customer_id.in_(theirs), ~lately, ~sa.or_(sa.false(), *needed)
    )
    ids = session.scalars(old).all()
    if ids:
        session.execute(sa.delete(table).where(table.c.id.in_(old)))
    return len(ids)
