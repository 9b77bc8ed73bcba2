"""Search for customers: exact data by their indexes in one statement, names and words by their own.

Every part of it reads a bounded number of rows, however many customers match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.models import ContactPoint
from app.book.customers.searched_numbers import SHORTEST_NUMBER
from app.book.ledger.models import Account, Customer, Entry
from app.book.names.queries import customers_called
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.parties.models import ThirdParty
from app.casework.search.rules import Asked, Way
from app.core.database.engine import table_of
from app.core.timeline.models import Event
from app.core.timeline.payload import payload_of
from app.core.timeline.sight import Sight
from app.core.timeline.words import events_with, events_with_number, spoken

Part = sa.Select[int, str, str, int]
"""Customer, way, detail, case."""
MOST_CALLED = 1000
"""Customers of a name among whom those with an open case come first."""


OUR_ANSWER = "our answer by SMS"
"""Its words are in the message, not in the event."""


@dataclass(frozen=True, slots=True)
class Match:
    """A customer who was found: the kind of data that matched, its text, and its case or event."""

    customer_id: int
    way: Way
    detail: str = ""
    case_id: int | None = None
    event: Event | None = None


def matches(session: Session, asked: Asked, *, limit: int, works: bool = False) -> list[Match]:
    """At most `limit` matches a way, the surest ways first. `works`: the reader works cases; without it, what customers
    told of their circumstances is not found."""
    found = _exact(session, asked, limit)
    if asked.name:
        found += _named(session, asked.name, limit)
    if asked.digits:
        found += _written(session, events_with_number(session, asked.digits, limit=limit), works)
    if asked.words:
        found += _written(session, events_with(session, asked.words, limit=limit), works)
    return found


def callers(session: Session, digits: str, *, limit: int) -> list[Match]:
    """Customers with a telephone number that ends with these digits."""
    return _exact(session, Asked("", digits=digits), limit)


# --- exact --------------------------------------------------------------------------------------------------------


def _exact(session: Session, asked: Asked, limit: int) -> list[Match]:
    parts = [sa.select(part.limit(limit).subquery()) for part in _exact_parts(asked)]
    if not parts:
        return []
    found = [
        Match(customer_id, Way(way), detail, case_id)
        for customer_id, way, detail, case_id in session.execute(sa.union_all(*parts))
    ]
    return sorted(found, key=lambda match: list(Way).index(match.way))


def _exact_parts(asked: Asked) -> Iterator[Part]:
    case, customer, account = table_of(CollectionsCase), table_of(Customer), table_of(Account)
    entry, point, party = table_of(Entry), table_of(ContactPoint), table_of(ThirdParty)
    if asked.case_id is not None:
        one = _part(case.c.customer_id, Way.CASE, sa.literal(case_reference(asked.case_id)), case.c.id)
        yield one.where(case.c.id == asked.case_id)
    if asked.digits:
        yield _part(customer.c.id, Way.PHONE, customer.c.mobile).where(
            *_ends(customer.c.mobile, asked.digits)
        )
        more = _part(point.c.customer_id, Way.PHONE, point.c.value)
        yield more.where(*_ends(point.c.value, asked.digits), point.c.kind == "phone")
        other = _part(party.c.customer_id, Way.THIRD_PARTY, party.c.name + sa.literal(", ") + party.c.phone)
        yield other.where(party.c.ended_at.is_(None), party.c.phone.endswith(asked.digits))
    if asked.name:
        # They are few: a scan of them is nothing.
        other = _part(party.c.customer_id, Way.THIRD_PARTY, party.c.name)
        called = [
            sa.or_(*(each.icontains(word, autoescape=True) for each in (party.c.name, party.c.organisation)))
            for word in asked.text.split()
        ]
        yield other.where(party.c.ended_at.is_(None), *called)
    if asked.last4:
        card = _part(account.c.customer_id, Way.CARD, account.c.card_last4)
        yield _open_first(card.where(account.c.card_last4 == asked.last4), account.c.customer_id)
    if asked.email:
        spellings = (asked.email, asked.text)
        yield _part(customer.c.id, Way.EMAIL, customer.c.email).where(
            sa.func.lower(customer.c.email) == asked.email
        )
        yield _part(point.c.customer_id, Way.EMAIL, point.c.value).where(point.c.value.in_(spellings))
    if asked.references:
        for table, way, holder in (
            (customer, Way.CUSTOMER, customer.c.id),
            (account, Way.ACCOUNT, account.c.customer_id),
        ):
            yield _part(holder, way, table.c.reference).where(*_called(table, asked))
        other = _part(
            party.c.customer_id, Way.THIRD_PARTY, party.c.name + sa.literal(", ") + party.c.reference
        )
        yield other.where(party.c.ended_at.is_(None), party.c.reference.in_(asked.references))
        paid = _part(account.c.customer_id, Way.PAYMENT, entry.c.reference)
        yield paid.join(entry, entry.c.account_id == account.c.id).where(*_called(entry, asked))


def _open_first(part: Part, customer_id: sa.ColumnElement[int]) -> Part:
    case = table_of(CollectionsCase)
    here = sa.exists().where(case.c.customer_id == customer_id, case.c.status == "open")
    return part.order_by(here.desc())


def _part(
    customer_id: sa.ColumnElement[int],
    way: Way,
    detail: sa.ColumnElement[str],
    case_id: sa.ColumnElement[int] | None = None,
) -> Part:
    target = sa.cast(sa.null(), sa.BigInteger) if case_id is None else case_id
    return sa.select(
        customer_id.label("customer_id"),
        sa.literal(way.value).label("way"),
        detail.label("detail"),
        target.label("case_id"),
    )


def _called(table: sa.Table, asked: Asked) -> Sequence[sa.ColumnElement[bool]]:
    portfolios = sa.select(table_of(Portfolio).c.id)  # the index begins with the portfolio
    return table.c.portfolio_id.in_(portfolios), table.c.reference.in_(asked.references)


def _ends(column: sa.Column[str], digits: str) -> Sequence[sa.ColumnElement[bool]]:
    """The number ends so. Its last four digits are an index; spelled out, because a parameter would not match it."""
    name = f"{column.table.name}.{column.name}"
    end: sa.ColumnElement[str] = sa.literal_column(f"substr({name}, length({name}) - 3)", sa.String)
    return end == digits[-SHORTEST_NUMBER:], column.endswith(digits)


# --- names and words ----------------------------------------------------------------------------------------------


def _named(session: Session, words: Sequence[str], limit: int) -> list[Match]:
    """Customers with an open case first."""
    case, customer = table_of(CollectionsCase), table_of(Customer)
    called = customers_called(session, words, limit=MOST_CALLED).subquery("called")
    is_open = sa.case((case.c.id.is_not(None), 0), else_=1)
    here = sa.and_(case.c.customer_id == called.c.customer_id, case.c.status == "open")
    first = (
        sa.select(called.c.customer_id, is_open.label("place"), called.c.term)
        .outerjoin(case, here)
        .order_by(is_open, called.c.term)
        .limit(limit)
        .subquery("first")
    )
    query = (
        sa.select(first.c.customer_id, customer.c.full_name)
        .join(customer, customer.c.id == first.c.customer_id)
        .order_by(first.c.place, first.c.term)
    )
    return [Match(customer_id, Way.NAME, name) for customer_id, name in session.execute(query)]


def _written(session: Session, ids: Sequence[int], works: bool) -> list[Match]:
    if not ids:
        return []
    event = table_of(Event)
    query = sa.select(Event).where(event.c.id.in_(ids), event.c.customer_id.is_not(None))
    return [
        Match(one.customer_id, Way.WORDS, _quoted(one), one.case_id, one)
        for one in session.scalars(query.order_by(event.c.id.desc()))
        if one.customer_id is not None and Sight(works_cases=works).sees(one.kind, one.data)
    ]


def _quoted(event: Event) -> str:
    payload = payload_of(event.kind)
    return (spoken(payload.from_json(event.data)) if payload else "") or OUR_ANSWER
