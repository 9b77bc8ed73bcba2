"""The story of a case: found by words of notes, of messages in and out, of letters; filtered, paged, printed."""

from __future__ import annotations

import re

from sqlmodel import Session

from app.actions.assignment import add_note
from app.actions.messages import send_letter
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from tests import builders
from tests.web.desk import NOW, Desk
from tests.web.worklist.test_replies import a_case, writes

BEN = Actor.user("ben")


def titles(page: str) -> list[str]:
    shown = re.findall(r'<li data-tone="[a-z]+">.*?<p class="strong">(.*?)</p>', page, re.DOTALL)
    return [re.sub("<.*?>", "", title) for title in shown]


def a_story(desk: Desk) -> CollectionsCase:
    """A note, an SMS of theirs and an e-mail of ours."""
    case = a_case(desk)
    writes(desk, "My <b>umbrella</b> costs more than this")

    def more(session: Session) -> None:
        row = session.get_one(CollectionsCase, case.id)
        add_note(session, row, "Spoke of an UMBRELLA and of +31 6 1234 5678", by=BEN, now=NOW)
        send_letter(session, row, "first_reminder", Channel.EMAIL, builders.catalog(), by=BEN, now=NOW)

    desk.write(more)
    return case


def test_the_words_of_everybody_are_found(desk: Desk) -> None:
    """Notes and messages in by their words, an e-mail by the words of its letter, and nothing by words of another."""
    case = a_story(desk)
    ben = desk.sign_in(Role.AGENT)
    at = f"/cases/{case.id}?tab=timeline"
    found = ben.get(f"{at}&find=umbrel").text
    assert titles(found) == ["Note", "The customer wrote"]
    assert "My &lt;b&gt;<mark>umbrella</mark>&lt;/b&gt; costs" in found
    assert titles(ben.get(f"{at}&find=umbrel&show=contacts").text) == ["The customer wrote"]
    assert titles(ben.get(f"{at}&find=0612345678").text) == ["Note"]
    letter = ben.get(f"{at}&find=harbour bank reminder").text
    assert titles(letter) == ["E-mail cleared"]
    assert "<details open><summary>View message" in letter
    assert "<mark>Harbour</mark>" in letter
    nothing = ben.get(f"{at}&find=parasol").text
    assert (titles(nothing), "Nothing in this story has “parasol”" in nothing) == ([], True)
    assert "<script>" not in ben.get(f"{at}&find=<script>umbrella").text.split("On record")[-1]


def test_a_search_of_a_long_story_goes_on_where_it_stopped(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)

    def notes(session: Session) -> None:
        row = session.get_one(CollectionsCase, case.id)
        for n in range(100):
            word = "umbrella" if n % 2 else "weather"
            add_note(session, row, f"{word} {n:03}", by=BEN, now=NOW)

    sqlite_desk.write(notes)
    ben = sqlite_desk.sign_in(Role.AGENT)
    seen: list[str] = []
    at = f"/cases/{case.id}?tab=timeline&find=umbrella"
    for _ in range(3):
        page = ben.get(at).text
        seen += re.findall(r"<mark>umbrella</mark> (\d+)", page)
        following = re.search(r'href="([^"]*)" *>Earlier', page) or re.search(
            r'rel="next" href="([^"]*)"', page
        )
        if following is None:
            break
        at = following[1].replace("&amp;", "&")
    assert seen == [f"{n:03}" for n in range(99, 0, -2)]


def test_the_whole_story_is_printed_oldest_first(desk: Desk) -> None:
    case = a_story(desk)
    lars = desk.sign_in(Role.LEGAL)
    page = lars.get(f"/cases/{case.id}/story").text
    order = [page.index(text) for text in ("The customer wrote", "Spoke of an UMBRELLA", "cleared")]
    assert order == sorted(order)
    assert 'class="exact-text">' in page, "with the words of each message"
    only = lars.get(f"/cases/{case.id}/story?show=people&find=umbrella").text
    assert "<mark>UMBRELLA</mark>" in only
    assert "exact-text" not in only
    assert lars.get("/cases/999/story").status_code == 404
