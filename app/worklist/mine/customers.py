"""The open cases of one person with last contact, next step, promise, minimum due, holds and needs: read in sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.delinquency.service import Now, standing_on
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import worked_accounts
from app.casework.cases.listing import PortfolioToday
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds
from app.casework.plans.tracking.open_instalments import NextPayment, next_payments
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import SeenNeeds, seen_by
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.staff.rules import Role
from app.core.types import Rows
from app.worklist.rows import Row, rows_of
from app.worklist.view import View, page_of


@dataclass(frozen=True, slots=True)
class MinimumDue:
    """The open minimum of the latest statements on all accounts, in minor units, that is not late yet."""

    amount_minor: int
    due_on: date


@dataclass(frozen=True, slots=True)
class MyCustomer:
    """A customer of the person, as they stand now."""

    row: Row
    """The same as in the worklist: why it is work, the figures, the last contact, whether a call is allowed."""
    minimum: MinimumDue | None
    payment: NextPayment | None
    """The next payment of the live promise or plan."""
    holds: Sequence[CaseHold]
    needs: SeenNeeds
    """As this reader may know them."""


def my_customers(
    session: Session, view: View, *, role: Role, by: Actor, after: Rows | None, limit: int, now: datetime
) -> tuple[list[MyCustomer], list[str | int] | None]:
    """A page of the view, and the position where the next page starts. `role`, `by`: of the reader, who sees the needs
    that they may see."""
    items, position = page_of(session, view, after=after, limit=limit, now=now)
    rows = rows_of(session, view.books, items, now, owner=view.owner)
    customers = [row.customer_id for row in rows]
    cases = [row.item.case_id for row in rows]
    if not rows:
        return [], None
    minimums = _minimums(session, view.books, rows)
    today = min(book.today for book in view.books)
    payments, holds = next_payments(session, cases, today), open_holds(session, customers)
    needs = _needs(session, customers)
    found = []
    for row in rows:
        theirs = needs.get(row.customer_id, ())
        seen = seen_by(theirs, role, by)
        unseen = {need.id for need in theirs} - {need.id for need in seen.open}
        found.append(
            MyCustomer(
                row=row,
                minimum=minimums.get(row.customer_id),
                payment=payments.get(row.item.case_id),
                # A hold that an unseen need placed would tell of it.
                holds=[hold for hold in holds.get(row.customer_id, ()) if hold.need_id not in unseen],
                needs=seen,
            )
        )
    return found, position


def _minimums(
    session: Session, books: Sequence[PortfolioToday], rows: Sequence[Row]
) -> dict[int, MinimumDue]:
    """By customer, the minimum that is due next; folded with everything posted until this moment."""
    found: dict[int, MinimumDue] = {}
    for book in books:
        theirs = [row.customer_id for row in rows if row.book.portfolio_id == book.portfolio_id]
        if not theirs:
            continue
        portfolio = session.get_one(Portfolio, book.portfolio_id)
        accounts = worked_accounts(session, theirs)
        stands = standing_on(session, portfolio, [account_id for account_id, _ in accounts], book.today)
        by_customer: dict[int, list[Now]] = {}
        for account_id, customer_id in accounts:
            by_customer.setdefault(customer_id, []).append(stands[account_id])
        for customer_id, lines in by_customer.items():
            if minimum := minimum_of(lines):
                found[customer_id] = minimum
    return found


def minimum_of(accounts: Collection[Now]) -> MinimumDue | None:
    """The open minimum that falls due first, on all accounts together; None where none is open."""
    open_ = [(due_on, amount) for each in accounts for _, due_on, amount in each.minimums]
    if not open_:
        return None
    first = min(due_on for due_on, _ in open_)
    return MinimumDue(sum(amount for due_on, amount in open_ if due_on == first), first)


def _needs(session: Session, customer_ids: Sequence[int]) -> Mapping[int, list[SupportNeed]]:
    need = table_of(SupportNeed)
    query = select(SupportNeed).where(
        among(session, need.c.customer_id, customer_ids), col(SupportNeed.ended_at).is_(None)
    )
    found: dict[int, list[SupportNeed]] = {}
    for row in session.scalars(query.order_by(col(SupportNeed.id))):
        found.setdefault(row.customer_id, []).append(row)
    return found
