"""Agreements by programs: offer, accept, cancel and settle, with the sentences and fields of the page."""

from __future__ import annotations

from typing import Any

import pytest

from app.casework.plans.events import PlanAccepted, PlanActivated, PlanCancelled, PlanOffered
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program, fields, late_case

PLAN = {"amount": "600.00", "currency": "CNY", "down_payment": "100", "payments": 5, "due_on": "2026-03-10"}


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
    assert offer["instalments"] == parts

    accepted = agent.post(f"{path}/{offer['reference']}/acceptance").json()
    assert accepted["status"] == "active"
    assert {answer["decision"] for answer in accepted["confirmations"].values()} == {"clear"}
    again = agent.post(f"{path}/{offer['reference']}/acceptance")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"Case {case.reference} has a live plan already. Cancel it before accepting another.",
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
        f"Case {case.reference} has an offer to settle already. Withdraw it before making another.",
    )


def test_a_plan_of_another_case_is_not_reached_through_this_one(sqlite_program: Program) -> None:
    mine, other = late_case(sqlite_program.desk), late_case(sqlite_program.desk)
    offer = sqlite_program.post(f"/cases/{mine.reference}/plans", PLAN).json()["reference"]
    answer = sqlite_program.post(f"/cases/{other.reference}/plans/{offer}/acceptance")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Case {other.reference} has no such plan.",
    )


@pytest.mark.parametrize("role", [Role.LEGAL, Role.ADMIN])
def test_only_casework_makes_agreements(sqlite_program: Program, role: Role) -> None:
    case = late_case(sqlite_program.desk)
    assert sqlite_program.as_(role).post(f"/cases/{case.reference}/plans", PLAN).status_code == 403
