"""What the gate answered, asked again and counted by rule; and what a customer allows, told by a program."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.gate.events import PreferenceSet
from tests import builders
from tests.api.program import CARD, TODAY, Program, fields, late_case

YESTERDAY = TODAY - timedelta(days=1)


def a_night(program: Program) -> tuple[str, str]:
    """Two customers were to get an SMS last night; the second had said no. The references of their cases."""

    def write(session: Session) -> list[int]:
        book = builders.portfolio(session)
        due_on = YESTERDAY - timedelta(days=3)
        return [builders.late_customer(session, book, due_on=due_on).customer_id for _ in range(2)]

    engine = program.desk.engine
    customers = program.desk.write(write)
    builders.close_day(engine, YESTERDAY - timedelta(days=1))
    cases = [builders.open_case(engine, customer) for customer in customers]
    first, second = (case.reference for case in cases if case is not None)
    no = {"channel": "sms", "allowed": False, "source": "phone"}
    assert program.post(f"/cases/{second}/consents", no).status_code == 201
    builders.close_day(engine, YESTERDAY)
    builders.deliver(engine, builders.at(TODAY, 9))
    return first, second


def test_decisions_are_read_with_their_figures_asked_again_and_counted(program: Program) -> None:
    first, second = a_night(program)
    legal = program.as_(Role.LEGAL)
    found = [row for page in legal.pages(f"/cases/{first}/decisions", limit=1) for row in page]
    assert [(row["decision"], row["channel"]) for row in found] == [("cleared", "sms"), ("sent", "sms")]
    assert (found[0]["step"], found[0]["letter"]) == ("friendly-sms", "first_reminder")
    assert "+86" not in json.dumps(found), "addresses stay in the desk"
    [refused] = legal.get(f"/cases/{second}/decisions", decision="refused").json()["items"]
    [reason] = refused["reasons"]
    assert reason["citation"]
    assert refused["pack"].startswith("cn@")

    again = legal.get(f"/cases/{second}/decisions/{refused['id']}/replay").json()
    assert again["same"] is True
    assert again["recorded"] == again["again"]
    assert again["recorded"]["reasons"] == refused["reasons"]
    assert legal.get(f"/cases/{first}/decisions/{refused['id']}/replay").status_code == 404
    assert legal.get(f"/cases/{first}/decisions/{found[1]['id']}/replay").status_code == 404

    period = {"portfolio": "CARDS", "from_": str(YESTERDAY), "to": str(TODAY)}
    assert legal.get("/contacts/refusals", **period).status_code == 403
    counted = program.get("/contacts/refusals", **period).json()
    assert {"decision": "sent", "channel": "sms", "count": 1} in counted["contacts"]
    [rule] = counted["rules"]
    assert (rule["rule"], rule["refused"]) == (reason["rule"], 1)
    assert counted["all_read"] is True
    assert fields(
        program.get("/contacts/refusals", portfolio="CARDS", from_="2026-02-01", to="2026-06-01")
    ) == ["to"]
    assert fields(
        program.get("/contacts/refusals", portfolio="CARDS", from_="2026-02-02", to="2026-02-01")
    ) == ["to"]


def test_what_a_program_puts_on_record_the_gate_obeys_at_once(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}"
    account = program.get(path).json()["accounts"][0]["reference"]

    def gate(channel: str) -> dict[str, Any]:
        at = "2026-03-03T10:00:00+08:00"
        answer: dict[str, Any] = program.get(
            "/contacts/explain", account=account, channel=channel, at=at
        ).json()
        return answer

    assert gate("sms")["decision"] == "clear"
    agent = program.as_(Role.AGENT)
    busy = {
        "kind": "inconvenient_time",
        "channel": "sms",
        "start": "09:00",
        "end": "11:30",
        "weekdays": [1],
        "source": "letter",
    }
    told = agent.post(f"{path}/preferences", busy)
    assert told.status_code == 201
    assert (told.json()["start"], told.json()["end"], told.json()["weekdays"]) == ("09:00", "11:30", [1])
    assert gate("sms")["decision"] == "wait"
    [event] = program.events(PreferenceSet.KIND)
    assert (event["by"], event["source"]) == (agent.by, "letter")
    ended = agent.post(f"{path}/preferences/{told.json()['id']}/end")
    assert ended.json()["ended_at"]
    assert gate("sms")["decision"] == "clear"
    assert agent.post(f"{path}/preferences/{told.json()['id']}/end").status_code == 409

    work = {"kind": "workplace", "channel": "email", "source": "phone"}
    assert agent.post(f"{path}/preferences", work).status_code == 201
    nothing = agent.post(
        f"{path}/consents", {"channel": None, "allowed": False, "source": "stop, please"}
    ).json()
    assert [(each["channel"], each["allowed"]) for each in nothing["consents"]] == [
        (c.value, False) for c in Channel
    ]
    assert gate("sms")["decision"] == "refuse"
    shown = program.as_(Role.LEGAL).get(f"{path}/preferences").json()
    assert shown == nothing
    assert [each["kind"] for each in shown["preferences"]] == ["workplace"]
    email = program.desk.read(lambda session: session.get_one(Customer, case.customer_id).email)
    assert email not in json.dumps(shown), "addresses stay in the desk"


def test_a_consent_for_another_number_holds_no_more(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}"
    yes = {"channel": "sms", "allowed": True, "source": "form"}

    def told() -> list[tuple[str, bool, bool]]:
        consents = sqlite_program.get(f"{path}/preferences").json()["consents"]
        return [(each["channel"], each["allowed"], each["holds"]) for each in consents]

    def change_number(session: Session) -> None:
        session.get_one(Customer, case.customer_id).mobile = "+31687654321"

    assert sqlite_program.post(f"{path}/consents", yes).json()["consents"][0]["holds"] is True
    sqlite_program.desk.write(change_number)
    assert told() == [("sms", True, False)]
    assert sqlite_program.post(f"{path}/consents", yes).status_code == 201
    assert told() == [("sms", True, True)]


def test_what_cannot_be_obeyed_is_refused_by_field(sqlite_program: Program) -> None:
    case, other = late_case(sqlite_program.desk), late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}"
    time = {"kind": "inconvenient_time", "source": "phone"}
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("consents", {"channel": None, "allowed": True, "source": "phone"}, "channel"),
        ("consents", {"channel": "fax", "allowed": True, "source": "phone"}, "channel"),
        ("consents", {"channel": "sms", "allowed": True, "source": CARD}, "source"),
        ("preferences", time, "start"),
        ("preferences", {**time, "start": "18:00", "end": "18:00"}, "start"),
        ("preferences", {**time, "start": "24:30"}, "start"),
        ("preferences", {**time, "start": "08:00", "weekdays": [7]}, "weekdays"),
        ("preferences", {"kind": "workplace", "source": "phone"}, "channel"),
        ("preferences", {"kind": "timezone", "timezone": "Mars/Olympus", "source": "phone"}, "timezone"),
    ]
    for where, body, field in wrong:
        answer = sqlite_program.post(f"{path}/{where}", body)
        assert answer.status_code == 422, body
        assert fields(answer) == [field], body
    told = sqlite_program.post(f"{path}/preferences", {**time, "start": "08:00"}).json()
    stranger = f"/cases/{other.reference}/preferences/{told['id']}/end"
    assert sqlite_program.post(stranger).status_code == 404
