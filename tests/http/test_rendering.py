"""Our environment of templates spends less than Jinja's own and draws the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from app.http.rendering import PageEnvironment, macros

PARTS = {
    "part": "{% set word = word ~ '!' %}{{ word }}{% for word in words %}{{ word }};{% endfor %}",
    "outer": "<{% include 'part' %}>{{ word }}",
    "macros": "{% macro quoted(text, mark='\"') %}{{ mark }}{{ text }}"
    "{{ caller() if caller is defined }}{% endmacro %}",
}
PAGES = {
    "special characters are escaped once": "{{ nasty }}{{ safe }}{{ nasty ~ safe }}{{ safe ~ nasty }}",
    "values that are no text": "{{ 7 }}{{ 7.5 }}{{ none }}{{ true }}{{ words }}{{ code }}",
    "an include sees the page's names, and keeps its own": "{% include 'outer' %}{{ word }}",
    "an include in a loop": "{% for word in words %}{% include 'outer' %}{{ loop.index }}{{ word }}{% endfor %}",
    "an include in a block": "{% block a %}{% set word = 'b' %}{% include 'part' %}{{ word }}{% endblock %}{{ word }}",
    "an include whose name is computed": "{% include 'pa' ~ 'rt' %}{{ word }}",
    "an include that may be missing": "{% include 'nothing' ignore missing %}{% include ['nothing', 'part'] %}",
    "macros": "{% import 'macros' as m with context %}{{ m.quoted(nasty) }}{{ m.quoted(safe, mark='') }}"
    "{% call m.quoted('<', mark=nasty) %}{{ nasty }}{{ safe }}{% endcall %}",
    "a text that was kept": "{% set kept %}<b>{{ nasty }}</b>{% endset %}{{ kept }}{{ kept ~ nasty }}",
    "functions that take the context": "{% for word in words %}{{ seen('word') }}{{ plain(word, n=2) }}{% endfor %}",
    "a method": "{{ word.replace('w', '<') }}{{ words.index('w&w') }}",
}


@pass_context
def _seen(context: Context, name: str) -> str:
    return f"{name}={context.get(name)}"


def _names() -> dict[str, Any]:
    return {
        "nasty": "<a href='x'>\"&",
        "safe": Markup("<i>&amp;</i>"),
        "word": "word",
        "words": ["one", "w&w"],
        "code": type("Code", (str,), {})("a<b"),
        "seen": _seen,
        "plain": lambda word, n: word * n,
    }


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_drawn_as_jinja_draws_it(page: str) -> None:
    ours, theirs = (
        kind(loader=DictLoader({**PARTS, "page": page}), autoescape=True, undefined=StrictUndefined)
        for kind in (PageEnvironment, Environment)
    )
    drawn = ours.get_template("page").render(_names())
    assert drawn == theirs.get_template("page").render(_names())
    assert drawn


def test_an_undefined_name_is_an_error_in_an_include_too() -> None:
    env = PageEnvironment(loader=DictLoader(PARTS), autoescape=True, undefined=StrictUndefined)
    with pytest.raises(UndefinedError, match="'words' is undefined"):
        env.from_string("{% include 'part' %}").render(word="a")


def test_macros_are_made_with_the_names_of_their_page() -> None:
    request = SimpleNamespace(query_params={})
    ui: Any = macros({"url_with": lambda **changed: f"/list?{changed}", "request": request})
    assert "/list?{&#39;cursor&#39;: &#39;abc&#39;}" in ui.pager("abc")
