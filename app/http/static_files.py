"""Static files: where they lie, and their addresses by content hash."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

PAGES = Path(__file__).resolve().parent.parent
"""The folder that holds staff's (`web`) and the cardholder's (`portal`) pages."""


def _package_folder(package: str, folder: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"{package} is not installed")
    return Path(spec.origin).parent / folder


STATIC_FOLDERS: dict[str, Path] = {
    # Third-party scripts are served straight out of the installed packages, never copied into this repository.
    "vendor/chart": _package_folder("chartkick", "django/static/chartkick"),
    "vendor/apidocs": _package_folder("fastapi_offline", "static"),
    "": PAGES / "web" / "static",
}


@lru_cache(maxsize=256)
def static_hash(name: str) -> str:
    """Return the first 12 hex digits of a static file's SHA-256; empty where there is no such file."""
    for prefix, folder in STATIC_FOLDERS.items():
        if name.startswith(prefix):
            path = folder / name.removeprefix(prefix).lstrip("/")
            if path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return ""


def static_url(name: str) -> str:
    """The address of a static file; it changes with its content, so that browsers may keep it for ever."""
    digest = static_hash(name)
    if not digest:
        raise LookupError(f"no static file {name!r}")
    return f"/static/{name}?v={digest}"


class HashedFiles(StaticFiles):
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
