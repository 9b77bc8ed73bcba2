"""One Jinja2 environment for staff's and cardholders' pages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request

from app.http.formats import day, decimal, moment, money, number, pct, reader_locale, role_label
from app.http.interface import add_translations
from app.http.static_files import PAGES, static_url
from app.outreach.outbox.rules import redact_links


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
    env.globals.update(static=static_url)
    add_translations(env)
    return env


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A page without the frame of staff's pages."""
    html = (
        environment().get_template(template).render(request=request, locale=reader_locale(request), **context)
    )
    return HTMLResponse(html, status_code=status_code)
