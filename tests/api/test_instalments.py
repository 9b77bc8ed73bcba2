"""Instalments by programs: what came for each, moved and skipped, with the sentence and field of each refusal."""

from __future__ import annotations

from sqlmodel import select

from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program, fields, late_case

PLAN = {"amount": "600.00", "currency": "CNY", "payments": 3, "due_on": "2026-03-10"}


def test_an_instalment_is_moved_and_another_skipped(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    plans = f"/cases/{case.reference}/plans"
    reference = agent.post(plans, PLAN).json()["reference"]
    path = f"{plans}/{reference}"
    early = agent.post(f"{path}/instalments/1/move", {"due_on": "2026-03-12"})
    assert (early.status_code, early.json()["detail"]) == (
        409,
        f"Agreement {reference} is offered. Only a running agreement can be changed.",
    )
    agent.post(f"{path}/acceptance")
    with transaction(program.desk.engine) as session:
        plan = session.scalars(select(Plan)).one()
        plan.skips_allowed = 1
        card = session.scalars(select(Account).where(Account.customer_id == plan.customer_id)).one()
        assert plan.accepted_on is not None
        builders.payment(session, card, 5_000, plan.accepted_on)

    moved = agent.post(f"{path}/instalments/1/move", {"due_on": "2026-03-16", "reason": "paid later"})
    assert moved.status_code == 200, moved.text
    first = moved.json()["instalments"][0]
    assert (first["due_on"], first["agreed_on"], first["paid"], first["short"], first["state"]) == (
        "2026-03-16", "2026-03-10", "50.00", "150.00", "to_come",
    )  # fmt: skip
    again = agent.post(f"{path}/instalments/2/move", {"due_on": "2026-04-12"})
    assert (again.status_code, "once a month" in again.json()["detail"]) == (409, True)

    skipped = agent.post(f"{path}/instalments/2/skip", {"reason": "new job"}).json()
    assert [(line["state"], line["due"]) for line in skipped["instalments"]] == [
        ("to_come", "200.00"),
        ("skipped", "0.00"),
        ("to_come", "400.00"),
    ]
    assert agent.post(f"{path}/instalments/3/skip", {}).status_code == 409
    shown = program.as_(Role.LEGAL).get(f"{path}/progress").json()
    assert shown == skipped
    assert (shown["left"], shown["percent_done"], shown["next_instalment"]) == ("550.00", 8, 1)


def test_what_cannot_be_is_told_with_its_field(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    agent = sqlite_program.as_(Role.AGENT)
    plans = f"/cases/{case.reference}/plans"
    reference = agent.post(plans, PLAN).json()["reference"]
    path = f"{plans}/{reference}"
    agent.post(f"{path}/acceptance")
    far = agent.post(f"{path}/instalments/1/move", {"due_on": "2026-03-25"})
    assert (far.status_code, fields(far)) == (422, ["due_on"])
    assert "at most 14 days" in far.json()["detail"]
    assert agent.post(f"{path}/instalments/8/skip", {}).status_code == 404
    assert sqlite_program.as_(Role.LEGAL).post(f"{path}/instalments/1/skip", {}).status_code == 403
    own = agent.post(f"{path}/instalments/1/skip/request", {"reason": "new job"})
    assert (own.status_code, fields(own)) == (422, ["n"])
    with transaction(sqlite_program.desk.engine) as session:
        session.scalars(select(Portfolio)).one().agent_skips_a_year = 0
    beyond = agent.post(f"{path}/instalments/1/skip", {})
    assert (beyond.status_code, "Ask a manager" in beyond.json()["detail"]) == (403, True)
    asked = agent.post(f"{path}/instalments/1/skip/request", {"reason": "new job"}).json()
    assert (asked["kind"], asked["instalment"], asked["amount"], asked["status"]) == (
        "plan", 1, "200.00", "requested",
    )  # fmt: skip
    other = late_case(sqlite_program.desk)
    assert agent.get(f"/cases/{other.reference}/plans/{reference}/progress").status_code == 404
