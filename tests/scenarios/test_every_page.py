"""Every page of every role as a person walks through the desk at 1366 by 768: each link of each page, once a shape.

Nothing is cut off, nothing fails, axe has no objection, no key opens two things, and no page shows a code in place of a
word.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.sync_api import Error
from sqlalchemy.engine import Engine

from app.core.settings import Settings
from app.core.staff.rules import Role
from tests.api.program import Program
from tests.api.world import world
from tests.web.axe import violations
from tests.web.desk import NAMES, PASSWORD, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

SCREEN = {"width": 1366, "height": 768}
NO_PAGE = re.compile(r"^/(static|api/|logout)|\.(csv|zip|pdf|json)$|format=csv|/(pdf|file|download)$")
CODE = re.compile(
    r"\b[a-z]+(?:_[a-z0-9]+)+\b"  # snake_case
    r"|\b(?:user|token|system|feed):[a-z]\w*"  # an actor
    r"|\b[a-z]{2,}\.[a-z]+_[a-z_]+"  # a rule
    r"|@shipped|\{\{"
)
WORDS_OF_PAGE = """() => {
  const page = document.body.cloneNode(true);
  for (const each of page.querySelectorAll("script, code, pre, textarea, kbd, .machine")) each.remove();
  return page.textContent.replace(/\\s+/g, " ");
}"""
KEYS = """() => [...document.querySelectorAll("[data-key]")].map((each) => each.dataset.key)"""
CUT_OFF = """() => [...document.querySelectorAll("main *, header *")].filter((each) => {
  const style = getComputedStyle(each);
  return each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1 && style.overflowX !== "visible"
    && !each.matches("pre, textarea, input, select, .visually-hidden, .visually-hidden *, .scrolls");
}).map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[Desk]:
    """The desk of one of everything, over a real socket."""
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    world(Program(desk))
    for role in Role:
        desk.sign_in(role)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk
    server.should_exit = True
    thread.join(10)


def shape(path: str) -> str:
    """Pages of one kind: the address without its numbers and the values of its query."""
    place, _, query = path.partition("?")
    names = "&".join(sorted({part.partition("=")[0] for part in query.split("&")}))
    return re.sub(r"\d+", "N", place) + (f"?{names}" if query else "")


class Walk:
    """A walk of one role; `seen` are the pages that axe has read for any role."""

    def __init__(self, tab: Page, seen: set[str]) -> None:
        self.tab, self.read_by_axe, self.faults = tab, seen, list[str]()
        self.visited: set[str] = set()

    def from_home(self) -> None:
        todo = ["/"]
        while todo:
            path = todo.pop(0)
            if shape(path) in self.visited or NO_PAGE.search(path):
                continue
            self.visited.add(shape(path))
            try:
                answer = self.tab.goto(path)
            except Error as error:
                if "Download is starting" not in error.message:
                    raise
                continue
            if answer is not None:
                self.look(path, answer)
            links = "links => links.map(a => a.getAttribute('href').split('#')[0])"
            found = self.tab.eval_on_selector_all('a[href^="/"]', links)
            todo += [link for link in dict.fromkeys(found) if link]

    def look(self, path: str, answer: Response) -> None:
        tab = self.tab
        if answer.status >= 400:
            self.faults.append(f"{path}: status {answer.status}")
            return
        if tab.evaluate("document.documentElement.scrollWidth") > SCREEN["width"]:
            self.faults.append(f"{path}: wider than the screen")
        self.faults += [f"{path}: cut off: {what}" for what in tab.evaluate(CUT_OFF)]
        keys = Counter(tab.evaluate(KEYS))
        self.faults += [f"{path}: {n} things at the key {key}" for key, n in keys.items() if n > 1]
        codes = CODE.findall(tab.evaluate(WORDS_OF_PAGE))
        self.faults += [f"{path}: a code: {code}" for code in dict.fromkeys(codes)]
        place = shape(path).partition("?")[0]
        if place not in self.read_by_axe:
            self.read_by_axe.add(place)
            self.faults += [f"{path}: {broken}" for broken in violations(tab)]


def test_every_page_of_every_role_is_whole_and_in_words(served: Desk, browser: Browser) -> None:
    faults: list[str] = []
    pages: dict[Role, int] = {}
    seen: set[str] = set()
    for role in Role:
        context = browser.new_context(base_url=served.settings.public_url, viewport=SCREEN)  # type: ignore[arg-type]
        tab = context.new_page()
        tab.goto("/login")
        tab.fill("#f-username", NAMES[role][0])
        tab.fill("#f-password", PASSWORD)
        tab.press("#f-password", "Enter")
        tab.wait_for_url(lambda url: "/login" not in url)
        walk = Walk(tab, seen)
        walk.from_home()
        pages[role] = len(walk.visited)
        faults += [f"{role.value} {fault}" for fault in walk.faults]
        context.close()
    assert not faults, "\n".join(faults)
    assert pages[Role.AGENT] > 30
    assert pages[Role.MANAGER] > 60
