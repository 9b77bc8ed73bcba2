"""Support needs and help with payments by program; and what the legal team's token reads of a need: nothing."""

from __future__ import annotations

import json
from datetime import timedelta

from app.core.staff.rules import Role
from tests.api.program import TODAY, Program, late_case

SECRETS = ("Letters only", "custody", "no_demands", "vulnerable", "agreed with us", "hospital")


def test_needs_are_recorded_kept_and_ended(program: Program) -> None:
    path = f"/cases/{late_case(program.desk).reference}/support-needs"
    need = {"code": "no_evening_calls", "basis": "consent", "told_by": "customer"}
    made = program.post(path, need)
    assert made.status_code == 201, made.text
    assert made.json()["effects"] == ["No calls from 17:00 to 24:00, their local time"]
    assert program.post(path, need).status_code == 409
    wrong = program.post(path, {**need, "code": "extra_time", "note": "after her stroke"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "note")
    one = f"{path}/{made.json()['id']}"
    kept = program.post(f"{one}/review", {"review_on": str(TODAY + timedelta(days=9))})
    assert kept.json()["review_on"] == str(TODAY + timedelta(days=9))
    assert program.post(f"{one}/end", {"reason": "works mornings"}).json()["ended_at"]
    assert [each["code"] for each in program.get(path).json()["items"]] == ["no_evening_calls"]


def test_the_legal_team_reads_no_need(program: Program) -> None:
    case = late_case(program.desk)
    base = f"/cases/{case.reference}"
    for code in ("custody", "no_demands"):
        need = {"code": code, "basis": "consent", "told_by": "customer"}
        assert program.post(f"{base}/support-needs", need).status_code == 201
    hold = {"kind": "vulnerable", "reason": "in hospital", "until": str(TODAY + timedelta(days=9))}
    assert program.post(f"{base}/holds", hold).status_code == 201, "beside the need's own"
    legal = program.as_(Role.LEGAL)
    for path in (
        base,
        f"{base}/timeline",
        f"{base}/support-needs",
        f"{base}/decisions",
        f"{base}/contact-points",
    ):
        answer = legal.get(path)
        assert answer.status_code == 200, path
        for secret in SECRETS:
            assert secret not in answer.text, (path, secret)
    assert "vulnerable" in program.get(base).text
    events = legal.get(f"{base}/timeline", limit=200).json()["items"]
    assert any(each["data"] == {"withheld": True} for each in events)
    chain = [(each["prev_hash"], each["hash"]) for each in events]
    assert all(after[0] == before[1] for before, after in zip(chain, chain[1:], strict=False)), (
        "it still links"
    )
    assert legal.post(f"{base}/support-needs/disclosure", {"reason": ""}).status_code == 422
    shown = legal.post(f"{base}/support-needs/disclosure", {"reason": "papers are to be served"})
    assert {each["code"] for each in shown.json()["items"]} == {"custody", "no_demands"}
    assert "papers are to be served" in json.dumps(program.get(f"{base}/timeline", limit=200).json())


def test_help_with_payments(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}/hardship-requests"
    made = program.post(path, {"way": "call", "reasons": ["work_lost"]})
    assert made.status_code == 201, made.text
    one = f"{path}/{made.json()['id']}"
    asked = program.post(f"{one}/documents", {"what": "three payslips"}).json()
    came = program.post(f"{one}/documents/{asked['id']}", {"state": "received"})
    assert came.json()["received_on"] == str(TODAY)
    refused = program.post(f"{one}/decision", {"decision": "refused", "words": "Call us."})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "refusals")
    until = str(TODAY + timedelta(days=60))
    granted = program.post(f"{one}/decision", {"decision": "granted", "until": until})
    assert (granted.json()["status"], granted.json()["until"]) == ("granted", until)
    again = program.post(f"{one}/decision", {"decision": "granted", "until": until})
    assert again.status_code == 409
