"""Errors in their three forms: a page, a problem document, or a cardholder's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from app.api.deps import Replay
from app.api.problems import field_errors, problem
from app.core.database.health import DatabaseTrouble
from app.core.errors import DeskError
from app.core.text import sentence
from app.http import security
from app.http.context import engine_of, read_clock, settings_of
from app.http.doors import PASSWORD_PAGE, SESSION_COOKIE, MustChangePassword, NotSignedIn, find_visitor
from app.portal.page import is_link, link_error
from app.web import unsent
from app.web.admin import login
from app.web.rendering import Page, page, redirect

WORDS = {
    400: (
        "That request cannot be read",
        "Go back and try again. If it happens again, tell your administrator.",
    ),
    401: ("Please sign in", "You are not signed in."),
    403: ("You do not have access to this page", "Ask a manager if you need it."),
    404: ("There is nothing here", "The address is wrong, or what it showed is gone."),
    405: ("That is not possible here", "This page cannot be used in this way."),
    409: (
        "That does not fit the present state",
        "It may have been changed meanwhile. Reload the page and look again.",
    ),
    413: ("That is too large", "Send less at a time."),
    422: ("Something needs correcting", "Go back and correct what is marked."),
    429: ("Please wait a moment", "There were too many attempts."),
    500: ("This did not work", "Nothing was changed. The fault is ours and has been written down."),
    503: ("Not now", "Nothing was changed. The database is busy. Try again in a few seconds."),
}


SEVERAL = "Some values are missing or not acceptable. Correct what `errors` names."


def add_error_handlers(app: FastAPI) -> None:
    for kind, handler in (*_REFUSALS.items(), (Replay, _replay), (RequestValidationError, _validation_error)):
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(DataError, _unstorable)


async def refuse(request: Request, error: Exception) -> Response:
    """The answer to a request whose body was not read."""
    handler = next(handler for kind, handler in _REFUSALS.items() if isinstance(error, kind))
    return await handler(request, error)


async def _unstorable(request: Request, error: Exception) -> Response:
    """Refuse a text that PostgreSQL cannot hold, from any field. Any other value that a database refuses is a fault."""
    if not isinstance(error, DataError) or "NUL" not in str(error.orig):
        raise error
    return await _error(request, 422, "The text holds a NUL sign, which cannot be kept. Take it out.")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


@dataclass(frozen=True, slots=True)
class ErrorPage(Page):
    template = "error.html"
    status: int
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]]
    reference: str | None


async def _error(
    request: Request,
    status: int,
    detail: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    reference: str | None = None,
) -> Response:
    """The same error as problem+json for a program, as a page in plain words for a person."""
    title, default = WORDS.get(status, WORDS[400 if status < 500 else 500])
    if _is_api(request):
        members: dict[str, object] = {"errors": list(errors)} if errors else {}
        members |= {"reference": reference} if reference else {}
        if detail is None and errors:
            detail = errors[0]["message"] if len(errors) == 1 else SEVERAL
        return problem(status, detail or default, headers=headers, **members)
    shown = ErrorPage(status, title, sentence(detail or default), errors, reference)
    response = await run_in_threadpool(_error_document, request, shown)
    response.headers.update(headers or {})
    return response


def _error_document(request: Request, shown: ErrorPage) -> Response:
    if is_link(request.url.path):
        return link_error(request, shown.status)
    if shown.status < 500 and not hasattr(request.state, "visitor"):
        # An unknown address has no door that would have looked: keep the navigation for signed-in staff.
        request.state.visitor = find_visitor(request, read_clock(request))
    return page(request, shown, shown.status)


async def _not_signed_in(request: Request, _error: Exception) -> Response:
    """To the sign-in page, and from there back to where the person was."""
    cookie = security.cookie_name(settings_of(request), SESSION_COOKIE)
    expired = cookie in request.cookies
    came_from: URL | None = request.url
    if request.method != "GET":
        came_from = URL(request.headers.get("referer", ""))
        if came_from.netloc != request.url.netloc:
            came_from = None
    wanted = came_from.path + (f"?{came_from.query}" if came_from.query else "") if came_from else None
    kept = await _keep_form(request, request.cookies.get(cookie, ""), wanted or "/") if expired else None
    path = login.sign_in_path(kept or wanted, signed_out=expired, kept=kept is not None)
    return RedirectResponse(path, status_code=303)


async def _keep_form(request: Request, token: str, came_from: str) -> str | None:
    """Keep the form of a person whose session has ended; answers as `keep_unsent`. A page of another site cannot make
    one, and a script's request is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    is_form = request.method == "POST" and kind == "application/x-www-form-urlencoded"
    if (
        not is_form
        or not (length.isascii() and length.isdigit())
        or len(length) > 9
        or int(length) > security.FORM
    ):
        return None
    if len(token) > 100 or security.cross_site(request, settings_of(request)):
        return None
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate":
        return None
    try:
        form = await security.read_form(request)
    except HTTPException:
        return None
    fields = {name: text for name, text in form.items() if isinstance(text, str)}
    now, path = read_clock(request), request.url.path
    return await run_in_threadpool(
        unsent.keep_unsent, engine_of(request), token, fields, path, came_from, now
    )


async def _must_change_password(request: Request, _error: Exception) -> Response:
    return redirect(request, PASSWORD_PAGE, "First choose a password that only you know.", "info")


async def _replay(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    return error.response


async def _desk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DeskError)
    errors = []
    if error.field:
        errors = [{"field": error.field, "message": sentence(error.message)}]
    return await _error_page(request, error.status, error.message, errors)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _error_page(request, 422, None, field_errors(error.errors()))


async def _error_page(
    request: Request, status: int, detail: str | None, errors: list[dict[str, str]]
) -> Response:
    return await _error(request, status, detail, errors=errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and request.method == "GET" and (above := _page_above(request)):
        return RedirectResponse(above, status_code=303)
    # Starlette fills `detail` with the status phrase, which says nothing a person can act on.
    said = error.detail if _is_api(request) and error.status_code in (400, 401) else None
    return await _error(request, error.status_code, said, headers=dict(error.headers or {}))


def _page_above(request: Request) -> str:
    """The nearest page above the address of a form that was opened instead of sent: by a reload of the page that shows
    it refused, or from the address bar. '' for a program, and for a cardholder's link."""
    path = request.url.path.rstrip("/")
    if _is_api(request) or is_link(path):
        return ""
    while "/" in path[1:]:
        path = path.rpartition("/")[0]
        scope = {"type": "http", "path": path, "method": "GET"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return path
    return ""


_REFUSALS = {
    NotSignedIn: _not_signed_in,
    MustChangePassword: _must_change_password,
    DeskError: _desk_error,
    HTTPException: _http_error,
}


async def answer_failure(request: Request, trouble: DatabaseTrouble | None, reference: str) -> Response:
    """Answer a failed request: a database that is busy or away is a reason to come back, any other failure is a
    defect."""
    if trouble is None:
        return await _error(request, 500, reference=reference)
    detail = None if trouble is DatabaseTrouble.BUSY else f"Nothing was changed. {trouble.value}"
    return await _error(request, 503, detail, reference=reference, headers={"retry-after": "5"})
