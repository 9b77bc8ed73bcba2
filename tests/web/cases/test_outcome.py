"""The outcome bar without a script, the same form sent twice at once, and the way on to the next case."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from app.casework.cases.events import CallLogged
from app.core.staff.rules import Role
from tests.web.cases.test_case import flash, make_case, on_record, once_of
from tests.web.desk import Desk


def shown(text: str) -> list[str]:
    """The fields that the page shows for the chosen result."""
    fields = re.findall(
        r'<fieldset class="outcome-field" data-field="(\w+)" data-requires="[^"]*"([^>]*)>', text
    )
    return [name for name, hidden in fields if "hidden" not in hidden]


def test_the_address_chooses_a_result_with_its_own_fields(sqlite_desk: Desk) -> None:
    path = f"/cases/{make_case(sqlite_desk)}"
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert shown(ben.get(path).text) == []
    page = ben.get(f"{path}?result=promised").text
    assert shown(page) == ["amount", "due_on", "callback_at"]
    assert re.search(r'value="promised"[^>]* checked', page)
    assert "Promise recorded and confirmed in writing" in page


def test_without_a_script_the_fields_come_and_nothing_typed_is_lost(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)
    page = ben.submit(f"/cases/{case_id}/call/fields", result="complaint", note="is angry")
    assert page.status_code == 200
    assert shown(page.text) == ["category", "words", "callback_at"]
    assert "is angry" in page.text
    assert on_record(sqlite_desk, CallLogged.KIND) == []
    refused = ben.submit(f"/cases/{case_id}/call", result="complaint", note="is angry", category="fees")
    assert refused.status_code == 422
    assert "Write down what they said." in refused.text
    assert "is angry" in refused.text
    sent = ben.submit(f"/cases/{case_id}/call", result="complaint", category="fees", words="twice!")
    assert "Complaint hold placed: until it is answered, by" in flash(ben, sent)


def test_one_form_sent_twice_at_once_is_one_call(desk: Desk) -> None:
    """Two clicks, two connections, one moment: the form's number is unique in the database."""
    case_id = make_case(desk)
    ben = desk.sign_in(Role.AGENT)
    once = once_of(ben, case_id, "call")
    tabs = [ben, desk.sign_in(Role.AGENT)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda tab: tab.submit(f"/cases/{case_id}/call", once=once, result="busy"), tabs)
        )
    assert sorted(answer.status_code for answer in answers) == [303, 303]
    assert len(on_record(desk, CallLogged.KIND)) == 1


def test_save_and_next_goes_on(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    sent = sqlite_desk.sign_in(Role.AGENT).submit(f"/cases/{case_id}/call", result="no_answer", next="1")
    assert sent.headers["location"] == f"/worklist/next?after={case_id}"
