"""Which cases a manager moves: by a filter of open cases, or by a list of references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import bucket_labels
from app.book.ledger.models import Customer
from app.casework.assignment.moving import MOST_MOVED
from app.casework.assignment.rules import language_of
from app.casework.cases import listing
from app.casework.cases.listing import Condition, PortfolioToday
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.rules import CASE_REFERENCE
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.errors import Invalid
from app.core.money import BadAmount, to_minor
from app.core.staff.models import User
from app.core.text import refuse_card_number
from app.core.timeline.models import Event
from app.worklist.books import books_at
from app.worklist.facts import CONTACTS
from app.worklist.rules import STATES
from app.worklist.view import OTHER_STATES, View, is_state, selection

NOBODY = "-"
"""As the person whose cases: cases without an owner."""
LONGEST_UNTOUCHED = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChoice:
    """A filter; what is empty filters nothing. With `references`, it is a list and nothing else."""

    person: str = ""
    """User name of whose cases, those among them that a colleague covers; `-` = of nobody."""
    portfolio: str = ""
    bucket: str = ""
    state: str = ""
    """Section or list of the worklist."""
    language: str = ""
    balance_from: str = ""
    balance_to: str = ""
    """Decimal strings in the currency of the portfolio."""
    untouched_days: int | None = None
    """No call and no message for at least so many days."""
    at_most: int | None = None
    """So many, the largest amounts past due first."""
    references: tuple[str, ...] = ()

    def stored(self) -> Mapping[str, object]:
        """As a row keeps it: what was set."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None, ())}


def chosen_cases(session: Session, choice: CaseChoice, now: datetime) -> list[int]:
    """Cases that the choice names, the largest amount past due first; a list in its own order. Invalid for one that
    names nothing, or more than may move at once."""
    filters = set(choice.stored()) - {"references", "at_most"}
    for name in ("language", "balance_from", "balance_to"):
        refuse_card_number(getattr(choice, name), name)
    if choice.references:
        if filters:
            raise Invalid("Choose by a filter or by a list of references, not by both.", "references")
        found = _listed(session, choice.references)
    else:
        if not filters:
            raise Invalid("Choose whose cases, or another filter.", "person")
        found = _filtered(session, choice, now)
    if not found:
        raise Invalid("No open case matches. Take a filter away.", "person")
    if len(found) > MOST_MOVED:
        raise Invalid(f"More than {MOST_MOVED:,} cases match. Narrow the filter.", "at_most")
    return found


def _listed(session: Session, references: Sequence[str]) -> list[int]:
    numbers: dict[int, str] = {}
    wrong = []
    for typed in dict.fromkeys(references):
        if match := CASE_REFERENCE.fullmatch(typed.strip()):
            numbers[int(match[1])] = typed
        else:
            wrong.append(typed)
    case = table_of(CollectionsCase)
    known = set(session.scalars(sa.select(case.c.id).where(among(session, case.c.id, list(numbers)))))
    wrong += [case_reference(number) for number in numbers if number not in known]
    if wrong:
        named = ", ".join(each[:20] for each in wrong[:5]) + (" and others" if len(wrong) > 5 else "")
        raise Invalid(f"There is no case {named}. Write references such as C-000012.", "references")
    return list(numbers)


def _filtered(session: Session, choice: CaseChoice, now: datetime) -> list[int]:
    books = _books(session, choice, now)
    if not is_state(choice.state):
        raise Invalid(f"The sections are {', '.join((*STATES, *OTHER_STATES))}.", "state")
    view = View(books=books, state=choice.state or "all", bucket=choice.bucket)
    chosen = selection(view, now)
    conditions = [*chosen.conditions, *_conditions(session, choice, books, now)]
    found, _ = listing.worklist(
        session,
        listing.Selection(books=books, bucket=choice.bucket, conditions=tuple(conditions)),
        sort="past_due",
        descending=True,
        after=None,
        limit=min(choice.at_most or MOST_MOVED + 1, MOST_MOVED + 1),
        now=now,
    )
    return [row.id for row in found]


def _books(session: Session, choice: CaseChoice, now: datetime) -> tuple[PortfolioToday, ...]:
    books = tuple(
        book for book in books_at(session, now) if not choice.portfolio or book.code == choice.portfolio
    )
    if choice.portfolio and not books:
        raise Invalid(f"There is no portfolio {choice.portfolio}.", "portfolio")
    if choice.bucket and not any(choice.bucket in bucket_labels(book.edges)[1:] for book in books):
        raise Invalid("There is no such range of days past due.", "bucket")
    return books


def _conditions(
    session: Session, choice: CaseChoice, books: Sequence[PortfolioToday], now: datetime
) -> list[Condition]:
    case, customer, event = table_of(CollectionsCase), table_of(Customer), table_of(Event)
    where: list[Condition] = []
    if choice.person == NOBODY:
        where.append(case.c.owner == "")
    elif choice.person:
        if (
            session.scalar(sa.select(table_of(User).c.id).where(table_of(User).c.username == choice.person))
            is None
        ):
            raise Invalid("There is no member of staff with this user name.", "person")
        where.append(sa.or_(case.c.owner == choice.person, case.c.covered_for == choice.person))
    if choice.language:
        tag = language_of(choice.language)
        spoken = sa.or_(
            sa.func.lower(customer.c.language) == tag,
            sa.func.lower(customer.c.language).startswith(f"{tag}-", autoescape=True),
        )
        theirs = sa.select(customer.c.id).where(customer.c.id == case.c.customer_id, spoken)
        where.append(sa.exists(theirs))
    for name, low in (("balance_from", True), ("balance_to", False)):
        if text := getattr(choice, name):
            amount = _minor(text, name, books)
            where.append(case.c.now_balance_minor >= amount if low else case.c.now_balance_minor <= amount)
    if choice.untouched_days is not None:
        if not 1 <= choice.untouched_days <= LONGEST_UNTOUCHED:
            raise Invalid("Write a number of days from 1.", "untouched_days")
        since = now - timedelta(days=choice.untouched_days)
        touched = sa.exists().where(
            event.c.customer_id == case.c.customer_id, event.c.kind.in_(CONTACTS), event.c.at > since
        )
        where.append(~touched)
    if choice.at_most is not None and choice.at_most < 1:
        raise Invalid("Write a number from 1.", "at_most")
    return where


def _minor(text: str, field: str, books: Sequence[PortfolioToday]) -> int:
    currencies = {book.currency for book in books}
    if len(currencies) != 1:
        raise Invalid("Choose a portfolio: an amount is in its currency.", "portfolio")
    try:
        return to_minor(text, currencies.pop())
    except BadAmount:
        raise Invalid("Write an amount such as 1200.50.", field) from None
