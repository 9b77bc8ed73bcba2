"""The printed agreement shows each amount as agreed, and each as it stands, whatever was paid, moved or skipped."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import schedule
from app.casework.plans.terms import AgreementTerms, stored_terms
from app.casework.plans.tracking.assessing import as_due
from app.casework.plans.tracking.changes import give_time, move_instalment, skip_instalment
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.outreach.agreements.figures import figures_as_made
from app.outreach.agreements.payment_code import Payee
from app.outreach.agreements.reader import Reader
from app.outreach.letters.letter import InstalmentLine
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
READER, PAYEE, MEI = Reader("en", "EUR"), Payee("", ""), Actor.user("mei")
_books = itertools.count(1)

Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["pay", "move", "skip", "time", "wait"]), st.integers(1, 6), st.integers(1, 10)
    ),
    max_size=8,
)


def begin(session: Session, payments: int, apr: int) -> Plan:
    book = builders.portfolio(
        session, f"PRINT{next(_books)}", currency="EUR", move_days=20, moves_a_month=20, plan_skips=3
    )
    customer = builders.customer(session, book)
    account = builders.account(session, customer)
    builders.entry(session, account, EntryKind.OPENING_BALANCE, 500_000, ON - 60 * DAY)
    builders.statement(session, account, ON - 40 * DAY, ON - 20 * DAY, 50_000, balance=500_000)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=id_of(customer), opened_on=ON - 10 * DAY, past_due_minor=50_000,
        balance_minor=500_000,
    )  # fmt: skip
    session.add(case)
    session.flush()
    terms = AgreementTerms(
        PlanKind.HARDSHIP, 60_000, ON + 10 * DAY, payments, Cadence.MONTHLY, apr_millionths=apr, interest_from=ON,
        skips_allowed=3,
    )  # fmt: skip
    parts = schedule(terms, [])
    plan = agreement(
        session, case, [(part.due_on, part.amount) for part in parts], accepted_on=ON, kind=PlanKind.HARDSHIP,
        apr_millionths=apr, skips_allowed=3, terms=stored_terms(terms), counts_from=ON,
    )  # fmt: skip
    for part in parts:
        session.get_one(PlanInstalment, (id_of(plan), part.n)).interest_minor = part.interest
    session.flush()
    return plan


def do(session: Session, plan: Plan, step: Step, today: date) -> None:
    what, n, size = step
    told: dict[str, Any] = {"today": today, "now": builders.at(today)}
    part = session.get(PlanInstalment, (id_of(plan), n))
    try:
        if what == "pay":
            [account] = session.scalars(select(Account).where(Account.customer_id == plan.customer_id))
            builders.payment(session, account, size * 6_500, today, now=told["now"])
        elif what == "move" and part is not None:
            move_instalment(session, plan, n, part.due_on + (2 * size - 10) * DAY, "", by=MEI, **told)
        elif what == "skip" and part is not None:
            skip_instalment(session, plan, n, "", authority=None, by=MEI, **told)
        elif what == "time" and part is not None and not part.is_skipped:
            give_time(session, plan, {n: max(today, part.due_on) + size * DAY}, "", **told)
    except (Conflict, Forbidden, Invalid):
        pass  # the desk does not allow it


PREPAID: list[Step] = [("pay", 1, 9), ("move", 11, 7)]
"""So much comes so early that the interest of several instalments is saved."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(12, 360_000, PREPAID)
@example(12, 360_000, [("move", 3, 9), ("skip", 2, 1), *PREPAID])
@given(st.integers(1, 12), st.sampled_from([0, 59_000, 219_000, 360_000]), steps)
def test_the_printed_amounts_are_those_of_the_plan(
    engine: Engine, payments: int, apr: int, life: list[Step]
) -> None:
    with transaction(engine) as session:
        plan = begin(session, payments, apr)
        made = instalments_of(session, [id_of(plan)])[id_of(plan)]
        today = ON
        for step in life:
            today += (1 + step[2] * (step[0] == "wait")) * DAY
            do(session, plan, step, today)
            shown = figures_as_made(session, plan, READER, PAYEE)
            now = instalments_of(session, [id_of(plan)])[id_of(plan)]
            total = READER.money(sum(part.amount for part in made))
            assert shown["amount"] == total
            if payments > 1:
                assert said(shown["instalments"]) == [
                    (part.n, READER.day(part.due_on), READER.money(part.amount)) for part in made
                ]
            standing = [(part.n, READER.day(part.due_on), READER.money(part.amount)) for part in as_due(now)]
            is_as_made = [(p.n, p.due_on, p.amount) for p in as_due(now)] == [
                (p.n, p.due_on, p.amount) for p in made
            ]
            told = said(shown["instalments_now"])
            assert [line for line in told if line[1]] == ([] if is_as_made else standing)
            skipped = [part.n for part in now if part.is_skipped]
            assert [n for n, due_on, _ in told if not due_on] == skipped


def said(lines: Any) -> list[tuple[int, str, str]]:
    assert all(isinstance(line, InstalmentLine) for line in lines)
    return [(line.n, line.due_on, line.amount) for line in lines]
