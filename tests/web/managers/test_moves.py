"""Moves of many cases by page and by API: a preview, a reason, what changed meanwhile, and back."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program
from tests.web.desk import NOW, Desk

TODAY = NOW.date()


def four_cases(desk: Desk) -> None:
    """Ben has four cases."""
    desk.sign_in(Role.AGENT)
    for n in range(4):
        desk.write(
            lambda session, n=n: builders.delinquent_case(
                session, due_on=TODAY - timedelta(days=20 + n), on=TODAY, owner="ben"
            )
        )


def owners(session: Session) -> list[str]:
    return [case.owner for case in session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id)))]


def test_a_move_by_page(desk: Desk) -> None:
    mei = desk.sign_in(Role.MANAGER)
    assert desk.sign_in(Role.AGENT).get("/moves").status_code == 403
    four_cases(desk)
    assert "No cases were moved yet" in mei.get("/moves").text
    assert "Ben Okafor" in mei.get("/moves/new?person=ben").text

    wrong = mei.submit("/moves/new", person="ben")
    assert (wrong.status_code, "Choose at least one person" in wrong.text) == (422, True)
    wrong = mei.submit("/moves/new", person="ben", receivers="mei", at_most="many")
    assert (wrong.status_code, "Write a whole number" in wrong.text) == (422, True)
    prepared = mei.submit("/moves/new", person="ben", receivers="mei", at_most="4")
    at = prepared.headers["location"]
    page = mei.get(at).text
    assert "Move 4 cases" in page
    assert desk.read(owners) == ["ben"] * 4

    wrong = mei.submit(f"{at}/confirm", reason="")
    assert (wrong.status_code, "Say why" in wrong.text) == (422, True)

    def take(session: Session) -> None:
        case = session.scalars(select(CollectionsCase).where(CollectionsCase.owner == "ben")).all()[-1]
        case.owner = ""

    desk.write(take)
    assert mei.submit(f"{at}/confirm", reason="Ben is ill").status_code == 303
    page = mei.get(at).text
    assert "Did not move: they changed after the preview" in page
    assert sorted(desk.read(owners)) == ["", "mei", "mei", "mei"]
    assert mei.submit(f"{at}/confirm", reason="Again").status_code == 409
    case = desk.read(
        lambda session: session.scalars(select(CollectionsCase).where(CollectionsCase.owner == "mei")).first()
    )
    assert "Ben is ill" in mei.get(f"/cases/{case.id}").text
    assert "Ben is ill" in mei.get("/moves").text

    assert mei.submit(f"{at}/undo").status_code == 303
    assert sorted(desk.read(owners)) == ["", "ben", "ben", "ben"]
    assert "Taken back" in mei.get(at).text
    assert mei.get(f"{at}/undo").status_code == 303
    assert mei.get("/moves/99").status_code == 404


def test_the_api_does_the_same_and_once(desk: Desk) -> None:
    desk.sign_in(Role.MANAGER)
    four_cases(desk)
    program = Program(desk)
    assert program.as_(Role.AGENT).get("/case-moves").status_code == 403
    body = {"choice": {"references": ["C-000002", "C-000001"]}, "receivers": ["mei"]}
    made = program.post("/case-moves", body, key="one-preview").json()
    assert program.post("/case-moves", body, key="one-preview").json()["id"] == made["id"]
    assert [(each["case"], each["to"], each["state"]) for each in made["cases"]] == [
        ("C-000002", "mei", "planned"), ("C-000001", "mei", "planned"),
    ]  # fmt: skip
    assert made["receivers"] == [{"username": "mei", "before": 0, "after": 2, "most_cases": None}]
    at = f"/case-moves/{made['id']}"
    done = program.post(f"{at}/confirmation", {"reason": "New teams"}, key="one-confirmation").json()
    again = program.post(f"{at}/confirmation", {"reason": "New teams"}, key="one-confirmation")
    assert (done["status"], again.json()["status"], len(program.events("case.moved"))) == ("done", "done", 2)
    assert program.post(f"{at}/confirmation", {"reason": "New teams"}).status_code == 409
    assert [each["cases"] for each in program.get("/case-moves").json()["items"]] == [2]
    undone = program.post(f"{at}/undo", {}).json()
    assert {each["state"] for each in undone["cases"]} == {"restored"}
    assert desk.read(owners) == ["ben"] * 4
    refused = program.post("/case-moves", {"choice": {}, "receivers": ["mei"]})
    assert (refused.status_code, "Choose whose cases" in refused.text) == (422, True)
