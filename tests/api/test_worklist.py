"""The queue by API: the same rows, counts, next case and saved views as the page."""

from __future__ import annotations

from datetime import timedelta

from app.core.staff.rules import Role
from tests.api.program import Program
from tests.web.desk import NOW
from tests.web.worklist.test_queue import ORDER, a_case, call, everything


def test_a_program_reads_the_queue_as_the_page_shows_it(program: Program) -> None:
    everything(program.desk)
    seen, cursor = [], None
    while True:
        page = program.get(
            "/worklist", owner="ben", limit="4", **({"cursor": cursor} if cursor else {})
        ).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [row["customer"] for row in seen] == ORDER
    first = seen[0]
    assert (first["section"], first["past_due"], first["callable"]["verdict"]) == (
        "callback_due",
        "50.00",
        "yes",
    )
    assert seen[1]["words"] == "I paid yesterday"
    counts = {each["section"]: each["cases"] for each in program.get("/worklist/counts", owner="ben").json()}
    assert counts["call"] == 3
    assert sum(counts.values()) == 15, "every open case stands in one section"
    held = program.get("/worklist", state="hold").json()["items"]
    assert [(row["customer"], row["section"], row["on"]) for row in held] == [
        ("Held", "on_hold", "2026-04-01")
    ]
    assert program.get("/worklist", state="nonsense").status_code == 422
    assert program.get("/worklist", cursor="bad").status_code == 422


def test_a_program_asks_for_the_next_case(sqlite_program: Program) -> None:
    first = a_case(sqlite_program.desk, "Anna", call(2))
    second = a_case(sqlite_program.desk, "Bo", call(1))
    a_case(sqlite_program.desk, "Later", callback_at=NOW + timedelta(hours=1))
    path = "/worklist/next"
    assert sqlite_program.get(path).json() == {"case": f"C-{first:06d}"}
    assert sqlite_program.get(path, after=f"C-{first:06d}").json() == {"case": f"C-{second:06d}"}
    assert sqlite_program.get(path, state="reply").json() == {"case": None}
    assert sqlite_program.as_(Role.LEGAL).get(path).status_code == 403


def test_a_program_keeps_views_of_its_own(sqlite_program: Program) -> None:
    body = {"name": "Calls", "query": "state=call", "is_default": True}
    made = sqlite_program.post("/worklist/views", body)
    assert made.status_code == 201
    assert [view["name"] for view in sqlite_program.get("/worklist/views").json()] == ["Calls"]
    assert sqlite_program.as_(Role.AGENT).get("/worklist/views").json() == []
    left = sqlite_program.post(f"/worklist/views/{made.json()['id']}/deletion", {})
    assert (left.status_code, left.json()) == (200, [])
