"""What a customer tells about being contacted is typed on the case page, obeyed at once, and taken back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.core.vocabulary import Channel
from app.outreach.gate.events import PreferenceEnded, PreferenceSet
from app.outreach.gate.models import ContactPreference
from app.policy.facts import PreferenceKind
from tests import builders
from tests.web.desk import Browser, Desk

TODAY = date(2026, 3, 2)


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


def make_case(desk: Desk) -> int:
    def write(session: Session) -> int:
        made = builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=20), on=TODAY - timedelta(days=1), owner="ben"
        )
        return id_of(made)

    return desk.write(write)


def told(desk: Desk) -> list[ContactPreference]:
    return desk.read(lambda session: list(session.scalars(select(ContactPreference))))


def test_a_time_that_does_not_suit_stops_contact_until_it_is_taken_back(desk: Desk, ben: Browser) -> None:
    case = f"/cases/{make_case(desk)}"
    before = ben.get(case).text.count('data-verdict="yes"')
    sent = ben.submit(
        f"{case}/preferences", kind="inconvenient_time", end="23:59", channel="call", source="works nights"
    )
    assert sent.status_code == 303
    [row] = told(desk)
    assert (row.kind, row.channel, row.start_minute, row.end_minute, row.by) == (
        PreferenceKind.TIME,
        Channel.CALL,
        0,
        23 * 60 + 59,
        "user:ben",
    )
    page = ben.get(case).text
    assert page.count('data-verdict="yes"') == before - 1
    assert "not from 00:00 to 23:59 by call" in page
    assert "works nights" in page

    assert ben.submit(f"{case}/preferences/{row.id}/end").status_code == 422, "it says why"
    why = {"reason": "Works by day now"}
    assert ben.submit(f"{case}/preferences/{row.id}/end", **why).status_code == 303
    assert ben.get(case).text.count('data-verdict="yes"') == before
    assert ben.submit(f"{case}/preferences/{row.id}/end", **why).status_code == 409
    kinds = desk.read(lambda session: set(session.scalars(select(Event.kind))))
    assert {PreferenceSet.KIND, PreferenceEnded.KIND} <= kinds


def test_a_workplace_is_the_number_on_file_and_a_zone_where_they_live(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/preferences", kind="workplace", channel="call", source="said so")
    ben.submit(f"/cases/{case_id}/preferences", kind="timezone", timezone="Asia/Tokyo", source="said so")
    number = desk.read(lambda session: session.scalars(select(Customer.mobile)).one())
    work, home = told(desk)
    assert (work.kind, work.address) == (PreferenceKind.WORKPLACE, number)
    assert (home.kind, home.timezone) == (PreferenceKind.TIMEZONE, "Asia/Tokyo")
    assert "they live in Asia/Tokyo" in ben.get(f"/cases/{case_id}").text


WRONG = [
    ({"kind": "", "source": "x"}, "Choose one."),
    ({"kind": "inconvenient_time", "source": "x"}, "Say from when"),
    ({"kind": "inconvenient_time", "start": "25:00", "source": "x"}, "Write a time like 17:00"),
    (
        {"kind": "inconvenient_time", "start": "17:00", "end": "17:00", "source": "x"},
        "Give two different times of day",
    ),
    ({"kind": "workplace", "source": "x"}, "Choose whose number"),
    (
        {"kind": "timezone", "timezone": "Mars/Olympus", "source": "x"},
        "name a place, such as America/Chicago",
    ),
    ({"kind": "inconvenient_time", "end": "09:00"}, "Say how the customer let us know"),
]


def test_a_mistake_stands_beside_its_field_and_nothing_is_lost(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    for typed, message in WRONG:
        answer = ben.submit(f"/cases/{case_id}/preferences", **typed)
        assert answer.status_code == 422, typed
        assert message.lower() in answer.text.lower(), typed
    assert told(desk) == []


def test_who_may_not_work_cases_notes_nothing(desk: Desk) -> None:
    case_id = make_case(desk)
    reader = desk.sign_in(Role.LEGAL)
    sent = reader.submit(f"/cases/{case_id}/preferences", kind="inconvenient_time", end="09:00", source="x")
    assert sent.status_code == 403
