"""A case is paid off, its customer is asked, answers by the link with the keyboard alone, and the manager reads it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session, select

from app.book.ledger.models import Account, Customer
from app.casework.satisfaction.models import Survey
from tests import builders
from tests.outreach.planning.test_satisfaction import LETTER
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures


def shot(tab: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look (DESK_SHOTS names the folder)."""
    if folder := os.environ.get("DESK_SHOTS"):
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_asked_after_a_paid_case_answered_by_keyboard_and_counted(desk: Desk, tab: Page) -> None:
    today = desk.clock.at.date()
    opened_on = today - timedelta(days=5)

    def open_book(session: Session) -> int:
        book = builders.portfolio(session)
        book.survey_share_percent = 100
        card = builders.late_customer(session, book, due_on=opened_on - timedelta(days=4), balance=5_000)
        session.get_one(Customer, card.customer_id).language = "nl"
        return card.id or 0

    card_id = desk.write(open_book)
    builders.close_day(desk.engine, opened_on)
    builders.deliver(desk.engine, builders.at(opened_on + timedelta(days=1), 9))

    def pay(session: Session) -> None:
        builders.payment(session, session.get_one(Account, card_id), 5_000, opened_on + timedelta(days=1))

    desk.write(pay)
    sender = builders.RecordingSender()
    for n in range(1, 4):
        on = opened_on + timedelta(days=n)
        builders.close_day(desk.engine, on)
        builders.deliver(desk.engine, builders.at(on + timedelta(days=1)), sender)
    assert [each.letter for each in sender.sent].count(LETTER) == 1

    # The link of the message, under this desk's own secret and address.
    survey = desk.read(lambda session: session.scalars(select(Survey)).one())
    links = desk.app.state.ports.catalog.links
    tab.goto(links.question_url(survey.case_id, survey.occurrence))
    assert tab.locator("html").get_attribute("lang") == "nl"
    assert_fits_and_is_accessible(tab, 320)
    shot(tab, "question")

    # Without a mouse: to the first answer, down to the fourth, into the comment, and send.
    for _ in range(10):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.name") == "score":
            break
    for _ in range(3):
        tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Tab")
    tab.keyboard.type("Snel en duidelijk.")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_role("status").wait_for()
    assert "Wij hebben uw antwoord bewaard" in tab.get_by_role("status").inner_text()
    assert_fits_and_is_accessible(tab, 320)
    survey = desk.read(lambda session: session.scalars(select(Survey)).one())
    assert survey.comment == "Snel en duidelijk."
    assert survey.score in (4, 5), "the first press of an arrow chooses the first answer in some browsers"

    log_in(tab, "mei")
    tab.goto("/satisfaction")
    assert "from 1 answer to 1 question" in tab.locator("main").inner_text()
    assert "Snel en duidelijk." in tab.locator("main").inner_text()
    shot(tab, "manager")
    assert_fits_and_is_accessible(tab)
