"""Every answer of the gate can be asked for again, and gives itself; what it was based on is forgotten in time."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.holds.service import start_hold
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import table_of, transaction
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.timeline.models import DecisionFacts, Event
from app.core.timeline.service import broken_links
from app.core.vocabulary import TO_CUSTOMERS, Channel, HoldKind, Purpose
from app.outreach.gate.consent import set_consent
from app.outreach.gate.decisions import (
    DECISION_KINDS,
    ReviewRequest,
    forget_facts,
    read_request,
    replay,
    request_text,
)
from app.outreach.gate.events import FactsForgotten
from app.outreach.gate.review import BatchReview
from app.outreach.planning.service import plan_contacts
from app.outreach.strategy.due_steps import cases_to_contact
from app.policy.facts import Contact, ContactResult, Facts, Hold, PastContact
from app.policy.packfile import shipped_packs
from tests import builders

ON = date(2026, 3, 20)
NIGHT = datetime(2026, 3, 21, 2, 30, tzinfo=UTC)


def a_month(engine: Engine, days: int = 30) -> None:
    """Seven customers at every rung of the ladder, one of whom said no, one in dispute, one without a number."""
    with transaction(engine) as session:
        cases = [
            builders.delinquent_case(session, due_on=ON - timedelta(days=late), on=ON)
            for late in (1, 2, 3, 8, 24, 30, 32)
        ]
        session.get_one(Customer, cases[1].customer_id).mobile = ""
        set_consent(
            session, session.get_one(Customer, cases[2].customer_id), Channel.SMS, allowed=False,
            source="phone", by=Actor.user("ann"), now=builders.at(ON),
        )  # fmt: skip
        until = ON + timedelta(days=9)
        start_hold(
            session,
            cases[3],
            HoldKind.DISPUTE,
            "not hers",
            until,
            by=Actor.user("ann"),
            today=ON,
            now=builders.at(ON),
        )
    for day in (ON + timedelta(days=n) for n in range(days)):
        with transaction(engine) as session:
            portfolio = get_portfolio(session, builders.BOOK)
            due = cases_to_contact(session, id_of(portfolio), day)
            night = builders.night_after(day)
            plan_contacts(session, portfolio, due, builders.catalog(), on=day, now=night)
        builders.deliver(engine, builders.at(day + timedelta(days=1), 11))


def decisions(session: Session) -> list[int]:
    kinds = col(Event.kind).in_(DECISION_KINDS)
    return [i for i in session.scalars(select(Event.id).where(kinds).order_by(col(Event.id))) if i]


def test_every_decision_of_a_month_replays_to_itself(engine: Engine) -> None:
    a_month(engine)
    with transaction(engine) as session:
        found = [replay(session, each) for each in decisions(session)]
        assert len(found) > 20
        assert {each.recorded["decision"] for each in found} == {"clear", "wait", "refuse"}
        assert [each.differences for each in found if not each.same] == []


def test_a_replay_tells_facts_that_were_changed_from_facts_that_are_gone(engine: Engine) -> None:
    a_month(engine, days=2)
    with transaction(engine) as session:
        first, second, *_ = decisions(session)
        kept = session.get_one(DecisionFacts, first)
        kept.facts = kept.facts.replace("Asia/Shanghai", "Asia/Taipei")
        session.delete(session.get_one(DecisionFacts, second))
        session.flush()
        with pytest.raises(Conflict):
            replay(session, first)
        for gone in (second, 10**9):
            with pytest.raises(NotFound):
                replay(session, gone)


def test_the_command_prints_both_answers(
    engine: Engine, database_url: str, process_env: dict[str, str], tmp_path: Path
) -> None:
    a_month(engine, days=1)
    with transaction(engine) as session:
        first = decisions(session)[0]
    told = subprocess.run(
        [sys.executable, "-m", "app.programs", "replay", "--decision", str(first), "--json"],
        env={**process_env, "DESK_DATABASE_URL": database_url, "DESK_SECRET_KEY": "s" * 40},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(told.stdout)
    assert (answer["decision"], answer["same"]) == (first, True)
    assert answer["recorded"] == answer["replayed"]


def test_facts_are_kept_as_long_as_the_pack_says_and_then_forgotten_without_breaking_the_chain(
    engine: Engine,
) -> None:
    years = 3
    with transaction(engine) as session:
        builders.portfolio(session, pack="us-third-party")
    a_month(engine, days=1)
    with transaction(engine) as session:
        before = decisions(session)
        [label] = set(session.scalars(select(DecisionFacts.pack)))
        retention = shipped_packs()["us-third-party"].retention
        assert "us-third-party@" in label
        assert retention is not None
        assert retention.years == years
        first, last = session.execute(
            sa.select(sa.func.min(DecisionFacts.at), sa.func.max(Event.at)).where(
                DecisionFacts.event_id == Event.id
            )
        ).one()
        exactly = first.replace(year=first.year + years)
        assert forget_facts(session, by=SYSTEM, now=exactly) == 0, "exactly so long ago is not long enough"
        later = last.replace(year=last.year + years) + timedelta(days=1)
        assert forget_facts(session, by=SYSTEM, now=later) == len(before) > 0
        assert forget_facts(session, by=SYSTEM, now=later) == 0
    with transaction(engine) as session:
        assert decisions(session) == before
        assert session.scalars(select(DecisionFacts)).all() == []
        events = session.scalars(select(Event).order_by(col(Event.stream), col(Event.seq))).all()
        assert broken_links(events) == []
        [told] = builders.events(session, FactsForgotten.KIND)
        assert [(pack, n["decisions"]) for pack, n in told["packs"].items()] == [(label, len(before))]


def test_while_anything_happens_to_the_customer_everything_is_kept(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.portfolio(session, pack="us-third-party")
    a_month(engine, days=1)
    later = builders.night_after(ON) + timedelta(days=3 * 366)
    with transaction(engine) as session:
        event = table_of(Event)
        customers = session.scalars(
            sa.select(event.c.customer_id).where(event.c.id.in_(decisions(session)))
        ).all()
        told = session.get_one(Customer, customers[0])
        set_consent(
            session, told, Channel.CALL, allowed=False, source="letter", by=Actor.user("ann"),
            now=later - timedelta(days=300),
        )  # fmt: skip
        forget_facts(session, by=SYSTEM, now=later)
        kept = session.scalars(
            sa.select(event.c.customer_id).where(event.c.id.in_(select(DecisionFacts.event_id)))
        ).all()
        assert set(kept) == {customers[0]}


# --- the night's shortcut -----------------------------------------------------------------------------------

hours = st.integers(-24 * 30, 30).map(lambda h: NIGHT + timedelta(hours=h))
past = st.builds(
    PastContact,
    hours,
    st.sampled_from(Channel),
    st.sampled_from(ContactResult),
    st.sampled_from(["+1", "+2"]),
)
holds = st.builds(
    Hold,
    st.sampled_from(HoldKind),
    hours,
    st.one_of(st.none(), hours.map(lambda at: at + timedelta(days=20))),
)
people = st.builds(
    Facts,
    timezones=st.sampled_from([("Europe/London",), ("America/New_York", "America/Los_Angeles"), ()]),
    consent=st.dictionaries(st.sampled_from(Channel), st.booleans(), max_size=2),
    holds=st.lists(holds, max_size=1).map(tuple),
    history=st.lists(past, max_size=6).map(tuple),
)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["us-third-party", "uk", "cn"]),
    st.sampled_from(Channel),
    st.sampled_from(TO_CUSTOMERS),
    st.sampled_from(["+1", ""]),
    people,
)
def test_a_night_gives_everybody_the_answer_they_would_get_alone(
    pack: str, channel: Channel, purpose: Purpose, address: str, facts: Facts
) -> None:
    rules = shipped_packs()[pack]
    gate = BatchReview(NIGHT, NIGHT + timedelta(hours=24))
    for number in (address, "", '+2"\n\u00e5', address):
        contact = Contact(channel, purpose, number)
        asked, answer, text = gate.ask(contact, facts, rules)
        assert asked == ReviewRequest(contact, facts, gate.at, gate.until)
        assert (answer, text) == (asked.answer(rules), request_text(asked))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Channel), people)
def test_what_was_asked_is_read_back_as_it_was(channel: Channel, facts: Facts) -> None:
    asked = ReviewRequest(Contact(channel, Purpose.REMINDER, "+1"), facts, NIGHT)
    assert read_request(request_text(asked)) == asked
