"""The printable agreement by page and by API: the same bytes, for those who may read the case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from app.core.clock import FixedClock
from app.core.staff.rules import Role
from app.programs.ports import make_paper
from tests.api.program import Program, late_case
from tests.web.desk import NOW, Desk, make_ports

PLAN = {"amount": "600.00", "currency": "CNY", "payments": 3, "cadence": "monthly", "due_on": "2026-03-10"}


@pytest.fixture
def printing(engine: Engine) -> Program:
    settings = Desk(engine).settings
    ports = replace(make_ports(FixedClock(NOW), settings), paper=make_paper())
    return Program(Desk(engine, settings=settings, ports=ports))


def test_an_agreement_is_printed_by_api_and_page(printing: Program) -> None:
    program = printing
    case = late_case(program.desk)
    agent = program.as_(Role.AGENT)
    plans = f"/cases/{case.reference}/plans"
    offered = agent.post(plans, PLAN)
    assert offered.status_code == 201, offered.text
    reference = offered.json()["reference"]
    agent.post(f"{plans}/{reference}/acceptance")
    made = program.as_(Role.LEGAL).get(f"{plans}/{reference}/agreement.pdf")
    assert (made.status_code, made.headers["content-type"]) == (200, "application/pdf")
    assert made.content.startswith(b"%PDF-")
    assert f'filename="{reference}.pdf"' in made.headers["content-disposition"]
    assert made.content == agent.get(f"{plans}/{reference}/agreement.pdf").content
    page = program.desk.sign_in(Role.AGENT).get(f"/cases/{case.id}/plans/{int(reference[2:])}/agreement.pdf")
    assert page.content == made.content
    gone = agent.get(f"{plans}/P-000999/agreement.pdf")
    assert gone.status_code == 404
