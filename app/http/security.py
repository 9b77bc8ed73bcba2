"""Security of requests: headers, cookies, signatures, and the origin of forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.casework.documents.models import CaseDocument
from app.core.settings import Settings

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it browsers send `Origin: null` on our own forms.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
KB, MB = 1024, 1024 * 1024
FORM = 128 * KB
"""Bytes of a request, unless its route says how many it takes."""
MOST_FIELDS = 320
MOST_FILES = 5
"""Limits of one form; our largest has thirty fields and two files."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def response_headers(settings: Settings) -> dict[str, str]:
    """Headers every response carries; a response that sets one of them itself keeps its own."""
    if not is_https(settings):
        return dict(HEADERS)
    return {**HEADERS, "strict-transport-security": "max-age=63072000; includeSubDomains"}


def is_https(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


# --- cookies ------------------------------------------------------------------------------------------------


def cookie_name(settings: Settings, name: str) -> str:
    """Return the cookie's name. With https it has the `__Host-` prefix: no other host, path or plain-http page can
    set it."""
    return f"__Host-{name}" if is_https(settings) else name


def set_cookie(response: Response, settings: Settings, name: str, value: str, *, max_age: int | None) -> None:
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=max_age,
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(
        cookie_name(settings, name), path="/", secure=is_https(settings), httponly=True, samesite="lax"
    )


# --- signed values ------------------------------------------------------------------------------------------


def sign(settings: Settings, purpose: str, data: Mapping[str, Any]) -> str:
    """Return readable but unforgeable text for a cookie or a link. A value signed for one purpose is void for
    another."""
    payload = base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"{payload}.{_mac(settings, purpose, payload)}"


def unsign(settings: Settings, purpose: str, text: str) -> dict[str, Any] | None:
    """Return the data given to `sign`, or None where the text was not signed for this purpose."""
    payload, _, mac = text.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(settings, purpose, payload).encode()):
        return None
    value = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return value if isinstance(value, dict) else None


def _mac(settings: Settings, purpose: str, payload: str) -> str:
    key = settings.require_secret().encode()
    digest = hmac.new(key, f"{purpose}\n{payload}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


# --- forms --------------------------------------------------------------------------------------------------


def cross_site(request: Request, settings: Settings) -> bool:
    """Check whether this is an unsafe request and a browser says that another site's page made it.

    Sec-Fetch-Site first, then Origin against our own host. A request with neither comes from no browser of this
    decade and carries no cookies by accident: the reasoning of Go's CrossOriginProtection (net/http, 1.25).
    """
    if request.method in SAFE_METHODS:
        return False
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return False
    public = urlsplit(settings.public_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return False
    return urlsplit(origin).netloc != request.headers.get("host") or origin == "null"


async def csrf_token_of(request: Request) -> str:
    """The token a request shows: the X-CSRF-Token header (scripts) or the form's hidden field."""
    header = request.headers.get("x-csrf-token")
    if header is not None:
        return header
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return ""
    value = (await read_form(request)).get("csrf_token", "")
    return value if isinstance(value, str) else ""


async def read_form(request: Request) -> FormData:
    """The form of a request, bounded in fields and files. Its size is bounded before it is read."""
    try:
        return await request.form(max_fields=MOST_FIELDS, max_files=MOST_FILES, max_part_size=MB)
    except (ValueError, LookupError, UnicodeError):
        raise HTTPException(400, "There was an error parsing the body") from None


def same_token(shown: str, expected: str) -> bool:
    return secrets.compare_digest(shown.encode("utf-8", "replace"), expected.encode())


def local_path(path: str | None, default: str) -> str:
    """A path on this site to go on to after signing in; anything that could lead elsewhere becomes the default."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return default
    if any(ord(character) < 32 or character == "\\" for character in path):
        return default
    return path


def document_response(document: CaseDocument, content: bytes) -> Response:
    """Make a download that the browser saves and never opens as a page of ours: its content is a stranger's."""
    name = document.name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(document.name, safe='')}"
    headers = {
        "content-disposition": disposition,
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=document.media_type, headers=headers)
