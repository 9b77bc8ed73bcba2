"""The colours of the pages: each person's own choice, kept with them."""

from __future__ import annotations

from sqlmodel import select

from app.core.staff.events import ThemeChosen
from app.core.staff.models import User
from app.core.staff.rules import Role, Theme
from tests import builders
from tests.web.desk import Desk


def test_a_person_reads_the_desk_in_dark_colours(sqlite_desk: Desk) -> None:
    ben, grace = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "data-theme" not in ben.get("/account").text, "until then as the computer has it"
    ben.submit("/account/theme", theme="dark")
    assert '<html lang="en" data-theme="dark">' in ben.get("/worklist").text
    assert "data-theme" not in grace.get("/worklist").text
    assert sqlite_desk.read(lambda s: s.scalars(select(User.theme).where(User.role == Role.AGENT)).all()) == [
        Theme.DARK
    ]
    assert ben.submit("/account/theme", theme="pink").status_code == 422
    ben.submit("/account/theme", theme="system")
    assert "data-theme" not in ben.get("/worklist").text
    chosen = sqlite_desk.read(lambda s: builders.events(s, ThemeChosen.KIND))
    assert [each["theme"] for each in chosen] == ["dark", "system"]
