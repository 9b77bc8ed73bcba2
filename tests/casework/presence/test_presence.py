"""Who has a case open, and until when a person counts as on the telephone."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.casework.presence.models import OpenPage
from app.casework.presence.queries import viewers_of
from app.casework.presence.rules import CALLING_WITHIN, SEEN_WITHIN, Viewer, viewer_of
from app.casework.presence.service import end_call, leave, note_view
from app.core.database.engine import transaction
from app.core.ids import id_of
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "since", "expected"),
    [
        (SEEN_WITHIN, None, Viewer("jonas")),
        (SEEN_WITHIN + SECOND, None, None),
        (SEEN_WITHIN + SECOND, NOW, Viewer("jonas", NOW)),
        (CALLING_WITHIN, NOW, Viewer("jonas", NOW)),
        (CALLING_WITHIN + SECOND, NOW, None),
    ],
)
def test_how_long_a_beat_counts(age: timedelta, since: datetime | None, expected: Viewer | None) -> None:
    assert viewer_of("jonas", NOW - age, since, NOW) == expected


def a_case(engine: Engine) -> int:
    with transaction(engine) as session:
        return id_of(builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON))


def test_a_colleague_sees_who_looks_and_who_calls(engine: Engine) -> None:
    case_id = a_case(engine)
    with transaction(engine) as session:
        note_view(session, case_id, "jonas", now=NOW - SEEN_WITHIN)
        note_view(session, case_id, "mei", calling=True, now=NOW)
    with transaction(engine) as session:
        note_view(session, case_id, "mei", calling=True, now=NOW + SECOND)
        seen = viewers_of(session, [case_id], NOW, but="ben")
        assert seen == {case_id: [Viewer("mei", NOW), Viewer("jonas")]}
        assert viewers_of(session, [case_id], NOW + 2 * SECOND, but="mei") == {}
        end_call(session, case_id, "mei")
        assert viewers_of(session, [case_id], NOW, but="jonas") == {case_id: [Viewer("mei")]}
        leave(session, case_id, "mei")
        note_view(session, case_id, "jonas", now=NOW + timedelta(hours=3))
        assert [row.username for row in session.scalars(select(OpenPage))] == ["jonas"]


def test_beats_at_once_are_one_row(engine: Engine) -> None:
    case_id = a_case(engine)
    barrier, faults = threading.Barrier(4), []

    def beat() -> None:
        barrier.wait()
        try:
            with transaction(engine) as session:
                note_view(session, case_id, "mei", calling=True, now=NOW)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=beat) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert faults == []
    with transaction(engine) as session:
        assert [row.calling_since for row in session.scalars(select(OpenPage))] == [NOW]
