"""Calls and result codes by programs: the same fields, effects and refusals as on the case's page."""

from __future__ import annotations

from app.casework.cases.events import CallLogged
from app.casework.claims.events import ClaimMade
from app.casework.results.file import shipped_text
from app.core.staff.rules import Role
from tests.api.program import Program, fields
from tests.api.test_cases import late_case


def test_a_claim_of_payment_is_logged_with_its_fields(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}/calls"
    body = {
        "result": "paid",
        "paid_amount": "50.00",
        "currency": "CNY",
        "paid_on": "2026-02-27",
        "method": "bank",
    }
    answer = sqlite_program.as_(Role.AGENT).post(path, body)
    assert answer.status_code == 201
    assert answer.json()["data"]["fields"] == {
        "method": "bank",
        "paid_on": "2026-02-27",
        "paid_amount": "CNY 50.00",
    }
    (made,) = sqlite_program.events(ClaimMade.KIND)
    assert made["amount_minor"] == 5000
    table = [
        ({"result": "complaint", "category": "fees"}, "words"),
        ({"result": "complaint", "category": "prices", "words": "too dear"}, "category"),
        ({"result": "busy", "words": "said nothing"}, "words"),
        ({"result": "busy", "direction": "in"}, "result"),
        ({"result": "no_such_code"}, "result"),
        ({"result": "wrong_number", "number": "+8613900000000"}, "number"),
        ({"result": "paid", "paid_amount": "50.00"}, "currency"),
    ]
    for wrong, named in table:
        refused = sqlite_program.post(path, wrong)
        assert (refused.status_code, fields(refused)) == (422, [named]), wrong
    assert len(sqlite_program.events(CallLogged.KIND)) == 1


def test_a_letter_is_logged_as_on_the_page(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}/calls"
    body = {
        "result": "correspondence_in",
        "way": "post",
        "direction": "in",
        "on": "2026-02-27",
        "words": "a copy",
    }
    answer = sqlite_program.as_(Role.AGENT).post(path, body)
    assert answer.status_code == 201
    told = answer.json()["data"]
    assert (told["way"], told["on"], told["fields"]) == ("post", "2026-02-27", {"words": "a copy"})
    table = [
        ({"result": "no_answer", "way": "post"}, "result"),
        ({"result": "correspondence_in", "way": "pigeon"}, "way"),
        ({"result": "busy", "on": "2026-02-27"}, "on"),
    ]
    for wrong, named in table:
        refused = sqlite_program.post(path, wrong)
        assert (refused.status_code, fields(refused)) == (422, [named]), wrong
    assert sqlite_program.events(CallLogged.KIND) == []


def test_the_same_call_twice_needs_a_word(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}/calls"
    assert sqlite_program.post(path, {"result": "busy"}, key="a").status_code == 201
    asked = sqlite_program.post(path, {"result": "busy"}, key="b")
    assert asked.status_code == 409
    assert "You logged the same result" in asked.text
    assert sqlite_program.post(path, {"result": "busy", "sure": True}, key="c").status_code == 201
    assert len(sqlite_program.events(CallLogged.KIND)) == 2


def test_the_codes_are_read_changed_and_taken_back(sqlite_program: Program) -> None:
    late_case(sqlite_program.desk)
    agent, manager = sqlite_program.as_(Role.AGENT), sqlite_program
    (code,) = [row["code"] for row in manager.get("/portfolios").json()["items"]]
    path = f"/portfolios/{code}/results"
    busy = next(each for each in agent.get(path).json() if each["code"] == "busy")
    assert (busy["key"], busy["counts"], busy["effects"]) == ("2", "attempt", ["retry"])
    text = shipped_text()
    assert agent.post(path, {"text": text + "\n# x\n", "reason": "x"}).status_code == 403
    less = text.replace('counts = "conversation"', 'counts = "attempt"')
    refused = manager.post(path, {"text": less, "reason": "fewer"})
    assert refused.status_code == 422
    line = less[: less.index('counts = "attempt"', less.index('code = "promised"'))].count("\n") + 1
    assert f"Line {line}: promised, counts: must be conversation" in refused.text
    changed = text.replace('label = "Busy"', 'label = "Line busy"')
    saved = manager.post(path, {"text": changed, "reason": "our word", "based_on": 0})
    assert (saved.status_code, saved.json()["number"]) == (201, 1)
    assert manager.post(path, {"text": text, "reason": "late", "based_on": 0}).status_code == 409
    assert manager.get(f"{path}/versions/1").json()["text"] == changed.strip() + "\n"
    back = manager.post(f"{path}/versions/0/revert", {"reason": "as before"})
    assert (back.json()["number"], back.json()["reverts_to"]) == (2, 0)
    assert [each["number"] for each in agent.get(f"{path}/versions").json()["items"]] == [2, 1]
