"""The rows of a page of the worklist, with everything that they show: read in sets, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.withheld import hidden_texts, places_among
from app.book.delinquency.days import bucket_of, days_past_due
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import CustomerDebt, debts_now
from app.casework.cases.listing import PortfolioToday
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.queries import next_calls
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds
from app.casework.plans.queries import BrokenPlan, broken_plans
from app.casework.plans.tracking.open_instalments import NextPayment, next_payments
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.staff.models import User
from app.core.timeline.sight import Sight
from app.outreach.strategy.queries import next_tasks
from app.worklist.facts import LastContact, card_endings, last_contacts, waiting_words
from app.worklist.rules import Item, Section
from app.worklist.verdicts import Callable, callable_now


@dataclass(frozen=True, slots=True)
class Row:
    """A case on a page of the worklist. Amounts are of this moment, in minor units."""

    item: Item
    book: PortfolioToday
    reference: str
    customer_id: int
    customer_reference: str
    name: str
    language: str
    owner: str
    past_due: int
    balance: int
    days: int
    bucket: str
    broken: int
    next_contact_on: date | None
    endings: Sequence[str]
    contact: LastContact | None
    callable: Callable
    words: str = ""
    """Beginning of the reply, text of the task, or the customer's own words about when to call."""
    payment: NextPayment | None = None
    hold: CaseHold | None = None
    broken_plan: BrokenPlan | None = None
    """Of a case whose agreement was broken lately."""


def rows_of(
    session: Session,
    books: Sequence[PortfolioToday],
    items: Sequence[Item],
    now: datetime,
    *,
    owner: str | None = None,
) -> list[Row]:
    """The rows of these cases, in their order. `owner`: whose view it is; None = everybody's."""
    if not items:
        return []
    by_id = {book.portfolio_id: book for book in books}
    found = _cases(session, [item.case_id for item in items])
    customers = [row.customer_id for row in found.values()]
    debts = _debts(session, books, list(found.values()))
    owing = {customer_id: debt.past_due for customer_id, debt in debts.items()}
    expecting = {
        found[item.case_id].customer_id
        for item in items
        if item.section is Section.CALLBACK_DUE and item.case_id in found
    }
    verdicts = callable_now(session, customers, owing, now, expecting=expecting)
    contacts, endings = last_contacts(session, customers), card_endings(session, customers)
    words = _words(session, items, owner)
    if words:  # a list covers what is withheld from anybody: who may see it opens the case
        theirs = [found[case_id].customer_id for case_id in words if case_id in found]
        sight = Sight(hidden=hidden_texts(places_among(session, theirs)))
        words = {case_id: sight.cover(said) for case_id, said in words.items()}
    payments = _payments(session, books, items)
    held = _holds(session, items, found)
    missed = [case_id for case_id in _in(items, Section.PROMISE_MISSED) if case_id not in payments]
    stories = broken_plans(session, missed) if missed else {}
    rows = []
    for item in items:
        case = found[item.case_id]
        book, debt = by_id[case.portfolio_id], debts[case.customer_id]
        days = days_past_due(debt.oldest, book.today)
        rows.append(
            Row(
                item=item,
                book=book,
                reference=case_reference(case.id),
                customer_id=case.customer_id,
                customer_reference=case.customer_reference,
                name=case.full_name,
                language=case.language,
                owner=case.owner,
                past_due=debt.past_due,
                balance=debt.balance,
                days=days,
                bucket=bucket_of(days, book.edges),
                broken=case.broken_promises,
                next_contact_on=case.next_contact_on,
                endings=endings.get(case.customer_id, ()),
                contact=contacts.get(case.customer_id),
                callable=verdicts[case.customer_id],
                words=words.get(case.id, ""),
                payment=payments.get(case.id),
                hold=held.get(case.customer_id),
                broken_plan=stories.get(case.id),
            )
        )
    return rows


def _cases(session: Session, case_ids: Sequence[int]) -> dict[int, DbRow]:
    case, customer = table_of(CollectionsCase), table_of(Customer)
    columns = (customer.c.full_name, customer.c.language, customer.c.reference.label("customer_reference"))
    query = sa.select(case, *columns).join(customer, customer.c.id == case.c.customer_id)
    rows = session.connection().execute(query.where(among(session, case.c.id, case_ids)))
    return {row.id: row for row in rows}


def _debts(
    session: Session, books: Sequence[PortfolioToday], cases: Sequence[DbRow]
) -> dict[int, CustomerDebt]:
    """By customer. The case's columns are right while yesterday is closed. Until it is, a due date may have passed that
    no night has looked at, and the accounts of the page are folded."""
    debts: dict[int, CustomerDebt] = {}
    for book in books:
        theirs = [row for row in cases if row.portfolio_id == book.portfolio_id]
        if not theirs:
            continue
        if book.on == book.today - timedelta(days=1):
            debts |= {
                row.customer_id: CustomerDebt(
                    past_due=row.now_past_due_minor,
                    balance=row.now_balance_minor,
                    oldest=row.now_oldest_due_on,
                )
                for row in theirs
            }
            continue
        portfolio = session.get_one(Portfolio, book.portfolio_id)
        customers = [row.customer_id for row in theirs]
        folded = debts_now(session, portfolio, customers, book.today)
        debts |= {customer_id: folded.get(customer_id, CustomerDebt()) for customer_id in customers}
    return debts


def _in(items: Sequence[Item], *sections: Section) -> list[int]:
    return [item.case_id for item in items if item.section in sections]


def _words(session: Session, items: Sequence[Item], owner: str | None) -> dict[int, str]:
    words: dict[int, str] = {}
    if ids := _in(items, Section.REPLY):
        words |= waiting_words(session, ids)
    if ids := _in(items, Section.CALL, Section.COMES_BACK):
        words |= {case_id: call.wish for case_id, call in next_calls(session, ids).items()}
    if ids := _in(items, Section.TASK):
        words |= _task_words(session, ids, owner)
    return words


def _task_words(session: Session, case_ids: Sequence[int], owner: str | None) -> dict[int, str]:
    """The task of each case; in everybody's view with the colleague that it is for."""
    tasks = next_tasks(session, case_ids, owner)
    people = {task.for_username for task in tasks.values()} - {"", owner}
    asked = sa.select(table_of(User).c.username, table_of(User).c.display_name)
    named = session.execute(asked.where(table_of(User).c.username.in_(people))) if people else ()
    names = {username: name for username, name in named}
    return {
        case_id: f"For {names.get(task.for_username, task.for_username)}: {task.text}"
        if task.for_username in people
        else task.text
        for case_id, task in tasks.items()
    }


def _payments(
    session: Session, books: Sequence[PortfolioToday], items: Sequence[Item]
) -> Mapping[int, NextPayment]:
    ids = _in(items, Section.PROMISE_MISSED, Section.PROMISE_DUE, Section.PROMISE_RUNNING)
    today = min((book.today for book in books), default=date.max)
    return next_payments(session, ids, today) if ids else {}


def _holds(session: Session, items: Sequence[Item], found: Mapping[int, DbRow]) -> dict[int, CaseHold]:
    ids = _in(items, Section.ON_HOLD, Section.TASK)
    customers = [found[case_id].customer_id for case_id in ids]
    return {who: holds[0] for who, holds in open_holds(session, customers).items()} if ids else {}
