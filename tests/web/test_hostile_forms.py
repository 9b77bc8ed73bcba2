"""Every form of every page with a full card number in each of its fields: no fault, and nowhere on record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from fastapi.routing import APIRoute
from sqlmodel import SQLModel

from app.core.staff.rules import Role
from app.web.routes import PAGES
from tests.api.program import CARD, Program
from tests.api.test_parity import PAGES_ONLY, SESSION, doors
from tests.api.world import world

KINDS = {
    "kind": "manual",
    "channel": "sms",
    "result": "reached",
    "approve": "true",
    "allowed": "true",
    "was_sent": "true",
}
"""Choices that most forms take."""


def test_no_form_keeps_a_card_number(sqlite_program: Program) -> None:
    desk, here = sqlite_program.desk, world(sqlite_program)
    numbers = {"case_id": [1], "account_id": [1], "destination": ["sms"], **here.names}
    values = {name: str(found[0]) for name, found in here.in_body().items()} | KINDS
    browsers = {role: desk.sign_in(role) for role in Role}
    faults, sent = [], 0
    for route, names in forms():
        path = re.sub(r"\{(\w+)\}", lambda part: str(numbers.get(part[1], [1])[0]), route.path)
        roles = [role for door in doors(route.dependant) for role in door.roles or ()]
        browser = browsers[Role.MANAGER if Role.MANAGER in roles else roles[0]]
        fields = {name: values.get(name, "for the test") for name in names if name not in ("once", "seen")}
        for name in fields:
            answer = browser.submit(path, **{**fields, name: CARD})
            sent += 1
            if answer.status_code >= 500:
                faults.append((route.path, name, answer.status_code))
    assert sent > 150
    assert faults == []
    assert list(kept(sqlite_program, CARD)) == []


def forms() -> Iterator[tuple[APIRoute, Mapping[str, Any]]]:
    """Every route that takes a form, and its fields."""
    for router in PAGES:
        for route in router.routes:
            if not isinstance(route, APIRoute) or "POST" not in route.methods:
                continue
            if PAGES_ONLY.get(route.path) == SESSION:
                continue
            fields: dict[str, Any] = {}
            for each in route.dependant.body_params:
                form = each.field_info.annotation
                fields |= getattr(form, "model_fields", {each.alias: form})
            yield route, fields


def kept(program: Program, text: str) -> Iterator[tuple[str, str]]:
    """Tables and columns that hold the text."""
    with program.desk.engine.connect() as connection:
        for table in SQLModel.metadata.tables.values():
            for column in table.columns:
                holds = sa.cast(column, sa.Text).contains(text)
                if connection.scalar(sa.select(sa.func.count()).select_from(table).where(holds)):
                    yield table.name, column.name
