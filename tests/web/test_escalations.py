"""A supervisor is asked from the case, by page and API: the queue, the answer as a task, the case taken over."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.escalations.models import Escalation
from app.casework.escalations.queries import queue
from app.casework.escalations.rules import EscalationReason
from app.casework.questions.models import CaseQuestion
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.api.program import Program
from tests.web.desk import NOW, Desk

TODAY = NOW.date()
ASKED = {"reason": "advice", "words": "May I extend by two weeks?", "due_on": ""}


def a_case(desk: Desk) -> None:
    desk.write(
        lambda session: builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=20), on=TODAY, owner="ben"
        )
    )


def tasks(session: Session) -> list[tuple[str, str]]:
    rows = session.scalars(select(StrategyTask).order_by(col(StrategyTask.id)))
    return [(row.for_username, row.text) for row in rows if row.done_at is None]


def test_asked_on_the_case_and_answered_in_the_queue(desk: Desk) -> None:
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    a_case(desk)
    assert "Nobody waits for a supervisor" in mei.get("/escalations").text
    wrong = ben.submit("/cases/1/supervisor", reason="", words="", due_on="")
    assert (wrong.status_code, "Choose one" in wrong.text) == (422, True)
    wrong = ben.submit("/cases/1/supervisor", **{**ASKED, "words": " "})
    assert (wrong.status_code, "Say what happened" in wrong.text) == (422, True)
    assert ben.submit("/cases/1/supervisor", **ASKED, is_waiting="on").status_code == 303
    assert "A supervisor was asked" in ben.get("/cases/1").text
    assert ben.submit("/cases/1/supervisor", **ASKED).status_code == 409

    page = mei.get("/escalations").text
    assert "On the line, 0 min" in page
    assert "May I extend by two weeks?" in page
    assert ben.submit("/escalations/1/answer", answer="Yes", how="answered").status_code == 403
    assert mei.submit("/escalations/1/take").status_code == 303
    again = mei.submit("/escalations/1/take")
    assert (again.status_code, "has taken this already" in again.text) == (409, True)
    assert "Mei Lin Chen</bdi> looks at it" in ben.get("/cases/1").text
    wrong = mei.submit("/escalations/1/answer", answer="", how="answered")
    assert (wrong.status_code, "Write what the colleague" in wrong.text) == (422, True)
    assert mei.submit("/escalations/1/answer", answer="Yes, once.", how="returned").status_code == 303
    assert desk.read(tasks) == [("ben", "Do as the supervisor says: Yes, once.")]
    page = ben.get("/cases/1").text
    assert "A supervisor was asked" not in page
    assert "returned with an instruction" in page
    assert "Yes, once." in ben.get("/escalations").text
    assert mei.submit("/escalations/1/answer", answer="No", how="answered").status_code == 409
    assert mei.get("/escalations/1/answer").status_code == 303


def test_a_customer_who_asks_for_a_manager_and_a_case_that_is_taken_over(desk: Desk) -> None:
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    a_case(desk)
    words = "I want to make a complaint, get me your manager"
    asked = ben.submit("/cases/1/supervisor", reason="customer_asks", words=words, due_on=str(TODAY))
    assert asked.status_code == 303
    heard = desk.read(lambda session: session.scalars(select(CaseQuestion)).all())
    assert [each.words for each in heard] == [words], "the desk asks whether it is a complaint"
    assert ben.submit("/escalations/1/take-over", answer="Mine").status_code == 403
    assert mei.submit("/escalations/1/take-over", answer="I call them now").status_code == 303
    assert desk.read(lambda session: session.scalars(select(CollectionsCase)).one().owner) == "mei"
    [(to, text)] = desk.read(tasks)
    assert to == "ben"
    assert "took this case" in text


def test_the_api_does_the_same(desk: Desk) -> None:
    desk.sign_in(Role.AGENT)
    desk.sign_in(Role.MANAGER)
    a_case(desk)
    manager, agent = Program(desk), Program(desk, Role.AGENT)
    at = "/cases/C-000001/escalations"
    made = agent.post(at, {"reason": "harm", "words": "They speak of suicide", "is_waiting": True}).json()
    assert (made["waiting"], made["overdue"], made["status"]) == (True, False, "asked")
    assert agent.post(at, {"reason": "other", "words": "Again"}).status_code == 409
    assert [each["id"] for each in manager.get("/escalations").json()["items"]] == [made["id"]]
    own = f"/escalations/{made['id']}"
    assert agent.post(f"{own}/answer", {"answer": "No"}).status_code == 403
    assert manager.post(f"{own}/taking", {}).json()["taken_by"] == manager.by
    refused = manager.post(f"{own}/take-over", {"answer": "Mine", "to": "ben"})
    assert (refused.status_code, "active supervisor" in refused.text) == (422, True)
    done = manager.post(f"{own}/take-over", {"answer": "I call", "to": "mei"}).json()
    assert (done["status"], done["answer"]) == ("taken_over", "I call")
    assert agent.get("/escalations").json()["items"] == []
    again = agent.post(at, {"reason": "other", "words": "Once more", "due_on": str(TODAY)}).json()
    assert agent.post(f"/escalations/{again['id']}/cancellation", {}).json()["status"] == "withdrawn"
    mine = manager.post(at, {"reason": "advice", "words": "What do you think?"}).json()
    assert manager.post(f"/escalations/{mine['id']}/answer", {"answer": "Yes"}).status_code == 403
    assert len(agent.get(at).json()["items"]) == 3


def test_a_long_queue_keeps_who_is_on_the_line(sqlite_desk: Desk) -> None:
    asked = [
        (EscalationReason.ADVICE, False, timedelta(hours=2)),
        (EscalationReason.OTHER, True, timedelta(hours=1)),
        (EscalationReason.HARM, False, timedelta(minutes=20)),
        (EscalationReason.CUSTOMER_ASKS, True, timedelta(minutes=1)),
    ]

    def first(session: Session) -> list[list[EscalationReason]]:
        for reason, waiting, ago in asked:
            case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
            session.add(
                Escalation(
                    portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), reason=reason,
                    words="Please", is_waiting=waiting, due_on=TODAY, asked_at=NOW - ago, by="user:ben",
                )
            )  # fmt: skip
        session.flush()
        return [[each.row.reason for each in queue(session, NOW, most=most)] for most in (1, 2, 3)]

    line, harm, oldest = EscalationReason.CUSTOMER_ASKS, EscalationReason.HARM, EscalationReason.ADVICE
    assert sqlite_desk.write(first) == [[line], [line, harm], [line, harm, oldest]]
