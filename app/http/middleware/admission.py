"""Check the door and the declared length of a request before its body is read.

FastAPI reads a form before any dependency runs, the door among them. So this stands in front of it: a request that
brings a body is matched to its route, asked for by the route's door, and refused with nothing read where it is too
long. A body that does not say how long it is (chunked) is counted while it is read and cut at the same length.

How much a route takes: `FORM` where nothing is said; `@router.post(..., max_body_size=50 * MB)` for a fixed size;
`dependencies=[ceiling(lambda settings: settings.upload_limit_mb, "words")]` where a setting says it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends
from fastapi.routing import APIRoute, RouteContext
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import DeskError
from app.core.settings import Settings
from app.http.context import settings_of
from app.http.doors import MustChangePassword, NotSignedIn, doors_of, routes_of
from app.http.security import FORM, MB

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class TooLarge(DeskError):
    """A body larger than the route takes."""

    status = 413


class Ceiling:
    """Mark of a route whose limit in megabytes is a setting. `says` is the error for a larger request, with that
    number for `{limit}`."""

    def __init__(self, of: Callable[[Settings], int], says: str) -> None:
        self.of, self.says = of, says

    def __call__(self) -> None:
        return None


def ceiling(of: Callable[[Settings], int], says: str) -> Any:
    """For `dependencies=`: the route takes as many megabytes as `of` reads in the settings."""
    return Depends(Ceiling(of, says))


@dataclass(frozen=True, slots=True)
class Limit:
    """The number of bytes that a route takes, and the error for a request with more."""

    most: int = FORM
    says: str = "Send less at a time."


class Admission:
    """Asks the door and the declared length of every request that brings a body; counts what has no length."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self.app = app
        self.refuse = refuse
        self._routes: list[tuple[Any, RouteContext]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _brings_body(scope):
            await self.app(scope, receive, send)
            return
        route = self._route(scope)
        limit = _limit(Request(scope), route)
        request = Request(scope, _counted(receive, limit.most))
        try:
            for door in doors_of(route) if route is not None else ():
                await door.admit(request)
            _check_charset(request)
            _check_length(request, limit)
        except (DeskError, HTTPException, NotSignedIn, MustChangePassword) as refused:
            if route is not None:
                scope["endpoint"] = route.endpoint  # for the metrics
            response = await self.refuse(request, refused)
            await response(scope, receive, send)
            return
        await self.app(scope, _counted(receive, limit.most), send)

    def _route(self, scope: Scope) -> RouteContext | None:
        """Return the route that will answer; None for an unknown address or method, whose body is not read."""
        if self._routes is None:
            known = [route for route in routes_of(scope["app"]) if isinstance(route.original_route, APIRoute)]
            self._routes = [(compile_path(route.path or "")[0], route) for route in known]
        for pattern, route in self._routes:
            if scope["method"] in (route.methods or ()) and pattern.match(scope["path"]):
                return route
        return None


def _brings_body(scope: Scope) -> bool:
    return any(
        (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
        for name, value in scope["headers"]
    )


def _limit(request: Request, route: RouteContext | None) -> Limit:
    if route is None:
        return Limit()
    for asked in route.dependencies:
        if isinstance(asked.dependency, Ceiling):
            megabytes = asked.dependency.of(settings_of(request))
            return Limit(megabytes * MB, asked.dependency.says.format(limit=megabytes))
    return Limit(getattr(route, "max_body_size", None) or FORM)


_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\",]*)", re.IGNORECASE)


def _check_charset(request: Request) -> None:
    """Accept UTF-8 alone, which browsers and programs send: other names lead to decoders that make half
    characters."""
    for name in _CHARSET.findall(request.headers.get("content-type", "")[:1000]):
        if name.lower() not in {"utf-8", "utf8", "us-ascii"}:
            raise HTTPException(400, "Send text as UTF-8.")


def _check_length(request: Request, limit: Limit) -> None:
    declared = request.headers.get("content-length")
    if declared is None:
        return
    if not (declared.isascii() and declared.isdigit()):
        raise HTTPException(400, "The request says how long it is in a way that is no number.")
    if len(declared) > 18 or int(declared) > limit.most:
        raise TooLarge(limit.says)


def _counted(receive: Receive, most: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(413)
        return message

    return counted
