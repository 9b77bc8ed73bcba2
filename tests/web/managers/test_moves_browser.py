"""A team leader on a Monday with two people ill moves their cases without a mouse; every page is accessible."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session, select

from app.actions.staffing.team import plan_absence
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import Desk
from tests.web.managers.test_team_browser import shot
from tests.web.test_browser import desk, log_in, tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["desk", "tab"]  # fixtures
NAMES = ("ann", "cat", "dan", "eve")


def _book(desk: Desk) -> None:
    today = desk.clock.at.date()

    def add(session: Session) -> None:
        for name in NAMES:
            user = User(
                username=name, display_name=name.title() + " Lind", role=Role.AGENT, password_hash="-",
                created_at=desk.clock.at, most_cases=6 if name == "dan" else None,
            )  # fmt: skip
            session.add(user)
        session.flush()
        for n in range(8):
            builders.delinquent_case(
                session, due_on=today - timedelta(days=20 + n), on=today, owner="ann" if n % 2 else "ben"
            )
        for name in ("ann", "ben"):
            who = id_of(session.scalars(select(User).where(User.username == name)).one())
            plan_absence(
                session, who, today, today + timedelta(days=2), "cat", by=Actor.user("mei"), now=desk.clock.at
            )

    desk.sign_in(Role.AGENT)
    desk.write(add)


def test_a_monday_with_two_people_ill_by_keyboard(desk: Desk, tab: Page) -> None:
    _book(desk)
    log_in(tab, "mei")
    tab.goto("/team")
    tab.get_by_role("link", name="Move cases").press("Enter")
    assert_fits_and_is_accessible(tab)
    shot(tab, "move-new")
    tab.locator("#f-person").focus()
    tab.keyboard.type("Ann")
    for name in ("Dan Lind", "Eve Lind"):
        tab.get_by_role("checkbox", name=name).press("Space")
    tab.get_by_role("checkbox", name="Only until").press("Space")
    assert_fits_and_is_accessible(tab, 320)
    tab.get_by_role("button", name="Show what would move").press("Enter")
    tab.get_by_text("Nothing has moved yet").wait_for()
    shot(tab, "move-preview")
    assert_fits_and_is_accessible(tab)
    assert_fits_and_is_accessible(tab, 320)
    tab.locator("#f-reason").fill("Ann is ill until Wednesday")
    tab.locator("#f-reason").press("Enter")
    tab.get_by_text("4 cases moved").wait_for()
    shot(tab, "move-done")
    assert_fits_and_is_accessible(tab, 320)
    tab.goto("/moves")
    shot(tab, "moves")
    assert_fits_and_is_accessible(tab, 320)
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Take the move back").press("Enter")
    tab.get_by_text("4 cases went back").wait_for()
    owned = desk.read(lambda session: {case.owner for case in session.scalars(select(CollectionsCase))})
    assert owned == {"cat"}
