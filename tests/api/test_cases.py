"""Finding cases, and putting on record what was done about them: each verb's row and event."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from app.casework.cases.events import CallbackSet, CallLogged, NoteAdded
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.holds.events import HoldEnded, HoldPlaced
from app.casework.holds.models import CaseHold
from app.casework.plans.events import PlanAccepted, PlanActivated, PlanOffered
from app.casework.plans.models import Plan, PlanInstalment
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.core.timeline.rules import canonical, chain_hash
from app.core.timeline.service import broken_links
from app.outreach.gate.events import ContactCleared
from tests import builders
from tests.api.program import CARD, NOW, TODAY, Program, account_of, fields, late_case


def all_rows(program: Program, model: Any) -> list[Any]:
    return program.desk.read(lambda session: list(session.scalars(select(model))))


# --- reading ------------------------------------------------------------------------------------------------


def test_cases_are_found_by_what_they_are(program: Program) -> None:
    desk = program.desk
    fresh = late_case(desk, owner="ben")
    old = late_case(desk, due_on=date(2026, 1, 20))
    closed = late_case(
        desk,
        status=CaseStatus.CLOSED,
        outcome=CaseOutcome.CURED,
        closed_on=date(2026, 2, 20),
        oldest_due_on=None,
        now_oldest_due_on=None,
    )
    desk.write(lambda session: builders.portfolio(session, "OTHER"))

    def found(**query: str) -> list[str]:
        answer = program.get("/cases", **query)
        assert answer.status_code == 200, answer.text
        return [case["reference"] for case in answer.json()["items"]]

    assert found() == [fresh.reference, old.reference, closed.reference]
    assert found(status="open") == [fresh.reference, old.reference]
    assert found(owner="ben") == [fresh.reference]
    assert found(owner="", status="open") == [old.reference]
    assert found(portfolio="OTHER") == []
    for bucket, expected in [
        ("current", [closed]),
        ("1-29", [fresh]),
        ("30-59", [old]),
        ("60-89", []),
        ("180+", []),
    ]:
        assert found(portfolio="CARDS", bucket=bucket) == [case.reference for case in expected], bucket


def test_a_bucket_belongs_to_a_portfolio(sqlite_program: Program) -> None:
    late_case(sqlite_program.desk)
    assert fields(sqlite_program.get("/cases", bucket="1-29")) == ["portfolio"]
    assert fields(sqlite_program.get("/cases", bucket="2-7", portfolio="CARDS")) == ["bucket"]
    assert sqlite_program.get("/cases", portfolio="NONE").status_code == 404


def test_a_case_shows_what_is_owed_promised_and_held(program: Program) -> None:
    case = late_case(program.desk, owner="ben")
    path = f"/cases/{case.reference}"
    program.post(f"{path}/promises", {"amount": "50.00", "currency": "CNY", "due_on": "2026-03-10"})
    program.post(f"{path}/holds", {"kind": "hardship", "reason": "lost the job", "until": "2026-04-01"})

    shown = program.as_(Role.LEGAL).get(path).json()
    assert (shown["reference"], shown["status"], shown["owner"]) == (case.reference, "open", "ben")
    assert (shown["past_due_amount"], shown["balance"], shown["currency"]) == ("50.00", "1000.00", "CNY")
    assert (shown["days_past_due"], shown["bucket"], shown["as_of"]) == (20, "1-29", "2026-03-02")
    (account,) = shown["accounts"]
    assert account["reference"] == account_of(program.desk, case).reference
    (plan,) = shown["plans"]
    assert (plan["kind"], plan["status"], plan["total"]) == ("promise", "active", "50.00")
    assert plan["instalments"] == [{"n": 1, "due_on": "2026-03-10", "amount": "50.00", "interest": "0.00"}]
    (hold,) = shown["holds"]
    assert (hold["kind"], hold["until"], hold["ended_at"]) == ("hardship", "2026-04-01", None)
    text = json.dumps(shown)
    assert "example.org" not in text, "contact points stay in the desk"
    assert "+86" not in text
    assert program.get("/cases/C-999999").status_code == 404
    for nonsense in (
        "12",
        "C-12",
        "C-0000000000000000012",
        "C-00001x",
        "%00",
        "C-%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1",
    ):
        assert program.get(f"/cases/{nonsense}").status_code == 422, nonsense


def test_walking_the_pages_misses_and_repeats_nothing_while_cases_are_opened(program: Program) -> None:
    expected = [late_case(program.desk).reference for _ in range(5)]
    seen: list[str] = []
    for page in program.pages("/cases", limit=2):
        assert len(page) <= 2
        seen += [case["reference"] for case in page]
        if len(seen) == 2:
            expected.append(late_case(program.desk).reference)
    assert seen == expected


@pytest.mark.parametrize(
    "cursor", ["!!!", "W10", "WyJhIl0", "WzEsMl0", "WzFlOTld", "W3RydWVd", "Wy0xXQ", "ü"]
)
def test_a_cursor_that_is_not_ours_is_refused(program: Program, cursor: str) -> None:
    late_case(program.desk)
    assert fields(program.get("/cases", cursor=cursor)) == ["cursor"]
    huge = "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"  # [99999999999999999999]
    assert fields(program.get("/cases", cursor=huge)) == ["cursor"]


def test_a_page_has_a_bounded_size(sqlite_program: Program) -> None:
    for limit in ("0", "201", "-1", "x", "1e2"):
        assert fields(sqlite_program.get("/cases", limit=limit)) == ["limit"], limit


# --- the timeline -------------------------------------------------------------------------------------------


def test_the_timeline_is_the_whole_chain_and_stable_while_it_grows(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}"
    for n in range(4):
        program.post(f"{path}/notes", {"note": f"Notiz über {n} €"})
    seen: list[dict[str, Any]] = []
    for page in program.as_(Role.AGENT).pages(f"{path}/timeline", limit=2):
        seen += page
        if len(seen) == 2:
            program.post(f"{path}/notes", {"note": "meanwhile"})
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["data"] == {"text": "meanwhile"}
    assert seen[-1]["case"] == case.reference
    stored = all_rows(program, Event)
    stored = [event for event in stored if event.customer_id == case.customer_id]
    assert len(seen) == len(stored)
    assert broken_links(sorted(stored, key=lambda event: event.seq)) == []
    for event, row in zip(seen, sorted(stored, key=lambda event: event.seq), strict=True):
        digest = chain_hash(
            event["prev_hash"], event["stream"], event["seq"], event["kind"], row.at, event["by"],
            canonical(event["data"]),
        )  # fmt: skip
        assert digest == event["hash"]


# --- notes and calls ----------------------------------------------------------------------------------------


def test_a_note_is_an_event(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    answer = agent.post(f"/cases/{case.reference}/notes", {"note": "  moved to Ningbo\nsays her sister "})
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["kind"], shown["by"], shown["at"]) == ("case.note_added", agent.by, "2026-03-02T09:00:00Z")
    (event,) = program.events(NoteAdded.KIND)
    assert (event["text"], event["by"]) == ("moved to Ningbo\nsays her sister", agent.by)


def test_a_note_that_cannot_be_kept_is_refused(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    table: list[Any] = [
        ({"note": ""}, "note"),
        ({"note": "   "}, "note"),
        ({"note": "x" * 4001}, "note"),
        ({"note": f"his card is {CARD}"}, "note"),
        ({"note": "a\x00b"}, "note"),
        ({"note": "a\u202eb"}, "note"),
        ({"note": 5}, "note"),
        ({"note": "x", "by": "somebody else"}, "by"),
        ({}, "note"),
        ([], "body"),
    ]
    for body, named in table:
        answer = sqlite_program.post(f"/cases/{case.reference}/notes", body)
        assert (answer.status_code, fields(answer)) == (422, [named])
        assert "4111" not in answer.text
    assert sqlite_program.events(NoteAdded.KIND) == []


def test_a_call_counts_and_does_the_calls_that_waited(program: Program) -> None:
    case = late_case(program.desk)
    program.desk.write(lambda session: builders.call_task(session, case, due_on=TODAY))
    body = {"result": "call_back", "note": "at work", "callback_at": "2026-03-03T18:00:00+08:00"}
    answer = program.as_(Role.AGENT).post(f"/cases/{case.reference}/calls", body)
    assert answer.status_code == 201
    assert (answer.json()["kind"], answer.json()["channel"]) == ("case.call_logged", "call")
    (done,) = all_rows(program, CallTask)
    assert (done.done_at, done.result) == (NOW, "call_back")
    (logged,) = program.events(CallLogged.KIND)
    assert (logged["result"], logged["note"]) == ("call_back", "at work")
    (row,) = all_rows(program, CollectionsCase)
    assert row.callback_at is not None
    assert row.callback_at.isoformat() == "2026-03-03T10:00:00+00:00"
    assert len(program.events(CallbackSet.KIND)) == 1


def test_a_call_back_in_the_past_undoes_the_whole_request(program: Program) -> None:
    case = late_case(program.desk)
    body = {"result": "call_back", "callback_at": "2026-03-01T18:00:00Z"}
    answer = program.post(f"/cases/{case.reference}/calls", body)
    assert (answer.status_code, fields(answer)) == (422, ["callback_at"])
    assert program.events(CallLogged.KIND) == []
    for wrong in ("2026-03-03T18:00:00", "tomorrow", "2026-03-03", 1772500000, "9999-12-31T23:59:59Z"):
        answer = program.post(f"/cases/{case.reference}/calls", {**body, "callback_at": wrong})
        assert fields(answer) == ["callback_at"], wrong
    assert fields(program.post(f"/cases/{case.reference}/calls", {"result": "chat"})) == ["result"]


# --- promises -----------------------------------------------------------------------------------------------


def test_a_promise_is_active_at_once(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    body = {"amount": "50.00", "currency": "CNY", "due_on": "2026-03-10"}
    answer = agent.post(f"/cases/{case.reference}/promises", body, key="promise")
    assert (answer.status_code, answer.json()["status"]) == (201, "active")
    assert agent.post(f"/cases/{case.reference}/promises", body, key="promise").json() == answer.json()
    (plan,), (part,) = all_rows(program, Plan), all_rows(program, PlanInstalment)
    assert (plan.total_minor, plan.offered_by, part.amount_minor) == (5000, agent.by, 5000)
    assert answer.json()["reference"] == f"P-{plan.id:06d}"
    kinds = [event["kind"] for event in program.events() if event["kind"].startswith("plan.")]
    assert kinds == [PlanOffered.KIND, PlanAccepted.KIND, PlanActivated.KIND]

    assert agent.post(f"/cases/{case.reference}/promises", body).status_code == 409
    assert len(all_rows(program, Plan)) == 1


def test_a_promise_is_confirmed_in_writing_where_the_gate_clears_it(program: Program) -> None:
    case = late_case(program.desk)
    body = {"amount": "50.00", "currency": "CNY", "due_on": "2026-03-10"}
    confirmed = program.post(f"/cases/{case.reference}/promises", body, key="promise").json()["confirmations"]
    program.post(f"/cases/{case.reference}/promises", body, key="promise")
    assert {channel: answer["decision"] for channel, answer in confirmed.items()} == {
        "sms": "clear",
        "email": "clear",
    }
    queued = builders.messages(program.desk.engine)
    assert sorted(message.destination.value for message in queued) == ["email", "sms"]
    assert len(program.events(ContactCleared.KIND)) == 2


def test_a_promise_nobody_can_keep_is_refused(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    table: list[Any] = [
        ({"due_on": "2026-03-01"}, 422, ["due_on"]),
        ({"due_on": "2026-06-01"}, 422, ["due_on"]),
        ({"amount": "1000.01"}, 422, ["amount"]),
        ({"amount": "0"}, 422, ["amount"]),
        ({"amount": 50.0}, 422, ["amount"]),
        ({"currency": "EUR"}, 422, ["currency"]),
    ]
    for changes, status, named in table:
        body = {"amount": "50.00", "currency": "CNY", "due_on": "2026-03-10", **changes}
        answer = sqlite_program.post(f"/cases/{case.reference}/promises", body)
        assert (answer.status_code, fields(answer)) == (status, named)
    assert all_rows(sqlite_program, Plan) == []


def test_a_closed_case_takes_no_promise(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk, status=CaseStatus.CLOSED)
    body = {"amount": "50.00", "currency": "CNY", "due_on": "2026-03-10"}
    assert sqlite_program.post(f"/cases/{case.reference}/promises", body).status_code == 409


# --- holds --------------------------------------------------------------------------------------------------


def test_a_hold_is_placed_and_ended(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    body = {"kind": "dispute", "reason": "not her purchase", "until": "2026-04-01"}
    placed = agent.post(f"/cases/{case.reference}/holds", body)
    assert placed.status_code == 201
    (row,) = all_rows(program, CaseHold)
    assert (row.id, row.by, row.until) == (placed.json()["id"], agent.by, date(2026, 4, 1))
    (event,) = program.events(HoldPlaced.KIND)
    assert (event["hold"], event["reason"], event["by"]) == (row.id, "not her purchase", agent.by)

    program.desk.clock.advance(timedelta(hours=2))
    path = f"/cases/{case.reference}/holds/{row.id}/end"
    assert agent.post(path).json()["errors"][0]["field"] == "reason", "nothing ends a dispute but a person"
    why = {"reason": "receipt sent", "decided_by": "Mei Lin Chen"}
    ended = agent.post(path, why)
    assert (ended.status_code, ended.json()["ended_at"]) == (200, "2026-03-02T11:00:00Z")
    (row,) = all_rows(program, CaseHold)
    assert (row.ended_at, row.ended_by) == (NOW + timedelta(hours=2), agent.by)
    (event,) = program.events(HoldEnded.KIND)
    assert event["reason"] == "receipt sent (decided by Mei Lin Chen)"
    assert agent.post(path, why).status_code == 409


def test_a_hold_of_another_customer_is_not_found(program: Program) -> None:
    case, other = late_case(program.desk), late_case(program.desk)
    body = {"kind": "dispute", "reason": "not hers", "until": "2026-04-01"}
    hold = program.post(f"/cases/{other.reference}/holds", body).json()["id"]
    assert program.post(f"/cases/{case.reference}/holds/{hold}/end").status_code == 404
    assert program.post(f"/cases/{case.reference}/holds/999/end").status_code == 404
    assert program.post(f"/cases/{case.reference}/holds/{2**63}/end").status_code == 422


def test_a_hold_without_a_sound_end_or_reason_is_refused(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    table: list[Any] = [
        ({"until": "2026-03-02"}, "until"),
        ({"until": "2036-04-01"}, "until"),
        ({"until": "9999-01-01"}, "until"),
        ({"kind": "because"}, "kind"),
        ({"reason": f"see {CARD}"}, "reason"),
        ({"reason": " "}, "reason"),
        ({"ended_by": "me"}, "ended_by"),
    ]
    for changes, named in table:
        body = {"kind": "dispute", "reason": "not hers", "until": "2026-04-01", **changes}
        answer = sqlite_program.post(f"/cases/{case.reference}/holds", body)
        assert (answer.status_code, fields(answer)) == (422, [named])
    assert all_rows(sqlite_program, CaseHold) == []


def test_the_legal_team_reads_cases_and_changes_none(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    legal, admin = sqlite_program.as_(Role.LEGAL), sqlite_program.as_(Role.ADMIN)
    assert legal.get(f"/cases/{case.reference}").status_code == 200
    assert legal.post(f"/cases/{case.reference}/notes", {"note": "hello"}).status_code == 403
    for path in ("/cases", f"/cases/{case.reference}", f"/cases/{case.reference}/timeline", "/portfolios"):
        assert admin.get(path).status_code == 403
