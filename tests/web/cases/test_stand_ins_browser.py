"""An executor on the page of contact data, in a real browser: proven, identified, written to, by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.actions.people.parties import add_party
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.web.axe import violations
from tests.web.desk import NOW, Desk
from tests.web.serving import serving, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BEN = Actor.user("ben")


@pytest.fixture(scope="module")
def desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(sqlite_template, tmp_path_factory.mktemp("desk")) as served:
        yield served


@pytest.fixture(scope="module")
def number(desk: Desk) -> int:
    """A case whose customer has died; Rosa is proven, an attorney of before is on file as well."""

    def write(session: Session) -> int:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 10), on=date(2026, 3, 1), owner="ben")
        paper = add_document(
            session,
            case,
            DocumentKind.AUTHORITY,
            "grant.pdf",
            b"%PDF-1.4 x",
            dated_on=date(2026, 3, 1),
            by=BEN,
            now=NOW,
        )
        heir = NewParty(
            PartyKind.EXECUTOR, "Rosa Vale", MayBeTold.EVERYTHING, phone="+8613911112222", email="rosa@vale.example",
            document_id=paper.id, quiet_from=1200, quiet_until=480,
        )  # fmt: skip
        add_party(session, case, heir, builders.catalog(), today=date(2026, 3, 2), by=BEN, now=NOW)
        son = NewParty(PartyKind.EXECUTOR, "Tom Vale", MayBeTold.EVERYTHING)
        add_party(session, case, son, builders.catalog(), today=date(2026, 3, 2), by=BEN, now=NOW)
        return id_of(case)

    return desk.write(write)


def test_an_agent_checks_who_calls_and_writes_to_the_executor(
    desk: Desk, number: int, browser: Browser
) -> None:
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(f"/cases/{number}/contact-data")
    party = tab.locator("article", has_text="Rosa Vale")
    assert "Unproven" in tab.locator("article", has_text="Tom Vale").inner_text()
    assert "No contact from 20:00 to 08:00" in party.inner_text()
    party.get_by_text("Check identity", exact=True).focus()
    tab.keyboard.press("Enter")
    box = party.get_by_label("Gave our reference, or theirs")
    box.focus()
    tab.keyboard.press("Space")
    party.get_by_role("button", name="Identity checked").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("text=Identity of Rosa Vale recorded")
    party = tab.locator("article", has_text="Rosa Vale")
    assert "Past due" in party.inner_text()

    party.get_by_text("Write to them", exact=True).focus()
    tab.keyboard.press("Enter")
    assert "condolences" in party.locator(".letter-text").inner_text()
    if where := os.environ.get("PICTURES"):
        tab.screenshot(path=f"{where}/stand-ins.png", full_page=True)
    assert violations(tab) == []
    party.get_by_role("button", name="Send this letter").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("text=The letter is queued.")
    row = desk.read(lambda session: session.scalars(select(OutboxMessage)).one())
    assert (row.letter, row.address) == ("estate_letter", "rosa@vale.example")
    tab.goto(f"/cases/{number}")
    assert tab.get_by_role("link", name="Write or call in their place").count() == 1
    assert desk.read(lambda session: session.get_one(CollectionsCase, number)).customer_id
    if where := os.environ.get("PICTURES"):
        tab.screenshot(path=f"{where}/case.png", full_page=False)
