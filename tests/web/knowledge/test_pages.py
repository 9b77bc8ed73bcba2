"""The knowledge base on pages: an editor writes, an agent reads and answers on the case."""

from __future__ import annotations

import pytest
from sqlmodel import select

from app.actions.knowledge.editing import load_starter
from app.casework.knowledge.models import KnowledgeMiss, KnowledgeUse, KnowledgeVersion
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from tests.web.desk import NOW, Browser, Desk
from tests.web.worklist.test_replies import a_case

ARTICLE = {"code": "credit-bureau", "topic": "other", "language": "en", "title": "Do you report to a bureau?"}


@pytest.fixture
def mei(sqlite_desk: Desk) -> Browser:
    a_case(sqlite_desk)
    sqlite_desk.write(lambda session: load_starter(session, None, by=Actor.user("mei"), now=NOW))
    return sqlite_desk.sign_in(Role.MANAGER)


def test_an_editor_writes_and_an_agent_finds(sqlite_desk: Desk, mei: Browser) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "How can I pay?" in ben.get("/knowledge?q=pay").text
    assert "No article answers “credit bureau”" in ben.get("/knowledge?q=credit+bureau").text
    assert "The backlog is empty" in mei.get("/knowledge/backlog").text, (
        "whose name is in it nobody knows here"
    )
    ben.submit("/cases/1/knowledge/search", q="credit bureau")
    backlog = mei.get("/knowledge/backlog").text
    assert "<strong>credit bureau</strong>" in backlog
    assert 'value="credit bureau"' in mei.get("/knowledge/new?words=credit%20bureau&language=en").text

    refused = mei.submit("/knowledge/new", **ARTICLE, body="To {bureau}.", then="publish")
    assert refused.status_code == 422
    assert "{bureau} is no placeholder" in refused.text
    assert "To {bureau}." in refused.text, "what was typed stays"
    kept = mei.submit("/knowledge/new", **ARTICLE, body="{creditor} does, credit by credit.")
    assert kept.status_code == 303
    at = kept.headers["location"]
    article = at.partition("?")[0]
    assert "Not written in this language yet" in ben.get(at).text, "a draft is for editors"
    assert ben.get(f"{article}/en/1/changes").status_code == 404
    assert mei.get(f"{article}/en/1/changes").status_code == 200
    assert "Harbour Bank does, credit by credit." in mei.get(at).text
    preview = mei.submit(
        "/knowledge/preview", title="T", body="**{sender}** <b>", fragment="1", language="en"
    )
    assert "<strong>Harbour Bank</strong> &lt;b&gt;" in preview.text
    assert mei.submit(f"{article}/publish", language="en").status_code == 303
    assert "Do you report to a bureau?" in ben.get("/knowledge?q=credit+bureau").text
    assert "The backlog is empty" in mei.get("/knowledge/backlog").text

    assert (
        mei.submit(
            f"{article}/draft", language="en", based_on="1", title="Bureau?", body="No.", then="publish"
        ).status_code
        == 303
    )
    stale = mei.submit(f"{article}/draft", language="en", based_on="1", title="Bureau?", body="Perhaps.")
    assert (stale.status_code, "written meanwhile" in stale.text, "Perhaps." in stale.text) == (
        409,
        True,
        True,
    )
    changes = ben.get(f"{article}/en/2/changes").text
    assert "-Title: Do you report to a bureau?" in changes
    assert "+Title: Bureau?" in changes
    version = sqlite_desk.read(
        lambda session: (
            session.scalars(select(KnowledgeVersion).where(KnowledgeVersion.title == "Bureau?")).one().id
        )
    )
    assert (
        ben.submit(
            f"{article}/rate", language="en", version=version, helped="no", missing="Which?"
        ).status_code
        == 303
    )
    assert "Which?" in mei.get(article).text
    assert "low" in mei.get("/knowledge/editors?show=low").text
    assert (
        mei.submit(f"{article}/file", language="en", topic="terms", review_on="2026-03-01").status_code == 303
    )
    assert "Bureau?" in mei.get("/knowledge/editors?show=due").text
    assert mei.submit(f"{article}/retire", language="en", reason="").status_code == 422
    assert mei.submit(f"{article}/retire", language="en", reason="Not ours").status_code == 303
    assert "No article answers" in ben.get("/knowledge?q=credit+bureau").text
    for page in ("/knowledge/new", "/knowledge/editors", "/knowledge/backlog", f"{article}/edit"):
        assert ben.get(page).status_code == 403
    lars = sqlite_desk.sign_in(Role.LEGAL)
    assert "How can I pay?" in lars.get("/knowledge").text


def test_a_question_is_answered_on_the_case(sqlite_desk: Desk, mei: Browser) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    at = "/cases/1"
    assert 'data-key="q"' in ben.get(at).text
    opened = ben.get(f"{at}?do=knowledge").text
    assert "How can I pay?" in opened, "all are there to read"
    typing = ben.submit(f"{at}/knowledge/search", q="moon landing", fragment="1")
    assert "<html" not in typing.text
    assert sqlite_desk.read(lambda session: session.scalar(select(KnowledgeMiss))) is None, (
        "nothing is kept while typing"
    )
    assert "No article answers “moon landing”" in ben.submit(f"{at}/knowledge/search", q="moon landing").text
    assert "No article answers" in ben.submit(f"{at}/knowledge/search", q="Berg landing").text
    kept = sqlite_desk.read(lambda session: [each.words for each in session.scalars(select(KnowledgeMiss))])
    assert kept == ["moon landing"], "the customer is Anna Berg"

    found = ben.submit(f"{at}/knowledge/search", q="late fee").text
    assert found.index("Why was I charged a late fee?") < found.index("Read out on the call")
    version = sqlite_desk.read(
        lambda session: (
            session.scalars(
                select(KnowledgeVersion).where(KnowledgeVersion.title == "Why was I charged a late fee?")
            )
            .one()
            .id
        )
    )
    for act, fields, said in (
        ("read-out", {"version": version}, "was read out on the call"),
        ("send", {"send": f"{version}:email"}, "E-mail queued"),
        ("rate", {"helped": f"{version}:no", f"missing-{version}": "How much?"}, "The editors see it"),
    ):
        answer = ben.submit(f"{at}/knowledge/{act}", q="late fee", **fields)
        assert answer.status_code == 303, answer.text
        assert said in ben.get(answer.headers["location"]).text
    assert (
        "Question answered on the call: Why was I charged a late fee?" in ben.get(f"{at}?tab=timeline").text
    )
    twice = ben.submit(f"{at}/knowledge/send", q="late fee", send=f"{version}:email")
    assert (twice.status_code, "today already" in twice.text) == (409, True)
    for send in ("x:email", f"{version}:pigeon", "999:email"):
        assert ben.submit(f"{at}/knowledge/send", send=send).status_code in (404, 422)
    uses = sqlite_desk.read(lambda session: [each.channel for each in session.scalars(select(KnowledgeUse))])
    assert uses == [Channel.CALL, Channel.EMAIL]
    assert len(sqlite_desk.read(lambda session: session.scalars(select(OutboxMessage)).all())) == 1
