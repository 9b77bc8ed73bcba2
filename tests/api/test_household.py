"""Household statements by the API: recorded, read back, and refused beside their members."""

from __future__ import annotations

from app.core.staff.rules import Role
from tests.api.program import Program, late_case

TOLD = {
    "date": "2026-03-01",
    "is-joint-application": False,
    "dependent-children-under-16": 1,
    "housing-tenure": "Tenant - private sector",
    "monthly-income": {"total-earnings": {"amount": "1000.00", "frequency": "weekly", "source": "document"}},
    "monthly-outgoings": {"fixed-costs": {"rent": "2000.00"}, "flexible-costs": {"total-personal": 100.5}},
    "debts": {"non-priority-debts": [{"creditor": "Other Bank", "amount-owed": "1000.00"}]},
    "payday": {"next-on": "2026-03-25"},
}


def test_a_program_records_a_statement_and_reads_it_back(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}/household"
    assert program.get(path).json()["affordability"]["basis"] == "unknown"

    seen = program.post(f"{path}/preview", TOLD)
    assert seen.status_code == 200, seen.text
    assert seen.json()["id"] is None
    assert program.get(path).json()["newest"] is None, "a preview records nothing"

    made = program.post(path, TOLD)
    assert made.status_code == 201, made.text
    assert made.json()["statement"] == seen.json()["statement"]
    assert made.json()["statement"]["overview"]["total-monthly-income"] == "4333.33"

    answer = program.post(f"{path}/answers", {"monthly": "120.00", "currency": "CNY"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["basis"], answer.json()["monthly"]) == ("statement", "120.00")
    assert answer.json()["payday"] == {"next_on": "2026-03-25", "cadence": "monthly", "days_after": 1}

    again = program.post(path, made.json()["statement"])
    assert again.status_code == 201, again.text
    assert again.json()["statement"] == made.json()["statement"], "an answer is a request as well"
    legal = program.as_(Role.LEGAL)
    found = legal.get(path).json()
    assert [line["id"] for line in found["statements"]] == [again.json()["id"], made.json()["id"]]
    one = program.get(f"{path}/statements/{made.json()['id']}").json()
    assert one == made.json()
    assert program.get(f"{path}/statements/999").status_code == 404
    assert legal.post(path, TOLD).status_code == 403


def test_each_fault_is_told_beside_its_member(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}/household"
    wrong = {
        **TOLD,
        "monthly-income": {"total-earnings": "-5.00", "lottery": "1.00"},
        "debts": {"non-priority-debts": [{"creditor": " ", "amount-owed": "x"}]},
    }
    answer = sqlite_program.post(path, wrong)
    assert answer.status_code == 422
    told = {each["field"]: each["message"] for each in answer.json()["errors"]}
    assert told["monthly-income.total-earnings"] == "An amount is not negative."
    assert "no such figure" in told["monthly-income.lottery"]
    assert "debts.non-priority-debts.0.amount-owed" in told
    assert sqlite_program.get(path).json()["newest"] is None

    for body, field in [
        ({**TOLD, "currency": "GBP"}, "currency"),
        ({**TOLD, "surprise": 1}, "surprise"),
        ({**TOLD, "date": "2026-03-03"}, "date"),
        ({**TOLD, "monthly-income": {"total-earnings": "9.00", "total-monthly-income": "8.00"}}, None),
    ]:
        answer = sqlite_program.post(path, body)
        assert answer.status_code == 422
        assert field in [None, *(each["field"] for each in answer.json()["errors"])]
    for body, field in [
        ({"monthly": "1.00", "currency": "GBP"}, "currency"),
        ({"monthly": "-1.00", "currency": "CNY"}, "monthly"),
        ({"currency": "CNY"}, "monthly"),
        ({"currency": "CNY", "payday": {"next_on": "2026-03-25", "cadence": "once"}}, "payday_cadence"),
    ]:
        answer = sqlite_program.post(f"{path}/answers", body)
        assert answer.status_code == 422, body
        assert [each["field"] for each in answer.json()["errors"]] == [field]
