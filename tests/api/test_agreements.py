"""Agreements by programs: offer, accept, cancel and settle, with the sentences and fields of the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session, select

from app.actions.approvals.asking import ask_approval
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.approvals.rules import AskAgreement
from app.casework.cases.models import CollectionsCase
from app.casework.plans.events import PlanAccepted, PlanActivated, PlanCancelled, PlanOffered
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM, Actor
from app.core.staff.rules import Role
from app.core.staff.tokens import issue_token
from tests import builders
from tests.api.program import TODAY, Program, fields, late_case
from tests.web.desk import Desk

PLAN = {"amount": "600.00", "currency": "CNY", "down_payment": "100", "payments": 5, "due_on": "2026-03-10"}


def case_at_our_rate(desk: Desk) -> CollectionsCase:
    """A late case whose interest we charge: a plan may lower it."""

    def charge_it(session: Session) -> None:
        for portfolio in session.scalars(select(Portfolio)):
            portfolio.accrues = True

    case = late_case(desk)
    desk.write(charge_it)
    return case


def test_the_letters_of_an_agreement_name_the_channel_that_carries_them(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}/plans"
    agent = program.as_(Role.AGENT)

    def by_post_only(session: Session) -> None:
        customer = session.get_one(Customer, case.customer_id)
        customer.mobile = customer.email = ""

    program.desk.write(by_post_only)
    offer = agent.post(path, PLAN).json()
    assert (offer["in_writing"]["decision"], offer["in_writing_by"]) == ("clear", "post")
    accepted = agent.post(f"{path}/{offer['reference']}/acceptance").json()
    answers = {channel: answer["decision"] for channel, answer in accepted["confirmations"].items()}
    assert answers == {"sms": "refuse", "email": "refuse", "post": "clear"}


def test_a_plan_is_previewed_offered_accepted_and_cancelled(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}/plans"
    agent = program.as_(Role.AGENT)
    parts = agent.post(f"{path}/preview", PLAN).json()["items"]
    assert [(part["n"], part["due_on"], part["amount"]) for part in parts[:3]] == [
        (0, "2026-03-10", "100.00"),
        (1, "2026-04-10", "100.00"),
        (2, "2026-05-11", "100.00"),  # 10 May is a Sunday
    ]
    assert agent.get(path).json()["items"] == [], "a preview offers nothing"

    offered = agent.post(path, PLAN)
    assert offered.status_code == 201, offered.text
    offer = offered.json()
    assert (offer["status"], offer["total"], offer["in_writing"]["decision"]) == (
        "offered",
        "600.00",
        "clear",
    )
    assert offer["in_writing_by"] == "email"
    assert offer["instalments"] == parts

    claimed = agent.post(f"{path}/{offer['reference']}/acceptance", {"acceptance": "page"})
    assert claimed.status_code == 422, "that they agreed on their own page is no person's to say"
    assert fields(claimed) == ["acceptance"]
    accepted = agent.post(f"{path}/{offer['reference']}/acceptance").json()
    assert accepted["status"] == "active"
    assert {answer["decision"] for answer in accepted["confirmations"].values()} == {"clear"}
    again = agent.post(f"{path}/{offer['reference']}/acceptance")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"Agreement {offer['reference']} is active. Only an offer can be accepted.",
    )

    ended = agent.post(f"{path}/{offer['reference']}/cancellation", {"reason": "pays at once"}).json()
    assert (ended["status"], ended["why"]) == ("cancelled", "pays at once")
    kinds = [PlanOffered.KIND, PlanAccepted.KIND, PlanActivated.KIND, PlanCancelled.KIND]
    assert [event["kind"] for event in program.events(*kinds)] == kinds
    assert [plan["status"] for plan in agent.get(path).json()["items"]] == ["cancelled"]


@pytest.mark.parametrize(
    ("change", "status", "field", "said"),
    [
        ({"payments": 0}, 422, "payments", "An agreement has 1 to 600 payments."),
        ({"payments": 24}, 403, "payments", "Ask a manager to offer it."),
        ({"amount": "1000.01"}, 422, "amount", "This is more than the customer owes."),
        ({"due_on": "2026-03-01"}, 422, "due_on", "The first payment cannot be due in the past."),
        ({"due_on": "2026-07-01"}, 422, "due_on", "The first payment is due within 90 days."),
        ({"currency": "EUR"}, 422, "currency", "currency of this portfolio is CNY"),
    ],
)
def test_a_plan_is_refused_with_its_field(
    sqlite_program: Program, change: dict[str, Any], status: int, field: str, said: str
) -> None:
    case = late_case(sqlite_program.desk)
    answer = sqlite_program.as_(Role.AGENT).post(f"/cases/{case.reference}/plans", {**PLAN, **change})
    assert (answer.status_code, fields(answer)) == (status, [field]), answer.text
    assert said in answer.json()["detail"]


def test_what_an_agent_may_not_grant_a_manager_may(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}"
    settlement = {"amount": "600.00", "currency": "CNY", "due_on": "2026-03-20"}
    refused = sqlite_program.as_(Role.AGENT).post(f"{path}/settlements", settlement)
    assert (refused.status_code, fields(refused)) == (403, ["amount"])
    made = sqlite_program.post(f"{path}/settlements", settlement)
    assert (made.status_code, made.json()["kind"], made.json()["status"]) == (201, "settlement", "offered")
    assert made.json()["in_writing"]["decision"] == "clear"
    assert len(builders.messages(sqlite_program.desk.engine)) == 1
    another = sqlite_program.post(f"{path}/settlements", settlement)
    assert (another.status_code, another.json()["detail"]) == (
        409,
        f"Until 2026-03-23 settlement {made.json()['reference']} of CNY 600.00 stands. Offer one that asks for less "
        "and no sooner, agree on another with the customer (beyond your own limit a manager does), or withdraw it if "
        "its letter has not left yet.",
    )


def test_a_plan_of_another_case_is_not_reached_through_this_one(sqlite_program: Program) -> None:
    mine, other = late_case(sqlite_program.desk), late_case(sqlite_program.desk)
    offer = sqlite_program.post(f"/cases/{mine.reference}/plans", PLAN).json()["reference"]
    answer = sqlite_program.post(f"/cases/{other.reference}/plans/{offer}/acceptance")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Case {other.reference} has no agreement {offer}. Choose one of its agreements.",
    )


@pytest.mark.parametrize("role", [Role.LEGAL, Role.ADMIN])
def test_only_casework_makes_agreements(sqlite_program: Program, role: Role) -> None:
    case = late_case(sqlite_program.desk)
    assert sqlite_program.as_(role).post(f"/cases/{case.reference}/plans", PLAN).status_code == 403


HARDSHIP = {
    "kind": "hardship", "amount": "600.00", "currency": "CNY", "payments": 6, "apr": "5", "due_on": "2026-03-10",
}  # fmt: skip
SAID = {"acceptance": "phone", "words": "The 10th of each month by bank transfer, read back."}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({}, 403, "apr"),
        ({"apr": None, "re_age": True}, 422, "re_age"),
        ({"apr": "-5"}, 422, "apr"),
        ({"apr": "101"}, 422, "apr"),
        ({"apr": "free"}, 422, "apr"),
        ({"waived_fees": "1.00"}, 422, "waived_fees"),
        ({"waived_fees": "-1"}, 422, "waived_fees"),
        ({"payments": 10_000}, 422, "payments"),
        ({"payments": -1}, 422, "payments"),
        ({"down_payment": "0.001"}, 422, "down_payment"),
        ({"cadence": "daily"}, 422, "cadence"),
        ({"cadence": "weekly", "payday": {"next_on": "2026-03-05"}}, 422, "cadence"),
        ({"payday": {"next_on": "2026-03-05", "days_after": 9}}, 422, "payday"),
        ({"cadence": "custom", "apr": None, "parts": []}, 422, "parts"),
        ({"cadence": "custom", "apr": None, "parts": [{"due_on": "2026-03-10", "amount": "1"}]}, 422, "parts"),
        ({"skips": 9}, 422, "skips"),
        ({"kind": "settlement"}, 422, "kind"),
        ({"interest_from": "2020-01-01"}, 422, "interest_from"),
        ({"currency": "EUR"}, 422, "currency"),
    ],
)  # fmt: skip
def test_a_crafted_hardship_plan_is_refused_with_its_field(
    sqlite_program: Program, change: dict[str, Any], status: int, field: str
) -> None:
    case = case_at_our_rate(sqlite_program.desk)
    agent = sqlite_program.as_(Role.AGENT)
    answer = agent.post(f"/cases/{case.reference}/plans", {**HARDSHIP, **change})
    assert (answer.status_code, fields(answer)) == (status, [field]), answer.text
    assert agent.get(f"/cases/{case.reference}/plans").json()["items"] == []


def test_a_hardship_plan_is_asked_for_granted_accepted_and_renegotiated(program: Program) -> None:
    case = case_at_our_rate(program.desk)
    path, agent = f"/cases/{case.reference}", program.as_(Role.AGENT)
    terms = {**HARDSHIP, "skips": 1}
    asked = agent.post(f"{path}/plans/request", {**terms, "reason": "lost the job"}).json()
    assert asked["kind"] == "hardship"
    assert (asked["terms"]["apr"], asked["terms"]["payments"], asked["terms"]["skips"]) == ("5", 6, 1)
    granted = program.post(f"/approvals/{asked['id']}/decision", {"decision": "approve"}).json()
    plan = f"{path}/plans/{granted['plan']}"
    silent = agent.post(f"{plan}/acceptance", {"acceptance": "phone"})
    assert (silent.status_code, fields(silent)) == (422, ["words"])
    stranger = agent.post(f"{plan}/acceptance", {**SAID, "agreed_with": 77})
    assert (stranger.status_code, fields(stranger)) == (422, ["agreed_with"])
    running = agent.post(f"{plan}/acceptance", SAID).json()
    assert (running["status"], running["acceptance"], running["acceptance_words"]) == (
        "active", "phone", SAID["words"],
    )  # fmt: skip
    assert Decimal(running["total"]) == sum(Decimal(part["amount"]) for part in running["instalments"])
    assert all(float(part["interest"]) > 0 for part in running["instalments"])

    weekly = {**PLAN, **SAID, "amount": "500.00", "cadence": "weekly", "payments": 10, "down_payment": "0"}
    refused = agent.post(f"{plan}/renegotiation", {**weekly, "payments": 24})
    assert (refused.status_code, fields(refused)) == (403, ["payments"])
    new = agent.post(f"{plan}/renegotiation", weekly)
    assert new.status_code == 201, new.text
    assert (new.json()["supersedes"], new.json()["cadence"], new.json()["apr"]) == (
        granted["plan"],
        "weekly",
        None,
    )
    listed = agent.get(f"{path}/plans").json()["items"]
    assert [each["status"] for each in listed] == ["active", "cancelled"]
    again = agent.post(f"{plan}/renegotiation", weekly)
    assert again.status_code == 409


def test_a_promise_on_two_dates_and_a_settlement_in_three_payments(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}"
    parts = [{"due_on": "2026-03-10", "amount": "20.00"}, {"due_on": "2026-03-20", "amount": "30.00"}]
    two = {"amount": "50.00", "currency": "CNY", "parts": parts}
    made = sqlite_program.post(f"{path}/promises", two).json()
    assert [(part["due_on"], part["amount"]) for part in made["instalments"]] == [
        (part["due_on"], part["amount"]) for part in parts
    ]
    sqlite_program.post(f"{path}/plans/{made['reference']}/cancellation", {"reason": "settles"})
    wrong = sqlite_program.post(f"{path}/promises", {"amount": "50.00", "currency": "CNY"})
    assert (wrong.status_code, fields(wrong)) == (422, ["due_on"])
    three = {
        "amount": "600.00",
        "currency": "CNY",
        "due_on": "2026-03-10",
        "payments": 3,
        "cadence": "four_weekly",
    }
    offered = sqlite_program.post(f"{path}/settlements", three).json()
    assert [part["amount"] for part in offered["instalments"]] == ["200.00"] * 3
    more = sqlite_program.post(f"{path}/settlements", {**three, "payments": 4})
    assert (more.status_code, fields(more)) == (422, ["payments"])


def test_an_agent_lists_their_own_requests_and_a_manager_all(program: Program) -> None:
    desk = program.desk
    desk.sign_in(Role.AGENT)
    agent = program.as_(Role.AGENT)
    own, bens = (case_at_our_rate(desk) for _ in range(2))
    wanted = {**HARDSHIP, "reason": "lost the job"}
    asked = agent.post(f"/cases/{own.reference}/plans/request", wanted).json()["id"]

    def by_ben(session: Session) -> None:
        terms = AgreementTerms(PlanKind.HARDSHIP, 60_000, TODAY, 6, Cadence.MONTHLY, apr_millionths=50_000)
        case = session.get_one(CollectionsCase, bens.id)
        ask_approval(
            session, case, AskAgreement(terms), "ill", by=Actor.user("ben"), role=Role.AGENT, now=desk.clock.now()
        )  # fmt: skip

    desk.write(by_ben)
    for_ben = desk.write(
        lambda session: issue_token(session, "bens", Role.AGENT, owner="ben", by=SYSTEM, now=desk.clock.now())
    )
    assert [row["id"] for row in agent.get("/approvals").json()["items"]] == [asked]
    theirs = agent.get("/approvals", headers={"authorization": f"Bearer {for_ben}"}).json()["items"]
    assert [row["asked_by"] for row in theirs] == ["user:ben"]
    assert [row["asked_by"] for row in program.get("/approvals").json()["items"]] == [agent.by, "user:ben"]
