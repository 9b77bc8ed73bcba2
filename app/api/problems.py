"""Errors of the API as problem+json (RFC 9457). Values the caller sent are never echoed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.responses import JSONResponse

from app.core.text import sentence
from app.core.types import Rows, Values

_NAME = re.compile("[0-9]{1,6}|[A-Za-z_][A-Za-z_-]{0,59}[0-9]{0,2}")
"""Names that `field` may hold: an index or a plain name, so that an unknown member's name cannot carry anything out.
Two digits at its end, as in `card_last4`, are no number of anybody's.
"""
_KIND = re.compile(r"function-[a-z]+\[[a-zA-Z_()]+\]|[A-Z][A-Za-z]+Body")
"""What Pydantic puts between the names where a value may be of several kinds: the kind it tried."""


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """A problem document of type `about:blank`: the title is the status phrase, `detail` says what to do."""
    phrase = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": phrase, "status": status, "detail": sentence(detail)}
    return JSONResponse(
        {**body, **members},
        status_code=status,
        headers=dict(headers) if headers else None,
        media_type="application/problem+json",
    )


def field_errors(errors: Sequence[Values]) -> list[dict[str, str]]:
    """Return Pydantic's errors as `{"field", "message"}`, without the input that caused them. A field is named as the
    services name it, without the part of the request it stood in."""
    found: dict[str, str] = {}
    for error in errors:
        # A value of two kinds fails once for each; one sentence a field says enough.
        found.setdefault(_field(error), _message(error))
    return [{"field": field, "message": message} for field, message in found.items()]


def _message(error: Values) -> str:
    """Say in a sentence what is wrong with a value: in the words of `clean_text` where it refuses the same."""
    about = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "This is missing."
        case "json_invalid" | "model_attributes_type" | "model_type" | "dict_type":
            return "This must be a JSON object, sent as application/json."
        case "extra_forbidden":
            return "This field is not known. Take it out."
        case "string_too_short" | "too_short" if about.get("min_length") == 1:
            return "This must not be empty."
        case "string_too_long" | "too_long" if about.get("field_type") != "List":
            return f"This is longer than {about['max_length']} characters."
        case "value_error":
            return sentence(str(about["error"]))
        case _:
            return sentence(str(error["msg"]))


def _field(error: Values) -> str:
    where: Rows = error["loc"]
    if error["type"] == "json_invalid":
        return "body"  # beside it stands only where in the text reading ended
    inner = where[1:] if len(where) > 1 and where[0] in ("body", "query", "path", "header") else where
    names = [str(part) for part in inner if not _KIND.fullmatch(str(part))]
    return ".".join(name if _NAME.fullmatch(name) else "(not shown)" for name in names)
