"""A whole inbound call by keyboard alone, on the pages of one case: the caller identified, a question answered in
writing, a dispute opened, a complaint recognised; and a received letter logged. Nothing that is typed is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, select

from app.actions.knowledge.editing import load_starter
from app.casework.cases.events import CallLogged, ContactLogged, IdentityChecked
from app.casework.complaints.models import Complaint
from app.casework.disputes.models import Dispute
from app.casework.knowledge.models import KnowledgeUse
from app.casework.knowledge.rules import UseKind
from app.casework.questions.models import CaseQuestion
from app.casework.recognition.cues import Subject
from app.core.actor import Actor
from app.core.staff.models import FormDraft
from tests import builders
from tests.web.cases.test_two_people_browser import end_all_sessions, eventually, served, sign_in
from tests.web.desk import NOW, PASSWORD, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["served"]


class Keys:
    """A keyboard that counts: keys that are pressed, and beside them what is written."""

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.pressed = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)
            self.pressed += 1

    def write(self, text: str) -> None:
        self.tab.keyboard.type(text)

    def to(self, selector: str, *, most: int = 12) -> None:
        """Tab until this has the focus."""
        for _ in range(most):
            self.press("Tab")
            if self.tab.locator(f"{selector}:focus").count():
                return
        focused = self.tab.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        raise AssertionError(f"{selector} is not within {most} tabs; the focus is on {focused}")

    def so_far(self) -> int:
        found, self.pressed = self.pressed, 0
        return found


def test_an_inbound_call_without_a_mouse(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    desk.write(lambda session: load_starter(session, None, by=Actor.user("mei"), now=NOW))
    tab = sign_in(desk, browser, "ben")
    tab.set_viewport_size({"width": 1440, "height": 900})
    keys, at = Keys(tab), f"/cases/{case_id}"
    places: list[str] = []
    tab.on("framenavigated", lambda frame: places.append(frame.url))
    tab.goto(at)
    assert not tab.locator(".confirmed").first.get_attribute("open"), "no figure before the check"

    # Who is calling?
    keys.press("b")
    tab.wait_for_selector("#do-identity input:focus")
    keys.press("Space", "Tab", "Space")
    keys.to("#do-identity button")
    keys.press("Enter")
    tab.wait_for_selector(".flash >> text=Identity check recorded")
    assert tab.locator(".confirmed[open]").count() == 1
    identified = keys.so_far()

    # A question, answered in writing.
    keys.press("q")
    tab.wait_for_selector("#knowledge-q:focus")
    keys.write("late fee")
    keys.press("Enter")
    tab.wait_for_selector("details.article:first-of-type > summary:focus")
    keys.press("Enter")
    tab.wait_for_selector("details.article[open] .article-text")
    keys.to("button:has-text('Send by e-mail')")
    keys.press("Enter")
    tab.wait_for_selector(".flash >> text=E-mail queued")
    answered = keys.so_far()

    # A dispute.
    keys.press("u")
    tab.wait_for_url(f"**{at}/disputes**")
    keys.press("o")
    tab.wait_for_selector("#dispute-words:focus")
    keys.write("I never bought this at the Golden Wok")
    keys.press("Tab", "ArrowDown")
    keys.press("Control+Enter")
    tab.wait_for_selector(".flash")
    disputed = keys.so_far()
    keys.press("b")
    tab.wait_for_url(f"**{at}")

    # The call is logged with words that may be a complaint.
    keys.so_far()
    keys.press(".", "0", "r")
    tab.wait_for_selector("#result-right_party:checked")
    tab.wait_for_selector("#call-note:focus")  # a promise is possible here, not asked for
    keys.write("He is unhappy, says our letters are rude and wants to complain")
    keys.press("Control+Enter")
    tab.wait_for_selector(".flash >> text=Call saved")
    logged = keys.so_far()
    keys.press("j", "Tab", "Enter")
    tab.wait_for_selector(".flash")
    complained = keys.so_far()

    here = desk.settings.public_url + at
    assert all(place.startswith(here) for place in places), places
    desk.read(lambda session: _assert_on_record(session, case_id))
    counts = {
        "identified": identified, "answered": answered, "disputed": disputed, "logged": logged,
        "complained": complained,
    }  # fmt: skip
    assert all(counts[each] <= most for each, most in (
        ("identified", 8), ("answered", 9), ("disputed", 5), ("logged", 4), ("complained", 3),
    )), counts  # fmt: skip


def _assert_on_record(session: Session, case_id: int) -> None:
    assert len(builders.events(session, IdentityChecked.KIND)) == 1
    assert [use.kind for use in session.scalars(select(KnowledgeUse))] == [UseKind.SENT]
    assert session.scalars(select(Dispute)).one().case_id == case_id
    assert len(session.scalars(select(Complaint)).all()) == 1
    [call] = builders.events(session, CallLogged.KIND)
    assert (call["direction"], call["result"]) == ("in", "right_party")
    asked = session.scalars(select(CaseQuestion).where(CaseQuestion.about == Subject.COMPLAINT)).one()
    assert asked.answered_at is not None


def test_a_received_letter_takes_five_keys(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}")
    taken = tab.evaluate("[...document.querySelectorAll('[data-key]')].map((each) => each.dataset.key)")
    assert len(taken) == len(set(taken)), f"two things have one key: {sorted(taken)}"
    keys = Keys(tab)
    keys.press(".", ".")
    assert "Letter from the customer" in tab.inner_text("form[data-outcome] [data-shown]")
    assert tab.locator("#result-no_answer").is_hidden(), "no result of a letter"
    keys.press("0", "w")
    tab.wait_for_selector("#result-correspondence_in:checked")
    keys.write("Asks for a copy of the agreement")
    keys.press("Control+Enter")
    tab.wait_for_selector(".flash >> text=Letter saved")
    assert keys.so_far() == 5
    [event] = desk.read(lambda session: builders.events(session, ContactLogged.KIND))
    assert (event["way"], event["direction"]) == ("post", "in")
    assert event["fields"] == {"words": "Asks for a copy of the agreement"}


def test_a_letter_half_typed_outlives_reload_another_browser_and_the_session(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}")
    Keys(tab).press(".", ".", "0", "w")
    tab.keyboard.type("Three pages")
    tab.reload()
    eventually(desk, 1, FormDraft)
    for again in (tab, sign_in(desk, browser, "ben")):
        again.goto(f"/cases/{case_id}")
        again.wait_for_selector("#do-call .draft")
        assert again.input_value("#call-way") == "post"
        assert again.input_value("#call-direction") == "in"
        assert again.is_checked("#result-correspondence_in")
        assert again.input_value("#call-words") == "Three pages"
    desk.write(end_all_sessions)
    tab.press("#call-words", "Control+Enter")
    tab.wait_for_selector("text=You were signed out")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_selector("#do-call .draft")
    assert (tab.input_value("#call-way"), tab.input_value("#call-words")) == ("post", "Three pages")
