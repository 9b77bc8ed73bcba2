"""What follows a saved call: the next case, the message over it, and work that a call to nobody leaves."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from app.worklist.rules import Section
from tests.web.cases.test_case import flash
from tests.web.desk import NOW, Desk
from tests.web.worklist.test_queue import a_case, broken, call, opened
from tests.web.worklist.test_worklist import get, names_on


def test_a_call_to_nobody_leaves_the_broken_promise_as_work(sqlite_desk: Desk) -> None:
    case_id = a_case(sqlite_desk, "Broken", broken)
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert names_on(get(ben)) == ["Broken"]
    said = flash(ben, ben.submit(f"/cases/{case_id}/call", result="no_answer"))
    assert "Attempt 1 of 3" in said
    assert "Call again about the missed promise" in said
    ben.submit(f"/cases/{case_id}/call", result="voicemail")
    sqlite_desk.clock.at = NOW + timedelta(days=1)
    again = get(sqlite_desk.sign_in(Role.AGENT))
    assert names_on(again) == ["Broken"], "it comes back the next day"
    [task] = sqlite_desk.read(lambda session: session.scalars(select(StrategyTask)).all())
    assert (task.text, task.done_at) == ("Call again about the missed promise", None)


def test_a_conversation_about_a_broken_promise_leaves_no_task(sqlite_desk: Desk) -> None:
    case_id = a_case(sqlite_desk, "Broken", broken)
    sqlite_desk.sign_in(Role.AGENT).submit(f"/cases/{case_id}/call", result="refused_to_pay")
    assert sqlite_desk.read(lambda session: session.scalars(select(StrategyTask)).all()) == []


def test_the_next_callback_follows_one_that_is_tried_again(sqlite_desk: Desk) -> None:
    first = a_case(sqlite_desk, "Anna", callback_at=NOW - timedelta(hours=2))
    second = a_case(sqlite_desk, "Bo", callback_at=NOW - timedelta(hours=1))
    third = a_case(sqlite_desk, "Cai", call(9))
    assert Section.CALLBACK_LATER < Section.CALL, "a callback of later today stands before the calls"
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert opened(ben, "/worklist/next") == f"/cases/{first}"
    ben.submit(f"/cases/{first}/call", result="busy", next="1")
    assert opened(ben, f"/worklist/next?after={first}") == f"/cases/{second}"
    assert opened(ben, f"/worklist/next?after={second}") == f"/cases/{third}"


def test_the_message_over_the_next_case_names_the_one_that_was_saved(sqlite_desk: Desk) -> None:
    anna, bo = a_case(sqlite_desk, "Anna", call(9)), a_case(sqlite_desk, "Bo", call(2))
    ben = sqlite_desk.sign_in(Role.AGENT)
    ben.submit(f"/cases/{anna}/call", result="busy", next="1")
    page = ben.get(f"/worklist/next?after={anna}", follow_redirects=True)
    assert page.url.path == f"/cases/{bo}"
    assert f"Anna, C-{anna:06}: Call saved." in page.text
