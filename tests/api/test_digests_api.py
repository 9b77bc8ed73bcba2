"""Digests and thresholds by programs: the same list and limits, and a webhook's secret that comes once."""

from __future__ import annotations

from app.operations.digests.models import DigestRecipient
from app.operations.digests.rules import webhook_secret
from tests.api.program import Program, fields
from tests.web.book import lived_in

BOOK = "/portfolios/CARDS"


def test_a_program_keeps_the_list(program: Program) -> None:
    lived_in(program.desk.engine)
    path = f"{BOOK}/digest-recipients"
    hook = {"way": "webhook", "url": "https://hooks.example/desk", "cadence": "monthly"}
    made = program.post(path, hook, key="once")
    assert made.status_code == 201, made.text
    row = program.desk.read(lambda session: session.get_one(DigestRecipient, made.json()["id"]))
    secret = webhook_secret(program.desk.settings.require_secret(), row.salt)
    assert made.headers["webhook-secret"] == secret
    assert secret not in made.text
    again = program.post(path, hook, key="once")
    assert (again.json(), "webhook-secret" in again.headers) == (made.json(), False)
    nobody = program.post(path, {"way": "email", "username": "nobody", "email": "n@desk.example"})
    assert (nobody.status_code, fields(nobody)) == (422, ["username"])
    replaced = program.post(f"{path}/{row.id}/secret", {"old": "a_day"})
    assert replaced.headers["webhook-secret"] not in (secret, "")
    assert replaced.json()["old_secret_until"] is not None
    changed = program.post(f"{path}/{row.id}/change", {"active": False, "cadence": "daily"}).json()
    assert (changed["active"], changed["cadence"], changed["last_status"]) == (False, "daily", None)
    assert [each["id"] for each in program.get(path).json()["items"]] == [row.id]
    assert program.post(f"{path}/{row.id}/end").json()["ended_at"]
    assert program.get(path).json()["items"] == []


def test_a_program_sets_a_threshold(program: Program) -> None:
    lived_in(program.desk.engine)
    path = f"{BOOK}/thresholds"
    limit = {"kpi": "overdue_rate_accounts_30", "test": "changed", "limit": "2 points"}
    made = program.post(path, limit)
    assert made.status_code == 201, made.text
    assert made.json()["limit"] == "changed by more than 2 points since a week before"
    wrong = program.post(path, {**limit, "limit": "two"})
    assert (wrong.status_code, fields(wrong)) == (422, ["limit"])
    assert program.post(path, {**limit, "kpi": "profit"}).status_code == 404
    one = f"{path}/{made.json()['id']}"
    changed = program.post(f"{one}/change", {"test": "above", "limit": "5"}).json()
    assert (changed["limit"], changed["crossed_on"]) == ("above 5 %", None)
    assert [each["id"] for each in program.get(path).json()["items"]] == [made.json()["id"]]
    assert program.post(f"{one}/end").json()["ended_at"]
    assert program.post(f"{one}/end").status_code == 409
