"""Instalments moved and skipped: the rows, the event, the night that judges by the new schedule, and who is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.queries import get_case
from app.casework.plans.events import InstalmentMoved, InstalmentSkipped
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import Cadence, InstalmentChange, PlanKind, PlanStatus
from app.casework.plans.service import cancel
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.assessment import assess_due
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.operations.invariants.agreements import instalment_changes_are_agreed
from app.outreach.outbox.models import OutboxMessage
from tests import builders

TODAY = date(2026, 3, 20)
D1, D2, D3 = date(2026, 4, 10), date(2026, 5, 8), date(2026, 6, 10)
DAY = timedelta(days=1)
ANN = Actor.user("ann")


def a_plan(session: Session, *, skips: int = 1, amount: int = 10_000) -> Plan:
    """A running plan of three instalments."""
    case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=10), on=TODAY)
    plan = Plan(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=PlanKind.INSTALMENTS,
        status=PlanStatus.ACTIVE,
        total_minor=3 * amount,
        offered_at=builders.at(TODAY),
        offered_by=ANN,
        accepted_on=TODAY,
        assess_on=D1,
        grace_days=3,
        skips_allowed=skips,
    )
    session.add(plan)
    session.flush()
    for n, due_on in enumerate((D1, D2, D3), start=1):
        session.add(PlanInstalment(plan_id=id_of(plan), n=n, due_on=due_on, amount_minor=amount))
    session.flush()
    return plan


def night(session: Session, plan: Plan, on: date) -> tuple[PlanStatus, date | None]:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    assess_due(session, portfolio, on, now=builders.night_after(on))
    return plan.status, plan.assess_on


def test_a_moved_instalment_is_on_record_and_judged_on_its_new_day(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        row = move_instalment(
            session,
            plan,
            1,
            D1 + 7 * DAY,
            builders.catalog(),
            " paid on the 17th ",
            by=ANN,
            now=builders.at(D1),
        ).change
        assert (row.change, row.from_on, row.to_on, row.reason, row.by) == (
            InstalmentChange.MOVED, D1, D1 + 7 * DAY, "paid on the 17th", ANN,
        )  # fmt: skip
        part = session.get_one(PlanInstalment, (id_of(plan), 1))
        assert (part.due_on, part.agreed_on, plan.assess_on) == (D1 + 7 * DAY, D1, D1 + 7 * DAY)
        [event] = builders.events(session, InstalmentMoved.KIND, customer_id=plan.customer_id)
        assert event["kind"] == InstalmentMoved.KIND
        active = PlanStatus.ACTIVE
        assert night(session, plan, D1 + 4 * DAY) == (active, D1 + 7 * DAY)
        assert night(session, plan, D1 + 8 * DAY) == (active, D1 + 10 * DAY), "in grace from the new day on"
        assert night(session, plan, D1 + 11 * DAY)[0] is PlanStatus.BROKEN
        assert plan.why == (
            "instalment 1, due 2026-04-17, was not received in full within the grace period: nothing of it came"
        )


def test_a_date_moves_once_a_month_of_the_calendar(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        move_instalment(
            session, plan, 2, D2 + DAY, builders.catalog(), by=ANN, now=builders.at(date(2026, 3, 31))
        )
        move_instalment(
            session, plan, 2, D2 + 2 * DAY, builders.catalog(), by=ANN, now=builders.at(date(2026, 4, 1))
        )
        with pytest.raises(Conflict, match="once a month"):
            move_instalment(
                session, plan, 3, D3 + DAY, builders.catalog(), by=ANN, now=builders.at(date(2026, 4, 30))
            )
        assert session.get_one(PlanInstalment, (id_of(plan), 2)).agreed_on == D2


@pytest.mark.parametrize(
    ("kind", "setting", "most", "says"),
    [
        (PlanKind.INSTALMENTS, "plan_months", 2, "ends within 2 months"),
        (PlanKind.SETTLEMENT, "settlement_days", (D3 - TODAY).days, "paid within 82 days"),
    ],
)
def test_a_moved_date_makes_no_agreement_longer_than_is_permitted(
    sqlite_engine: Engine, kind: PlanKind, setting: str, most: int, says: str
) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_plan(session)
        plan.kind = kind
        session.get_one(Portfolio, plan.portfolio_id).sqlmodel_update({setting: most, "moves_a_month": 5})
        with pytest.raises(Invalid, match=says) as refused:
            move_instalment(session, plan, 3, D3 + DAY, builders.catalog(), by=ANN, now=builders.at(TODAY))
        assert refused.value.field == "due_on"
        assert session.get_one(PlanInstalment, (id_of(plan), 3)).due_on == D3, "nothing half done"
        for n, day in ((3, D3 - DAY), (3, D3), (2, D2 + DAY)):
            move_instalment(session, plan, n, day, builders.catalog(), by=ANN, now=builders.at(TODAY))


def test_a_skipped_instalment_falls_due_with_the_last(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        [card] = session.scalars(select(Account)).all()
        row = skip_instalment(
            session,
            plan,
            1,
            builders.catalog(),
            "new job",
            grantor=Grantor(ANN, Role.AGENT),
            now=builders.at(D1),
        ).change
        assert (row.change, row.from_on, row.to_on) == (InstalmentChange.SKIPPED, D1, D3)
        assert plan.assess_on == D2
        [event] = builders.events(session, InstalmentSkipped.KIND, customer_id=plan.customer_id)
        assert event["kind"] == InstalmentSkipped.KIND
        assert night(session, plan, D1 + 4 * DAY) == (PlanStatus.ACTIVE, D2)
        builders.payment(session, card, 10_000, D2)
        assert night(session, plan, D2) == (PlanStatus.ACTIVE, D3)
        builders.payment(session, card, 10_000, D3)
        assert night(session, plan, D3 + DAY) == (PlanStatus.ACTIVE, D3 + 3 * DAY), (
            "half of the last is missing"
        )
        builders.payment(session, card, 10_000, D3 + 2 * DAY)
        assert night(session, plan, D3 + 2 * DAY)[0] is PlanStatus.KEPT


@pytest.mark.parametrize("most", [0, 1])
def test_what_the_portfolio_does_not_permit_nobody_skips(sqlite_engine: Engine, most: int) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_plan(session, skips=0)
        session.get_one(Portfolio, plan.portfolio_id).plan_skips = most
        if most:
            skip_instalment(
                session, plan, 1, builders.catalog(), grantor=Grantor(ANN, Role.AGENT), now=builders.at(TODAY)
            )
        with pytest.raises(
            Conflict, match="At most one payment of" if most else "No payment of an agreement"
        ):
            skip_instalment(
                session,
                plan,
                2,
                builders.catalog(),
                grantor=Grantor(ANN, Role.MANAGER, is_second=True),
                now=builders.at(TODAY),
            )
        assert len(session.scalars(select(PlanChange)).all()) == most


def test_an_ended_plan_and_a_case_with_the_lawyers_are_not_changed(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_plan(session)
        case = get_case(session, plan.case_id)
        case.with_legal_since = builders.at(TODAY)
        with pytest.raises(Conflict, match="with the legal team"):
            move_instalment(session, plan, 1, D1 + DAY, builders.catalog(), by=ANN, now=builders.at(TODAY))
        case.with_legal_since = None
        with pytest.raises(Invalid, match="before today"):
            move_instalment(session, plan, 1, TODAY, builders.catalog(), by=ANN, now=builders.at(TODAY + DAY))
        cancel(session, plan, "lost her job", by=ANN, today=TODAY, now=builders.at(TODAY))
        for change in (
            lambda: move_instalment(
                session, plan, 1, D1 + DAY, builders.catalog(), by=ANN, now=builders.at(TODAY)
            ),
            lambda: skip_instalment(
                session, plan, 1, builders.catalog(), grantor=Grantor(ANN, Role.AGENT), now=builders.at(TODAY)
            ),
        ):
            with pytest.raises(Conflict, match=f"{plan.reference} is cancelled. Only a running"):
                change()
        assert not session.scalars(select(PlanChange)).all()


def a_plan_at_a_rate(session: Session) -> Plan:
    """300.00 in three months at 12 % a year, agreed with its concession."""
    builders.portfolio(session, accrues=True)
    case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=10), on=TODAY)
    terms = AgreementTerms(
        PlanKind.HARDSHIP, 30_000, D1, 3, Cadence.MONTHLY, apr_millionths=120_000, skips_allowed=1
    )
    made = agree(
        session, case, terms, builders.catalog(), grantor=Grantor(ANN, Role.MANAGER), now=builders.at(TODAY)
    )
    return made.plan


def figures(session: Session, plan: Plan) -> list[tuple[int, int]]:
    return [(part.amount, part.interest) for part in instalments_of(session, [id_of(plan)])[id_of(plan)]]


def test_a_move_and_a_skip_change_the_interest_of_the_last_payment_and_the_customer_is_told(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        plan = a_plan_at_a_rate(session)
        before = figures(session, plan)
        row = move_instalment(
            session, plan, 1, D1 + 7 * DAY, builders.catalog(), by=ANN, now=builders.at(TODAY)
        ).change
        after = figures(session, plan)
        assert [amount for amount, _ in after[:2]] == [amount for amount, _ in before[:2]]
        # 12 % of 102.12 for 7 days
        assert row.interest_minor == after[2][0] - before[2][0] == 24
        assert plan.total_minor == sum(amount for amount, _ in after)
        assert plan.total_minor - sum(interest for _, interest in after) == 30_000
        [moved] = session.scalars(select(Event).where(Event.kind == InstalmentMoved.KIND))
        payload = InstalmentMoved.from_json(moved.data)
        assert (payload.amount_minor, payload.last_minor) == (after[0][0], after[2][0])
        skip = skip_instalment(
            session,
            plan,
            2,
            builders.catalog(),
            grantor=Grantor(ANN, Role.AGENT),
            now=builders.at(TODAY + DAY),
        ).change
        last = figures(session, plan)[2][0]
        assert skip.interest_minor == last - after[2][0] > 100, "12 % of 102.12 for a month"
        portfolio = session.get_one(Portfolio, plan.portfolio_id)
        assert list(instalment_changes_are_agreed(session, portfolio)) == []
    texts = {(row.letter, row.destination.value): row.text for row in builders.messages(engine)}
    for channel in ("sms", "email"):
        assert f"{after[2][0] / 100:.2f}" in texts["instalment_moved", channel]
        assert f"{(before[1][0] + last) / 100:.2f}" in texts["instalment_skipped", channel]
    assert "includes the interest until then" in texts["instalment_skipped", "email"]


def moved_texts(session: Session) -> list[str]:
    session.flush()
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.letter == "instalment_moved"))
    return [" ".join(row.text.split()) for row in rows]


@pytest.mark.parametrize(
    ("skipped", "paid", "moved", "says"),
    [(None, 4_000, 1, "CN¥60.00"), (2, 0, 3, "CN¥200.00"), (2, 14_000, 3, "CN¥160.00")],
    ids=["a part came", "the last after a skip", "the last, of which a part came"],
)
def test_the_letter_of_a_moved_instalment_names_what_is_missing_of_it(
    sqlite_engine: Engine, skipped: int | None, paid: int, moved: int, says: str
) -> None:
    with transaction(sqlite_engine) as session:
        plan, now = a_plan(session), builders.at(TODAY)
        if paid:
            builders.payment(session, session.scalars(select(Account)).one(), paid, TODAY)
        if skipped:
            skip_instalment(
                session, plan, skipped, builders.catalog(), grantor=Grantor(ANN, Role.AGENT), now=now
            )
        due_on = {1: D1, 3: D3}[moved] + 2 * DAY
        move_instalment(session, plan, moved, due_on, builders.catalog(), by=ANN, now=now)
        texts = moved_texts(session)
        assert len(texts) == 2
        for text in texts:
            assert f"{says} is now due on {due_on.day} " in text


def test_the_letter_of_the_last_moved_one_names_its_amount_with_interest_once(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_plan_at_a_rate(session)
        row = move_instalment(
            session, plan, 3, D3 + 2 * DAY, builders.catalog(), by=ANN, now=builders.at(TODAY)
        ).change
        assert row.interest_minor
        last = f"CN¥{figures(session, plan)[2][0] / 100:.2f}"
        texts = moved_texts(session)
        assert len(texts) == 2
        for text in texts:
            assert f"{last} is now due on 12 June 2026" in text
            assert text.count(last) == 1
