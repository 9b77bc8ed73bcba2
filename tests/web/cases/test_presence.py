"""Two people at one case: who is there, and the question before a second call."""

from __future__ import annotations

from datetime import date

import pytest

from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    return sqlite_desk.write(
        lambda session: id_of(
            builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1), owner="ben")
        )
    )


def test_a_page_says_who_else_has_the_case_open(sqlite_desk: Desk, case_id: int) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    path = f"/cases/{case_id}"
    assert "is viewing" not in mei.get(path).text
    assert ben.get(f"{path}/presence.svg").headers["content-type"].startswith("image/svg+xml")
    assert "<bdi>Ben Okafor</bdi> is viewing this case" in mei.get(path).text
    ben.submit(f"{path}/presence", calling="yes")
    assert "<bdi>Ben Okafor</bdi> is on the telephone" in mei.submit(f"{path}/presence", calling="no").text
    assert "<bdi>Mei Lin Chen</bdi> is viewing" in ben.submit(f"{path}/presence").text
    assert ben.submit(f"{path}/presence", left="1").status_code == 204
    assert mei.submit(f"{path}/presence").text.strip() == ""


def test_a_second_call_is_asked_about_until_the_first_is_saved(sqlite_desk: Desk, case_id: int) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    path = f"/cases/{case_id}"
    ben.submit(f"{path}/presence", calling="yes")
    asked = mei.submit(f"{path}/call", result="no_answer", note="rang twice")
    assert asked.status_code == 422
    assert "Ben Okafor is logging a call on this case since" in asked.text
    assert "rang twice" in asked.text
    assert mei.submit(f"{path}/call", result="no_answer", sure="calling:ben").status_code == 303
    # Ben is asked about hers, as before; saved, his call is over.
    assert ben.submit(f"{path}/call", result="busy").status_code == 422
    last = sqlite_desk.read(lambda session: builders.events(session, "case.call_logged"))
    assert len(last) == 1


def test_a_case_is_handed_over_from_its_page(sqlite_desk: Desk, case_id: int) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    path = f"/cases/{case_id}"
    empty = ben.submit(f"{path}/hand-over", to="mei", reason="")
    assert empty.status_code == 422
    assert "Say what the colleague has to know" in empty.text
    assert ben.submit(f"{path}/hand-over", to="mei", reason="Wants a woman to call").status_code == 303
    page = mei.get(path).text
    assert "For Mei Lin Chen" in page
    assert "Wants a woman to call" in page
    assert ben.submit(f"{path}/hand-over", to="ben", reason="x").status_code == 403
    assert ben.submit(f"{path}/hand-over/request", to="ben", reason="It was mine").status_code == 303
    assert "Hand-over" in mei.get("/approvals").text
