"""One Jinja2 environment for staff's and cardholders' pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

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


@lru_cache
def environment() -> Environment:
    env = Environment(
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
        role_label=role_label,
    )
    env.globals.update(static=static_url, remembered=Remembered())
    add_translations(env)
    return env


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A page without the frame of staff's pages."""
    html = (
        environment().get_template(template).render(request=request, locale=reader_locale(request), **context)
    )
    end_reading(request)
    return HTMLResponse(html, status_code=status_code)
