"""The page of help with payments: a request from the telephone to its decision, and refusals beside their fields."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.rules import HardshipStatus
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

TODAY = date(2026, 3, 2)
ASKED = {"way": "call", "reasons": "income_fell", "received_on": str(TODAY)}


@pytest.fixture
def path(sqlite_desk: Desk) -> str:
    def write(session: Session) -> int:
        late = TODAY - timedelta(days=20)
        return id_of(builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)))

    return f"/cases/{sqlite_desk.write(write)}/hardship"


def the_request(desk: Desk) -> HardshipRequest:
    return desk.read(lambda session: session.scalars(select(HardshipRequest)).one())


def test_a_request_from_the_telephone_to_its_decision(sqlite_desk: Desk, path: str) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "Take a request down" in ben.get(path).text
    assert ben.submit(path, **ASKED, note="pay half until summer").status_code == 303
    row = the_request(sqlite_desk)
    shown = ben.get(path).text
    assert "pay half until summer" in shown
    assert "Answer by" in shown
    assert ben.submit(f"{path}/{row.id}/documents", what="three payslips").status_code == 303
    asked = sqlite_desk.read(lambda session: session.scalars(select(HardshipDocument)).one())
    came = f"{path}/{row.id}/documents/{asked.id}"
    assert "Say what it does not show." in ben.submit(came, state="insufficient").text
    assert ben.submit(came, state="received").status_code == 303
    decided = {"decision": "granted", "until": str(TODAY + timedelta(days=60))}
    assert ben.submit(f"{path}/{row.id}/decision", **decided).status_code == 303
    assert the_request(sqlite_desk).status is HardshipStatus.GRANTED
    assert "Granted" in mei.get(path).text


def test_the_legal_team_reads_no_circumstances(sqlite_desk: Desk, path: str) -> None:
    ben, lars = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.LEGAL)
    ben.submit(path, **ASKED, note="her husband left")
    ben.submit(f"{path}/{the_request(sqlite_desk).id}/documents", what="the letter of the clinic")
    assert lars.get(path).status_code == 403
    case = path.removesuffix("/hardship")
    for page in (case, f"{case}?tab=timeline", f"{case}/story"):
        read = lars.get(page)
        assert read.status_code == 200
        for private in ("husband", "clinic", f'href="{path}"'):
            assert private not in read.text, (page, private)
    assert "husband" in ben.get(f"{case}/story").text


def test_a_refusal_without_reasons_is_refused_beside_its_field(sqlite_desk: Desk, path: str) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "Choose at least one reason" in ben.submit(path, way="call", received_on=str(TODAY)).text
    ben.submit(path, **ASKED)
    page = f"{path}/{the_request(sqlite_desk).id}/decision"
    answer = mei.submit(page, decision="refused", words="Call us.")
    assert answer.status_code == 422
    assert "Say why help is refused: the letter has to." in answer.text
    assert "Call us." in answer.text, "nothing typed is lost"
    whole = {"decision": "refused", "refusals": "can_pay", "words": "Call us."}
    assert "by a manager who did not take" in ben.submit(page, **whole).text
    assert the_request(sqlite_desk).status is HardshipStatus.OPEN
    assert mei.submit(page, **whole).status_code == 303
    assert the_request(sqlite_desk).status is HardshipStatus.REFUSED
