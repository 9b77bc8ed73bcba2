"""A small portfolio that lived through some nights: two products, two agents of two teams, payments of every kind."""

from __future__ import annotations

from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.ledger.rules import EntryKind
from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from tests import builders

START, FIRST, LAST = date(2026, 2, 28), date(2026, 3, 3), date(2026, 3, 12)


def live_through(engine: Engine) -> None:
    """Close 28 February to 12 March. Cards a to f owe 1,000.00 each with a minimum of 100.00, g is in credit.

    a: due 20 December, never paid. b: due 20 February, 60.00 paid on 2 March, the rest on the 9th. c: due 1 March,
    never paid. d: due 1 March, refunded on the 4th. e: due 6 March, paid on the day. f (a loan): due 20 January, its
    case goes to the other agent on the 5th.
    """
    with transaction(engine) as session:
        book = builders.portfolio(session)
        for name, team in (("mei", "early"), ("jonas", "late")):
            password = "s3cret-enough-to-pass"
            user = add_user(session, name, name.title(), Role.AGENT, password, by=SYSTEM, now=builders.NOW)
            user.team = team
        due = {
            "a": date(2025, 12, 20), "b": date(2026, 2, 20), "c": date(2026, 3, 1), "d": date(2026, 3, 1),
            "e": date(2026, 3, 6), "f": date(2026, 1, 20),
        }  # fmt: skip
        cards = {
            name: builders.late_customer(session, book, due_on=on, minimum=10_000, balance=100_000)
            for name, on in due.items()
        }
        cards["f"].product = "Loan"
        in_credit = builders.account(session, builders.customer(session, book), opened_on=date(2026, 2, 1))
        builders.payment(session, in_credit, 5_000, date(2026, 3, 1))
        builders.payment(session, cards["b"], 6_000, date(2026, 3, 2))
        builders.entry(session, cards["d"], EntryKind.REFUND, 10_000, date(2026, 3, 4))
        builders.payment(session, cards["e"], 10_000, date(2026, 3, 6))
        builders.payment(session, cards["b"], 4_000, date(2026, 3, 9))
        holder = cards["f"].customer_id
    builders.close_day(engine, START)
    builders.close_day(engine, date(2026, 3, 4))
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase).where(CollectionsCase.customer_id == holder)).one()
        case.owner = "jonas" if case.owner == "mei" else "mei"
    builders.close_day(engine, LAST)
