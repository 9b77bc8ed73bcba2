"""Negotiations by programs: offers and reasons, the customer's own figures, taking one within and beyond authority."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.staff.rules import Role
from tests.api.program import Program, fields, late_case

SAID = {
    "monthly": "90.00",
    "once": "10.00",
    "currency": "CNY",
    "payday": {"next_on": "2026-03-05", "cadence": "monthly"},
}
SPOKEN = {"acceptance": "phone", "words": "On the sixth of each month by transfer; read back."}


def offers(answer: dict[str, Any], status: str = "shown") -> dict[str, dict[str, Any]]:
    """The best offer of each kind, by kind."""
    found: dict[str, dict[str, Any]] = {}
    for each in answer["offers"]:
        if each["status"] == status:
            found.setdefault(each["kind"], each)
    return found


def test_a_case_is_negotiated_countered_taken_and_replayed(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}"
    agent = program.as_(Role.AGENT)
    seen = agent.post(f"{path}/negotiations/preview", {"said": SAID}).json()
    assert (seen["currency"], seen["floor"]) == ("CNY", "90.00")
    assert agent.get(f"{path}/negotiations").json()["items"] == [], "a preview records nothing"

    made = agent.post(f"{path}/negotiations", {"said": SAID})
    assert made.status_code == 201, made.text
    negotiation = made.json()
    assert [each["option"] for each in negotiation["offers"] if each["rank"]] == seen["options"]
    reasons = {
        each["kind"]: each["reason"] for each in negotiation["offers"] if each["status"] == "not_offered"
    }
    assert reasons == {each["kind"]: each["why"] for each in seen["not_offered"]}
    assert reasons["pay_now"] == "CNY 50.00 is past due, and the household can pay CNY 10.00 at once."

    number = negotiation["id"]
    proposed = {"kind": "short_plan", "payment": "25.00", "currency": "CNY", "first_on": "2026-03-09"}
    countered = agent.post(f"{path}/negotiations/{number}/counters", proposed).json()
    assert (countered["status"], countered["countered"], countered["option"]["total_cost"]) == (
        "countered",
        True,
        "50.00",
    )
    refused = agent.post(
        f"{path}/offers/{offers(negotiation)['promise']['id']}/refusal", {"reason": "too soon"}
    )
    assert (refused.json()["status"], refused.json()["reason"]) == ("refused", "too soon")

    taken = agent.post(f"{path}/offers/{countered['id']}/acceptance", SPOKEN)
    assert taken.status_code == 200, taken.text
    body = taken.json()
    assert (body["offer"]["status"], body["agreement"]["status"]) == ("accepted", "active")
    assert body["offer"]["plan"] == body["agreement"]["reference"]
    assert [(part["due_on"], part["amount"]) for part in body["agreement"]["instalments"]] == [
        (part["due_on"], part["amount"]) for part in countered["option"]["instalments"]
    ]
    assert agent.get(f"{path}/offers").json()["items"] == []
    again = agent.post(f"{path}/offers/{countered['id']}/acceptance", SPOKEN)
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "This offer was accepted already. Negotiate again for new offers.",
    )
    replayed = program.as_(Role.LEGAL).get(f"{path}/negotiations/{number}/replay").json()
    assert (replayed["is_same"], replayed["solution"]) == (True, seen)
    assert agent.get(f"{path}/negotiations/{number}").json()["digest"] == negotiation["digest"]


def test_a_request_beyond_the_authority_goes_to_a_manager(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}"
    agent, manager = program.as_(Role.AGENT), program
    said = {"once": "700.00", "monthly": "0", "currency": "CNY"}
    offer = offers(agent.post(f"{path}/negotiations", {"said": said}).json())["settlement"]
    assert (offer["option"]["may_grant"], offer["option"]["waived"]) == ("manager", "300.00")
    asked = agent.post(
        f"{path}/offers/{offer['id']}/acceptance", {**SPOKEN, "reason": "sells the car"}
    ).json()
    assert asked["agreement"] is None
    assert asked["offer"]["status"] == "shown"
    request = asked["request_id"]
    waiting = agent.post(f"{path}/offers/{offer['id']}/acceptance", SPOKEN)
    assert (waiting.status_code, "waits for a manager" in waiting.json()["detail"]) == (409, True)
    assert agent.get(f"{path}/plans").json()["items"] == []
    approved = manager.post(f"/approvals/{request}/decision", {"decision": "approve"})
    assert approved.status_code == 200, approved.text
    agreed = agent.post(f"{path}/offers/{offer['id']}/acceptance", SPOKEN).json()
    assert agreed["agreement"]["status"] == "active"


@pytest.mark.parametrize(
    ("verb", "body", "status", "field"),
    [
        ("negotiations", {"said": {**SAID, "currency": "EUR"}}, 422, "currency"),
        ("negotiations", {"said": {**SAID, "monthly": "1.001"}}, 422, "monthly"),
        ("negotiations", {"said": {"currency": "CNY"}}, 422, "monthly"),
        ("negotiations", {"said": {**SAID, "monthly": "9" * 20}}, 422, "monthly"),
        ("negotiations", {"said": {**SAID, "payday": {"next_on": "1999-01-01"}}}, 422, "next_on"),
        ("negotiations", {"facts": {}}, 422, "facts"),
        ("counters", {"kind": "promise", "payment": "0", "currency": "CNY"}, 422, "payment"),
        ("counters", {"kind": "gift", "payment": "1", "currency": "CNY"}, 422, "kind"),
        (
            "counters",
            {"kind": "promise", "payment": "1", "currency": "CNY", "first_on": "2026-03-01"},
            422,
            "first_on",
        ),
        (
            "counters",
            {"kind": "promise", "payment": "1", "currency": "CNY", "may_grant": "agent"},
            422,
            "may_grant",
        ),
        ("acceptance", {"acceptance": "phone"}, 422, "words"),
        ("acceptance", {**SPOKEN, "terms": {"total_minor": 1}}, 422, "terms"),
        ("acceptance", {**SPOKEN, "agreed_with": 99}, 422, "agreed_with"),
        ("refusal", {"reason": ""}, 422, "reason"),
    ],
)
def test_a_wrong_request_names_its_field_and_changes_nothing(
    sqlite_program: Program, verb: str, body: dict[str, Any], status: int, field: str
) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}"
    agent = sqlite_program.as_(Role.AGENT)
    negotiation = agent.post(f"{path}/negotiations", {"said": SAID}).json()
    where = {
        "negotiations": f"{path}/negotiations",
        "counters": f"{path}/negotiations/{negotiation['id']}/counters",
        "acceptance": f"{path}/offers/{offers(negotiation)['promise']['id']}/acceptance",
        "refusal": f"{path}/offers/{offers(negotiation)['promise']['id']}/refusal",
    }[verb]
    answer = agent.post(where, body)
    assert (answer.status_code, fields(answer)) == (status, [field]), answer.text
    assert agent.get(f"{path}/plans").json()["items"] == []
    [only] = agent.get(f"{path}/negotiations").json()["items"]
    assert only == negotiation


def test_an_offer_belongs_to_its_case_and_a_key_is_used_once(sqlite_program: Program) -> None:
    one, other = late_case(sqlite_program.desk), late_case(sqlite_program.desk)
    agent = sqlite_program.as_(Role.AGENT)
    first = agent.post(f"/cases/{one.reference}/negotiations", {"said": SAID}, key="n-1").json()
    assert agent.post(f"/cases/{one.reference}/negotiations", {"said": SAID}, key="n-1").json() == first
    offer = offers(first)["promise"]["id"]
    for path in (
        f"offers/{offer}/acceptance",
        f"offers/{offer}/refusal",
        f"negotiations/{first['id']}/counters",
    ):
        body: dict[str, Any] = {"reason": "x"} if path.endswith("refusal") else SPOKEN
        if path.endswith("counters"):
            body = {"kind": "promise", "payment": "1.00", "currency": "CNY"}
        assert agent.post(f"/cases/{other.reference}/{path}", body).status_code == 404
    taken = agent.post(f"/cases/{one.reference}/offers/{offer}/acceptance", SPOKEN, key="t-1")
    again = agent.post(f"/cases/{one.reference}/offers/{offer}/acceptance", SPOKEN, key="t-1")
    assert (taken.status_code, again.json()) == (200, taken.json())


def test_only_agents_and_managers_negotiate(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    for role in (Role.LEGAL, Role.ADMIN):
        refused = sqlite_program.as_(role).post(f"/cases/{case.reference}/negotiations", {"said": SAID})
        assert refused.status_code == 403
