"""Watch every request: counts and times, and a plain page when something breaks.

Nothing here writes a path, a query, a body or an exception's message to the log: they carry personal data.
"""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.database.health import DatabaseTrouble, trouble_of

log = structlog.get_logger("desk.web")

Failure = Callable[[Request, DatabaseTrouble | None, str], Awaitable[Response]]


class Watch:
    """Counts and times requests, and turns an unexpected error into `failure(request, trouble, reference)`."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, failure: Failure) -> None:
        self.app = app
        self.failure = failure
        self.requests = Counter(
            "desk_http_requests", "Requests answered", ("handler", "method", "status"), registry=registry
        )
        self.seconds = Histogram(
            "desk_http_request_seconds", "Time until the answer was sent", ("handler",), registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            if status:
                raise  # the answer had begun; the server closes the connection
            trouble = trouble_of(error)
            reference = _note_error(error, trouble, handler_name(scope))
            answer = await self.failure(Request(scope), trouble, reference)
            await answer(scope, receive, send_and_note)
        finally:
            self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        handler = handler_name(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.requests.labels(handler, method, str(status)).inc()
        self.seconds.labels(handler).observe(seconds)
        log.debug(
            "request", handler=handler, method=method, status=status, milliseconds=round(seconds * 1000, 1)
        )


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def handler_name(scope: Scope) -> str:
    """The function that answered: a bounded set of names, unlike paths, and without ids or tokens in them."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return "none"
    module = getattr(endpoint, "__module__", type(endpoint).__module__)
    return f"{module}.{getattr(endpoint, '__name__', type(endpoint).__name__)}"


def _note_error(error: Exception, trouble: DatabaseTrouble | None, handler: str) -> str:
    """Log the place of an error, under a reference the person sees. The message stays out: it can quote typed
    text."""
    reference = uuid.uuid4().hex[:8]
    where = "".join(traceback.format_tb(error.__traceback__)[-12:])
    log.error(
        "request_failed",
        reference=reference,
        handler=handler,
        error=type(error).__name__,
        database=trouble.name.lower() if trouble else None,
        where=where,
    )
    return reference
