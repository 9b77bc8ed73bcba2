"""One Jinja2 environment for staff's and cardholders' pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import BaseLoader, Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator
from jinja2.environment import TemplateModule
from jinja2.runtime import Context, Macro
from jinja2.utils import htmlsafe_json_dumps
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape
from starlette.requests import Request

from app.core.types import JsonObject
from app.http.formats import day, decimal, moment, money, number, pct, reader_locale, role_label
from app.http.interface import add_translations
from app.http.static_files import PAGES, static_url
from app.http.transactions import end_reading
from app.outreach.outbox.rules import redact_links

MOST_REMEMBERED = 2000


def slot(name: str) -> str:
    """The mark of a place in a remembered part where each page puts a value of its own."""
    return f"\ue000{name}\ue001"


_SLOT = re.compile("\ue000([a-z]+)\ue001")


class Remembered:
    """Parts of pages that are the same on many: `{% call remembered("name", locale, whatever it shows) %}` draws its
    content once for each key. The key names everything that the content shows; what one person typed never goes in.

    What differs from page to page has a slot: `{% call(here) remembered("links", locale, path=file.path) %}` shows
    `{{ here.path }}`.
    """

    def __init__(self) -> None:
        self.parts: dict[tuple[Hashable, ...], Sequence[str]] = {}

    def __call__(self, *key: Hashable, caller: Callable[..., str], **slots: str) -> Markup:
        found = self.parts.get(key)
        if found is None:
            if len(self.parts) >= MOST_REMEMBERED:
                self.parts.clear()
            drawn = caller({name: slot(name) for name in slots}) if slots else caller()
            found = self.parts[key] = _SLOT.split(str(drawn))
        # Every other piece is the name of a slot; what a template drew is escaped already.
        pieces = [escape(slots.get(piece, "")) if n % 2 else piece for n, piece in enumerate(found)]
        return Markup("".join(pieces))  # noqa: S704


_SPECIAL = re.compile("[&<>\"']").search


def escaped(value: Any) -> str:
    """`escape` for text that is written at once: a page writes four hundred values, most of them without a special
    character, and none of them needs an object that remembers that it is safe."""
    kind = type(value)
    if kind is Markup or (kind is str and not _SPECIAL(value)):
        text: str = value
        return text
    return str(value) if kind is int else escape(value)


class _PageCode(CodeGenerator):
    """The code of a template, which writes its values by `escaped`."""

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("escape = environment.escaped")


class _PageContext(Context):
    """Calls a macro or a plain function at once. Jinja asks by seven further calls whether it takes the context."""

    def call(__self, __obj: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        kind = type(__obj)
        if kind is Macro or (kind in _PLAIN and not hasattr(__obj, "jinja_pass_arg")):
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return __obj(*args, **kwargs)
        return super().call(__obj, *args, **kwargs)


_PLAIN = frozenset({FunctionType, MethodType})


class _Inlined(NodeTransformer):
    """Puts an included template in its place. Jinja would copy every name of the page for it, and look up those it
    uses, each time it is drawn."""

    def __init__(self, environment: PageEnvironment) -> None:
        self.environment = environment

    def visit_Include(self, node: nodes.Include) -> nodes.Node:  # noqa: N802 - named after the node
        if not isinstance(node.template, nodes.Const) or not node.with_context or node.ignore_missing:
            return node
        name = node.template.value
        source, path, _ = self.environment.loader.get_source(self.environment, name)
        return nodes.Scope(self.environment._parse(source, name, path).body, lineno=node.lineno)


_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


class PageEnvironment(Environment):
    """An environment that spends little on each page. What it draws is what Jinja's own draws, without the indentation
    of its templates: a browser shows none of it."""

    code_generator_class = _PageCode
    context_class = _PageContext
    loader: BaseLoader
    escaped = staticmethod(escaped)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(_INDENTATION.sub("", source), name, filename)
        _Inlined(self).visit(tree)
        return tree


@lru_cache
def environment() -> PageEnvironment:
    env = PageEnvironment(
        loader=FileSystemLoader([PAGES / "web" / "templates", PAGES / "portal" / "templates"]),
        autoescape=True,
        auto_reload=False,  # a page of thirty templates would ask the disk thirty times
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    env.filters.update(
        without_links=redact_links,
        money=money,
        decimal=decimal,
        day=day,
        moment=moment,
        pct=pct,
        number=number,
        chart_data=chart_data,
        role_label=role_label,
    )
    env.globals.update(static=static_url, remembered=Remembered())
    add_translations(env)
    return env


def chart_data(spec: JsonObject) -> Markup:
    """The data of a chart for its script, as short as they can be drawn from: five digits after the point."""
    series = [
        {**each, "values": [None if v is None else round(v, 5) for v in each["values"]]}
        for each in spec["series"]
    ]
    return htmlsafe_json_dumps({**spec, "series": series}, separators=(",", ":"))


def macros(names: Mapping[str, Any]) -> TemplateModule:
    """The macros of `_macros.html` for one page, which templates call `ui`. They use the reader's locale, the address
    of the page and the form token among its names."""
    return environment().get_template("_macros.html").make_module(dict(names))


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A page without the frame of staff's pages."""
    html = (
        environment().get_template(template).render(request=request, locale=reader_locale(request), **context)
    )
    end_reading(request)
    return HTMLResponse(html, status_code=status_code)
