"""Drafts of forms: kept on the server, restored, thrown away, forgotten after two weeks."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlmodel import select

from app.actions.assignment import SAME_NOTE_WITHIN
from app.casework.cases.events import NoteAdded
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.drafts import DRAFT_KEPT, draft_of, drafts_about, purge_drafts, save_draft, typed_in
from app.core.staff.models import FormDraft
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import CARD
from tests.web.desk import NOW, Browser, Desk


def drafts(desk: Desk) -> list[tuple[str, str, dict[str, str]]]:
    return desk.read(
        lambda session: [
            (each.form, each.subject, typed_in(each)) for each in session.scalars(select(FormDraft))
        ]
    )


def keep(browser: Browser, text: str, **about: str) -> int:
    fields = json.dumps({"text": text, "sure": "x", "once": "y"})
    return browser.submit("/drafts", form="note", subject="44", fields=fields, **about).status_code


def test_a_draft_is_ones_own_and_the_latest(sqlite_desk: Desk) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert keep(ben, "rang") == 204
    assert keep(ben, "rang twice") == 204
    assert drafts(sqlite_desk) == [("note", "44", {"text": "rang twice"})]
    [found] = ben.get("/drafts?subject=44").json()
    assert (found["form"], found["fields"]) == ("note", {"text": "rang twice"})
    assert mei.get("/drafts?subject=44").json() == []
    assert mei.submit("/drafts/discard?form=note&subject=44").status_code == 204
    assert len(drafts(sqlite_desk)) == 1
    assert keep(ben, "") == 204  # emptied by hand
    assert drafts(sqlite_desk) == []


def test_a_full_card_number_is_never_kept(sqlite_desk: Desk) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    named = ben.submit("/drafts", form="note", subject="44", fields=json.dumps({CARD: "x"}))
    assert (named.status_code, drafts(sqlite_desk)) == (422, [])
    assert keep(ben, "pays with") == 204
    assert keep(ben, f"pays with {CARD}") == 422
    assert drafts(sqlite_desk) == [("note", "44", {"text": "pays with"})]
    assert ben.submit("/drafts", form="note", fields="[1]").status_code == 422
    assert sqlite_desk.anonymous().submit("/drafts", form="note", fields="{}").status_code == 303


def test_drafts_are_forgotten_after_two_weeks(sqlite_desk: Desk) -> None:
    def lived(session: object) -> tuple[int, int]:
        save_draft(session, "ben", "note", "1", {"text": "a"}, now=NOW)  # type: ignore[arg-type]
        purge_drafts(session, now=NOW + DRAFT_KEPT - timedelta(seconds=1))  # type: ignore[arg-type]
        before = len(drafts_about(session, "ben", "1"))  # type: ignore[arg-type]
        save_draft(session, "ben", "note", "2", {"text": "b"}, now=NOW + DRAFT_KEPT)  # type: ignore[arg-type]
        return before, len(drafts_about(session, "ben", "1"))  # type: ignore[arg-type]

    assert sqlite_desk.write(lived) == (1, 0)
    with pytest.raises(Invalid, match="too long"):
        sqlite_desk.write(lambda session: save_draft(session, "ben", "n", "1", {"t": "x" * 40_000}, now=NOW))


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    return sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )


def test_a_refused_form_is_found_again_and_an_obeyed_one_is_gone(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}"
    refused = ben.submit(f"{path}/holds", kind="", reason="in hospital", until="2026-03-30")
    assert refused.status_code == 422
    reached = ben.get(f"{path}/holds").headers["location"]
    assert reached == f"{path}?do=hold&draft=1#do-hold"
    page = ben.get(reached.partition("#")[0]).text
    assert "in hospital" in page
    assert "Draft from" in page
    gone = ben.post(
        f"/drafts/discard?form=hold&subject={case_id}&back={path}",
        data={"csrf_token": ben.csrf_token}, headers={"accept": "text/html", "origin": "http://testserver"},
    )  # fmt: skip
    assert gone.headers["location"] == path
    assert "in hospital" not in ben.get(reached.partition("#")[0]).text
    ben.submit(f"{path}/holds", kind="", reason="in hospital", until="2026-03-30")
    done = ben.submit(f"{path}/holds", kind="hardship", reason="in hospital", until="2026-03-30", once="o1")
    assert done.status_code == 303
    assert drafts(sqlite_desk) == []
    # What the page had on its way when the form was sent comes too late.
    late = json.dumps({"reason": "in hospital"})
    data = {"form": "hold", "subject": str(case_id), "fields": late, "sent_to": f"{path}/holds", "once": "o1"}
    assert ben.post("/drafts", data={**data, "csrf_token": ben.csrf_token}).status_code == 204
    assert drafts(sqlite_desk) == []
    assert sqlite_desk.read(lambda session: draft_of(session, "ben", "hold", str(case_id))) is None


def test_one_draft_that_two_tabs_send_is_one_note(sqlite_desk: Desk, case_id: int) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    note = f"/cases/{case_id}/note"
    ben.submit(note, text="Rang twice, no answer\r\nTry the work number", once="tab-1")
    again = ben.submit(note, text="Rang twice, no answer\nTry the work number ", once="tab-2")
    assert "a moment ago" in ben.get(again.headers["location"].partition("#")[0]).text
    assert len(sqlite_desk.read(lambda session: builders.events(session, NoteAdded.KIND))) == 1
    mei.submit(note, text="Rang twice, no answer\nTry the work number", once="mei")
    ben.submit(note, text="Rang twice, no answer", once="tab-2b")
    sqlite_desk.clock.at += SAME_NOTE_WITHIN
    ben.submit(note, text="Rang twice, no answer\nTry the work number", once="tab-3")
    assert len(sqlite_desk.read(lambda session: builders.events(session, NoteAdded.KIND))) == 4
    for _ in range(2):
        assert ben.submit(f"/drafts/discard?form=note&subject={case_id}").status_code == 204
