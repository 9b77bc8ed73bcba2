"""The pages of complaints: put on record, found in the register, put right, answered, and their causes."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from app.casework.complaints.models import Complaint
from app.casework.holds.models import CaseHold
from app.core.staff.rules import Role
from tests.web.cases.test_case import flash
from tests.web.cases.test_case_people import make_case
from tests.web.desk import Desk


def one(desk: Desk) -> Complaint:
    return desk.read(lambda session: session.scalars(select(Complaint)).one())


def test_a_complaint_is_put_on_record_found_and_answered_by_page(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    assert "No complaint on record" in ben.get(f"/cases/{case_id}/complaints").text

    refused = ben.submit(f"/cases/{case_id}/complaints", words="", category="fees", channel="call")
    assert refused.status_code == 422
    assert "Write down what the customer said." in refused.text
    late = str((desk.clock.now() + timedelta(days=2)).date())
    refused = ben.submit(
        f"/cases/{case_id}/complaints", words="Twice!", category="fees", channel="post", received_on=late
    )
    assert "lies in the future" in refused.text
    assert desk.read(lambda session: session.scalars(select(Complaint)).all()) == []

    sent = ben.submit(f"/cases/{case_id}/complaints", words="Charged twice!", category="fees", channel="call")
    assert "Complaint K-000001 is on record." in flash(ben, sent)
    page = ben.get("/complaints/1").text
    assert "Charged twice!" in page
    assert "Give it an owner who was not involved." in page

    ben.submit("/complaints/1/details", category="fees", severity="high", owner="ben")
    register = ben.get("/complaints?severity=high&owner=ben").text
    assert "K-000001" in register
    assert "K-000001" not in ben.get("/complaints?category=contact").text
    assert "K-000001" in ben.get("/complaints?format=csv").text

    unknown = ben.submit("/complaints/1/details", category="fees", severity="high", cause="1234567")
    assert unknown.status_code == 404, "there is no such cause; ids grow longer than five digits"

    refused = ben.submit("/complaints/1/answer", kind="final", outcome="upheld", reasons="You are right.")
    assert refused.status_code == 422
    assert "Say what the final response does" in refused.text
    assert one(desk).is_open

    sent = ben.submit(
        "/complaints/1/answer", kind="final", outcome="upheld", form="accept", reasons="You are right."
    )

    assert "Complaint K-000001 is closed." in flash(ben, sent)
    assert desk.read(lambda session: session.scalars(select(CaseHold)).one()).ended_at is not None
    assert "Find the root cause" in ben.get("/complaints/1").text

    sent = ben.submit("/complaints/1/reopen", reason="")
    assert sent.status_code == 422
    ben.submit("/complaints/1/reopen", reason="They found a letter")
    assert one(desk).reopenings == 1


def test_redress_of_an_agent_is_decided_by_a_manager(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    ben.submit(f"/cases/{case_id}/complaints", words="Charged twice!", category="fees", channel="call")
    refused = ben.submit("/complaints/1/redress", account="1", amount="nothing", reason="r")
    assert refused.status_code == 422
    sent = ben.submit("/complaints/1/redress", account="1", amount="5.00", reason="charged twice")
    assert "waits for another manager" in flash(ben, sent)
    assert ben.submit("/complaints/redress/1/decide", approve="true").status_code == 403
    mei = desk.sign_in(Role.MANAGER)
    assert "Approve and credit" in mei.get("/complaints/1").text
    assert "The credit is posted." in flash(mei, mei.submit("/complaints/redress/1/decide", approve="true"))


def test_a_root_cause_has_an_owner_an_action_and_what_came_of_it(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    mei = desk.sign_in(Role.MANAGER)
    mei.submit(f"/cases/{case_id}/complaints", words="Charged twice!", category="fees", channel="call")
    refused = mei.submit("/complaints/causes", name="Two systems", owner="mei", action="One system")
    assert refused.status_code == 422
    assert "from which day the action works" in refused.text
    today = str(desk.clock.now().date())
    mei.submit("/complaints/causes", name="Two systems", owner="mei", action="One system", action_on=today)
    mei.submit("/complaints/1/details", category="fees", severity="normal", cause="1")
    page = mei.get("/complaints/causes").text
    assert "Two systems" in page
    assert "0 → 1" in page
    assert (
        "A cause of this name is there already."
        in mei.submit("/complaints/causes", name="Two systems", owner="mei").text
    )
    assert desk.sign_in(Role.AGENT).get("/complaints/causes").status_code == 403


def test_redress_waits_in_the_inbox_beside_all_that_waits_for_a_manager(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    ben.submit(f"/cases/{case_id}/complaints", words="Charged twice!", category="fees", channel="call")
    ben.submit("/complaints/1/redress", account="1", amount="5.00", reason="the fee of May")
    assert "the fee of May" in ben.get("/approvals").text, "the agent sees what waits, and cannot decide"
    assert ben.submit("/approvals/redress/1/decision", approve="true").status_code == 403
    mei = desk.sign_in(Role.MANAGER)
    inbox = mei.get("/approvals").text
    assert "Charged twice!" in inbox
    assert "the fee of May" in inbox
    refused = mei.submit("/approvals/redress/1/decision", approve="false", note="")
    assert refused.status_code == 422, "a no has its reason"
    said = flash(mei, mei.submit("/approvals/redress/1/decision", approve="false", note="It was put back."))
    assert said == "Redress declined; nothing was posted. Now the complaint can be answered."
    assert "the fee of May" not in mei.get("/approvals").text


def test_the_person_complained_about_does_not_answer(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    typed = {"words": "Rude!", "category": "agent_conduct", "channel": "call", "owner": "ben"}
    refused = ben.submit(f"/cases/{case_id}/complaints", about_staff=" BEN ", **typed)
    assert refused.status_code == 422
    assert "The person complained about does not answer" in refused.text
    ben.submit(f"/cases/{case_id}/complaints", about_staff="a colleague", **typed)
    refused = ben.submit(
        "/complaints/1/details", category="agent_conduct", severity="high", owner="ben", about_staff="ben"
    )
    assert refused.status_code == 422


def test_an_overdue_complaint_stands_beside_the_letters_owed(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    mei = desk.sign_in(Role.MANAGER)
    assert "overdue</a>: the customer waits" not in mei.get("/duties").text
    long_ago = str((desk.clock.now() - timedelta(days=200)).date())
    ben.submit(
        f"/cases/{case_id}/complaints", words="Twice!", category="fees", channel="post", received_on=long_ago
    )
    assert "1 complaint is overdue" in mei.get("/duties").text
