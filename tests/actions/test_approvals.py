"""Requests to a manager: asked with their figures, decided by another person on the figures of that moment."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import offer as make_offer
from app.actions.approvals.asking import ask_approval, withdraw_request
from app.actions.approvals.deciding import decide_approval
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import waiting_items
from app.casework.approvals.rules import ApprovalStatus, Ask, AskAgreement, AskHandOver
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff import service as staff
from app.core.staff.rules import Role
from app.core.staff.tokens import issue_token
from app.core.timeline.service import lock_customers
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.agreements import monthly

ON = date(2026, 3, 20)
NOW = builders.at(ON)
BY = ON + timedelta(days=14)
BEN, MEI = Actor.user("ben"), Actor.user("mei")
HALF = AskAgreement(AgreementTerms(PlanKind.SETTLEMENT, 50_000, BY))


def a_case(engine: Engine) -> int:
    with transaction(engine) as session:
        return id_of(builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON))


def ask(engine: Engine, case_id: int, asked: Ask = HALF, role: Role = Role.AGENT) -> int:
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, case_id)
        lock_customers(session, [case.customer_id])
        return id_of(ask_approval(session, case, asked, "moves abroad", by=BEN, role=role, now=NOW))


def decide(
    engine: Engine, request_id: int, *, approve: bool, by: Actor = MEI, seen: str = "", note: str = ""
) -> None:
    with transaction(engine) as session:
        decide_approval(
            session, request_id, builders.catalog(), approve=approve, note=note, seen=seen, by=by,
            role=Role.MANAGER, now=NOW,
        )  # fmt: skip


def test_a_settlement_beyond_an_agents_limit_is_granted_by_a_manager(engine: Engine) -> None:
    case_id = a_case(engine)
    request_id = ask(engine, case_id)
    decide(engine, request_id, approve=True, seen="100000:5000", note="once")
    with transaction(engine) as session:
        request = session.get_one(ApprovalRequest, request_id)
        assert (request.status, request.decided_by) == (ApprovalStatus.APPROVED, MEI)
        assert (request.owed_minor, request.past_due_minor, request.days_past_due) == (100_000, 5_000, 30)
        plan = session.scalars(select(Plan)).one()
        assert (plan.kind, plan.status, plan.total_minor) == (PlanKind.SETTLEMENT, PlanStatus.OFFERED, 50_000)
        assert request.plan_id == plan.id
        told = [each["text"] for each in builders.events(session, "approval.asked", "approval.granted")]
        assert told == ["moves abroad", "once"]
        task = session.scalars(select(StrategyTask)).one()
        assert (task.for_username, task.case_id) == ("ben", case_id)
        assert "approved: once" in task.text


def test_what_was_paid_meanwhile_refuses_the_approval(sqlite_engine: Engine) -> None:
    request_id = ask(sqlite_engine, a_case(sqlite_engine))
    with transaction(sqlite_engine) as session:
        builders.payment(session, session.scalars(select(Account)).one(), 6_000, ON)
    with pytest.raises(Conflict, match="Nothing is past due and owed"):
        decide(sqlite_engine, request_id, approve=True)
    decide(sqlite_engine, request_id, approve=False, note="they paid")
    with transaction(sqlite_engine) as session:
        assert session.get_one(ApprovalRequest, request_id).status is ApprovalStatus.DECLINED
        assert session.scalars(select(Plan)).all() == []
        assert len(builders.events(session, "approval.declined")) == 1


def test_other_figures_than_those_seen_refuse_the_approval(sqlite_engine: Engine) -> None:
    request_id = ask(sqlite_engine, a_case(sqlite_engine))
    with pytest.raises(Conflict, match="figures changed"):
        decide(sqlite_engine, request_id, approve=True, seen="90000:5000")
    with transaction(sqlite_engine) as session:
        assert session.get_one(ApprovalRequest, request_id).status is ApprovalStatus.REQUESTED


def test_who_may_not_decide_and_what_a_decline_needs(sqlite_engine: Engine) -> None:
    request_id = ask(sqlite_engine, a_case(sqlite_engine))
    with pytest.raises(Forbidden, match="Another manager"):
        decide(sqlite_engine, request_id, approve=True, by=BEN)
    with pytest.raises(Invalid, match="Say why not"):
        decide(sqlite_engine, request_id, approve=False)
    decide(sqlite_engine, request_id, approve=False, note="no")
    with pytest.raises(Conflict, match="declined already"):
        decide(sqlite_engine, request_id, approve=True)


@pytest.mark.parametrize(("asks", "decides"), [(MEI, "ledger"), ("ledger", MEI), ("ledger", "second")])
def test_nobody_approves_by_a_token_what_they_asked_for(
    engine: Engine, asks: Actor | str, decides: Actor | str
) -> None:
    """Mei holds two tokens; the core bank's token is nobody's."""
    case_id = a_case(engine)
    asker, decider = (each if isinstance(each, Actor) else Actor.token(each) for each in (asks, decides))
    with transaction(engine) as session:
        staff.add_user(session, "mei", "Mei", Role.MANAGER, "four blue kettles", by=SYSTEM, now=NOW)
        for name in ("ledger", "second"):
            issue_token(session, name, Role.MANAGER, owner="mei", by=SYSTEM, now=NOW)
        issue_token(session, "core bank", Role.MANAGER, by=SYSTEM, now=NOW)
        case = session.get_one(CollectionsCase, case_id)
        lock_customers(session, [case.customer_id])
        asked = ask_approval(session, case, HALF, "moves abroad", by=asker, role=Role.AGENT, now=NOW)
        request_id = id_of(asked)
    with pytest.raises(Forbidden, match="Another manager decides"):
        decide(engine, request_id, approve=True, by=decider)
    decide(engine, request_id, approve=True, by=Actor.token("core bank"))


def test_a_request_within_ones_own_limit_is_refused(sqlite_engine: Engine) -> None:
    case_id = a_case(sqlite_engine)
    terms = monthly(50_000, 0, 6, BY)
    with pytest.raises(Invalid, match="Offer it yourself"):
        ask(sqlite_engine, case_id, AskAgreement(terms))
    with pytest.raises(Invalid, match="Offer it yourself"):
        ask(sqlite_engine, case_id, HALF, role=Role.MANAGER)
    with pytest.raises(Invalid, match="less than what is owed"):
        ask(sqlite_engine, case_id, AskAgreement(AgreementTerms(PlanKind.SETTLEMENT, 100_000, BY)))


def test_a_plan_and_a_hand_over_are_done_by_their_approval(sqlite_engine: Engine) -> None:
    case_id = a_case(sqlite_engine)
    with transaction(sqlite_engine) as session:
        staff.add_user(session, "jonas", "Jonas", Role.AGENT, "correct horse battery", by=SYSTEM, now=NOW)
    plan = ask(sqlite_engine, case_id, AskAgreement(monthly(60_000, 0, 24, BY)))
    over = ask(sqlite_engine, case_id, AskHandOver("jonas"))
    decide(sqlite_engine, plan, approve=True)
    decide(sqlite_engine, over, approve=True)
    with transaction(sqlite_engine) as session:
        assert session.scalars(select(Plan)).one().kind is PlanKind.INSTALMENTS
        assert session.get_one(CollectionsCase, case_id).owner == "jonas"
        assert len(builders.events(session, "case.handed_over")) == 1


def test_one_takes_back_only_ones_own_request(sqlite_engine: Engine) -> None:
    request_id = ask(sqlite_engine, a_case(sqlite_engine))
    with transaction(sqlite_engine) as session, pytest.raises(Forbidden, match="Another person"):
        withdraw_request(session, request_id, by=MEI, now=NOW)
    with transaction(sqlite_engine) as session:
        withdraw_request(session, request_id, by=BEN, now=NOW)
    with transaction(sqlite_engine) as session:
        assert waiting_items(session) == []
        assert len(builders.events(session, "approval.withdrawn")) == 1


def test_two_who_ask_or_decide_at_once_are_one(engine: Engine) -> None:
    case_id = a_case(engine)

    def at_once(*acts: object) -> list[str]:
        said: list[str] = []
        barrier = threading.Barrier(len(acts))

        def run(act: object) -> None:
            barrier.wait()
            try:
                act()  # type: ignore[operator]
                said.append("done")
            except DeskError as refused:
                said.append(refused.message)

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        return sorted(said)

    asked = at_once(lambda: ask(engine, case_id), lambda: ask(engine, case_id))
    assert [each for each in asked if each != "done"] == [
        f"Case C-{case_id:06d} has such a request already, and it waits for a manager."
    ]
    request_id = waiting(engine)
    decided = at_once(
        lambda: decide(engine, request_id, approve=True),
        lambda: decide(engine, request_id, approve=True, by=Actor.user("grace")),
    )
    assert decided == ["This request is approved already.", "done"]
    with transaction(engine) as session:
        assert len(session.scalars(select(Plan)).all()) == 1


def waiting(engine: Engine) -> int:
    with transaction(engine) as session:
        return id_of(_only(session))


def _only(session: Session) -> ApprovalRequest:
    return session.scalars(select(ApprovalRequest)).one()


@pytest.mark.parametrize(("amount", "alone"), [(50_000, True), (49_999, False)])
def test_beyond_a_managers_limit_a_second_manager_approves(
    sqlite_engine: Engine, amount: int, alone: bool
) -> None:
    case_id = a_case(sqlite_engine)
    with transaction(sqlite_engine) as session:
        session.scalars(select(Portfolio)).one().manager_max_discount_percent = 50

    def offer() -> None:
        with transaction(sqlite_engine) as session:
            case = session.get_one(CollectionsCase, case_id)
            terms = AgreementTerms(PlanKind.SETTLEMENT, amount, BY)
            make_offer(session, case, terms, builders.catalog(), grantor=Grantor(BEN, Role.MANAGER), now=NOW)

    if alone:
        offer()
    else:
        with pytest.raises(Forbidden, match="50 % that a manager may grant alone") as refused:
            offer()
        assert refused.value.field == "amount"
        request_id = ask(
            sqlite_engine,
            case_id,
            AskAgreement(AgreementTerms(PlanKind.SETTLEMENT, amount, BY)),
            role=Role.MANAGER,
        )
        decide(sqlite_engine, request_id, approve=True)
    with transaction(sqlite_engine) as session:
        assert session.scalars(select(Plan)).one().total_minor == amount


def test_a_program_that_saw_no_figures_waives_no_more_than_was_asked(sqlite_engine: Engine) -> None:
    request_id = ask(sqlite_engine, a_case(sqlite_engine))
    with transaction(sqlite_engine) as session:
        account = session.scalars(select(Account)).one()
        builders.entry(session, account, EntryKind.PURCHASE, 20_000, ON)
    with pytest.raises(Conflict, match="more would be waived"):
        decide(sqlite_engine, request_id, approve=True)
    with transaction(sqlite_engine) as session:
        assert session.get_one(ApprovalRequest, request_id).status is ApprovalStatus.REQUESTED
        assert session.scalars(select(Plan)).all() == []
