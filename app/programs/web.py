"""The web application: the layers around every request, and every route."""

from __future__ import annotations

import sys

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Engine
from starlette.middleware import Middleware

from app.api.routes import API
from app.core.settings import Settings
from app.hooks import providers as hooks
from app.http import security
from app.http.doors import check_doors, routes_of
from app.http.middleware.admission import Admission
from app.http.middleware.afterwards import Afterwards
from app.http.middleware.compression import Compression
from app.http.middleware.headers import SecurityHeaders
from app.http.middleware.turns import Turns
from app.http.middleware.watch import Watch
from app.http.ports import Ports
from app.http.static_files import STATIC_FOLDERS, HashedFiles
from app.portal import agreement, preferences, satisfaction
from app.programs import probes
from app.programs.errors import add_error_handlers, answer_failure, refuse
from app.web.routes import PAGES


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
            Middleware(Afterwards),
            Middleware(SecurityHeaders, headers=security.response_headers(settings)),
            Middleware(Compression),
            Middleware(Watch, registry=registry, failure=answer_failure),
            Middleware(Admission, refuse=refuse),
            Middleware(Turns),
        ],
    )
    app.state.settings, app.state.engine, app.state.ports, app.state.jobs = settings, engine, ports, {}
    app.state.registry = registry
    for router in (
        *PAGES,
        hooks.router,
        preferences.router,
        agreement.router,
        satisfaction.router,
        probes.router,
    ):
        _add_routes(app, router, in_description=False)
    for router in API:
        _add_routes(app, router, in_description=True)
    for prefix, folder in STATIC_FOLDERS.items():
        app.mount(f"/static/{prefix}".rstrip("/"), HashedFiles(folder, prefix), name=f"static {prefix}")
    add_error_handlers(app)
    check_doors(app)
    app.state.page_paths = frozenset(r.path for r in routes_of(app) if r.path and "GET" in (r.methods or ()))
    return app


def _add_routes(app: FastAPI, router: APIRouter, *, in_description: bool) -> None:
    """Add a router's routes as they are. `include_router` would analyse the parameters of each a second time, half a
    second for all, to combine them with a prefix and dependencies that ours do not have."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.include_in_schema = in_description
        app.router.routes.append(route)


def _log_to_stderr(level: str) -> None:
    """Standard output belongs to the commands' JSON. A program that has configured logging before keeps its own."""
    if not structlog.is_configured():
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
