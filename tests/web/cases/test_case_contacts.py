"""Contacts and refusals of one case: every answer with its reasons, exported, and asked again."""

from __future__ import annotations

import csv
import io

import pytest
from sqlmodel import col, select

from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.outreach.gate.decisions import replay
from app.outreach.gate.events import ContactRefused
from tests.web import book
from tests.web.book import LOST, TAKEN, lived_in
from tests.web.desk import Desk


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return lived_in(desk.engine, LOST, TAKEN)


def test_an_agent_reads_every_answer_and_sees_it_asked_again(desk: Desk, lived: book.Book) -> None:
    refused = desk.read(
        lambda session: session.scalars(
            select(Event).where(Event.kind == ContactRefused.KIND).order_by(col(Event.id))
        ).first()
    )
    assert refused is not None
    agent = desk.sign_in(Role.AGENT)
    case = f"/cases/{refused.case_id}"
    assert f"{case}/contacts" in agent.get(case).text, "the case's gate leads there"
    page = agent.get(f"{case}/contacts").text
    assert "desk.no_address" in page
    assert f"{case}/contacts/{refused.id}" in page
    rows = list(csv.DictReader(io.StringIO(agent.get(f"{case}/contacts.csv").text.removeprefix("\ufeff"))))
    assert str(refused.id) in {row["id"] for row in rows}
    again = agent.get(f"{case}/contacts/{refused.id}").text
    assert "The same answer" in again
    assert desk.read(lambda session: replay(session, id_of(refused)).same)
    assert agent.get(f"/cases/{(refused.case_id or 0) + 1}/contacts/{refused.id}").status_code == 404
    assert agent.get(f"{case}/contacts?decision=refused").text.count("desk.no_address") >= 1
    manager = desk.sign_in(Role.MANAGER).get("/contacts").text
    assert "What the gate answered, by day" in manager
