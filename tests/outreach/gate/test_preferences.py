"""A preference is kept, obeyed by the gate, and taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.events import PreferenceEnded, PreferenceSet
from app.outreach.gate.explain import explain
from app.outreach.gate.preferences import end_preference, set_preference
from app.policy.answers import Clearance, WaitUntil
from app.policy.facts import PreferenceKind
from tests.outreach.gate.people import WEDNESDAY, american


def test_what_does_not_suit_is_kept_obeyed_and_taken_back(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio, anna = american(session)
        told = set_preference(
            session,
            anna,
            PreferenceKind.TIME,
            weekdays=(0, 1, 2, 3, 4),
            end_minute=17 * 60,
            until=date(2026, 10, 9),
            source="works shifts",
            by=Actor.user("kim"),
            now=WEDNESDAY,
        )
        stopped = explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
        assert isinstance(stopped, WaitUntil)
        assert [reason.rule for reason in stopped.reasons] == ["us.inconvenient"]
        assert stopped.at == datetime(2026, 10, 7, 21, 0, tzinfo=UTC)
        monday = WEDNESDAY + timedelta(days=5)
        lapsed = explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=monday)
        assert isinstance(lapsed, Clearance)

        end_preference(session, told, by=Actor.user("kim"), now=WEDNESDAY)
        assert isinstance(
            explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY), Clearance
        )
        with pytest.raises(Conflict):
            end_preference(session, told, by=Actor.user("kim"), now=WEDNESDAY)
        query = select(Event.kind).where(Event.customer_id == anna.id).order_by(col(Event.id))
        kinds = session.scalars(query).all()
    assert kinds == [PreferenceSet.KIND, PreferenceEnded.KIND]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": PreferenceKind.TIME, "start_minute": 600, "end_minute": 600}, "start_minute"),
        ({"kind": PreferenceKind.TIME, "weekdays": (7,)}, "weekdays"),
        ({"kind": PreferenceKind.WORKPLACE}, "address"),
        ({"kind": PreferenceKind.PLACE, "address": "4111 1111 1111 1111"}, "address"),
        ({"kind": PreferenceKind.TIMEZONE, "timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_wrong_preference_names_its_field(sqlite_engine: Engine, wrong: dict, field: str) -> None:
    with transaction(sqlite_engine) as session:
        _, anna = american(session)
        with pytest.raises(Invalid) as refused:
            set_preference(session, anna, source="", by=Actor.user("kim"), now=WEDNESDAY, **wrong)
        assert refused.value.field == field
