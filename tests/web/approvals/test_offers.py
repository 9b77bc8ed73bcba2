"""The managers' page of offers: counts by kind, state and reason, and the offers behind each."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.negotiation.negotiating import negotiate, refuse_offer
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.queries import offers_of
from app.casework.plans.terms import Payday
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import NOW, Desk

BEN = Actor.user("ben")


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def negotiated(session: Session) -> int:
    """A case that was negotiated; its first offer was refused."""
    case = builders.delinquent_case(session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), minimum=40_000)
    said = Answer(15_000, 0, Payday(date(2026, 3, 5)))
    made = negotiate(session, case, said, by=BEN, role=Role.AGENT, now=NOW)
    [first, *_] = offers_of(session, [id_of(made.negotiation)])[id_of(made.negotiation)]
    refuse_offer(session, case, id_of(first), "Too long for them", by=BEN, now=NOW)
    return id_of(case)


def test_each_count_leads_to_its_offers(desk: Desk) -> None:
    desk.sign_in(Role.AGENT)
    mei = desk.sign_in(Role.MANAGER)
    assert "No negotiation in this time" in mei.get("/approvals/offers").text
    case_id = desk.write(negotiated)
    page = mei.get("/approvals/offers").text
    assert "Not offered, and why" in page
    assert "CNY" not in page, "amounts of the reasons are written as all others"
    links = [
        link.replace("&amp;", "&") for link in re.findall(r'href="(/approvals/offers/behind[^"]*)"', page)
    ]
    assert any("state=refused" in link for link in links)
    assert any("state=not_offered" in link and "rule=" in link for link in links)
    for link in links:
        behind = mei.get(link)
        assert behind.status_code == 200
        assert f"/cases/{case_id}" in behind.text
    refused = next(link for link in links if "state=refused" in link)
    assert "Too long for them" in mei.get(refused).text
    desk.clock.advance(timedelta(days=8))
    mei = desk.sign_in(Role.MANAGER)
    assert "No negotiation in this time" in mei.get("/approvals/offers?days=7").text
    assert "Not offered" in mei.get("/approvals/offers?days=30").text


def test_only_managers_read_it_and_a_wrong_address_says_what_to_do(desk: Desk) -> None:
    assert desk.sign_in(Role.AGENT).get("/approvals/offers").status_code == 403
    mei = desk.sign_in(Role.MANAGER)
    assert mei.get("/approvals/offers/behind?kind=x").status_code == 422
    assert mei.get("/approvals/offers?portfolio=none&days=1").status_code == 200
