"""The team by page and by API: skills, capacity and an absence are set, refused beside their field, told the same."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, select

from app.casework.assignment.models import StaffAbsence
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program
from tests.web.desk import NOW, Desk

TODAY = NOW.date()
LEAVE = {"first_on": str(TODAY), "last_on": str(TODAY + timedelta(days=3)), "cover": "mei"}


def ben(session: Session) -> int:
    return id_of(session.scalars(select(User).where(User.username == "ben")).one())


def owner(session: Session) -> str:
    return session.scalars(select(CollectionsCase)).one().owner


def test_skills_capacity_and_a_leave_by_page(desk: Desk) -> None:
    mei = desk.sign_in(Role.MANAGER)
    assert desk.sign_in(Role.AGENT).get("/team").status_code == 403
    at = f"/team/{desk.read(ben)}"
    desk.write(
        lambda session: builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=20), on=TODAY, owner="ben"
        )
    )

    wrong = mei.submit(f"{at}/abilities", most_cases="many", languages="en")
    assert (wrong.status_code, "Write a whole number" in wrong.text) == (422, True)
    wrong = mei.submit(f"{at}/abilities", languages="klingonish")
    assert (wrong.status_code, "no language with the code klingonish" in wrong.text) == (422, True)
    saved = mei.submit(
        f"{at}/abilities", most_cases="1", languages="en, zh-Hans", products="Gold", complaints="1"
    )
    assert saved.status_code == 303
    page = mei.get("/team").text
    assert "Full" in page
    assert "en zh" in page
    assert "Complaints" in page

    wrong = mei.submit(f"{at}/absences", **{**LEAVE, "cover": "ben"})
    assert (wrong.status_code, "Choose an active colleague" in wrong.text) == (422, True)
    wrong = mei.submit(f"{at}/absences", **{**LEAVE, "last_on": ""})
    assert (wrong.status_code, "Choose a date" in wrong.text) == (422, True)
    assert mei.submit(f"{at}/absences", **LEAVE).status_code == 303
    assert desk.read(owner) == "mei"
    assert "1 covered" in mei.get("/team").text
    assert "Ben Okafor" in mei.get("/cases/1").text, "whom the manager covers for"
    assert mei.submit(f"{at}/absences", **LEAVE).status_code == 409

    [number] = desk.read(lambda session: [id_of(row) for row in session.scalars(select(StaffAbsence))])
    assert mei.submit(f"/team/absences/{number}/end").status_code == 303
    assert desk.read(owner) == "ben"
    assert mei.get(f"{at}/absences").status_code == 303
    assert mei.get("/team/99").status_code == 404


def test_the_api_tells_and_does_the_same(desk: Desk) -> None:
    desk.sign_in(Role.AGENT)
    desk.sign_in(Role.MANAGER)
    program, at = Program(desk), f"/team/{desk.read(ben)}"
    desk.write(lambda session: builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY))
    set_ = program.post(
        f"{at}/abilities", {"most_cases": 9, "languages": ["zh-Hans"], "care": ["complaints"]}
    )
    assert set_.json()["languages"] == ["zh"]
    refused = program.post(f"{at}/abilities", {"languages": ["klingonish"]})
    assert refused.status_code == 422
    planned = program.post(f"{at}/absences", LEAVE).json()
    team = program.get("/team").json()
    told = next(each for each in team["members"] if each["username"] == "ben")
    assert (team["unassigned"], told["absent"], told["most_cases"]) == (1, True, 9)
    assert [each["cover"] for each in told["absences"]] == ["mei"]
    ended = program.post(f"/team/absences/{planned['id']}/end", {})
    assert ended.json()["ended"]
