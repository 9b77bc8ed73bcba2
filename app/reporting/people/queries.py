"""Cases that people worked in a period, with bucket and balance of each at its beginning; and outcomes by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import CURRENT, DAY, bucket_of
from app.book.delinquency.queries import spells_on
from app.book.delinquency.service import edges_of
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.results.rules import Direction
from app.casework.support_needs.models import SupportNeed
from app.core.actor import Actor, ActorKind
from app.core.clock import local_instant
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import HoldKind
from app.reporting.people.measures import Measure
from app.reporting.people.parity import Days, Group, Outcome, ParityRow, Share, suppress
from app.reporting.people.rules import WorkedCase, band_of, bands

ENDED = (PlanStatus.KEPT, PlanStatus.BROKEN)


@dataclass(frozen=True, slots=True)
class _Case:
    case_id: int
    customer_id: int
    owner: str
    opened_on: date
    closed_on: date | None


def work_of_period(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date
) -> Mapping[Measure, list[WorkedCase]]:
    """The rows behind each measure, of the closed days from `first_on` to `last_on`.

    A case counts for whoever works it now, or worked it last; a call and an agreement for the person who made it. A
    stratum is the bucket of the customer the evening before the period (or the first bucket, for a later case) and
    a third of the past-due amounts.
    """
    cases = _cases(session, portfolio, first_on, last_on)
    start = _start(session, portfolio, first_on - DAY)
    edges = bands([amount for _, amount in start.values()])

    def stratum(customer_id: int) -> Hashable:
        bucket, amount = start.get(customer_id, (CURRENT, 0))
        return bucket, band_of(amount, edges)

    owned = [case for case in cases if case.owner]
    paid = _paid(session, portfolio, first_on, last_on)
    complained = _complained(session, portfolio, first_on, last_on)
    found: dict[Measure, list[WorkedCase]] = {measure: [] for measure in Measure}
    for case in owned:
        who, at = case.owner, stratum(case.customer_id)
        if case.customer_id in start and case.opened_on < first_on:
            past_due = start[case.customer_id][1]
            found[Measure.COLLECTED].append(
                WorkedCase(who, at, past_due, min(past_due, paid.get(case.customer_id, 0)))
            )
        if case.closed_on is not None and case.closed_on <= last_on:
            days = (case.closed_on - case.opened_on).days
            found[Measure.DAYS_TO_CLOSE].append(WorkedCase(who, at, 1, days))
        found[Measure.COMPLAINTS].append(WorkedCase(who, at, 1, int(case.customer_id in complained)))
    for by, customer_id, status in _agreements(session, portfolio, first_on, last_on):
        if by.kind is ActorKind.USER:
            kept = int(status is PlanStatus.KEPT)
            found[Measure.PROMISES_KEPT].append(WorkedCase(by.name, stratum(customer_id), 1, kept))
    found[Measure.RIGHT_PARTY] = [
        WorkedCase(who, stratum(customer_id), 1, int(spoke))
        for who, customer_id, spoke in _calls(session, portfolio, first_on, last_on)
    ]
    return found


def outcome_parity(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date
) -> Sequence[ParityRow]:
    """Outcomes of customers with a support need on record in the period, beside those of all others."""
    needs = _vulnerable(session, portfolio, first_on, last_on)
    needs |= _with_needs(session, portfolio, first_on, last_on)
    cases = _cases(session, portfolio, first_on, last_on)
    complained = _complained(session, portfolio, first_on, last_on)
    kept: dict[Group, list[bool]] = defaultdict(list)
    for _, customer_id, status in _agreements(session, portfolio, first_on, last_on):
        kept[_group(customer_id, needs)].append(status is PlanStatus.KEPT)
    people: dict[Group, set[int]] = defaultdict(set)
    days: dict[Group, list[int]] = defaultdict(list)
    for case in cases:
        people[_group(case.customer_id, needs)].add(case.customer_id)
        if case.closed_on is not None and case.closed_on <= last_on:
            days[_group(case.customer_id, needs)].append((case.closed_on - case.opened_on).days)
    return [
        suppress(Outcome.PLANS_KEPT, {g: Share(sum(kept[g]), len(kept[g])) for g in Group}),
        suppress(Outcome.COMPLAINTS, {g: Share(len(people[g] & complained), len(people[g])) for g in Group}),
        suppress(Outcome.TIME_TO_CLOSE, {g: Days.of(days[g]) for g in Group}),
    ]


def _with_needs(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> set[int]:
    """Customers who had a support need on a day of the period."""
    need, case = table_of(SupportNeed), table_of(CollectionsCase)
    query = (
        sa.select(need.c.customer_id)
        .join(case, case.c.id == need.c.case_id)
        .where(
            case.c.portfolio_id == portfolio.id,
            need.c.created_at < _begin(portfolio, last_on + DAY),
            sa.or_(need.c.ended_at.is_(None), need.c.ended_at >= _begin(portfolio, first_on)),
        )
    )
    return set(session.connection().execute(query).scalars())


def _group(customer_id: int, needs: set[int]) -> Group:
    return Group.SUPPORT_NEED if customer_id in needs else Group.OTHERS


def _cases(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> list[_Case]:
    """Cases that were open on a day of the period."""
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id, case.c.customer_id, case.c.owner, case.c.opened_on, case.c.closed_on).where(
        case.c.portfolio_id == portfolio.id,
        case.c.opened_on <= last_on,
        sa.or_(case.c.closed_on.is_(None), case.c.closed_on >= first_on),
    )
    return [_Case(*row) for row in session.connection().execute(query.order_by(case.c.id))]


def _start(session: Session, portfolio: Portfolio, on: date) -> dict[int, tuple[str, int]]:
    """By customer, bucket and past due at the end of `on`; without those who were current."""
    spells, account, edges = spells_on(id_of(portfolio), on), table_of(Account), edges_of(portfolio)
    query = (
        sa.select(
            account.c.customer_id, sa.func.min(spells.c.oldest_due_on), sa.func.sum(spells.c.past_due_minor)
        )
        .join(account, account.c.id == spells.c.account_id)
        .group_by(account.c.customer_id)
    )
    return {
        customer_id: (bucket_of((on - oldest).days, edges), int(amount))
        for customer_id, oldest, amount in session.connection().execute(query)
    }


def _paid(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> dict[int, int]:
    """By customer, payments of the period that were not taken back."""
    account, entry = table_of(Account), table_of(Entry)
    reversal = entry.alias("reversal")
    query = (
        sa.select(account.c.customer_id, sa.func.sum(-entry.c.amount_minor))
        .join(account, account.c.id == entry.c.account_id)
        .where(
            entry.c.portfolio_id == portfolio.id,
            entry.c.effective_on.between(first_on, last_on),
            entry.c.kind.in_(MONEY_IN),
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
        .group_by(account.c.customer_id)
    )
    return {customer_id: int(amount) for customer_id, amount in session.connection().execute(query)}


def _complained(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> set[int]:
    """Customers of whom a complaint was received in the period."""
    row = table_of(Complaint)
    query = sa.select(row.c.customer_id).where(
        row.c.portfolio_id == portfolio.id, row.c.received_on.between(first_on, last_on)
    )
    return set(session.connection().execute(query).scalars())


def _vulnerable(session: Session, portfolio: Portfolio, first_on: date, last_on: date) -> set[int]:
    """Customers for whom a hold of a vulnerable person stood on a day of the period."""
    hold, case = table_of(CaseHold), table_of(CollectionsCase)
    query = (
        sa.select(hold.c.customer_id)
        .join(case, case.c.id == hold.c.case_id)
        .where(
            case.c.portfolio_id == portfolio.id,
            hold.c.kind == HoldKind.VULNERABLE,
            hold.c.started_at < _begin(portfolio, last_on + DAY),
            sa.or_(hold.c.ended_at.is_(None), hold.c.ended_at >= _begin(portfolio, first_on)),
        )
    )
    return set(session.connection().execute(query).scalars())


def _agreements(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date
) -> list[tuple[Actor, int, PlanStatus]]:
    """The author, customer and end of each agreement that ended kept or broken in the period."""
    plan = table_of(Plan)
    query = sa.select(plan.c.offered_by, plan.c.customer_id, plan.c.status).where(
        plan.c.portfolio_id == portfolio.id,
        plan.c.status.in_(ENDED),
        plan.c.ended_on.between(first_on, last_on),
    )
    return [
        (Actor(by), customer_id, PlanStatus(status))
        for by, customer_id, status in session.connection().execute(query)
    ]


def _calls(
    session: Session, portfolio: Portfolio, first_on: date, last_on: date
) -> list[tuple[str, int, bool]]:
    """Person, customer and whether they spoke, of each call that a person made in the period."""
    event, case = table_of(Event), table_of(CollectionsCase)
    query = (
        sa.select(event.c.by, event.c.customer_id, event.c.data)
        .join(case, case.c.id == event.c.case_id)
        .where(
            event.c.kind == CallLogged.KIND,
            event.c.at >= _begin(portfolio, first_on),
            event.c.at < _begin(portfolio, last_on + DAY),
            case.c.portfolio_id == portfolio.id,
        )
    )
    found = []
    for by, customer_id, data in session.connection().execute(query):
        logged, who = CallLogged.from_json(data), Actor(by)
        if who.kind is ActorKind.USER and logged.direction is Direction.OUT:
            found.append((who.name, customer_id, logged.conversation))
    return found


def _begin(portfolio: Portfolio, on: date) -> datetime:
    return local_instant(on, 0, 0, portfolio.timezone)
