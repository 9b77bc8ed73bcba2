"""What is on record stays as it was written, and a stranger can check that it did."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.book.ledger.models import Entry
from app.casework.cases.events import CaseClosed, NoteAdded
from app.core.actor import Actor
from app.core.database.engine import table_of, transaction
from app.core.timeline.models import Event
from app.core.timeline.rules import GENESIS, canonical, chain_hash
from app.core.timeline.service import about_customer, broken_links, record, record_many
from tests import builders

APPEND_ONLY = ("timeline_event", "ledger_entry")


def _story(engine: Engine) -> list[Event]:
    """Two streams, told in turns."""
    with transaction(engine) as session:
        for n in range(3):
            told = [about_customer(c, NoteAdded(f"note {n}")) for c in (1, 2)]
            record_many(session, told, by=Actor.user("ann"), now=builders.NOW + timedelta(hours=n))
    with transaction(engine) as session:
        query = select(Event).order_by(col(Event.stream), col(Event.seq))
        found = list(session.scalars(query))
        session.expunge_all()
        return found


def test_each_stream_is_a_chain_anybody_can_recompute(engine: Engine) -> None:
    events = _story(engine)
    assert [(e.stream, e.seq) for e in events] == [(f"customer:{c}", n) for c in (1, 2) for n in (1, 2, 3)]
    previous = GENESIS
    for e in events[:3]:
        assert e.prev_hash == previous
        previous = chain_hash(previous, e.stream, e.seq, e.kind, e.at, e.by, e.data)
        assert e.hash == previous
    assert broken_links(events) == []
    assert json.loads(events[0].data) == {"text": "note 0"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda e: setattr(e[1], "data", '{"text":"paid in full"}'),
        lambda e: setattr(e[1], "by", "user:bob"),
        lambda e: setattr(e[1], "at", e[1].at + timedelta(microseconds=1)),
        lambda e: setattr(e[1], "kind", CaseClosed.KIND),
        lambda e: e.pop(1),
        lambda e: e.insert(1, e[1]),
        lambda e: e.__setitem__(slice(0, 2), [e[1], e[0]]),
        lambda e: e.pop(0),
    ],
    ids=["words", "author", "time", "kind", "removed", "doubled", "swapped", "beheaded"],
)
def test_no_forgery_goes_unseen(sqlite_engine: Engine, forge: object) -> None:
    events = _story(sqlite_engine)
    forge(events)  # type: ignore[operator]
    [broken] = broken_links(events)
    assert broken.startswith("customer:1 at ")


def test_the_other_streams_do_not_suffer_from_one_that_is_broken(sqlite_engine: Engine) -> None:
    events = _story(sqlite_engine)
    events[4].data = "{}"
    assert broken_links(events) == ["customer:2 at 2"]


def test_nothing_recorded_remains_of_a_transaction_that_fails(engine: Engine) -> None:
    def fail_after_recording() -> None:
        with transaction(engine) as session:
            record(session, about_customer(1, NoteAdded("")), by=Actor.user("ann"), now=builders.NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_recording()
    assert builders.count(engine, Event) == 0
    assert [e.seq for e in _story(engine)][:3] == [1, 2, 3]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {table} SET id = id", "DELETE FROM {table}"])
def test_the_database_itself_refuses_to_change_what_is_on_record(
    engine: Engine, table: str, verb: str
) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=date(2026, 3, 10))
        builders.payment(session, card, 100, date(2026, 3, 1))
    before = [builders.count(engine, model) for model in (Event, Entry)]
    assert min(before) > 0
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(verb.format(table=table))
    assert [builders.count(engine, model) for model in (Event, Entry)] == before


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_truncate_is_no_way_around(postgres_engine: Engine, table: str) -> None:
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        postgres_engine.begin() as connection,
    ):
        connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")


def test_one_spelling_per_value() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    assert canonical({"a": "é", "b": 1}) == canonical({"b": 1, "a": "é"})


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), _json, max_size=6))
def test_the_standard_library_spells_it_the_same(data: dict[str, Any]) -> None:
    """So that a stranger who checks the chain needs no library of ours."""
    spelled = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    assert canonical(data) == spelled


def test_a_stream_has_no_two_events_of_one_number(engine: Engine) -> None:
    _story(engine)
    with engine.connect() as connection:
        row = dict(connection.execute(sa.select(table_of(Event)).limit(1)).mappings().one())
    row.pop("id")
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(sa.insert(table_of(Event)).values(row))
