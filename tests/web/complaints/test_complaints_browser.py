"""Words that may be a complaint are answered by one key, and the pages of complaints fit and are accessible."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session

from app.actions.assignment import add_note
from app.actions.disputes.opening import open_dispute
from app.actions.hand_overs.desks import hand_over
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.rules import Disputed, DisputeKind, ReceivedAs
from app.casework.hand_overs.rules import HandOverKind
from app.core.actor import Actor
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import NOW, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser
__all__ = ["served"]


def test_a_complaint_is_recognised_and_answered_by_keyboard(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    for words in ("She wants to make a complaint about our calls.", "No complaint, she only asks."):
        desk.write(
            lambda session, words=words: add_note(
                session, session.get_one(CollectionsCase, case_id), words, by=Actor.user("ben"), now=NOW
            )
        )
    tab = sign_in(desk, browser, "ben")
    at = f"/cases/{case_id}"
    tab.goto(at)

    # Whoever is typing a note is not interrupted: a letter is a letter there.
    tab.keyboard.press("n")
    tab.wait_for_selector("textarea:focus")
    tab.keyboard.type("No Yes")
    assert tab.locator("textarea:focus").input_value() == "No Yes"
    tab.goto(at)

    tab.keyboard.press("Shift+Y")
    tab.wait_for_selector(".flash >> text=Complaint K-000001 is on record.")
    assert at in tab.url, "the case is not left"
    tab.keyboard.press("Shift+N")
    tab.wait_for_selector(".flash >> text=On record: not a complaint.")
    assert_fits_and_is_accessible(tab)

    tab.goto("/complaints")
    assert_fits_and_is_accessible(tab)
    tab.goto("/questions")
    assert_fits_and_is_accessible(tab)
    tab.goto("/complaints/1")
    tab.select_option("[name=outcome]", "rejected")
    tab.select_option("[name=form]", "reject")
    tab.fill("[name=reasons]", " ")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector(".error >> text=Say what was found")
    assert_fits_and_is_accessible(tab)


def test_registers_keep_their_last_column_on_a_laptop(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    ben = Actor.user("ben")

    def fill(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        due = (NOW - timedelta(days=2)).date()
        builders.complaint(session, case, received_at=NOW - timedelta(days=40), answer_by=due, owner="ben")
        wanted = "Wants to pay by direct debit from the first of next month, and asks for the form."
        hand_over(session, case, "payments", HandOverKind.HELP, wanted, by=ben, role=Role.AGENT, now=NOW)
        open_dispute(
            session, case, Disputed(DisputeKind.NOT_MINE), "I never had that card.", builders.catalog(),
            received_on=NOW.date(), received_as=ReceivedAs.ORAL, by=ben, now=NOW,
        )  # fmt: skip

    desk.write(fill)
    tab = sign_in(desk, browser, "mei")
    for path in ("/disputes", "/complaints", "/hand-overs", "/worklist?owner=all"):
        for width in (1280, 1366):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.goto(path)
            tables = tab.locator(".table-scroll")
            assert tables.count(), path
            cut = tables.evaluate_all("boxes => boxes.map(box => box.scrollWidth - box.clientWidth)")
            assert max(cut) == 0, (path, width, cut)
