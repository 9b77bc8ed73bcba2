"""A bank's credit that names an instalment goes to the customer's account and to that instalment, or to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.feeds.loads import load
from app.book.feeds.bank.matching import match_payment
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import FeedKind
from app.casework.plans.models import InstalmentPayment, Plan, PlanInstalment
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.linking import link_touched
from app.casework.plans.tracking.payments import progress_of
from app.casework.plans.tracking.references import in_groups, reference_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.settings import get_settings
from tests import builders
from tests.book.feeds.bank.test_camt054 import details, entry, notification

PAID = date(2026, 2, 20)
DUE = (date(2026, 3, 10), date(2026, 4, 10), date(2026, 5, 10))
Read = Callable[..., None]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DESK_SECRET_KEY", "k" * 40)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def read(engine: Engine, tmp_path: Path) -> Read:
    def run(text: str, kind: FeedKind = FeedKind.CAMT054) -> None:
        path = tmp_path / ("camt.xml" if kind is FeedKind.CAMT054 else "payments.csv")
        path.write_text(text, encoding="utf-8")
        report = load(
            engine, kind, path, builders.BOOK, rejects_dir=tmp_path / "rejects", by=Actor.user("ann"), now=builders.NOW
        )  # fmt: skip
        assert report.rejected == 0

    return run


def credit(
    structured: str = "", text: str = "", *, amount: str = "100.00", ref: str = "B1", iban: str = ""
) -> str:
    told = details(structured=structured, text=text, **({"iban": iban} if iban else {}))
    return notification(entry(told, amount=amount, ref=ref))


def a_plan(session: Session, *, status: PlanStatus = PlanStatus.ACTIVE) -> Plan:
    case = builders.delinquent_case(session, due_on=PAID - timedelta(days=20), on=PAID - timedelta(days=5))
    plan = Plan(
        portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id, kind=PlanKind.INSTALMENTS,
        status=status, total_minor=30_000, offered_at=builders.at(PAID - timedelta(days=4)), offered_by="user:ann",
        accepted_on=PAID - timedelta(days=4), assess_on=DUE[0], grace_days=3,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    for n, due_on in enumerate(DUE, start=1):
        session.add(PlanInstalment(plan_id=id_of(plan), n=n, due_on=due_on, amount_minor=10_000))
    session.flush()
    return plan


def links(session: Session) -> list[tuple[int, int]]:
    return [(link.plan_id, link.n) for link in session.scalars(select(InstalmentPayment))]


def paid(session: Session, plan: Plan, on: date = PAID) -> tuple[int, ...]:
    return tuple(line.paid for line in progress_of(session, plan, on).instalments)


def test_it_comes_back_to_the_exact_instalment(engine: Engine, read: Read) -> None:
    with transaction(engine) as session:
        plan_id = id_of(a_plan(session))
    reference = reference_of(plan_id, 2)
    read(credit(reference))
    read(credit(text=f"Rate {in_groups(reference_of(plan_id, 3)).lower()}", amount="130.00", ref="B2"))
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        first, second = [
            e for e in session.scalars(select(Entry).order_by(Entry.id)) if e.source == "feed:camt054"
        ]
        assert session.get_one(Account, first.account_id).customer_id == plan.customer_id
        assert first.description == f"bank credit; {reference}"
        assert sorted(links(session)) == [(plan_id, 2), (plan_id, 3)]
        assert paid(session, plan) == (3_000, 10_000, 10_000), (
            "what is too much goes to the oldest that is short"
        )
        session.delete(session.get_one(InstalmentPayment, id_of(second)))
        session.flush()
        assert paid(session, plan) == (10_000, 10_000, 3_000), "without a name to the oldest"


def test_a_payments_file_may_carry_the_reference(engine: Engine, read: Read) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        plan_id, [card] = id_of(plan), session.scalars(select(Account)).all()
        other = a_plan(session)
        stranger = reference_of(id_of(other), 2)
        name = card.reference
    own = reference_of(plan_id, 2)
    read(
        builders.csv_text(
            "payment_ref,account_ref,paid_on,amount,method",
            ("P-1", name, PAID, "100.00", f"transfer {own}"),
            ("P-2", name, PAID, "10.00", f"transfer {stranger}"),
            ("P-3", name, PAID, "10.00", f"transfer {own[:-1]}9"),
        ),
        FeedKind.PAYMENTS,
    )
    with transaction(engine) as session:
        assert links(session) == [(plan_id, 2)], "an agreement of another customer is not paid by it"
        assert paid(session, session.get_one(Plan, plan_id)) == (2_000, 10_000, 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(PlanStatus.ACTIVE, True), (PlanStatus.BROKEN, False), (PlanStatus.CANCELLED, False)],
)
def test_the_reference_of_an_ended_plan_still_finds_the_account(
    engine: Engine, read: Read, status: PlanStatus, expected: bool
) -> None:
    with transaction(engine) as session:
        plan_id = id_of(a_plan(session, status=status))
    read(credit(reference_of(plan_id, 1)))
    with transaction(engine) as session:
        assert [e.amount_minor for e in session.scalars(select(Entry)) if e.source == "feed:camt054"] == [
            -10_000
        ]
        assert links(session) == ([(plan_id, 1)] if expected else [])


def test_money_that_could_go_wrong_waits_for_a_person(engine: Engine, read: Read) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        other_book = builders.portfolio(session, "OTHER")
        strange = a_plan(session)
        strange.portfolio_id = id_of(other_book)
        session.flush()
        plan_id, strange_id = id_of(plan), id_of(strange)
        twin = a_plan(session)
        twin_id = id_of(twin)
        name = session.scalars(select(Account).where(Account.customer_id == twin.customer_id)).one().reference
    wrong = reference_of(plan_id, 1)
    wrong = wrong[:2] + f"{(int(wrong[2:4]) + 1) % 97:02d}" + wrong[4:]
    for n, (sent, why) in enumerate(
        (
            (reference_of(strange_id, 1), f"instalment 1 of P-{strange_id:06d} is named; this portfolio has none such"),
            (reference_of(999_999, 1), "instalment 1 of P-999999 is named; this portfolio has none such"),
            (reference_of(plan_id, 7), f"instalment 7 of P-{plan_id:06d} is named; this portfolio has none such"),
            (wrong, "no account is named in it and its bank account has not paid before"),
            (f"{reference_of(plan_id, 1)} {name}", f"names instalment 1 of P-{plan_id:06d}, and {name}"),
            (f"{reference_of(plan_id, 1)} {reference_of(twin_id, 1)}", f"and instalment 1 of P-{twin_id:06d}"),
        ),
    ):  # fmt: skip
        read(credit(text=sent, ref=f"W{n}", amount=f"{n + 1}.00"))
        with transaction(engine) as session:
            waits = session.scalars(select(UnmatchedPayment).order_by(UnmatchedPayment.id.desc())).first()
            assert waits is not None
            assert waits.amount_minor == 100 * (n + 1), sent
            assert why in waits.why
            assert links(session) == []


def test_of_several_accounts_the_longest_overdue_that_owes_as_much(engine: Engine, read: Read) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        plan_id = id_of(plan)
        holder = session.scalars(select(Account)).one().customer_id
        second = builders.account(session, session.get_one(Customer, holder), reference="SECOND")
        builders.payment(session, second, 100, PAID - timedelta(days=1))
    read(credit(reference_of(plan_id, 1), amount="900.00"))
    read(credit(reference_of(plan_id, 2), amount="2000.00", ref="B2"))
    with transaction(engine) as session:
        [posted] = [e for e in session.scalars(select(Entry)) if e.source == "feed:camt054"]
        assert session.get_one(Account, posted.account_id).reference != "SECOND"
        waits = session.scalars(select(UnmatchedPayment)).one()
        assert "it is more than any one of" in waits.why
        big = session.get_one(Account, posted.account_id)
        match_payment(session, waits, big, by=Actor.user("ann"), now=builders.NOW)
        assert link_touched(session) == 1, "a person who matches it by hand keeps its instalment"
        assert sorted(links(session)) == [(plan_id, 1), (plan_id, 2)]
