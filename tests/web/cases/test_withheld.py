"""A withheld place on every page and behind every verb an agent or the legal team opens: nowhere, however written."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from tests import builders
from tests.api.program import NOW, Program
from tests.api.test_hostile import Caller
from tests.api.world import World, roles, world
from tests.web.desk import Browser

STREET, CITY, NUMBER = "9 Old Mill Lane", "苏州市", "+8613800001234"
SAID = "Lives at 9 old  mill lane, 苏州市, calls from +86 138 0000 1234 or 138-0000-1234"
SECRETS = re.compile(r"old\s+mill|苏州|0000[ -]?1234", re.IGNORECASE)
MOST_ALIKE = 2
"""Pages of one kind that are opened."""


@pytest.fixture
def told(sqlite_program: Program) -> tuple[Program, World, int]:
    """A case whose address and number stand in all kinds of texts, and are withheld then."""
    program = sqlite_program
    here = world(program)
    path = f"/cases/{here.case}"
    desk = program.desk

    def write(session: Session) -> int:
        case = session.get_one(CollectionsCase, int(here.case[2:]))
        customer = session.get_one(Customer, case.customer_id)
        customer.address_line1, customer.city, customer.mobile = STREET, CITY, NUMBER
        session.flush()
        arrived = Arrived("SM9", NUMBER, "+8621555000", SAID)
        assert receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)
        return id_of(case)

    number = desk.write(write)
    pdf = {
        "name": "9 Old Mill Lane.pdf",
        "kind": "other",
        "dated_on": "2026-02-20",
        "content_base64": "JVBERi0xLjQK",
    }
    for verb, body in (
        ("notes", {"note": SAID}),
        ("documents", {**pdf, "description": SAID}),
        ("holds", {"kind": "manual", "reason": SAID, "until": "2026-03-09"}),
        ("complaints", {"words": SAID, "category": "contact", "channel": "call", "about_staff": STREET}),
        ("desk-hand-overs", {"desk": "debt_advice", "kind": "help", "words": SAID}),
        ("conduct", {"step": "warned", "words": SAID}),
        ("hardship-requests", {"way": "call", "reasons": ["separation"], "note": SAID}),
    ):
        made = program.post(f"{path}/{verb}", body)
        assert made.status_code in (200, 201, 409), (verb, made.text)
    need = {"code": "safe_contact", "basis": "consent", "told_by": "customer", "places": ["address", "phone"]}
    made = program.post(f"{path}/support-needs", need)
    assert made.status_code == 201, made.text
    return program, here, number


def test_no_verb_and_no_page_tells_a_withheld_place(told: tuple[Program, World, int]) -> None:
    program, here, number = told
    caller, faults = Caller(program), []
    for role in (Role.AGENT, Role.LEGAL):
        for method, path, _ in caller.operations("get"):
            if role in roles()[method.upper(), path.removeprefix("/api/v1")]:
                answer = caller.send(method, path, here.of(path), role=role)
                faults += [(role, path, around(answer.text))] if SECRETS.search(answer.text) else []
        opened = 0
        for path, text in pages(program.desk.sign_in(role), f"/cases/{number}"):
            opened += 1
            faults += [(role, path, around(text))] if SECRETS.search(text) else []
        assert opened > 40, role
    assert not faults, "\n".join(map(str, faults))


def pages(browser: Browser, start: str) -> Iterator[tuple[str, str]]:
    """Every page that links lead to from the case, a few of each kind."""
    waiting = [start, *(f"{start}/{name}" for name in ("support-needs", "hardship", "complaints", "offers"))]
    waiting += [
        "/replies",
        "/questions",
        "/complaints?format=csv",
        "/disputes?format=csv",
        "/hand-overs",
    ]
    seen: set[str] = set()
    alike: dict[str, int] = {}
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"\d+", "N", re.sub(r"=[^&]*", "", path))
        if path in seen or alike.get(kind, 0) >= MOST_ALIKE:
            continue
        seen.add(path)
        alike[kind] = alike.get(kind, 0) + 1
        answer = browser.get(path)
        assert answer.status_code < 500, path
        if answer.is_redirect and answer.headers["location"].startswith("/"):
            waiting.insert(0, answer.headers["location"].partition("#")[0])
        if answer.status_code == 200:
            yield path, answer.text
        for link in re.findall(r'href="(/[^"#]*)', answer.text):
            if not link.startswith("/static"):
                waiting.append(html.unescape(link))


def around(text: str) -> str:
    found = SECRETS.search(text)
    assert found is not None
    return " ".join(text[max(0, found.start() - 120) : found.end() + 30].split())
