"""A program writes an article, answers a customer from it, and reads what was told."""

from __future__ import annotations

from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from tests.api.program import Program, fields, late_case

WORDS = {"language": "en", "title": "Which bureau?", "body": "Ask {creditor}.", "sms": "Ask {creditor}."}


def test_a_question_is_answered_by_a_program(program: Program) -> None:
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    asked = {"q": "bureau", "portfolio": "CARDS"}
    assert agent.get("/knowledge/articles", **asked).json() == []
    assert program.get("/knowledge/backlog").json() == [], "it may name anybody"
    assert agent.get("/knowledge/articles", **asked, case=case.reference).json() == []
    [miss] = program.get("/knowledge/backlog").json()
    assert (miss["words"], miss["times"]) == ("bureau", 1)
    new = {**WORDS, "code": "bureau", "topic": "other"}
    assert fields(program.post("/knowledge/articles", {**new, "body": "Ask {whom}."})) == ["body"]
    assert agent.post("/knowledge/articles", new).status_code == 403
    draft = program.post("/knowledge/articles", new).json()
    at = f"/knowledge/articles/{draft['article_id']}"
    assert agent.get(at).json()["versions"] == []
    assert (
        agent.post(
            f"/cases/{case.reference}/knowledge/read-outs", {"article_version": draft["id"]}
        ).status_code
        == 409
    )
    assert program.post(f"{at}/publication", {"language": "en"}).json()["status"] == "published"
    assert program.get("/knowledge/backlog").json() == []
    [found] = agent.get("/knowledge/articles", q="bureau", portfolio="CARDS").json()
    assert (found["version"]["id"], found["near"]) == (draft["id"], False)

    about = f"/cases/{case.reference}/knowledge"
    wanted = {"article_version": draft["id"], "channel": "sms"}
    preview = agent.post(f"{about}/messages/preview", wanted).json()
    assert preview["text"].startswith("Harbour Bank: Ask Harbour Bank.")
    assert agent.post(f"{about}/read-outs", {"article_version": draft["id"]}).status_code == 201
    assert agent.post(f"{about}/messages", wanted).json()["decision"] == "clear"
    assert agent.post(f"{about}/messages", {**wanted, "channel": "call"}).status_code == 422
    changed = program.post(f"{at}/drafts", {**WORDS, "body": "None.", "publish": True, "based_on": 1})
    assert changed.json()["number"] == 2
    told = agent.get(about).json()
    assert [(each["kind"], each["number"], each["message_id"] is not None) for each in told] == [
        ("sent", 1, True),
        ("read_out", 1, False),
    ]
    sent = program.desk.read(lambda session: session.get_one(OutboxMessage, told[0]["message_id"]))
    assert "Ask Harbour Bank." in sent.text
    assert (
        agent.post(
            f"{at}/ratings", {"language": "en", "version_number": 1, "helped": False, "missing": "Name it"}
        ).status_code
        == 201
    )
    [row] = program.get("/knowledge/editorial").json()
    assert (row["read_out"], row["sent"], row["not_helped"]) == (1, 1, 1)
