"""The colours of the pages: each person's own choice, kept with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
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


INKS = ("ink", "ink-2", "ink-3", "accent", "accent-dark", "good", "warn", "bad", "info")
GROUNDS = ("surface", "surface-2", "surface-3", "accent-soft")
OWN_GROUNDS = [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info")]
INK_GROUNDS = [(ink, ground) for ink in INKS[:3] for _, ground in OWN_GROUNDS]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_are_legible_on_every_ground(theme: int) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for words, whatever the reader chose."""
    sheet = (Path(web.__file__).parent / "static/desk.css").read_text(encoding="utf-8")
    told = {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", sheet)}
    pairs = [(ink, ground) for ink in INKS for ground in GROUNDS]
    pairs += [*OWN_GROUNDS, *INK_GROUNDS, ("on-accent", "accent")]
    faint = {pair: round(contrast(*(told[name][theme] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
