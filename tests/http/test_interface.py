"""The language of staff's pages: one at a time, by catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import DictLoader, Environment

from app.http import interface
from app.http.formats import day, money
from app.http.interface import add_translations, interface_locale, languages, translations

NORWEGIAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "Worklist"
msgstr "Arbeidsliste"

msgid "Sign <out>"
msgstr "Logg <ut>"
"""


@pytest.fixture
def norwegian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    (tmp_path / "nb.po").write_text(NORWEGIAN, encoding="utf-8")
    monkeypatch.setattr(interface, "CATALOGUES", tmp_path)
    caches = (languages, interface_locale, translations, interface.words_of)
    for cache in caches:
        cache.cache_clear()
    environment = Environment(autoescape=True, loader=DictLoader({}))
    environment.filters.update(day=day, money=money)
    add_translations(environment)
    yield environment
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"),
        ("en-GB,en;q=0.9", "en_GB"),
        (
            "nl-NL,nl;q=0.9,en;q=0.5",
            "en_NL",
        ),  # no catalogue; the region says how dates and amounts are written
        ("zh-TW,zh;q=0.9", "en"),
        ("xx,;q=,de-DE;q=abc", "en"),
        ("fr;q=0.1,en-US;q=0.8", "en_US"),
    ],
)
def test_a_page_is_in_a_language_that_has_a_catalogue(accepted: str, chosen: str) -> None:
    assert str(interface_locale(accepted)) == chosen


def test_words_dates_and_amounts_are_of_one_language(norwegian: Environment) -> None:
    page = norwegian.from_string(
        '{{ _("Worklist") }}|{{ _("Replies") }}|{{ _("Sign <out>") }}|{{ on | day }}|{{ 123456 | money("NOK") }}'
    )
    told = {"on": date(2026, 11, 2)}
    shown = page.render(locale=interface_locale("nb-NO"), **told)
    assert shown.startswith("Arbeidsliste|Replies|Logg &lt;ut&gt;|")
    assert "2. nov. 2026" in shown
    assert "1\xa0234,56" in shown
    english = page.render(locale=interface_locale("zh-TW"), **told)
    assert english.startswith("Worklist|Replies|Sign &lt;out&gt;|")
    assert "Nov 2, 2026" in english


def test_the_template_of_catalogues_has_every_marked_word() -> None:
    root = Path(__file__).resolve().parents[2]
    with (root / "app/web/locale/babel.cfg").open(encoding="utf-8") as lines:
        methods, options = parse_mapping_cfg(lines)
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
    found = {
        message[2]
        for message in extract_from_dir(
            root / "app/web",
            [(p.removeprefix("app/web/"), m) for p, m in methods],
            options_map={p.removeprefix("app/web/"): o for p, o in options.items()},
            keywords=keywords,
        )
    }
    with (root / "app/web/locale/desk.pot").open("rb") as lines:
        written = {message.id for message in read_po(lines) if message.id}
    assert found == written, "run the command at the top of app/web/locale/babel.cfg"
    assert "Worklist" in written
