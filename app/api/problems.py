"""Errors of the API as problem+json (RFC 9457). Values the caller sent are never echoed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """A problem document of type `about:blank`: the title is the status phrase, `detail` says what to do."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(
        {**body, **members},
        status_code=status,
        headers=dict(headers) if headers else None,
        media_type="application/problem+json",
    )


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as `{"field", "message"}`, without the input that caused them."""
    return [
        {"field": ".".join(str(part) for part in error["loc"]), "message": str(error["msg"])}
        for error in errors
    ]
