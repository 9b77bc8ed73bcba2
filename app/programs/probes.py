"""For machines that look after the service: health, readiness, metrics, and the API's description."""

from __future__ import annotations

from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from app.api.description import document
from app.core.database.health import trouble_of, write_trouble
from app.core.migration.revisions import why_unfit
from app.http.context import engine_of, ports_of
from app.http.doors import public
from app.http.rendering import render
from app.http.routes import Router
from app.operations.clock_watch import clock_apart

router = Router()


_open = [public("health checks and API documentation hold no data about anybody")]


@router.get("/healthz", dependencies=_open)
def healthz() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz", dependencies=_open)
def readyz(request: Request) -> PlainTextResponse:
    """The database answers, has the schema this code expects, and takes writes."""
    try:
        unfit = why_unfit(engine_of(request).execution_options(desk_read=True))
    except SQLAlchemyError as error:
        trouble = trouble_of(error)
        return PlainTextResponse(f"{trouble.value if trouble else 'the database does not answer'}\n", 503)
    if unfit:
        return PlainTextResponse(f"{unfit}\n", 503)
    if trouble := write_trouble(engine_of(request)):
        return PlainTextResponse(f"{trouble.value}\n", 503)
    if apart := clock_apart(engine_of(request), ports_of(request).clock):
        return PlainTextResponse(f"{apart}\n", 503)
    return PlainTextResponse("ready\n")


@router.get("/metrics", dependencies=_open)
def metrics(request: Request) -> Response:
    """Counts and times only."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/openapi.json", dependencies=_open)
def openapi(request: Request) -> JSONResponse:
    return JSONResponse(document(request.app))


@router.get("/api/docs", dependencies=_open)
def api_docs(request: Request) -> Response:
    """FastAPI's own page needs a CDN and an inline script; this one has neither."""
    return render(request, "apidocs.html")
