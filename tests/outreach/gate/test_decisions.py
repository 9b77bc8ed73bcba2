"""Every answer of the gate can be asked for again, and gives itself; what it was based on is forgotten in time."""

from __future__ import annotations

import json
import re
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
    answer_data,
    decision_entry,
    forget_facts,
    read_request,
    record_decisions,
    replay,
    request_text,
)
from app.outreach.gate.events import FactsForgotten
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.gate.review import BatchReview
from app.outreach.planning.service import plan_contacts
from app.outreach.strategy.due_steps import cases_to_contact
from app.policy.composition import stack
from app.policy.facts import Contact, ContactResult, Facts, Hold, PastContact
from app.policy.packfile import parse_pack, shipped_packs
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


def before_words(text: str) -> str:
    """The pack of the United Kingdom as it was before it said anything of words about old debts."""
    a, b = text.index('id = "uk.limitation"'), text.index('force = "law"', text.index('id = "uk.limitation"'))
    channels = 'channels = ["sms", "email", "post", "call"]'
    old = f'id = "uk.limitation"\nkind = "limitation"\n{channels}\nyears = 6\nstops = "suit"\n'
    return re.sub(r'^version = ".*"', 'version = "2026.13"', text[:a] + old + text[b:], flags=re.MULTILINE)


@pytest.mark.parametrize(("age", "old", "new"), [(0, "clear", "clear"), (1, "clear", "refuse")])
def test_a_decision_made_under_the_pack_of_before_gives_the_answer_of_then(
    engine: Engine, age: int, old: str, new: str
) -> None:
    """A debt of six years, the day before it is time-barred and on that day (Limitation Act 1980 s.5; CONC 7.15.4R)."""
    then, since = datetime(2026, 3, 20, 12, tzinfo=UTC), date(2020, 3, 21) - timedelta(days=age)
    pack = stack([parse_pack(before_words(shipped_packs()["uk"].text), "uk.toml")])
    facts = Facts(("Europe/London",), due_since=since, paid_or_due_since=since)
    blocks = ("disclosure", "dispute", "help", "identify", "opt_out", "reach_us")
    contact = Contact(Channel.EMAIL, Purpose.REMINDER, "a@b.example", "first_reminder", blocks, "en")
    asked = ReviewRequest(contact, facts, then)
    assert "contacted_on" not in request_text(asked)
    with transaction(engine) as session:
        holder = builders.customer(session, builders.portfolio(session, pack="uk"))
        keep_pack(session, pack, now=then)
        entry = decision_entry(None, id_of(holder), asked, asked.answer(pack))
        [made] = record_decisions(session, [entry], by=Actor.user("kim"), now=then)
    with transaction(engine) as session:
        found = replay(session, made)
        assert (found.recorded["decision"], found.recorded["pack"], found.same) == (old, "uk@2026.13", True)
    assert answer_data(asked.answer(shipped_packs()["uk"]))["decision"] == new


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
