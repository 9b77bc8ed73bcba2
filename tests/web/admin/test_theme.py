"""The colours of the pages: each person's own choice, kept with them."""

from __future__ import annotations

import re
from pathlib import Path

from sqlmodel import select

from app import web
from app.core.staff.events import ThemeChosen
from app.core.staff.models import User
from app.core.staff.rules import Role, Theme
from tests import builders
from tests.web.desk import Desk

COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", re.IGNORECASE)


def test_each_colour_is_told_once_for_both_themes() -> None:
    static = Path(web.__file__).parent / "static"
    strays = [
        f"{sheet.relative_to(static)}:{n}: {line.strip()[:80]}"
        for sheet in static.rglob("*.css")
        for n, line in enumerate(sheet.read_text(encoding="utf-8").splitlines(), start=1)
        if COLOUR.search(line) and not line.strip().startswith("--")
    ]
    assert strays == [], "a colour has a name of its own in desk.css"


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
