"""Two who act on one customer at once: the second waits, then sees what the first has done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import accept_offer, cancel_agreement, offer, promise
from app.actions.holds import place_hold, review_hold
from app.api.cases.lookup import case_named
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import get_hold
from app.casework.holds.service import end_due_holds
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.offers import expire_offers
from app.casework.plans.queries import plan_of
from app.casework.plans.rules import PlanStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers
from app.core.vocabulary import HoldKind
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.planning.service import plan_contacts
from app.web.accounts.account_file import open_account
from app.web.cases.case_file import open_case_file
from tests import builders
from tests.agreements import monthly
from tests.inbound.correspondence import a_customer

ON = date(2026, 3, 20)
NOW = builders.at(ON)
DAY = timedelta(days=1)
ANN, BEN = Actor.user("ann"), Actor.user("ben")
WAITS = 0.7
"""Seconds in which a second transaction that does not wait would be done."""

Open = Callable[[Session, int], CollectionsCase]


def on_the_page(session: Session, case_id: int) -> CollectionsCase:
    return open_case_file(session, case_id, NOW, lock=True).case


def by_the_api(session: Session, case_id: int) -> CollectionsCase:
    return case_named(session, f"C-{case_id:06d}", lock=True)


DOORS = pytest.mark.parametrize("open_it", [on_the_page, by_the_api])


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[list[object]]:
    """Start `work` in another thread and let it run into whatever it waits for; wait for it at the end of the block.
    Yields a list that then holds what it returned or raised."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WAITS)
    yield found
    thread.join(20)
    assert not thread.is_alive()


def the_case(engine: Engine) -> int:
    with transaction(engine) as session:
        return id_of(session.scalars(select(CollectionsCase)).one())


def disputes_by_sms(engine: Engine) -> None:
    with transaction(engine) as session:
        arrived = Arrived("SM1", "+8613911112222", "+8621555000", "I dispute this debt")
        receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)


@DOORS
def test_a_dispute_by_sms_while_an_agent_places_it_is_one_hold_and_one_letter(
    postgres_engine: Engine, open_it: Open
) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        case = open_it(session, case_id)
        with meanwhile(partial(disputes_by_sms, postgres_engine)) as found:
            assert not found, "it waits"
            place_hold(
                session,
                case,
                HoldKind.DISPUTE,
                "said so",
                ON + 30 * DAY,
                builders.catalog(),
                by=ANN,
                now=NOW,
            )
            session.commit()
    assert found == [None]
    with transaction(postgres_engine) as session:
        assert [hold.by for hold in session.scalars(select(CaseHold))] == [ANN]
    assert [message.letter for message in builders.messages(postgres_engine)] == ["dispute_acknowledged"]


def promises(engine: Engine, open_it: Open, case_id: int, amount: int) -> None:
    with transaction(engine) as session:
        promise(session, open_it(session, case_id), amount, ON + 5 * DAY, builders.catalog(), by=BEN, now=NOW)


@pytest.mark.parametrize("second", [on_the_page, by_the_api])
@DOORS
def test_two_promises_at_once_are_one_promise(postgres_engine: Engine, open_it: Open, second: Open) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        case = open_it(session, case_id)
        with meanwhile(partial(promises, postgres_engine, second, case_id, 4_000)) as found:
            assert not found, "it waits"
            promise(session, case, 5_000, ON + 3 * DAY, builders.catalog(), by=ANN, now=NOW)
            session.commit()
    assert "is running" in str(found[0])
    with transaction(postgres_engine) as session:
        assert [plan.total_minor for plan in session.scalars(select(Plan))] == [5_000]
    assert len(builders.messages(postgres_engine)) == 2, "one by SMS, one by e-mail"


@DOORS
def test_a_case_that_is_closed_while_an_agent_waits_is_seen_closed(
    postgres_engine: Engine, open_it: Open
) -> None:
    customer_id = id_of(a_customer(postgres_engine))
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        lock_customers(session, [customer_id])
        case = session.get_one(CollectionsCase, case_id)
        with meanwhile(partial(promises, postgres_engine, open_it, case_id, 4_000)) as found:
            assert not found, "it waits"
            case.status, case.outcome, case.closed_on = CaseStatus.CLOSED, CaseOutcome.CURED, ON
            session.commit()
    assert isinstance(found[0], Conflict)
    assert "is closed" in str(found[0])
    assert builders.messages(postgres_engine) == []


@DOORS
def test_an_offer_withdrawn_while_it_is_accepted_confirms_nothing(
    postgres_engine: Engine, open_it: Open
) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        terms = monthly(5_000, 0, 2, ON + 10 * DAY)
        case = by_the_api(session, case_id)
        made = offer(session, case, terms, builders.catalog(), grantor=Grantor(ANN, Role.AGENT), now=NOW)
        plan_id = id_of(made.plan)

    def accepts() -> None:
        with transaction(postgres_engine) as session:
            plan = plan_of(session, open_it(session, case_id), plan_id)
            accept_offer(session, plan, builders.catalog(), by=BEN, now=NOW)

    with transaction(postgres_engine) as session:
        plan = plan_of(session, open_it(session, case_id), plan_id)
        with meanwhile(accepts) as found:
            assert not found, "it waits"
            cancel_agreement(session, plan, "they cannot afford it", builders.catalog(), by=ANN, now=NOW)
            session.commit()
    assert "Only an offer can be accepted" in str(found[0])
    assert [message.letter for message in builders.messages(postgres_engine)] == ["plan_offer"]


@DOORS
def test_a_planner_waits_for_the_hold_that_is_being_placed(postgres_engine: Engine, open_it: Open) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)

    def plans() -> dict[str, int]:
        with transaction(postgres_engine) as session:
            case = session.get_one(CollectionsCase, case_id)
            portfolio = session.get_one(Portfolio, case.portfolio_id)
            return plan_contacts(session, portfolio, [case_id], builders.catalog(), on=ON, now=NOW)

    with transaction(postgres_engine) as session:
        case = open_it(session, case_id)
        with meanwhile(plans) as found:
            assert not found, "it waits"
            place_hold(
                session, case, HoldKind.DECEASED, "says the son", ON + 30 * DAY, builders.catalog(),
                by=ANN, now=NOW,
            )  # fmt: skip
            session.commit()
    [counts] = found
    assert isinstance(counts, dict), counts
    assert counts["cleared"] == 0
    assert builders.messages(postgres_engine) == []


def test_the_page_of_an_account_waits_for_the_same_lock(postgres_engine: Engine) -> None:
    customer_id = id_of(a_customer(postgres_engine))

    def opens() -> int:
        with transaction(postgres_engine) as session:
            [account] = session.scalars(select(Account).where(Account.customer_id == customer_id)).all()
            return id_of(open_account(session, id_of(account), NOW, lock=True).account)

    with transaction(postgres_engine) as session:
        lock_customers(session, [customer_id])
        with meanwhile(opens) as found:
            assert not found, "it waits"
            session.commit()
    assert isinstance(found[0], int)


def test_a_hold_that_is_kept_while_the_night_would_end_it_stands(postgres_engine: Engine) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        hold = place_hold(
            session, by_the_api(session, case_id), HoldKind.HARDSHIP, "ill", ON + DAY, builders.catalog(),
            by=ANN, now=NOW,
        ).hold  # fmt: skip
        hold_id = id_of(hold)

    def night() -> int:
        with transaction(postgres_engine) as session:
            portfolio = session.scalars(select(Portfolio)).one()
            return end_due_holds(session, portfolio, ON, now=builders.night_after(ON))

    with transaction(postgres_engine) as session:
        case = on_the_page(session, case_id)
        with meanwhile(night) as found:
            assert not found, "it waits"
            hold = get_hold(session, case.customer_id, hold_id, lock=True)
            review_hold(session, hold, "still ill", ON + 30 * DAY, by=ANN, now=NOW)
            session.commit()
    assert found == [0]
    with transaction(postgres_engine) as session:
        assert session.get_one(CaseHold, hold_id).ended_at is None


def test_an_offer_that_is_accepted_while_the_night_would_end_it_is_accepted(postgres_engine: Engine) -> None:
    a_customer(postgres_engine)
    case_id = the_case(postgres_engine)
    with transaction(postgres_engine) as session:
        terms = monthly(5_000, 0, 2, ON)
        made = offer(
            session,
            by_the_api(session, case_id),
            terms,
            builders.catalog(),
            grantor=Grantor(ANN, Role.AGENT),
            now=NOW,
        )
        plan_id = id_of(made.plan)

    def night() -> int:
        with transaction(postgres_engine) as session:
            portfolio = session.scalars(select(Portfolio)).one()
            return expire_offers(session, portfolio, ON, now=builders.night_after(ON))

    with transaction(postgres_engine) as session:
        plan = plan_of(session, on_the_page(session, case_id), plan_id)
        with meanwhile(night) as found:
            assert not found, "it waits"
            accept_offer(session, plan, builders.catalog(), by=ANN, now=NOW)
            session.commit()
    assert found == [0]
    with transaction(postgres_engine) as session:
        assert session.get_one(Plan, plan_id).status is PlanStatus.ACTIVE
