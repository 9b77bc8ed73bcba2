"""The gate's answer to a call now for each customer of a page; the facts are gathered once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointKind
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import reserved_contacts
from app.outreach.gate.facts import address_of, facts_at, gather_facts
from app.policy.answers import Answer, Clearance, Reason, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.pack import Pack
from app.policy.review import review
from app.policy.rules import LONGEST_CLEARANCE

LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Callable:
    """The gate's answer to a call now."""

    verdict: str
    """`yes`, `wait` or `no`."""
    until: datetime | None = None
    """yes: until when, None = longer than a day; wait: from when."""
    review_on: date | None = None
    """no: the day on which a person looks again."""
    why: str = ""
    """The weightiest reason; '' for yes."""
    timezone: str = ""
    """The customer's."""


def callable_now(
    session: Session,
    customer_ids: Sequence[int],
    owing: Mapping[int, int],
    now: datetime,
    *,
    expecting: Collection[int] = (),
) -> dict[int, Callable]:
    """By customer. `owing`: the amount past due now by customer; nobody is called about 0. `expecting`: customers whose
    callback is due; they asked for the call, so limits on reminders do not apply."""
    if not customer_ids:
        return {}
    customer = table_of(Customer)
    rows = session.connection().execute(
        sa.select(customer).where(among(session, customer.c.id, sorted(set(customer_ids))))
    )
    theirs: dict[int, list[DbRow]] = {}
    for row in rows:
        theirs.setdefault(row.portfolio_id, []).append(row)
    found: dict[int, Callable] = {}
    for portfolio_id, people in theirs.items():
        portfolio = session.get_one(Portfolio, portfolio_id)
        found |= _of_portfolio(session, portfolio, people, owing, expecting, now)
    return found


def _of_portfolio(
    session: Session,
    portfolio: Portfolio,
    people: Sequence[DbRow],
    owing: Mapping[int, int],
    expecting: Collection[int],
    now: datetime,
) -> dict[int, Callable]:
    packs: dict[int, Pack] = {}
    places: dict[tuple[str, ...], Pack] = {}
    for row in people:
        place = (row.country, row.region, row.city, row.postcode)
        if place not in places:
            places[place] = packs_for(portfolio, row)
        packs[row.id] = places[place]
    ids = [row.id for row in people]
    reserved = reserved_contacts(session, portfolio, ids, now=now)
    facts = gather_facts(session, people, packs, now=now, reserved=reserved)
    found = {}
    others = _further_numbers(session, ids)
    for row in people:
        purpose = Purpose.CONFIRMATION if row.id in expecting else Purpose.REMINDER
        zone = facts[row.id].timezones[0] if facts[row.id].timezones else portfolio.timezone
        if owing.get(row.id, 0) <= 0 and row.id not in expecting:
            found[row.id] = Callable("no", why="nothing is past due", timezone=zone)
        else:
            known, pack = facts[row.id], packs[row.id]
            answers = [
                review(Contact(Channel.CALL, purpose, address_of(row, Channel.CALL)), known, pack, now)
            ]
            for number in others.get(row.id, ()):
                asked = Contact(Channel.CALL, purpose, number)
                answers.append(review(asked, facts_at(known, row, number), pack, now))
            found[row.id] = verdict_of(min(answers, key=_rank), now, zone)
    return found


def _further_numbers(session: Session, customer_ids: Sequence[int]) -> dict[int, list[str]]:
    """Telephone numbers beside the main one, by customer: a customer whose mobile is bad may be called at home."""
    point = table_of(ContactPoint)
    query = (
        sa.select(point.c.customer_id, point.c.value)
        .where(among(session, point.c.customer_id, customer_ids))
        .where(point.c.kind == PointKind.PHONE, point.c.ended_at.is_(None))
        .order_by(point.c.id)
    )
    found: dict[int, list[str]] = {}
    for customer_id, number in session.connection().execute(query):
        found.setdefault(customer_id, []).append(number)
    return found


def _rank(answer: Answer) -> tuple[int, datetime]:
    """The best of several numbers first: one that may be called now, then the one that may be called soonest."""
    if isinstance(answer, Clearance):
        return 0, LATEST
    return (1, answer.at) if isinstance(answer, WaitUntil) else (2, LATEST)


def verdict_of(answer: Answer, now: datetime, zone: str) -> Callable:
    """The answer in one line: a reason without an end first, then the one that lasts longest."""
    if isinstance(answer, Clearance):
        is_soon = answer.not_after < now + LONGEST_CLEARANCE - timedelta(minutes=1)
        return Callable("yes", answer.not_after if is_soon else None, timezone=zone)
    reason = max(answer.reasons, key=_weight)
    if isinstance(answer, WaitUntil):
        return Callable("wait", answer.at, why=reason.detail, timezone=zone)
    return Callable("no", None, answer.review_on, reason.detail, zone)


def _weight(reason: Reason) -> datetime:
    return reason.until or LATEST


def customers_of(session: Session, case_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Case id -> (customer id, past due and owed now)."""
    case = table_of(CollectionsCase)
    columns = (case.c.id, case.c.customer_id, case.c.now_past_due_minor)
    query = sa.select(*columns).where(among(session, case.c.id, case_ids))
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}
