"""A program uploads a file, loads it and follows the load; it starts a simulation, follows and deletes it."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from app.book.feeds.models import FeedLoad
from app.book.ledger.models import Entry
from app.core.staff.rules import Role
from app.operations.simulation import service
from app.operations.simulation.models import SimulationRun
from tests import builders
from tests.api.program import TODAY, Program, account_of, fields, late_case
from tests.operations.simulation.in_turn import one_after_another

ROOT = "/portfolios/CARDS"
PAYMENTS = "payment_ref,account_ref,paid_on,amount,method\n"


def payments(program: Program) -> dict[str, str]:
    """A body with one payment that is sound and one of an account that nobody has."""
    account = account_of(program.desk, late_case(program.desk)).reference
    rows = f"P-1,{account},2026-03-01,12.30,card\nP-2,nobody,2026-03-01,1.00,card\n"
    return sent(PAYMENTS + rows)


def sent(text: str, **changes: str) -> dict[str, str]:
    content = base64.b64encode(text.encode()).decode()
    return {"kind": "payments", "file_name": "payments.csv", "content_base64": content, **changes}


def finished(program: Program, path: str) -> dict[str, Any]:
    for _ in range(600):
        found: dict[str, Any] = program.get(path).json()
        if found["state"] not in ("loading", "running", "waiting"):
            return found
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_program_uploads_looks_and_loads(program: Program) -> None:
    body = payments(program)
    upload = program.post(f"{ROOT}/feed-uploads", body, key="u").json()
    again = program.post(f"{ROOT}/feed-uploads", body, key="u")
    assert (again.json(), again.headers["idempotent-replayed"]) == (upload, "true")
    path = f"{ROOT}/feed-uploads/{upload['token']}"
    shown = program.get(path).json()
    assert (shown["read"], shown["understood"], shown["columns"]["amount"]) == (2, 2, "column amount")
    begun = program.post(f"{path}/load")
    assert begun.status_code == 201, begun.text
    load = finished(program, f"{ROOT}/feed-loads/{begun.json()['id']}")
    assert (load["state"], load["read"], load["loaded"], load["rejected"]) == ("done", 2, 1, 1)
    assert load["by"] == program.by
    (posted,) = program.desk.read(lambda s: s.scalars(select(Entry).where(Entry.reference == "P-1")).all())
    assert posted.amount_minor == -1230
    assert [event["loaded"] for event in program.events("feed.loaded")] == [1]
    assert program.get(f"{ROOT}/feed-loads").json()["items"] == [load]
    assert program.post(f"{ROOT}/feed-loads/{load['id']}/resume").status_code == 409


def test_an_upload_is_discarded_and_refusals_name_their_field(program: Program) -> None:
    token = program.post(f"{ROOT}/feed-uploads", payments(program)).json()["token"]
    path = f"{ROOT}/feed-uploads/{token}"
    assert program.as_(Role.AGENT).post(f"{path}/load").status_code == 403
    assert program.post(f"{path}/discard").json() == {"token": token}
    assert program.get(path).status_code == 404
    assert program.post(f"{path}/load").status_code == 404
    wrong = program.post(f"{ROOT}/feed-uploads", {**sent(""), "content_base64": "?"})
    assert fields(wrong) == ["content_base64"]
    unknown = program.post(f"{ROOT}/feed-uploads", sent("x", mapping_name="gone.toml"))
    assert fields(unknown) == ["mapping"]
    mapping = program.post(f"{ROOT}/feed-uploads", sent("x", mapping="no toml", mapping_name="m"))
    assert fields(mapping) == ["mapping"]
    assert program.desk.read(lambda session: session.scalars(select(FeedLoad)).all()) == []


def test_a_program_simulates_and_deletes(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "in_processes", one_after_another)
    late_case(program.desk)
    builders.close_day(program.desk.engine, TODAY - timedelta(days=1))
    days = {"first_on": str(TODAY), "last_on": str(TODAY + timedelta(days=2))}
    assert fields(program.post(f"{ROOT}/simulations", {**days, "candidate": "none@9"})) == ["candidate"]
    assert fields(program.post(f"{ROOT}/simulations", {**days, "last_on": "2026-01-01"})) == ["last_on"]
    begun = program.post(f"{ROOT}/simulations", days)
    assert begun.status_code == 201, begun.text
    path = f"{ROOT}/simulations/{begun.json()['id']}"
    run = finished(program, path)
    assert run["state"] == "done", run
    assert run["result"]["live"]["strategy"].startswith("standard@")
    assert [each["id"] for each in program.get(f"{ROOT}/simulations").json()["items"]] == [run["id"]]
    assert program.post(f"{path}/deletion").status_code == 200
    assert program.desk.read(lambda session: session.scalars(select(SimulationRun)).all()) == []
