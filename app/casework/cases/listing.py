"""Lists of open cases in their order, a page at a time; and the details of the cases on a page.

Every list is one statement over open cases; the details beside each row are fetched for the whole page at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.searched_numbers import SHORTEST_CALLER, TELEPHONE, telephone_digits, unwrapped
from app.book.delinquency.days import bucket_labels
from app.book.ledger.models import Account, Customer
from app.book.ledger.references import normal_reference
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CASE_REFERENCE, CaseStatus
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.rows import DbRow, Expression, Query
from app.core.errors import Invalid
from app.core.types import Rows

NEVER = datetime(9999, 1, 1, tzinfo=UTC)

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class PortfolioToday:
    """A portfolio as a list sees it at this moment."""

    portfolio_id: int
    code: str
    name: str
    currency: str
    timezone: str
    edges: tuple[int, ...]
    on: date
    """The day the figures are of: the last one closed."""
    today: date
    day_ends: datetime
    """Time at which `today` is over in the portfolio's time zone."""
    complaints_let_pass: bool = False
    """An open complaint alone keeps no reminder away: the portfolio has chosen so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Filter of the open cases that a list shows. `conditions` are further ones, from here or from other domains."""

    books: tuple[PortfolioToday, ...]
    owner: str | None = None
    """None = any owner; '' = no owner yet."""
    bucket: str = ""
    text: str = ""
    conditions: tuple[Condition, ...] = ()


# --- conditions on the case table ---------------------------------------------------------------------------


def has_broken_promise() -> Condition:
    return table_of(CollectionsCase).c.broken_promises > 0


def in_bucket(books: Sequence[PortfolioToday], label: str) -> Condition:
    """Days past due within the bucket; a portfolio without this bucket has no such case."""
    case = table_of(CollectionsCase)

    def within(book: PortfolioToday) -> Condition:
        labels = bucket_labels(book.edges)
        if label not in labels[1:]:
            return sa.false()
        n = labels.index(label) - 1
        oldest = case.c.now_oldest_due_on
        newest = oldest <= book.today - timedelta(days=book.edges[n])
        if n + 1 == len(book.edges):
            return newest
        return sa.and_(newest, oldest > book.today - timedelta(days=book.edges[n + 1]))

    return in_any(books, within)


def in_any(books: Sequence[PortfolioToday], condition: Callable[[PortfolioToday], Condition]) -> Condition:
    case = table_of(CollectionsCase)
    parts = [sa.and_(case.c.portfolio_id == book.portfolio_id, condition(book)) for book in books]
    return sa.or_(sa.false(), *parts)


def _matches(text: str) -> Condition:
    """Find a case by data that a caller can say: its reference, the customer's name or reference, an account's
    reference, the last four digits of a card, a telephone number or an e-mail address."""
    case, customer, account = table_of(CollectionsCase), table_of(Customer), table_of(Account)
    spellings = {text, text.upper(), normal_reference(text)}
    theirs: Condition = account.c.reference.in_(spellings)
    if LAST_FOUR.fullmatch(text):
        theirs = sa.or_(theirs, account.c.card_last4 == text)
    ways: list[Condition] = [
        customer.c.full_name.icontains(text, autoescape=True),
        customer.c.reference.in_(spellings),
        case.c.customer_id.in_(sa.select(account.c.customer_id).where(theirs)),
    ]
    if found := CASE_REFERENCE.fullmatch(text):
        ways.append(case.c.id == int(found[1]))
    number = unwrapped(text)
    if TELEPHONE.fullmatch(number) and len(digits := telephone_digits(number)) >= SHORTEST_CALLER:
        ways.append(customer.c.mobile.endswith(digits))
    if "@" in text:
        ways.append(sa.func.lower(customer.c.email) == text.lower())
    return sa.or_(*ways)


LAST_FOUR = re.compile(r"[0-9]{4}")


def _where(chosen: Selection) -> list[Condition]:
    case = table_of(CollectionsCase)
    where: list[Condition] = [
        case.c.status == CaseStatus.OPEN,
        case.c.portfolio_id.in_([book.portfolio_id for book in chosen.books]),
        *chosen.conditions,
    ]
    if chosen.owner is not None:
        where.append(case.c.owner == chosen.owner)
    if chosen.bucket:
        where.append(in_bucket(chosen.books, chosen.bucket))
    if chosen.text:
        where.append(_matches(chosen.text))
    return where


def count(session: Session, chosen: Selection) -> int:
    case, customer = table_of(CollectionsCase), table_of(Customer)
    query = sa.select(sa.func.count()).select_from(case)
    if chosen.text:
        query = query.join(customer, customer.c.id == case.c.customer_id)
    return int(session.scalar(query.where(*_where(chosen))) or 0)


# --- order and pages ----------------------------------------------------------------------------------------

Key = Expression
SORTS = ("urgency", "reference", "name", "past_due", "days", "owner")
Order = tuple[Key, bool]
"""An expression and whether it descends."""


def _orders(sort: str, descending: bool, now: datetime) -> list[Order]:
    """The order of a list; the case's id decides between equals, so that no row is shown twice."""
    case, customer = table_of(CollectionsCase), table_of(Customer)
    if sort == "urgency":
        due = case.c.callback_at <= now
        called_for = sa.case((due, case.c.callback_at), else_=sa.literal(NEVER, UtcDateTime))
        return [(called_for, not descending), (case.c.priority, descending), (case.c.id, False)]
    if sort == "days":
        # More days past due is an earlier date.
        return [(sa.func.coalesce(case.c.now_oldest_due_on, date.max), not descending), (case.c.id, False)]
    expression = {"name": customer.c.full_name, "past_due": case.c.now_past_due_minor, "owner": case.c.owner}
    if sort not in expression:
        return [(case.c.id, descending)]
    return [(expression[sort], descending), (case.c.id, False)]


def worklist(
    session: Session,
    chosen: Selection,
    *,
    sort: str,
    descending: bool,
    after: Rows | None,
    limit: int,
    now: datetime,
) -> tuple[list[DbRow], list[str | int] | None]:
    """A page of open cases with their customer's name, and the position where the next page starts."""
    orders = _orders(sort, descending, now)
    query = _ids_query(chosen, orders, by_name=sort == "name")
    if after is not None:
        query = query.where(beyond(orders, after))
    found = _wide(session, query.limit(limit + 1).subquery("chosen"), orders)
    position = None
    if len(found) > limit:
        last = found[limit - 1]
        position = [scalar(last[n - len(orders)]) for n in range(len(orders))]
    return found[:limit], position


def cursor_length(sort: str) -> int:
    return {"urgency": 3, "reference": 1}.get(sort, 2)


def _ids_query(chosen: Selection, orders: Sequence[Order], *, by_name: bool) -> Query:
    """The selected cases in order, ids and keys only: the sorted rows stay narrow, and the customer is joined only
    where a name decides."""
    case, customer = table_of(CollectionsCase), table_of(Customer)
    keys = [expression.label(f"key_{n}") for n, (expression, _) in enumerate(orders)]
    query = sa.select(case.c.id.label("case_id"), *keys).where(*_where(chosen))
    if by_name or chosen.text:
        query = query.join(customer, customer.c.id == case.c.customer_id)
    return query.order_by(*ordering([expression for expression, _ in orders], orders))


def _wide(session: Session, ids: sa.Subquery, orders: Sequence[Order]) -> list[DbRow]:
    """The rows behind these ids, in their order."""
    case, customer = table_of(CollectionsCase), table_of(Customer)
    keys = [ids.c[f"key_{n}"] for n in range(len(orders))]
    query = (
        sa.select(case, customer.c.full_name, customer.c.reference.label("customer_reference"), *keys)
        .join(ids, ids.c.case_id == case.c.id)
        .join(customer, customer.c.id == case.c.customer_id)
        .order_by(*ordering(keys, orders))
    )
    return list(session.connection().execute(query))


def ordering(keys: Sequence[Key], orders: Sequence[Order]) -> list[Key]:
    """The terms of ORDER BY for these keys."""
    return [key.desc() if down else key.asc() for key, (_, down) in zip(keys, orders, strict=True)]


def beyond(orders: Sequence[Order], after: Rows) -> Condition:
    """Rows that come after a position: greater in the first key that differs."""
    values = [_parsed(expression, value) for (expression, _), value in zip(orders, after, strict=True)]
    ways = []
    for n, (expression, down) in enumerate(orders):
        same = [orders[m][0] == values[m] for m in range(n)]
        ways.append(sa.and_(*same, expression < values[n] if down else expression > values[n]))
    return sa.or_(*ways)


def scalar(value: object) -> str | int:
    """A value of a sort key as a page link carries it."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _parsed(expression: Key, value: str | int) -> object:
    """A value out of a page link, as the expression's type. Invalid if it is not such a value."""
    try:
        if isinstance(expression.type, UtcDateTime):
            return datetime.fromisoformat(str(value)).astimezone(UTC)
        if isinstance(expression.type, sa.Date):
            return date.fromisoformat(str(value))
        if isinstance(expression.type, sa.Integer):
            number = int(value)
            if abs(number) >= 2**63:
                raise ValueError
            return number
        return str(value).replace("\0", "")
    except (TypeError, ValueError, OverflowError):
        raise Invalid("This page link is damaged; start again from the first page.", "cursor") from None
