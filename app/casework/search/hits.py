"""Results of a search: each customer once, with their case, its portfolio and accounts, and every match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.search.queries import Match, callers, matches
from app.casework.search.rules import Asked, Way
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class Matched:
    """One reason why a customer was found."""

    way: Way
    detail: str
    at: datetime | None = None
    """When the words were written."""


@dataclass(frozen=True, slots=True)
class Hit:
    customer: Customer
    portfolio: Portfolio
    case: CollectionsCase | None
    """The case that was meant, otherwise the open one, otherwise the latest; None where there never was one."""
    accounts: Sequence[Account]
    matched: Sequence[Matched]

    @property
    def is_closed(self) -> bool:
        return self.case is not None and self.case.status is CaseStatus.CLOSED

    @property
    def reference(self) -> str:
        """The case's reference, or the customer's."""
        return self.case.reference if self.case else self.customer.reference

    @property
    def path(self) -> str:
        """The page of the case; without one, of an account."""
        if self.case:
            return f"/cases/{id_of(self.case)}"
        return f"/accounts/{id_of(self.accounts[0])}" if self.accounts else ""


def find(session: Session, asked: Asked, *, limit: int, works: bool = False) -> tuple[list[Hit], bool]:
    """At most `limit` customers, the surest first; and whether there are more. `works`: the reader works cases."""
    return _hits(session, matches(session, asked, works=works, limit=limit + 1), limit)


def find_callers(session: Session, digits: str, *, limit: int) -> tuple[list[Hit], bool]:
    """Customers with a telephone number that ends with these digits."""
    return _hits(session, callers(session, digits, limit=limit + 1), limit)


def _hits(session: Session, found: Sequence[Match], limit: int) -> tuple[list[Hit], bool]:
    by_customer: dict[int, list[Match]] = {}
    for match in found:
        by_customer.setdefault(match.customer_id, []).append(match)
    shown = list(by_customer)[:limit]
    if not shown:
        return [], False
    query = sa.select(Customer, Portfolio).join(Portfolio, col(Portfolio.id) == Customer.portfolio_id)
    holders = {id_of(row[0]): row for row in session.execute(query.where(col(Customer.id).in_(shown)))}
    cases: dict[int, list[CollectionsCase]] = {}
    of_them = select(CollectionsCase).where(col(CollectionsCase.customer_id).in_(shown))
    for case in session.scalars(of_them.order_by(col(CollectionsCase.id).desc())):
        cases.setdefault(case.customer_id, []).append(case)
    accounts: dict[int, list[Account]] = {}
    theirs = select(Account).where(col(Account.customer_id).in_(shown)).order_by(col(Account.id))
    for account in session.scalars(theirs):
        accounts.setdefault(account.customer_id, []).append(account)
    hits = [
        Hit(
            customer=holders[who][0],
            portfolio=holders[who][1],
            case=_meant(by_customer[who], cases.get(who, [])),
            accounts=accounts.get(who, ()),
            matched=_told(by_customer[who]),
        )
        for who in shown
    ]
    return hits, len(by_customer) > limit


def _meant(found: Sequence[Match], cases: Sequence[CollectionsCase]) -> CollectionsCase | None:
    named = next((match.case_id for match in found if match.case_id is not None), None)
    by_id = {case.id: case for case in cases}
    is_open = next((case for case in cases if case.status is CaseStatus.OPEN), None)
    return by_id.get(named) or is_open or (cases[0] if cases else None)


def _told(found: Sequence[Match]) -> list[Matched]:
    told: dict[tuple[Way, str], Matched] = {}
    for match in found:
        at = match.event.at if match.event else None
        told.setdefault((match.way, match.detail), Matched(match.way, match.detail, at))
    return list(told.values())[:3]
