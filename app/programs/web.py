"""The web application: which routers there are, what surrounds every request, and how errors look."""

from __future__ import annotations

import sys

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from app.api import legal, me
from app.api.accounts import accounts, aging, customers
from app.api.accounts import corrections as corrections_api
from app.api.accounts import statements as statements_api
from app.api.cases import cases, contacts, decisions, documents
from app.api.cases import preferences as preferences_api
from app.api.deps import Replay
from app.api.description import document
from app.api.managers import kpis, portfolios
from app.api.managers import strategies as strategies_api
from app.api.problems import field_errors, problem
from app.core import schema
from app.core.db_health import DatabaseTrouble, trouble_of, write_trouble
from app.core.errors import DeskError, Invalid
from app.core.settings import Settings
from app.hooks import providers as hooks
from app.http import security
from app.http.admission import Admission
from app.http.deps import (
    PASSWORD_PAGE,
    SESSION_COOKIE,
    MustChangePassword,
    NotSignedIn,
    check_doors,
    engine_of,
    find_visitor,
    ports_of,
    public,
    read_clock,
    routes_of,
    settings_of,
)
from app.http.middleware import SecurityHeaders, Watch
from app.operations.clock_watch import clock_apart
from app.portal import preferences
from app.programs.ports import Ports
from app.web.accounts import account, corrections, feeds, reported, statements, unmatched
from app.web.admin import login
from app.web.admin import users as admin
from app.web.cases import actions as case_actions
from app.web.cases import addresses as case_addresses
from app.web.cases import calls as case_calls
from app.web.cases import case, case_contacts
from app.web.cases import contacts as contacts_page
from app.web.cases import documents as case_documents
from app.web.cases import on_demand as case_manual
from app.web.cases import people as case_people
from app.web.cases import preferences as case_preferences
from app.web.forms import sentence
from app.web.legal import pages as legal_page
from app.web.managers import alerts, dashboard, letters, outbox, simulations, strategies, suppression
from app.web.rendering import STATIC_FOLDERS, page, redirect, static_hash
from app.web.worklist import replies, worklist

PAGES: tuple[APIRouter, ...] = (
    login.router,
    worklist.router,
    case.router,
    case_contacts.router,
    case_documents.router,
    case_actions.router,
    case_manual.router,
    case_calls.router,
    case_addresses.router,
    case_preferences.router,
    case_people.router,
    account.router,
    corrections.router,
    statements.router,
    replies.router,
    unmatched.router,
    reported.router,
    feeds.router,
    legal_page.router,
    dashboard.router,
    contacts_page.router,
    strategies.router,
    letters.router,
    simulations.router,
    outbox.router,
    suppression.router,
    hooks.router,
    preferences.router,
    alerts.router,
    admin.router,
)
"""Routers of pages and hooks; a new one is a line here."""

API: tuple[APIRouter, ...] = (
    me.router,
    portfolios.router,
    accounts.router,
    customers.router,
    corrections_api.router,
    statements_api.router,
    aging.router,
    kpis.router,
    cases.router,
    contacts.router,
    decisions.router,
    preferences_api.router,
    strategies_api.router,
    legal.router,
    documents.router,
)
"""Routers under /api/v1; a new one is a line here."""


def create_app(settings: Settings, engine: Engine, ports: Ports) -> FastAPI:
    """The application on this database and these ports. Refuses a missing secret and a route without a door."""
    settings.require_secret()
    _log_to_stderr(settings.log_level)
    registry = CollectorRegistry()
    app = FastAPI(
        title="Arrears Desk",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        form_limits={
            "max_fields": security.MOST_FIELDS,
            "max_files": security.MOST_FILES,
            "max_part_size": security.MB,
        },
        # FastAPI's own telemetry records validation failures and exceptions with their messages: personal data.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[
            Middleware(SecurityHeaders, headers=security.response_headers(settings)),
            Middleware(Watch, registry=registry, failure=_broken),
            Middleware(Admission, refuse=_refused),
        ],
    )
    app.state.settings, app.state.engine, app.state.ports = settings, engine, ports
    app.state.registry = registry
    for router in (*PAGES, _service):
        app.include_router(router, include_in_schema=False)
    for router in API:
        app.include_router(router, prefix="/api/v1")
    for prefix, folder in STATIC_FOLDERS.items():
        app.mount(f"/static/{prefix}".rstrip("/"), _HashedFiles(folder, prefix), name=f"static {prefix}")
    _add_error_handlers(app)
    check_doors(app)
    app.state.page_paths = frozenset(r.path for r in routes_of(app) if r.path and "GET" in (r.methods or ()))
    return app


class _HashedFiles(StaticFiles):
    """Static files; asked for by their present hash they may be kept for ever, otherwise they are asked again."""

    def __init__(self, folder: object, prefix: str) -> None:
        super().__init__(directory=str(folder))
        self.prefix = prefix

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        name = f"{self.prefix}/{path}".lstrip("/")
        current = scope["query_string"] == f"v={static_hash(name)}".encode()
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        return response


def _log_to_stderr(level: str) -> None:
    """Standard output belongs to the commands' JSON. Whoever configured logging before has decided otherwise."""
    if not structlog.is_configured():
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )


# --- errors -------------------------------------------------------------------------------------------------

WORDS = {
    400: ("That request cannot be read", "Go back and try again; if it stays, tell whoever runs this desk."),
    401: ("Please sign in", "You are not signed in."),
    403: ("Not for your role", "Your role has no access to this page."),
    404: ("There is nothing here", "The address is wrong, or what it showed is gone."),
    405: ("That is not possible here", "This page cannot be used in this way."),
    409: (
        "That does not fit the present state",
        "Somebody may have changed it meanwhile; reload and look again.",
    ),
    413: ("That is too large", "Send less at a time."),
    422: ("Something needs correcting", "Go back and correct what is marked."),
    429: ("Please wait a moment", "There were too many attempts."),
    500: ("This did not work", "Nothing was changed. The fault is ours and has been written down."),
    503: ("Not now", "Nothing was changed. The database is busy. Try again in a few seconds."),
}


def _add_error_handlers(app: FastAPI) -> None:
    for kind, handler in (*_REFUSALS.items(), (Replay, _replay), (RequestValidationError, _validation_error)):
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(DataError, _unstorable)


async def _refused(request: Request, error: Exception) -> Response:
    """The answer to a request whose body was not read."""
    handler = next(handler for kind, handler in _REFUSALS.items() if isinstance(error, kind))
    return await handler(request, error)


async def _unstorable(request: Request, error: Exception) -> Response:
    """What no text of PostgreSQL can hold, wherever typed. Any other value that a database refuses is a fault."""
    if not isinstance(error, DataError) or "NUL" not in str(error.orig):
        raise error
    return await _error(request, 422, "The text holds a NUL sign, which cannot be kept. Take it out.")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


async def _error(
    request: Request,
    status: int,
    detail: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **members: object,
) -> Response:
    """The same error as problem+json for a program, as a page in plain words for a person."""
    title, default = WORDS.get(status, WORDS[400 if status < 500 else 500])
    if _is_api(request):
        return problem(status, detail or default, headers=headers, **members)
    context = {
        "status": status,
        "title": title,
        "detail": sentence(detail or default),
        "errors": [],
        "reference": None,
    }
    response = await run_in_threadpool(_error_document, request, status, {**context, **members})
    response.headers.update(headers or {})
    return response


def _error_document(request: Request, status: int, context: dict[str, object]) -> Response:
    if preferences.is_link(request.url.path):
        return preferences.link_error(request, status)
    if status < 500 and not hasattr(request.state, "visitor"):
        # An unknown address has no door that would have looked: keep the navigation for whoever is signed in.
        request.state.visitor = find_visitor(request, read_clock(request))
    return page(request, "error.html", status, **context)


async def _not_signed_in(request: Request, _error: Exception) -> Response:
    """To the sign-in page, and from there back to where the person was."""
    cookie = security.cookie_name(settings_of(request), SESSION_COOKIE)
    expired = cookie in request.cookies
    came_from = request.url
    if request.method != "GET":
        came_from = URL(request.headers.get("referer", ""))
        if came_from.netloc != request.url.netloc:
            return RedirectResponse(login.sign_in_path(None, signed_out=expired), status_code=303)
    wanted = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    return RedirectResponse(login.sign_in_path(wanted, signed_out=expired), status_code=303)


async def _must_change_password(request: Request, _error: Exception) -> Response:
    return redirect(request, PASSWORD_PAGE, "First choose a password that only you know.", "info")


async def _replay(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    return error.response


async def _desk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DeskError)
    errors = []
    if isinstance(error, Invalid) and error.field:
        errors = [{"field": error.field, "message": error.message}]
    return await _error_page(request, error.status, error.message, errors)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _error_page(request, 422, None, field_errors(error.errors()))


async def _error_page(
    request: Request, status: int, detail: str | None, errors: list[dict[str, str]]
) -> Response:
    if errors:
        return await _error(request, status, detail, errors=errors)
    return await _error(request, status, detail)


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
    if _is_api(request) or preferences.is_link(path):
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


async def _broken(request: Request, trouble: DatabaseTrouble | None, reference: str) -> Response:
    """A database that is busy or away is a reason to come back; whatever else broke is a defect."""
    if trouble is None:
        return await _error(request, 500, reference=reference)
    detail = None if trouble is DatabaseTrouble.BUSY else f"Nothing was changed. {trouble.value}"
    return await _error(request, 503, detail, reference=reference, headers={"retry-after": "5"})


# --- for machines that look after the service ---------------------------------------------------------------

_service = APIRouter()
_open = [public("health checks and API documentation hold no data about anybody")]


@_service.get("/healthz", dependencies=_open)
def healthz() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@_service.get("/readyz", dependencies=_open)
def readyz(request: Request) -> PlainTextResponse:
    """The database answers, has the schema this code expects, and takes writes."""
    try:
        current = schema.is_current(engine_of(request).execution_options(desk_read=True))
    except SQLAlchemyError as error:
        trouble = trouble_of(error)
        return PlainTextResponse(f"{trouble.value if trouble else 'the database does not answer'}\n", 503)
    if not current:
        return PlainTextResponse("the schema is not the one this code needs: run `desk migrate`\n", 503)
    if trouble := write_trouble(engine_of(request)):
        return PlainTextResponse(f"{trouble.value}\n", 503)
    if apart := clock_apart(engine_of(request), ports_of(request).clock):
        return PlainTextResponse(f"{apart}\n", 503)
    return PlainTextResponse("ready\n")


@_service.get("/metrics", dependencies=_open)
def metrics(request: Request) -> Response:
    """Counts and times only."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


@_service.get("/api/v1/openapi.json", dependencies=_open)
def openapi(request: Request) -> JSONResponse:
    return JSONResponse(document(request.app))


@_service.get("/api/docs", dependencies=_open)
def api_docs(request: Request) -> Response:
    """FastAPI's own page needs a CDN and an inline script; this one has neither."""
    return page(request, "apidocs.html")
