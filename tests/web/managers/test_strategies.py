"""Strategies on pages: read by agents, written, checked, tried and put live by managers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.book.portfolios.service import get_portfolio
from app.casework.contacts.rules import DeskStep
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.strategy import ladders, service
from app.outreach.strategy.events import StrategyLive
from app.outreach.strategy.models import Experiment, StrategyTask, StrategyVersion
from tests import builders
from tests.web.accounts.test_account_corrections import words
from tests.web.desk import NOW, Browser, Desk, seen_in

TEXT = """name = "Patient"
# why day 5
[[steps]]
id = "late-sms"
day = 5
action = "message"
letter = "first_reminder"
channels = ["sms"]
"""


def save(desk: Desk, text: str = TEXT, code: str = "standard") -> int:
    def write(session: Session) -> int:
        book = get_portfolio(session, builders.BOOK)
        letters = builders.catalog().letters
        version = service.save_version(session, book, code, text, letters, by=Actor.user("mei"), now=NOW)
        return id_of(version)

    return desk.write(write)


@pytest.fixture
def mei(desk: Desk) -> Browser:
    desk.write(builders.portfolio)
    return desk.sign_in(Role.MANAGER)


def refs(desk: Desk) -> list[str]:
    return desk.read(lambda session: [v.ref for v in session.scalars(select(StrategyVersion))])


def live_ref(desk: Desk) -> str:
    return desk.read(
        lambda session: ladders.load_ladders(session, get_portfolio(session, builders.BOOK)).live.ref
    )


def test_agents_read_what_is_live_and_only_managers_change_it(desk: Desk, mei: Browser) -> None:
    ben = desk.sign_in(Role.AGENT)
    page = ben.get("/strategies")
    assert "as shipped" in page.text
    assert "First reminder" in page.text
    assert "/strategies/edit" not in page.text
    version = save(desk)
    assert "A manager puts versions live" in words(ben.get(f"/strategies/versions/{version}"))
    assert ben.get(f"/strategies/versions/{version}/toml").text == TEXT
    assert ben.get("/strategies/edit?portfolio=CARDS").status_code == 403
    assert ben.submit(f"/strategies/versions/{version}/live").status_code == 403
    assert ben.submit("/strategies/rollback", portfolio="CARDS").status_code == 403
    assert ben.submit("/strategies/edit", portfolio="CARDS", code="standard", text=TEXT).status_code == 403
    assert desk.sign_in(Role.ADMIN).get("/strategies").status_code == 403
    assert mei.get("/strategies/versions/999").status_code == 404


def test_a_text_is_checked_saved_put_live_and_rolled_back(desk: Desk, mei: Browser) -> None:
    form = {"portfolio": "CARDS", "code": "standard", "text": TEXT, "note": "later"}
    assert 'name = "Standard card strategy"' in mei.get("/strategies/edit?portfolio=CARDS").text.replace(
        "&#34;", '"'
    )
    checked = mei.submit("/strategies/edit", **form, do="check")
    assert "As it is understood" in checked.text
    assert refs(desk) == []
    saved = mei.submit("/strategies/edit", **form, do="save")
    assert saved.status_code == 303
    path = saved.headers["location"]
    assert "It changes nothing until it is put live" in mei.get(path).text
    assert (refs(desk), live_ref(desk)) == (["standard@1", "standard@2"], "standard@1")
    assert mei.submit(f"{path}/live").status_code == 303
    assert live_ref(desk) == "standard@2"
    assert mei.submit(f"{path}/live").status_code == 409
    page = words(mei.get("/strategies?portfolio=CARDS"))
    assert "Roll back to standard, version 1" in page
    assert mei.submit("/strategies/rollback", portfolio="CARDS").status_code == 303
    assert live_ref(desk) == "standard@1"
    kinds = desk.read(lambda session: [e["by"] for e in builders.events(session, StrategyLive.KIND)])
    assert kinds == ["system", "user:mei", "user:mei"]


def test_faults_are_shown_with_line_step_and_field_and_nothing_is_saved(desk: Desk, mei: Browser) -> None:
    form = {"portfolio": "CARDS", "code": "standard", "note": ""}
    bad = TEXT.replace("day = 5", "day = 0").replace("first_reminder", "<b>poem</b>")
    answer = mei.submit("/strategies/edit", **form, text=bad, do="save")
    assert answer.status_code == 422
    assert "Line 3, step 1 (late-sms), day : must be a whole number from 1 to 3650" in words(answer)
    assert "# why day 5" in answer.text, "what was typed is still there"
    letter = mei.submit("/strategies/edit", **form, text=TEXT.replace("first_", "last_"), do="save")
    assert letter.status_code == 422
    assert "letter : There is no letter &#39;last_reminder&#39;" in words(letter)
    assert "<b>poem</b>" not in answer.text
    assert (
        "small letters"
        in mei.submit("/strategies/edit", **{**form, "code": "A B"}, text=TEXT, do="save").text
    )
    assert "not TOML" in mei.submit("/strategies/edit", **form, text="[[steps", do="check").text
    card = TEXT.replace("why day 5", "4111 1111 1111 1111")
    assert "card number" in mei.submit("/strategies/edit", **form, text=card, do="save").text
    assert refs(desk) == []


def textarea(html: str) -> str:
    """What the editor holds."""
    found = re.search(r'<textarea[^>]*name="text"[^>]*>(.*?)</textarea>', html, re.S)
    assert found
    return found[1].replace("&#34;", '"').replace("&#39;", "'").lstrip("\n")


def test_one_step_is_changed_in_a_form_without_writing_toml(desk: Desk, mei: Browser) -> None:
    base = {"portfolio": "CARDS", "code": "standard", "text": TEXT, "note": ""}
    form = mei.submit("/strategies/edit", **base, do="step:0")
    assert 'value="late-sms"' in form.text
    step = {
        "id": "late-mail", "day": "6", "action": "message", "letter": "first_reminder", "purpose": "reminder",
        "channels": ["sms", "email"], "fact": ["balance", "first_time", "product", ""],
        "op": ["at_least", "is", "in", "is"], "value": ["12.50", "yes", "Gold card, Blue", ""],
    }  # fmt: skip
    done = mei.submit("/strategies/edit", **base, **step, do="put:0")
    text = textarea(done.text)
    assert text.startswith('name = "Patient"\n# why day 5\n[[steps]]\nid = "late-mail"\nday = 6\n')
    assert (
        'condition = { balance = { at_least = "12.50" }, first_time = true, product = ["Blue", "Gold card"] }'
        in text
    )
    again = mei.submit("/strategies/edit", **{**base, "text": text}, do="step:0")
    assert 'value="12.50"' in again.text
    assert 'value="yes"' in again.text
    second = {
        "id": "ring",
        "day": "9",
        "action": "call",
        "wait_step": "late-mail",
        "wait_days": "2",
        "wait_moment": "taken",
    }
    both = mei.submit("/strategies/edit", **{**base, "text": text}, **second, do="put:1")
    assert 'wait_for = { step = "late-mail", days = 2, moment = "taken" }' in textarea(both.text)
    fewer = mei.submit("/strategies/edit", **{**base, "text": textarea(both.text)}, do="drop:1")
    assert "ring" not in textarea(fewer.text)
    assert refs(desk) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"day": "soon"}, "Write a whole number."),
        ({"day": "0"}, "Must be a whole number from 1 to 3650."),
        ({"channels": []}, "A message needs channels."),
        ({"letter": "nope"}, "There is no letter"),
        ({"id": "Two words"}, "Write small letters"),
        ({"fact": "balance", "op": "at_least", "value": "12.345"}, "CNY has 2 decimals"),
        ({"fact": "balance", "op": "at_least", "value": ""}, "Say what it is compared with."),
        ({"wait_step": "gone", "wait_days": "2", "wait_moment": "taken"}, "No earlier step of this ladder"),
        ({"wait_step": "gone", "wait_days": "x", "wait_moment": "taken"}, "Write for how many days."),
    ],
)
def test_a_step_that_is_not_right_comes_back_with_the_reason_beside_it(
    sqlite_desk: Desk, changes: dict[str, object], says: str
) -> None:
    sqlite_desk.write(builders.portfolio)
    mei = sqlite_desk.sign_in(Role.MANAGER)
    step = {
        "portfolio": "CARDS", "code": "standard", "text": TEXT, "id": "mail", "day": "6", "action": "message",
        "letter": "first_reminder", "purpose": "reminder", "channels": ["sms"],
    }  # fmt: skip
    answer = mei.submit("/strategies/edit", **{**step, **changes}, do="put:0")
    assert answer.status_code == 422
    assert says in words(answer)
    assert "has-error" in answer.text or 'class="error"' in answer.text


def test_a_file_is_imported_into_the_editor(desk: Desk, mei: Browser) -> None:
    def upload(content: bytes) -> str:
        answer = mei.post(
            "/strategies/import",
            data={"csrf_token": mei.csrf_token, "portfolio": "CARDS", "code": "patient"},
            files={"file": ("s.toml", content)},
            headers={"origin": "http://testserver"},
        )
        return answer.text

    assert textarea(upload(TEXT.encode())) == TEXT
    assert "not UTF-8" in upload(b"\xff\xfe\x00")
    assert refs(desk) == []


def test_an_experiment_is_planned_started_watched_and_ended(desk: Desk, mei: Browser) -> None:
    assert "There is nothing to compare yet" in mei.get("/strategies/experiments/new?portfolio=CARDS").text
    save(desk)
    path = "/strategies/experiments/new?portfolio=CARDS&challenger=standard@2&share_percent=20&difference=5"
    planned = words(mei.get(f"{path}&baseline=20"))
    assert "Cases in each arm 1,094" in planned
    assert "Cases altogether 5,470" in planned
    assert "must lie between 0 and 100 %" in words(mei.get(f"{path}&baseline=97"))
    form = {"portfolio": "CARDS", "challenger": "standard@2", "baseline": "20", "difference": "5"}
    assert mei.submit("/strategies/experiments", **form, share_percent="0").status_code == 422
    assert (
        mei.submit("/strategies/experiments", **{**form, "challenger": "x@1"}, share_percent="9").status_code
        == 422
    )
    wrong = mei.submit("/strategies/experiments", **form, share_percent="20", days="1000")
    assert (wrong.status_code, "whole number from 1 to 730" in wrong.text) == (422, True)
    form["primary_figure"] = "recovered"
    started = mei.submit("/strategies/experiments", **form, share_percent="20")
    assert started.status_code == 303
    there = started.headers["location"]
    assert "No day was closed yet" in mei.get(there).text
    builders.close_day(desk.engine, NOW.date())
    shown = words(mei.get(there))
    assert "Not enough cases yet: no result" in shown
    assert "of 1,094 planned" in shown
    assert "Decides Recovered per case within 30 days" in shown
    assert "Complaints 0 0 0%" in shown
    assert desk.sign_in(Role.AGENT).get(there).status_code == 403
    added = words(mei.get("/strategies/control?portfolio=CARDS"))
    assert "The control share is off" in added
    assert "No wait is over yet" in added
    assert mei.submit(f"{there}/end").status_code == 303
    assert desk.read(lambda session: session.scalars(select(Experiment)).one().ended_by) == "user:mei"
    assert mei.submit(f"{there}/end").status_code == 409


def test_an_agent_sends_a_letter_by_hand_and_does_a_task(desk: Desk) -> None:
    def write(session: Session) -> tuple[int, int]:
        on = NOW.date()
        case = builders.delinquent_case(session, due_on=on - timedelta(days=4), on=on)
        task = StrategyTask(case_id=id_of(case), step="s", text="Ring the manager", due_on=on, created_at=NOW)
        session.add(task)
        session.flush()
        return id_of(case), id_of(task)

    case_id, task_id = desk.write(write)
    ben = desk.sign_in(Role.AGENT)
    page = ben.get(f"/cases/{case_id}")
    assert "Ring the manager" in page.text
    assert "Second reminder" in ben.get(f"/cases/{case_id}?do=letter").text
    wrong = ben.submit(f"/cases/{case_id}/letter", letter="")
    assert wrong.status_code == 422
    assert "Choose a letter." in wrong.text
    shown = ben.submit(f"/cases/{case_id}/letter", letter="first_reminder:post")
    assert builders.messages(desk.engine) == [], "its words are read first"
    sent = ben.submit(f"/cases/{case_id}/letter", letter="first_reminder:post", seen=seen_in(shown.text))
    assert sent.status_code == 303
    [message] = builders.messages(desk.engine)
    assert builders.step_of(desk.engine, message).step == DeskStep.MANUAL
    again = ben.submit(f"/cases/{case_id}/letter", letter="first_reminder:post", seen=seen_in(shown.text))
    assert again.status_code == 409
    assert ben.submit(f"/cases/{case_id}/tasks/{task_id}/done").status_code == 303
    assert "Task done" in ben.get(f"/cases/{case_id}").text
    assert ben.submit(f"/cases/{case_id}/tasks/{task_id}/done").status_code == 409
    assert ben.submit(f"/cases/{case_id}/tasks/999/done").status_code == 404
    assert desk.sign_in(Role.LEGAL).submit(f"/cases/{case_id}/letter").status_code == 403
