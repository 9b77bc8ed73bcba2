"""The page of offers and hand-overs, and the list with its ages."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from app.casework.hand_overs.queries import conduct_of, hand_overs_of
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

TODAY = date(2026, 3, 2)


@pytest.fixture
def path(sqlite_desk: Desk) -> str:
    def write(session: Session) -> int:
        late = TODAY - timedelta(days=20)
        return id_of(builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)))

    return f"/cases/{sqlite_desk.write(write)}"


def test_an_offer_is_accepted_handed_over_received_and_done(sqlite_desk: Desk, path: str) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "Nothing was offered yet." in ben.get(f"{path}/offers").text
    refused = ben.submit(f"{path}/offers", offer="debt_advice", note="mornings")
    assert refused.status_code == 422
    assert "mornings" in refused.text, "nothing typed is lost"
    sent = ben.submit(f"{path}/offers", offer="debt_advice", answer="accepted", note="mornings")
    assert sent.status_code == 303
    [row] = sqlite_desk.read(lambda session: hand_overs_of(session, 1))
    assert "With the desk Debt advice charity" in ben.get(path).text
    listed = ben.get("/hand-overs").text
    assert "Debt advice charity" in listed
    one = f"{path}/offers/hand-overs/{row.id}"
    assert ben.submit(f"{one}/receipt", received_by="Joan").status_code == 303
    assert ben.submit(f"{one}/end", status="done", words="").status_code == 422
    assert ben.submit(f"{one}/end", status="done", words="A budget was made.").status_code == 303
    assert "With the desk" not in ben.get(path).text
    assert "No hand-over matches" in ben.get("/hand-overs").text
    assert "A budget was made." in ben.get(f"{path}/offers").text
    assert "Joan" in ben.get("/hand-overs?state=ended&desk=debt_advice").text


def test_abusive_contact_says_what_to_do_and_tells_a_supervisor(sqlite_desk: Desk, path: str) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "closes no channel and no right" in ben.get(f"{path}/offers").text
    assert ben.submit(f"{path}/offers/conduct", step="warned", words="You pig.").status_code == 303
    assert "you may end the call" in ben.get(f"{path}/offers").text
    assert ben.submit(f"{path}/offers/conduct", step="ended", words="Again.").status_code == 303
    assert len(sqlite_desk.read(lambda session: conduct_of(session, 1))) == 2
    assert "With the desk Supervisors" in ben.get(path).text
