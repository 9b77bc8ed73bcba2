"""The inbox of requests as an agent and a manager see it."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlmodel import Session, select

from app.book.ledger.corrections.waivers import waive
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    """A late customer who owes 1,000.00, of which 50.00 has been past due for 29 days."""
    sqlite_desk.sign_in(Role.MANAGER)
    return sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )


def ask(agent: Browser, case_id: int, **typed: object) -> object:
    terms = {"amount": "600.00", "due_on": "2026-03-12", "reason": "Lost the job", **typed}
    return agent.submit(f"/cases/{case_id}/settlements/request", **terms)


def request_of(desk: Desk) -> ApprovalRequest:
    return desk.read(lambda session: session.scalars(select(ApprovalRequest)).one())


def test_an_agents_request_is_decided_beside_its_story(sqlite_desk: Desk, case_id: int) -> None:
    agent, manager = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    refused = agent.submit(f"/cases/{case_id}/settlements", amount="600.00", due_on="2026-03-12")
    assert refused.status_code == 422
    assert "Send to a manager" in refused.text
    assert ask(agent, case_id).status_code == 303  # type: ignore[attr-defined]
    assert "Withdraw the request" in agent.get("/approvals").text
    story = manager.get("/approvals").text
    for words in (
        "600.00",
        "400.00, 40.0 %, is waived",
        "Lost the job",
        "Ben Okafor",
        "An agent may waive",
    ):
        assert words in story
    row = request_of(sqlite_desk)
    done = manager.submit(f"/approvals/{row.id}/decision", approve="true", seen=row.figures.mark)
    assert done.headers["location"] == "/approvals"
    assert request_of(sqlite_desk).status is ApprovalStatus.APPROVED
    assert sqlite_desk.read(lambda session: session.scalars(select(Plan)).one()).total_minor == 60_000
    assert "Approved" in agent.get("/approvals").text
    assert "approved" in agent.get(f"/cases/{case_id}").text  # the task on the case


def test_a_manager_sees_which_standing_offer_a_settlement_takes_the_place_of(
    sqlite_desk: Desk, case_id: int
) -> None:
    agent, manager = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    typed = {"amount": "650.00", "due_on": "2026-03-12", "sure": "settle:100000:65000"}
    made = manager.submit(f"/cases/{case_id}/settlements", **typed)
    assert made.status_code == 303, made.text
    refused = ask(agent, case_id, amount="700.00")
    assert refused.status_code == 409  # type: ignore[attr-defined]
    assert "Until Mar 15, 2026 settlement P-000001 of CN¥650.00 stands." in refused.text  # type: ignore[attr-defined]
    ask(agent, case_id)
    story = re.sub(r"<[^>]+>", "", manager.get("/approvals").text)
    assert (
        "It takes the place of settlement P-000001 of CN¥650.00, which the customer may have in writing"
        in story
    )
    assert "stands until Mar 15, 2026" in story
    row = request_of(sqlite_desk)
    manager.submit(f"/approvals/{row.id}/decision", approve="true", seen=row.figures.mark)
    plans = sqlite_desk.read(lambda session: session.scalars(select(Plan).order_by(Plan.id)).all())  # type: ignore[arg-type]
    assert [(plan.total_minor, plan.why) for plan in plans] == [
        (65_000, "replaced by P-000002"), (60_000, ""),
    ]  # fmt: skip


def test_a_refused_decision_keeps_the_note_and_its_story(sqlite_desk: Desk, case_id: int) -> None:
    agent, manager = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    ask(agent, case_id)
    row = request_of(sqlite_desk)
    answer = manager.submit(f"/approvals/{row.id}/decision", approve="true", seen="1:1", note="Fine by me")
    assert answer.status_code == 409
    assert "The figures changed" in answer.text
    assert "Fine by me" in answer.text
    empty = manager.submit(f"/approvals/{row.id}/decision", approve="false")
    assert empty.status_code == 422
    assert "Say why not" in empty.text
    by_key = manager.submit(f"/approvals/{row.id}/decision", note="Fine by me")
    assert by_key.status_code == 422
    assert "Press Approve or Decline" in by_key.text, "Ctrl+Enter in the note decides nothing"
    assert request_of(sqlite_desk).status is ApprovalStatus.REQUESTED
    again = manager.get(f"/approvals/{row.id}/decision")
    assert again.headers["location"] == f"/approvals?open=request-{row.id}"


def test_an_agent_neither_decides_nor_sees_the_requests_of_others(sqlite_desk: Desk, case_id: int) -> None:
    agent = sqlite_desk.sign_in(Role.AGENT)
    ask(agent, case_id)
    row = request_of(sqlite_desk)
    assert agent.submit(f"/approvals/{row.id}/decision", approve="true").status_code == 403
    sqlite_desk.write(
        lambda session: setattr(session.get_one(ApprovalRequest, row.id), "asked_by", "user:jo")
    )
    assert "No request waits" in agent.get("/approvals").text
    assert agent.submit(f"/approvals/{row.id}/withdrawal").status_code == 403
    assert sqlite_desk.sign_in(Role.LEGAL).get("/approvals").status_code == 403


def test_a_request_says_what_is_missing_beside_its_field(sqlite_desk: Desk, case_id: int) -> None:
    agent = sqlite_desk.sign_in(Role.AGENT)
    answer = ask(agent, case_id, reason="", amount="abc")
    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert "Say why." in answer.text  # type: ignore[attr-defined]
    assert "abc" in answer.text  # type: ignore[attr-defined]


def test_a_waiting_request_is_an_open_item_until_it_is_decided(sqlite_desk: Desk, case_id: int) -> None:
    agent, manager = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    ask(agent, case_id, reason="Lost the job, pays from savings")
    row = request_of(sqlite_desk)
    for reader in (agent, manager):
        items = reader.get(f"/cases/{case_id}").text.partition("Open items")[2].partition("</section>")[0]
        assert re.search("Waits for a manager</strong> Settlement of CN¥600.00 by ", items)
        assert "Lost the job, pays from savings" in items
        assert f"/approvals?open=request-{row.id}" in items
    manager.submit(f"/approvals/{row.id}/decision", approve="false", note="Not yet")
    assert "Waits for a manager" not in agent.get(f"/cases/{case_id}").text


def test_a_waiver_that_waits_is_an_open_item_too(sqlite_desk: Desk, case_id: int) -> None:
    agent, manager = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)

    def charge(session: Session) -> int:
        account = session.scalars(select(Account)).one()
        return id_of(builders.entry(session, account, EntryKind.FEE, 2_000, date(2026, 3, 1)))

    def waive_it(session: Session) -> int:
        fee = session.get_one(Entry, entry_id)
        who = Actor.user("ben")
        return id_of(waive(session, fee, 1_500, "first late fee", by=who, role=Role.AGENT, now=NOW))

    entry_id = sqlite_desk.write(charge)
    waiver_id = sqlite_desk.write(waive_it)
    page = agent.get(f"/cases/{case_id}").text
    assert "Waits for a manager</strong> Waiver of CN¥15.00" in page
    assert f"/approvals?open=waiver-{waiver_id}" in page
    manager.submit(f"/waivers/{waiver_id}/decide", approve="true")
    assert "Waits for a manager" not in agent.get(f"/cases/{case_id}").text
