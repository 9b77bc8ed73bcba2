"""Debt advisers by the API: customers, a file of proposals, a lump payment; roles and refusals."""

from __future__ import annotations

from app.core.staff.rules import Role
from tests.api.program import Program, late_case

NEW = {"code": "HELP", "name": "Help with Debt"}


def test_a_program_does_what_the_pages_do(program: Program) -> None:
    first, second = late_case(program.desk), late_case(program.desk)
    agent = program.as_(Role.AGENT)
    assert agent.post("/advisers", NEW).status_code == 403
    made = program.post("/advisers", NEW)
    assert made.status_code == 201, made.text
    assert program.post("/advisers", NEW).status_code == 409
    assert [row["code"] for row in agent.get("/advisers").json()] == ["HELP"]

    for case in (first, second):
        body = {"case": case.reference, "authority_from": "2026-02-01", "reference": f"H-{case.id}"}
        client = agent.post("/advisers/HELP/clients", body)
        assert client.status_code == 201, client.text
        assert client.json()["in_force"]
    assert agent.post("/advisers/HELP/clients", body).status_code == 409
    assert len(agent.get("/advisers/HELP/clients").json()) == 2

    offer = {"amount": "100.00", "frequency": "monthly", "first-on": "2026-03-20"}
    plans = [
        {"reference": first.reference, "offer": offer},
        {"reference": second.reference, "offer": {**offer, "amount": "90.00"}},
        {"reference": "C-999999", "offer": offer},
    ]
    loaded = agent.post("/portfolios/CARDS/advisers/HELP/files", {"name": "march", "plans": plans})
    assert loaded.status_code == 201, loaded.text
    file = loaded.json()
    assert (file["read"], file["loaded"], file["rejected"], file["proposed"]) == (3, 2, 1, 2)
    assert file["rejects"][0] == {
        "line": 3,
        "reference": "C-999999",
        "field": "reference",
        "reason": "Portfolio CARDS has no account or case of this reference. Correct it.",
    }
    again = agent.post("/portfolios/CARDS/advisers/HELP/files", {"name": "march", "plans": plans})
    assert again.json() == file
    shown = agent.get(f"/advisers/HELP/files/{file['id']}/proposals").json()
    assert [each["is_simple"] for each in shown] == [True, True]
    declined = agent.post(f"/advisers/HELP/proposals/{shown[1]['id']}/declining", {"reason": "too low"})
    assert (declined.json()["status"], declined.json()["why"]) == ("declined", "too low")
    done = agent.post(f"/advisers/HELP/files/{file['id']}/acceptance")
    assert done.status_code == 200, done.text
    [plan] = done.json()["accepted"]
    assert agent.post(f"/advisers/HELP/proposals/{shown[0]['id']}/acceptance").status_code == 409
    assert agent.get("/advisers/HELP/files").json()[0]["accepted"] == 1

    lump = {
        "reference": "BK-1",
        "paid_on": "2026-03-02",
        "amount": "150.00",
        "currency": "CNY",
        "schedule": [
            {"reference": plan, "amount": "100.00"},
            {"reference": f"H-{second.id}", "amount": "20.00"},
            {"reference": "unknown", "amount": "10.00"},
            {"reference": plan, "amount": "much"},
        ],
    }
    path = "/portfolios/CARDS/advisers/HELP/lump-payments"
    split = agent.post(path, lump)
    assert split.status_code == 201, split.text
    found = split.json()
    assert (found["amount"], found["posted"], found["waiting"]) == ("150.00", "120.00", "30.00")
    assert [part["status"] for part in found["parts"]] == ["posted", "posted", "waiting", "unread", "waiting"]
    assert agent.post(path, lump).json() == found, "the same again changes nothing"
    assert len(program.get("/portfolios/CARDS/unmatched-payments").json()["items"]) == 2
    for changes, field in [
        ({"currency": "EUR"}, "currency"),
        ({"reference": "BK-2", "amount": "129.99"}, "schedule"),
        ({"reference": "BK-2", "amount": "-1.00"}, "amount"),
        ({"reference": "BK-2", "paid_on": "2026-03-03"}, "paid_on"),
        ({"reference": ""}, "reference"),
        ({"unmatched_payment": 99}, "unmatched_id"),
    ]:
        answer = agent.post(path, {**lump, **changes})
        assert answer.status_code == 422, (changes, answer.text)
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert agent.post(path, {**lump, "amount": "151.00"}).status_code == 409
    another = {**lump, "reference": "BK-2"}
    asked = agent.post(path, another)
    assert (asked.status_code, [each["field"] for each in asked.json()["errors"]]) == (409, ["sure"])
    other = agent.post(path, {**another, "sure": True})
    assert other.status_code == 201, other.text
    assert program.post(
        f"/advisers/HELP/lump-payments/{other.json()['id']}/reversal", {"reason": "x"}
    ).is_success
    back = f"/advisers/HELP/lump-payments/{found['id']}/reversal"
    assert agent.post(back, {"reason": "returned"}).status_code == 403
    taken = program.post(back, {"reason": "returned"})
    assert taken.status_code == 200, taken.text
    assert (taken.json()["posted"], taken.json()["waiting"]) == ("0.00", "0.00")
    assert program.post(back, {"reason": "returned"}).status_code == 409
    assert all(each["reversed_at"] for each in agent.get("/advisers/HELP/lump-payments").json())
    assert program.as_(Role.LEGAL).get("/advisers").status_code == 403

    ended = program.post("/advisers/HELP/end", {"reason": "closed"})
    assert ended.json()["ended_at"] is not None
    assert agent.post(path, {**lump, "reference": "BK-3"}).status_code == 409
    assert agent.get("/advisers/NONE/clients").status_code == 404


def test_a_program_corrects_and_closes_the_addresses_of_an_adviser(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    letters = {"email": "plans@help.example", "address": "3 Harbour Lane\nLeeds", "by_post": True}
    assert program.post("/advisers", {**NEW, **letters}).json()["by_post"]
    client = {"case": case.reference, "authority_from": "2026-02-01"}
    assert agent.post("/advisers/HELP/clients", client).status_code == 201
    for changes, field in [
        ({"email": "no address"}, "email"),
        ({"address": ""}, "address"),
        ({"address": "\n".join("abcdef")}, "address"),
    ]:
        wrong = program.post("/advisers/HELP/contact", {**letters, **changes})
        assert (wrong.status_code, [each["field"] for each in wrong.json()["errors"]]) == (422, [field])
    new = {**letters, "email": "new@help.example", "by_post": False}
    assert agent.post("/advisers/HELP/contact", new).status_code == 403, "where letters go is a manager's"
    assert program.post("/advisers/HELP/contact", new).json()["email"] == "new@help.example"
    known = agent.get("/advisers/HELP/addresses").json()
    assert [(each["channel"], each["address"]) for each in known] == [
        ("email", "new@help.example"),
        ("post", "3 Harbour Lane\nLeeds"),
    ], "the customer's file has the new one too"

    closing = {"address": "NEW@help.example ", "reason": "they said so"}
    for changes, field, status in [
        ({"address": "other@help.example"}, "address", 422),
        ({"reason": " "}, "reason", 422),
    ]:
        wrong = agent.post("/advisers/HELP/addresses/closing", {**closing, **changes})
        assert (wrong.status_code, [each["field"] for each in wrong.json()["errors"]]) == (status, [field])
    assert program.post("/advisers/HELP/addresses/opening", closing).status_code == 409
    closed = agent.post("/advisers/HELP/addresses/closing", closing)
    assert closed.status_code == 200, closed.text
    assert [each["reason"] for each in closed.json()] == ["manual", None]
    assert agent.post("/advisers/HELP/addresses/closing", {**closing, "reason": "twice"}).status_code == 409
    assert agent.post("/advisers/HELP/addresses/opening", closing).status_code == 403
    opened = program.post("/advisers/HELP/addresses/opening", {**closing, "reason": "mended"})
    assert [each["closed_since"] for each in opened.json()] == [None, None]
