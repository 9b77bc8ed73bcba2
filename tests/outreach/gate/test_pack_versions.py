"""Packs are kept as they decided, and a portfolio's own rules are on record and never looser."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.orm import configure_mappers
from sqlmodel import col, select

from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import NotFound
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.events import PortfolioTightened
from app.outreach.gate.explain import explain
from app.outreach.gate.models import PolicyPackVersion
from app.outreach.gate.pack_versions import keep_pack, pack_by_label, tighten_portfolio
from app.policy.answers import Clearance, WaitUntil
from app.policy.composition import pack_of, packs_for
from app.policy.facts import Contact, ContactResult, Facts, PastContact
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review
from tests.outreach.gate.people import WEDNESDAY, american


def test_a_pack_that_decides_is_kept_once_and_decides_the_same_later(engine: Engine) -> None:
    tight = '[[rules]]\nid = "us.calls_7in7"\nmost = 2\n'
    with transaction(engine) as session:
        portfolio, anna = american(session)
        tighten_portfolio(session, portfolio, tight, by=Actor.user("lee"), now=WEDNESDAY)
        pack = packs_for(portfolio, anna)
        keep_pack(session, pack, now=WEDNESDAY)
    with transaction(engine) as session:
        keep_pack(session, pack, now=WEDNESDAY + timedelta(days=1))
        kept = session.scalars(select(PolicyPackVersion)).all()
        assert [(row.label, row.first_used_at) for row in kept] == [(pack.label, WEDNESDAY)]
        again = pack_by_label(session, pack.label)
        calls = tuple(
            PastContact(WEDNESDAY - timedelta(hours=n), Channel.CALL, ContactResult.PLACED) for n in (2, 1)
        )
        facts = Facts(("America/New_York",), history=calls)
        call = Contact(Channel.CALL, Purpose.REMINDER, "+12125552000")
        assert review(call, facts, again, WEDNESDAY) == review(call, facts, pack, WEDNESDAY)
        assert isinstance(review(call, facts, again, WEDNESDAY), WaitUntil)
        shipped = shipped_packs()["uk"].label
        assert pack_by_label(session, shipped).label == shipped
        with pytest.raises(NotFound, match="uk@1999"):
            pack_by_label(session, "uk@1999")


def test_a_pack_is_not_taken_for_kept_when_its_transaction_failed(engine: Engine) -> None:
    pack = pack_of(make_portfolio())

    def fail() -> None:
        with transaction(engine) as session:
            keep_pack(session, pack, now=WEDNESDAY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with transaction(engine) as session:
        keep_pack(session, pack, now=WEDNESDAY)
    with transaction(engine) as session:
        assert session.get(PolicyPackVersion, pack.label) is not None


def make_portfolio() -> Portfolio:
    configure_mappers()  # else the first test of a process has a half-made class
    return Portfolio.model_construct(
        code="B",
        pack="uk",
        collector=CollectorKind.FIRST_PARTY,
        tightening="",
        adopted_packs="",
        complaint_stops="reminders",
        assigned_on=None,
    )


def test_a_portfolio_is_tightened_on_record_and_never_loosened(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio, anna = american(session)
        loose = '[[rules]]\nid = "us.hours"\nopen = [{ from = "06:00", to = "22:00" }]\n'
        with pytest.raises(BadPack, match=r"us\.hours: open: .* looser .* 12 CFR 1006\.6"):
            tighten_portfolio(session, portfolio, loose, by=Actor.user("lee"), now=WEDNESDAY)
        assert portfolio.tightening == ""

        tight = '[[rules]]\nid = "us.hours"\nopen = [{ from = "13:00", to = "20:00" }]\n'
        assert tighten_portfolio(session, portfolio, tight, by=Actor.user("lee"), now=WEDNESDAY) == [
            "us.hours"
        ]
        answer = explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
        assert isinstance(answer, WaitUntil)
        assert answer.at == datetime(2026, 10, 7, 17, 0, tzinfo=UTC)

        assert tighten_portfolio(session, portfolio, "\n", by=Actor.user("lee"), now=WEDNESDAY) == []
        assert isinstance(
            explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY), Clearance
        )
        query = select(Event).where(Event.kind == PortfolioTightened.KIND).order_by(col(Event.id))
        told = [json.loads(event.data)["rules"] for event in session.scalars(query)]
    assert told == [["us.hours"], []]
