"""Single-key shortcuts: each person's own choice, kept with them."""

from __future__ import annotations

from app.core.staff.events import KeysSwitched
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk


def test_a_person_switches_single_keys_off_and_on_again(sqlite_desk: Desk) -> None:
    ben, grace = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert 'data-keys="off"' not in ben.get("/account").text
    ben.submit("/account/keys")
    assert 'data-keys="off"' in ben.get("/worklist").text
    assert 'data-keys="off"' not in grace.get("/worklist").text
    ben.submit("/account/keys")
    ben.submit("/account/keys", single_keys="on")
    assert 'data-keys="off"' not in ben.get("/worklist").text
    assert [e["on"] for e in sqlite_desk.read(lambda s: builders.events(s, KeysSwitched.KIND))] == [
        False,
        True,
    ]
