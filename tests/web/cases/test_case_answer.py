"""An SMS answered from the case page, as the agent sees it."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select

from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.inbound.interpretation import interpret_due
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.models import OutboxMessage
from tests.builders import events
from tests.web.desk import Browser, Desk
from tests.web.worklist.test_replies import a_case, writes

QUESTION = "Can I pay <b>half</b> on Friday?"


@pytest.fixture
def ben(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.AGENT)


def queued(desk: Desk) -> list[str]:
    return desk.read(lambda session: list(session.scalars(select(OutboxMessage.text))))


def test_a_reply_is_answered_in_the_thread_and_leaves_the_queue(sqlite_desk: Desk, ben: Browser) -> None:
    case = a_case(sqlite_desk)
    at = f"/cases/{case.id}"
    assert "Answer their SMS" not in ben.get(at).text, "they have not written"
    number = writes(sqlite_desk, QUESTION)
    interpret_due(sqlite_desk.engine, sqlite_desk.app.state.ports.catalog, sqlite_desk.clock)
    assert f'href="{at}?do=answer&amp;tab=messages#do-answer"' in ben.get(f"/replies/{number}").text
    page = ben.get(f"{at}?do=answer&tab=messages").text
    assert re.search(r'id="do-answer" open>.*?Can I pay &lt;b&gt;half', page, re.DOTALL)

    whole = ben.submit(f"{at}/answer/preview", text="Yes <i>please</i>", fragment="1").text
    assert "Yes &lt;i&gt;please&lt;/i&gt;" in whole
    assert "1 segment (GSM-7)" in whole
    assert "<html" not in whole
    assert "2 segments (UCS-2)" in ben.submit(f"{at}/answer/preview", text="好" * 60).text, "without a script"
    assert queued(sqlite_desk) == []

    for said in ("SMS queued", "not sent twice"):
        answer = ben.submit(f"{at}/answer", text="Yes <i>please</i>")
        assert answer.status_code == 303
        assert said in ben.get(answer.headers["location"]).text
    [text] = queued(sqlite_desk)
    assert "Yes <i>please</i>" in text
    thread = ben.get(f"{at}?tab=messages").text
    assert thread.index(">We answered<") < thread.index(">They wrote</p>")
    assert "No message waits for an answer" in ben.get("/replies").text


def test_undo_gives_the_words_back(sqlite_desk: Desk, ben: Browser) -> None:
    case = a_case(sqlite_desk)
    at = f"/cases/{case.id}"
    writes(sqlite_desk, QUESTION)
    interpret_due(sqlite_desk.engine, sqlite_desk.app.state.ports.catalog, sqlite_desk.clock)
    ben.submit(f"{at}/answer", text="Yes, Fridya is fine")
    message_id = sqlite_desk.read(lambda session: session.scalars(select(OutboxMessage.id)).one())
    undone = ben.submit(f"{at}/messages/{message_id}/undo")
    assert "Its words are in the form of the answer" in ben.get(undone.headers["location"]).text
    page = ben.get(f"{at}?do=answer&draft=1").text
    assert re.search(
        r'id="do-answer" open>.*?Not sent yet.*?>Yes, Fridya is fine</textarea>', page, re.DOTALL
    )
    assert [each["form"] for each in ben.get(f"/drafts?subject={case.id}").json()] == ["answer"]


def test_a_refusal_is_shown_with_its_reason_on_record_and_nothing_typed_is_lost(
    sqlite_desk: Desk, ben: Browser
) -> None:
    case = a_case(sqlite_desk)
    writes(sqlite_desk, "STOP")
    answer = ben.submit(f"/cases/{case.id}/answer", text="We will stop. Ben")
    assert answer.status_code == 409
    assert re.search(r'<textarea[^>]*id="answer-text"[^>]*>We will stop. Ben</textarea>', answer.text)
    assert "opted out" in answer.text
    assert queued(sqlite_desk) == []
    [refused] = sqlite_desk.read(lambda session: events(session, ContactRefused.KIND))
    assert (refused["letter"], refused["channel"], refused["by"]) == ("sms_answer", Channel.SMS, "user:ben")


def test_a_full_card_number_is_not_sent(sqlite_desk: Desk, ben: Browser) -> None:
    case = a_case(sqlite_desk)
    writes(sqlite_desk, QUESTION)
    answer = ben.submit(f"/cases/{case.id}/answer", text="Card 4111 1111 1111 1111")
    assert (answer.status_code, "full card number" in answer.text) == (422, True)
    shown = ben.submit(f"/cases/{case.id}/answer/preview", text="Card 4111 1111 1111 1111", fragment="1").text
    assert "4111" not in shown
    assert queued(sqlite_desk) == []
