"""Making of duties: what the events of the last days bring, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.database.bulk import among, upsert
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers, record_many
from app.core.vocabulary import Channel
from app.outreach.duties.events import DutyArose
from app.outreach.duties.happened import Happened
from app.outreach.duties.models import Duty
from app.outreach.duties.sources import LOOK_BACK, happened
from app.policy.composition import country_of, packs_for
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs


class Resident(NamedTuple):
    """What decides which packs apply to a customer."""

    country: str
    region: str
    city: str
    postcode: str


class _Owed(NamedTuple):
    """An event, and the rule that wants a letter after it by a day."""

    event: Happened
    rule: DutyRule
    due_on: date

    @property
    def key(self) -> tuple[int, str, int]:
        return self.event.customer_id, self.rule.id, self.event.occasion


def duties_in(pack: Pack) -> Sequence[DutyRule]:
    """The duties of a pack."""
    return [rule for rule in pack.rules if isinstance(rule, DutyRule)]


def make_duties(session: Session, portfolio: Portfolio, *, now: datetime) -> int:
    """Make the duties that follow the events of the last days; each is made once. A notice of missed payments that was
    owed no more because they were paid is owed again once they are missing again. Returns how many are new. The caller
    holds no locks: the customers concerned are locked here."""
    found = [
        (each, event)
        for event in sorted(_events_wanted(session, portfolio))
        for each in happened(session, portfolio, event, since=now - LOOK_BACK, now=now)
    ]
    owed = list(_owed(session, portfolio, found))
    known = _known(session, [each.event.customer_id for each in owed])
    new = {each.key: each for each in owed if each.key not in known}
    if not new:
        return 0
    lock_customers(session, sorted({customer_id for customer_id, _, _ in new}))
    made = _insert(session, portfolio, list(new.values()), now)
    made |= _reopen(session, [each for key, each in new.items() if key not in made])
    told = []
    for key, duty_id in made.items():
        each, rule, due_on = new[key]
        arose = DutyArose(duty_id, rule.id, rule.citation, rule.event, rule.letters[0], due_on)
        told.append(about_customer(each.customer_id, arose, case_id=each.case_id))
    record_many(session, told, by=SYSTEM, now=now)
    return len(made)


def _events_wanted(session: Session, portfolio: Portfolio) -> set[DutyEvent]:
    """The events after which a pack of some customer may want a letter: the others need not be looked for."""
    if portfolio.tightening or portfolio.adopted_packs:
        return set(DutyEvent)
    customer = table_of(Customer)
    theirs = sa.select(customer.c.country).where(customer.c.portfolio_id == portfolio.id).distinct()
    packs = shipped_packs()
    countries = {country_of(country) for country in session.scalars(theirs)} | {packs[portfolio.pack].country}
    return {
        rule.event
        for pack in packs.values()
        if pack.country in countries
        and pack.collector in ("any", portfolio.collector)
        and (portfolio.assigned_on or not pack.bought)
        for rule in duties_in(pack)
    }


def _owed(
    session: Session, portfolio: Portfolio, found: Sequence[tuple[Happened, DutyEvent]]
) -> Iterator[_Owed]:
    """The events that a pack of the customer's place wants a letter after, and until when."""
    residents = residents_of(session, {each.customer_id for each, _ in found})
    for each, event in found:
        resident = residents[each.customer_id]
        pack = packs_for(portfolio, resident)
        for rule in duties_in(pack):
            if rule.event is event and each.rule in ("", rule.id) and rule.in_force_on(each.on):
                due = rule.due_on(each.on, resident.country or pack.country)
                yield _Owed(each, rule, min(due, each.due_by) if each.due_by else due)


def residents_of(session: Session, customer_ids: Collection[int]) -> Mapping[int, Resident]:
    """Where these customers live."""
    customer = table_of(Customer)
    query = sa.select(customer.c.id, *[customer.c[name] for name in Resident._fields])
    rows = session.execute(query.where(among(session, customer.c.id, customer_ids)))
    return {customer_id: Resident(*where) for customer_id, *where in rows}


def _known(session: Session, customer_ids: Sequence[int]) -> set[tuple[int, str, int]]:
    """The duties that are not made again."""
    duty = table_of(Duty)
    fell_away = sa.and_(
        duty.c.event == DutyEvent.TWO_PAYMENTS_BEHIND, duty.c.ended_on.is_not(None), duty.c.met_on.is_(None)
    )
    query = sa.select(duty.c.customer_id, duty.c.rule, duty.c.occasion)
    query = query.where(among(session, duty.c.customer_id, set(customer_ids)), sa.not_(fell_away))
    return {tuple(row) for row in session.execute(query)}  # type: ignore[misc]


def _insert(
    session: Session, portfolio: Portfolio, new: Sequence[_Owed], now: datetime
) -> dict[tuple[int, str, int], int]:
    """The ids of the new rows; a row that another process made at this moment is not among them."""
    duty = table_of(Duty)
    keys = (duty.c.customer_id, duty.c.rule, duty.c.occasion, duty.c.id)
    insert = upsert(session, duty).on_conflict_do_nothing().returning(*keys)
    rows = [_row(portfolio, each, now) for each in new]
    return {(customer, rule, occasion): n for customer, rule, occasion, n in session.execute(insert, rows)}


def _row(portfolio: Portfolio, owed: _Owed, now: datetime) -> dict[str, Any]:
    event, rule, due_on = owed
    return {
        "portfolio_id": id_of(portfolio),
        "customer_id": event.customer_id,
        "case_id": event.case_id,
        "rule": rule.id,
        "citation": rule.citation[:300],
        "verified": rule.verified,
        "event": rule.event,
        "occasion": event.occasion,
        "letters": " ".join(rule.letters),
        "channels": " ".join(channel for channel in Channel if channel in rule.channels),
        "arose_on": event.on,
        "due_on": due_on,
        "created_at": now,
        "ended_why": "",
    }


def _reopen(session: Session, owed: Sequence[_Owed]) -> dict[tuple[int, str, int], int]:
    """The ids of duties that had fallen away before their letter left, and are owed again."""
    again = {each.key: each for each in owed if each.rule.event is DutyEvent.TWO_PAYMENTS_BEHIND}
    query = select(Duty).where(
        among(session, table_of(Duty).c.customer_id, {customer_id for customer_id, _, _ in again}),
        col(Duty.ended_on).is_not(None),
        col(Duty.met_on).is_(None),
    )
    reopened = {}
    for duty in session.scalars(query.execution_options(populate_existing=True)):
        found = again.get((duty.customer_id, duty.rule, duty.occasion))
        if found is None:
            continue
        duty.case_id, duty.due_on, duty.ended_on, duty.ended_why = found.event.case_id, found.due_on, None, ""
        duty.told_person_on = duty.overdue_on = None
        reopened[found.key] = id_of(duty)
    return reopened
