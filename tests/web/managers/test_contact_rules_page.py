"""The page of contact rules: where customers live, which packs hold there, and who adopted one."""

from __future__ import annotations

import pytest

from app.book.portfolios.service import get_portfolio
from app.core.staff.rules import Role
from app.outreach.gate.events import PackAdopted
from tests import builders
from tests.web.book import lived_in
from tests.web.desk import Browser, Desk

ADOPT = {"portfolio": "CARDS", "country": "AT", "pack": "nl", "reason": "counsel's letter"}


@pytest.fixture
def manager(desk: Desk) -> Browser:
    lived_in(desk.engine)

    def german(session: object) -> None:
        book = get_portfolio(session, "CARDS")  # type: ignore[arg-type]
        builders.customer(session, book, country="AT", timezone="Europe/Berlin", mobile="")  # type: ignore[arg-type]

    desk.write(german)
    return desk.sign_in(Role.MANAGER)


def test_a_manager_adopts_a_pack_and_takes_it_back(desk: Desk, manager: Browser) -> None:
    page = manager.get("/contact-rules").text
    assert "No pack covers it: nothing is sent" in page
    assert "1 customer lives in Austria" in page
    refused = manager.submit("/contact-rules", **{**ADOPT, "reason": " "})
    assert (refused.status_code, "Say why." in refused.text) == (422, True)
    assert "Choose a pack." in manager.submit("/contact-rules", **{**ADOPT, "pack": ""}).text
    assert manager.submit("/contact-rules", **ADOPT).status_code == 303
    page = manager.get("/contact-rules?portfolio=CARDS").text
    assert "adopted" in page
    assert "1 customer lives in Austria" not in page
    again = manager.submit("/contact-rules/end", portfolio="CARDS", country="AT", reason="withdrawn")
    assert again.status_code == 303
    assert (
        manager.submit("/contact-rules/end", portfolio="CARDS", country="AT", reason="x").status_code == 409
    )
    told = desk.read(lambda session: builders.events(session, PackAdopted.KIND))
    assert [(each["pack"], each["reason"]) for each in told] == [
        ("nl", "counsel's letter"),
        ("", "withdrawn"),
    ]


def test_only_managers_open_it(desk: Desk, manager: Browser) -> None:
    assert manager.get("/contact-rules").status_code == 200
    assert desk.sign_in(Role.AGENT).get("/contact-rules").status_code == 403
