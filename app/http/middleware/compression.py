"""Compression of responses, where it tells no secret."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class Compression:
    """gzip for static files, and for pages that our own pages or the person's own hand opened.

    An attacker learns a secret from the length of compressed pages only by making the browser ask for many (BREACH).
    Such requests come from another site, and a browser says so in `Sec-Fetch-Site`: they get the page as it is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.plain = app
        self.compressed = GZipMiddleware(
            app, minimum_size=1000, compresslevel=4, exclude_content_types=NOT_COMPRESSED
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        safe = scope["type"] == "http" and (
            scope["path"].startswith("/static/")
            or Headers(scope=scope).get("sec-fetch-site") in {"same-origin", "none"}
        )
        await (self.compressed if safe else self.plain)(scope, receive, send)


NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream", "application/pdf", "text/csv"
)  # fmt: skip
"""Compressed already, or a download that is sent while it is made."""
