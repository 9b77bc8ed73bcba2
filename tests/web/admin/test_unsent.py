"""A form that is sent after the session has ended: kept for the person whose session it was, never sent by itself."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from app.casework.cases.events import NoteAdded
from app.core.ids import id_of
from app.core.staff.models import FormDraft
from app.core.staff.rules import Role
from app.core.staff.service import change_user, end_sessions
from tests import builders
from tests.web.desk import PASSWORD, Browser, Desk

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-mode": "navigate"}


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    return sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )


def send_late(browser: Browser, path: str, **fields: str) -> str:
    """Send a form of a page that was open when the session ended; return where it leads."""
    data = {"csrf_token": browser.csrf_token, "once": "o1", **fields}
    referer = {"referer": "http://testserver/approvals?open=request-7"}
    answer = browser.post(path, data=data, headers={**FORM, **referer})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def sign_in(desk: Desk, location: str, username: str = "ben") -> Browser:
    """Sign in on the page where the form led; the browser then stands where that leads."""
    browser = desk.anonymous()
    wanted = parse_qs(urlsplit(location).query)["next"][0]
    done = browser.submit("/login", username=username, password=PASSWORD, next=wanted)
    browser.path = done.headers["location"]  # type: ignore[attr-defined]
    return browser


def drafts(desk: Desk) -> list[tuple[str, str, str]]:
    return [(d.username, d.form, d.subject) for d in desk.read(lambda s: s.scalars(select(FormDraft)).all())]


def test_a_note_comes_back_filled_in_and_is_not_sent(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    sqlite_desk.clock.at += timedelta(hours=2)
    location = send_late(ben, f"/cases/{case_id}/note", text="Pays on Friday, speak slowly")
    assert "kept=1" in location
    assert "it is kept" in ben.get(location).text
    again = sign_in(sqlite_desk, location)
    page = again.get(again.get(again.path).headers["location"].partition("#")[0]).text  # type: ignore[attr-defined]
    assert "Pays on Friday, speak slowly</textarea>" in page
    assert "Not sent yet" in page
    assert sqlite_desk.read(lambda session: builders.events(session, NoteAdded.KIND)) == []
    assert drafts(sqlite_desk) == [("ben", "note", str(case_id))]


def test_another_person_who_signs_in_there_does_not_see_it(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    sqlite_desk.sign_in(Role.MANAGER)
    sqlite_desk.clock.at += timedelta(hours=2)
    location = send_late(ben, f"/cases/{case_id}/note", text="Pays on Friday")
    mei = sign_in(sqlite_desk, location, "mei")
    page = mei.get(mei.get(mei.path).headers["location"].partition("#")[0]).text  # type: ignore[attr-defined]
    assert "Pays on Friday" not in page


def test_a_payment_comes_back_on_the_account(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    sqlite_desk.clock.at += timedelta(hours=2)
    location = send_late(
        ben, "/accounts/1/post", kind="payment", amount="33.10", description="at the counter"
    )
    again = sign_in(sqlite_desk, location)
    page = again.get(again.path.partition("#")[0]).text  # type: ignore[attr-defined]
    assert 'value="33.10"' in page
    assert "at the counter" in page


def test_the_texts_of_any_other_form_are_shown_with_the_way_back(sqlite_desk: Desk) -> None:
    mei = sqlite_desk.sign_in(Role.MANAGER)
    sqlite_desk.clock.at += timedelta(hours=2)
    location = send_late(mei, "/approvals/7/decision", approve="true", note="Agreed <b>once</b>", seen="1:2")
    again = sign_in(sqlite_desk, location, "mei")
    page = again.get(again.path).text  # type: ignore[attr-defined]
    assert "Agreed &lt;b&gt;once&lt;/b&gt;" in page
    assert 'href="/approvals?open=request-7"' in page
    assert 'value="true"' not in page, "a decision is made on the figures of its own page"


def test_what_is_not_a_form_of_an_ended_session_is_not_kept(sqlite_desk: Desk, case_id: int) -> None:
    path = f"/cases/{case_id}/note"
    ben = sqlite_desk.sign_in(Role.AGENT)
    sqlite_desk.clock.at += timedelta(hours=2)
    right = ben.csrf_token
    ben.csrf_token = "made up"
    assert "kept" not in send_late(ben, path, text="forged")
    ben.csrf_token = right
    assert "kept" not in send_late(ben, path, text="4111 1111 1111 1111")
    assert "kept" not in send_late(ben, path, text=" ")
    other = {**FORM, "sec-fetch-site": "cross-site"}
    ben.post(path, data={"csrf_token": right, "text": "from elsewhere"}, headers=other)
    script = {"content-type": FORM["content-type"], "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin"}
    ben.post(path, data={"csrf_token": right, "text": "a script's"}, headers=script)
    ben.post(path, data={"csrf_token": right, "text": "x" * 140_000}, headers=FORM)
    assert drafts(sqlite_desk) == []
    sqlite_desk.clock.at += timedelta(days=2)
    assert "kept" not in send_late(ben, path, text="days later")


@pytest.mark.parametrize("ended", ["signed out", "password", "deactivated"])
def test_a_session_that_a_person_ended_keeps_nothing(sqlite_desk: Desk, case_id: int, ended: str) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)

    def end(session: builders.Session) -> None:
        if ended == "signed out":
            end_sessions(session, 1, now=sqlite_desk.clock.at)
            return
        changed = {"password": "four blue kettles"} if ended == "password" else {"active": False}
        change_user(session, 1, by=builders.Actor.user("alma"), now=sqlite_desk.clock.at, **changed)  # type: ignore[arg-type]

    sqlite_desk.write(end)
    assert "kept" not in send_late(ben, f"/cases/{case_id}/note", text="after the end")
    assert drafts(sqlite_desk) == []
