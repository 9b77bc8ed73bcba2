"""Staff's pages: the frame around each, and the message shown once after a change.

A handler ends with `return page(request, "area/name.html", **what_the_template_needs)`, or after a change with
`return redirect(request, "/somewhere", "What was done.")`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from sqlmodel import Session
from starlette.requests import Request

from app.core.labels import CHANNEL_LABELS, in_sentence
from app.core.settings import Settings
from app.core.staff.rules import Staff
from app.core.timeline.sight import NOTHING_PERSONAL, Sight
from app.core.vocabulary import Channel
from app.http import security
from app.http.context import read_clock
from app.http.formats import reader_locale
from app.http.interface import words_of
from app.http.rendering import environment, macros
from app.http.transactions import end_reading
from app.web.navigation import Frame, current_entry, navigation, read_frame
from app.web.wording import actor_words, strategy_words

environment().filters.update(strategy_words=strategy_words, actor=actor_words)
FLASH_COOKIE = "desk_flash"
FLASH_SECONDS = 120
NO_FRAME = Frame({}, None, "UTC")
Tone = Literal["good", "warn", "bad", "info", "neutral"]


class Page:
    """Base of each page's context: a frozen dataclass whose fields are the names in its template."""

    __slots__ = ()
    template: ClassVar[str]


def page(
    request: Request, context: Page, status_code: int = 200, sight: Sight = NOTHING_PERSONAL
) -> HTMLResponse:
    """Render a page for the signed-in member of staff. Flash messages waiting in the cookie are shown once. `sight`:
    what they may see of the customers on it; places withheld from them are covered wherever on the page they stand."""
    settings: Settings = request.app.state.settings
    flashes = _waiting_flashes(request, settings)
    names = {each.name: getattr(context, each.name) for each in fields(context)}  # type: ignore[arg-type]
    html = environment().get_template(context.template).render(**_frame(request), flashes=flashes, **names)
    html = sight.cover(html)
    end_reading(request)
    response = HTMLResponse(html, status_code=status_code)
    if flashes:
        security.clear_cookie(response, settings, FLASH_COOKIE)
    return response


def fragment(request: Request, template: str, **names: Any) -> HTMLResponse:
    """A part of a page that a module asks for again; nothing of the frame is counted for it."""
    visitor: Any = getattr(request.state, "visitor", None)
    frame = {
        "request": request,
        "locale": reader_locale(request),
        "house_zone": "UTC",
        "csrf_field": _csrf_field(visitor.csrf_token if visitor else ""),
    }
    html = environment().get_template(template).render(**frame, ui=macros(frame), **names)
    end_reading(request)
    return HTMLResponse(html)


def _frame(request: Request) -> dict[str, Any]:
    """Names that base.html and the macros use on every page."""
    visitor: Any = getattr(request.state, "visitor", None)
    staff: Staff | None = visitor.staff if visitor else None
    token = visitor.csrf_token if visitor else ""
    paths: frozenset[str] = request.app.state.page_paths
    session: Session | None = getattr(request.state, "session", None)
    areas = navigation(staff.role, paths) if staff and not visitor.must_change_password else []
    entries = [item.path for area in areas for item in area.items]
    here = current_entry(request.url.path, areas)
    frame = read_frame(request, session, staff, read_clock(request)) if staff and session else NO_FRAME
    names = {
        "request": request,
        "staff": staff,
        "areas": areas,
        "nav_paths": entries,
        "here": here,
        "waiting": frame.waiting,
        "callback": frame.callback,
        "nav_key": (*entries, here, request.url.path == here),
        "waiting_key": tuple(frame.waiting.get(path) for path in entries),
        "locale": reader_locale(request),
        "house_zone": frame.house_zone,
        "path": request.url.path,
        "csrf_token": token,
        "csrf_field": _csrf_field(token),
        "url_with": _url_with(request),
        "sort": request.query_params.get("sort", ""),
        "console": [
            in_sentence(CHANNEL_LABELS[each]) for each in Channel if each in request.app.state.ports.console
        ],
    }
    return {**names, "ui": macros(names)}


def _csrf_field(token: str) -> Callable[[], Markup]:
    """Return the session's token, and a number drawn for this page: a form of it that is sent twice is known
    (`SentForm`). Forms of one page share the number, because their addresses tell them apart."""
    drawn = secrets.token_urlsafe(9)
    fields = Markup(
        '<input type="hidden" name="csrf_token" value="{}"><input type="hidden" name="once" value="{}">'
    ).format(token, drawn)
    return lambda: fields


def _url_with(request: Request) -> Callable[..., str]:
    """`url_with(sort="-due", cursor=None)`: this page's address with some query parameters changed or dropped."""

    def url_with(**changes: Any) -> str:
        query = [(k, v) for k, v in request.query_params.multi_items() if k not in changes]
        query += [(k, str(v)) for k, v in changes.items() if v is not None]
        return request.url.path + ("?" + urlencode(query) if query else "")

    return url_with


def redirect(
    request: Request, to: str, message: str | None = None, tone: Tone = "good", **names: object
) -> RedirectResponse:
    """Redirect to the result (303), with a message shown once on the next page: in the words of the reader's catalogue,
    where it has them, with these names in their places (`{name}`)."""
    response = RedirectResponse(to, status_code=303)
    if message is not None:
        settings: Settings = request.app.state.settings
        words = words_of(reader_locale(request)).ugettext(message)
        text = words.format(**names) if names else words
        value = security.sign(settings, "flash", {"tone": tone, "text": text[:500]})
        security.set_cookie(response, settings, FLASH_COOKIE, value, max_age=FLASH_SECONDS)
    return response


def _waiting_flashes(request: Request, settings: Settings) -> list[dict[str, Any]]:
    cookie = request.cookies.get(security.cookie_name(settings, FLASH_COOKIE))
    flash = security.unsign(settings, "flash", cookie) if cookie else None
    return [flash] if flash else []
