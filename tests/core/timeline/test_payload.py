"""A payload is spelled as its events have always been, and read back as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.casework.cases.events import CallbackSet, CallLogged, CaseClosed
from app.casework.cases.rules import CaseOutcome
from app.casework.holds.events import HoldEnded, HoldPlaced
from app.casework.results.rules import CallResult, Counts, Direction
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.migration import schema
from app.core.migration.revisions import why_unfit
from app.core.timeline.models import Event, TimelineKind
from app.core.timeline.payload import PAYLOADS, Payload, known_kinds, payload_of, stored_as
from app.core.timeline.rules import canonical
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import HoldKind
from tests import builders

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SPELLED: dict[Payload, str] = {
    HoldPlaced(7, HoldKind.DISPUTE, "not mine", date(2026, 6, 1)): (
        '{"hold":7,"kind":"dispute","reason":"not mine","until":"2026-06-01"}'
    ),
    HoldEnded(7, HoldKind.HARDSHIP): '{"hold":7,"kind":"hardship"}',
    HoldEnded(7, HoldKind.DISPUTE, "answered"): '{"hold":7,"kind":"dispute","reason":"answered"}',
    CallbackSet(AT): '{"at":"2026-03-02 09:30:00+00:00"}',
    CallbackSet(None, "attorney hold"): '{"at":null,"reason":"attorney hold"}',
    CallLogged(CallResult.BUSY, "", "+31612345678"): '{"note":"","number":"+31612345678","result":"busy"}',
    CallLogged("asks_for_statement", "", "", Counts.CONVERSATION, "Asks for a statement", Direction.IN): (
        '{"counts":"conversation","direction":"in","label":"Asks for a statement","note":"","number":"",'
        '"result":"asks_for_statement"}'
    ),
    CaseClosed(date(2026, 3, 2), CaseOutcome.WRITTEN_OFF): '{"on":"2026-03-02","outcome":"written_off"}',
}
"""As they were before payloads had classes: the chains of those days must verify."""


@pytest.mark.parametrize("payload", SPELLED, ids=lambda payload: type(payload).__name__)
def test_a_payload_is_spelled_as_ever_and_read_back(payload: Payload) -> None:
    assert canonical(payload.data()) == SPELLED[payload]
    assert type(payload).from_json(SPELLED[payload]) == payload


def test_a_field_may_have_another_name_than_its_key() -> None:
    @dataclass(frozen=True, slots=True)
    class Moved(Payload):
        from_: str
        to: str
        item_id: int = field(metadata=stored_as("item"))
        tags: tuple[str, ...] = ()

    moved = Moved("a", "b", 3, ("x",))
    assert moved.data() == {"from": "a", "to": "b", "item": 3, "tags": ("x",)}
    assert Moved.from_json(canonical(moved.data())) == moved
    assert "tags" not in Moved("a", "b", 3).data()


def test_two_classes_cannot_record_one_kind() -> None:
    with pytest.raises(TypeError, match="both record hold.placed"):

        class Again(Payload):
            KIND = "hold.placed"

    assert payload_of("hold.placed") is HoldPlaced


def test_a_migrated_database_takes_every_kind(engine: Engine) -> None:
    schema.import_events()
    with transaction(engine) as session:
        found = set(session.scalars(select(TimelineKind.kind)))
    assert known_kinds() <= found


def test_a_kind_without_a_row_asks_for_a_migration(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.timeline.payload.PAYLOADS", {**PAYLOADS})  # forgotten after this test

    @dataclass(frozen=True, slots=True)
    class Whistled(Payload):
        KIND = "dog.whistled"

    assert why_unfit(engine)
    schema.upgrade(engine)
    assert why_unfit(engine) is None
    with transaction(engine) as session:
        record(session, about_customer(1, Whistled()), by=SYSTEM, now=builders.NOW)
    with transaction(engine) as session:
        assert session.scalars(select(Event.kind)).all() == [Whistled.KIND]
