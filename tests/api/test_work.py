"""What pages did alone until now: owners, tasks, callbacks, messages, replies, unmatched payments, sending."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session

from app.book.customers.events import LinksReplaced
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.rules import UnmatchedStatus
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.models import InboundMessage
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.inbound.rules import InboundSource
from app.outreach.strategy.models import StrategyTask
from tests.api.program import NOW, TODAY, Program, account_of, fields, late_case

BOOK = "/portfolios/CARDS"


def test_a_manager_gives_a_case_away_an_agents_program_does_not(program: Program) -> None:
    case = late_case(program.desk)
    program.desk.sign_in(Role.AGENT)  # makes ben
    path = f"/cases/{case.reference}/owner"
    given = program.post(path, {"owner": "ben"})
    assert (given.status_code, given.json()["owner"]) == (200, "ben"), given.text
    unknown = program.post(path, {"owner": "nobody-here"})
    assert (unknown.status_code, fields(unknown)) == (422, ["owner"])
    assert unknown.json()["detail"] == "There is no active member of staff with this user name."
    assert program.as_(Role.AGENT).post(path, {"owner": ""}).status_code == 403


def test_a_task_is_done_once(program: Program) -> None:
    case = late_case(program.desk)

    def write(session: Session) -> int:
        task = StrategyTask(
            case_id=id_of(case), step="visit", text="Look at the file", due_on=TODAY, created_at=NOW
        )
        session.add(task)
        session.flush()
        return id_of(task)

    task_id = program.desk.write(write)
    path = f"/cases/{case.reference}/tasks"
    assert [task["text"] for task in program.get(path).json()["items"]] == ["Look at the file"]
    assert program.post(f"{path}/{task_id}/done").json()["done_by"] == program.by
    assert program.post(f"{path}/{task_id}/done").status_code == 409
    other = late_case(program.desk)
    assert program.post(f"/cases/{other.reference}/tasks/{task_id}/done").status_code == 404


def test_a_callback_is_cancelled_with_a_reason(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)

    def set_callback(session: Session) -> None:
        session.get_one(CollectionsCase, case.id).callback_at = NOW + timedelta(days=1)

    sqlite_program.desk.write(set_callback)
    path = f"/cases/{case.reference}/callback/cancellation"
    assert fields(sqlite_program.post(path, {"reason": ""})) == ["reason"]
    assert sqlite_program.post(path, {"reason": "wrote instead"}).json()["callback_at"] is None


def test_a_letter_is_sent_out_of_turn_and_its_message_cancelled(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}"
    chosen = {"letter": "first_reminder", "channel": "email"}
    listed = {(each["letter"], each["channel"]): each for each in program.get(f"{path}/letters").json()}
    assert listed["first_reminder", "email"]["answer"]["decision"] == "clear"
    assert "NL only" in listed["fourteen_day_letter", "post"]["why_not"]
    words = program.post(f"{path}/letters/preview", chosen)
    assert (words.status_code, words.json()["language"]) == (200, "en"), words.text
    answer = program.post(f"{path}/letters", chosen)
    assert (answer.status_code, answer.json()["decision"]) == (201, "clear"), answer.text
    [message] = program.get(f"{path}/messages").json()["items"]
    assert (message["letter"], message["status"]) == ("first_reminder", "queued")
    assert (message["subject"], message["text"]) == (words.json()["subject"], words.json()["text"])
    listed = {(each["letter"], each["channel"]): each for each in program.get(f"{path}/letters").json()}
    assert "today already" in listed["first_reminder", "email"]["why_not"]
    cancelled = program.post(f"{path}/messages/{message['id']}/cancellation", {"reason": "paid"})
    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["status"] != "queued"
    again = program.post(f"{path}/messages/{message['id']}/cancellation", {"reason": "paid"})
    assert again.status_code == 409


def test_links_are_replaced(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    answer = sqlite_program.post(f"/cases/{case.reference}/links/replacement")
    assert (answer.status_code, answer.json()["links_from"]) == (200, 1), answer.text
    assert len(sqlite_program.events(LinksReplaced.KIND)) == 1


def test_a_case_is_nominated_once(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    made = agent.post(f"/cases/{case.reference}/referrals", {"reason": "moved away"})
    assert (made.status_code, made.json()["status"]) == (201, "nominated"), made.text
    assert agent.post(f"/cases/{case.reference}/referrals", {"reason": "again"}).status_code == 409


def test_an_unmatched_payment_is_matched_or_returned(program: Program) -> None:
    case = late_case(program.desk)
    account = account_of(program.desk, case)

    def wait(session: Session) -> list[int]:
        rows = [
            UnmatchedPayment(
                portfolio_id=case.portfolio_id, reference=f"B-{n}", paid_on=date(2026, 3, 1),
                amount_minor=1000, why="no reference", received_at=NOW,
            )
            for n in (1, 2)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return [id_of(row) for row in rows]

    first, second = program.desk.write(wait)
    path = f"{BOOK}/unmatched-payments"
    agent = program.as_(Role.AGENT)
    assert [row["id"] for row in agent.get(path, status="waiting").json()["items"]] == [first, second]
    assert fields(agent.post(f"{path}/{first}/match", {"account_ref": "none"})) == ["account_ref"]
    entry = agent.post(f"{path}/{first}/match", {"account_ref": account.reference})
    assert (entry.status_code, entry.json()["amount"]) == (201, "-10.00"), entry.text
    assert agent.post(f"{path}/{first}/match", {"account_ref": account.reference}).status_code == 409
    assert agent.post(f"{path}/{second}/return", {"note": "not ours"}).status_code == 403
    assert program.post(f"{path}/{second}/return", {"note": "not ours"}).json()["status"] == (
        UnmatchedStatus.RETURNED.value
    )


def test_sending_is_stopped_and_started(sqlite_program: Program) -> None:
    admin = sqlite_program.as_(Role.ADMIN)
    stopped = admin.post("/outbox/stops", {"reason": "wrong words"})
    assert stopped.status_code == 201, stopped.text
    assert {row["reason"] for row in stopped.json()["items"]} == {"wrong words"}
    left = admin.post("/outbox/starts", {"destination": "sms"}).json()["items"]
    assert "sms" not in {row["destination"] for row in left}
    assert left
    assert admin.post("/outbox/starts", {}).json()["items"] == []
    assert sqlite_program.as_(Role.AGENT).post("/outbox/stops", {"reason": "x"}).status_code == 403
    assert sqlite_program.post("/outbox/999/resolution", {"was_sent": True}).status_code == 404


def test_an_address_is_suppressed_and_restored(sqlite_program: Program) -> None:
    path = "/suppressed-addresses"
    assert sqlite_program.post(path, {"address": "a@b.example", "note": "asked"}).json()["added"] is True
    assert sqlite_program.post(path, {"address": "a@b.example", "note": "asked"}).json()["added"] is False
    assert fields(sqlite_program.post(path, {"address": "nonsense", "note": "x"})) == ["address"]
    [row] = sqlite_program.get(path).json()["items"]
    restored = sqlite_program.post(f"{path}/{row['id']}/restoration", {"why": "a mistake"})
    assert restored.json()["ended_at"], restored.text
    assert sqlite_program.get(path).json()["items"] == []


def test_a_reply_of_an_unknown_number_gets_its_customer(sqlite_program: Program) -> None:
    desk = sqlite_program.desk
    case = late_case(desk)

    def write(session: Session) -> int:
        message = InboundMessage(
            source=InboundSource.SMS, provider_ref="SM1", sender="+8613800000000", body="who is this?",
            received_at=NOW,
        )  # fmt: skip
        session.add(message)
        session.flush()
        return id_of(message)

    message_id = desk.write(write)
    assert [row["id"] for row in sqlite_program.get("/replies", unknown="true").json()["items"]] == [
        message_id
    ]
    customer = sqlite_program.get(f"/cases/{case.reference}").json()["customer"]["reference"]
    body = {"portfolio": "CARDS", "customer_ref": "none"}
    assert fields(sqlite_program.post(f"/replies/{message_id}/sender", body)) == ["customer_ref"]
    attached = sqlite_program.post(f"/replies/{message_id}/sender", {**body, "customer_ref": customer})
    assert attached.json()["cases"] == [case.reference], attached.text
