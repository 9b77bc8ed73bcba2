"""Cursors of lists, and numbers of rows in addresses."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Path, Query

from app.core.errors import Invalid


def encode_cursor(*position: str | int | None) -> str:
    """Encode the start of the next page as opaque text: the sort key's values of the last row shown."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


LARGEST_ID = 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
"""A row's number in an address: no more than a database column holds."""
RowQuery = Annotated[int, Query(ge=0, le=LARGEST_ID)]
"""The same in a query; 0 = none."""


def decode_cursor(text: str | None, length: int, *kinds: Callable[[str], object]) -> list[Any] | None:
    """The values given to `encode_cursor`, None for the first page. Raises Invalid for anything else.

    `kinds` says what each value must be: int, or what reads its text, such as `date.fromisoformat`."""
    if not text:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != length or not all(map(_is_position, values)):
        raise Invalid("This page link is damaged; start again from the first page.", "cursor")
    for kind, value in zip(kinds, values, strict=False):
        if not _is_of(kind, value):
            raise Invalid("This page link is damaged; start again from the first page.", "cursor")
    return list(values)


def _is_position(value: Any) -> bool:
    """Check whether a database takes the value as it is."""
    if isinstance(value, str):
        return len(value) <= 1000 and not re.search("[\x00\ud800-\udfff]", value)
    return value is None or (isinstance(value, int) and abs(value) <= LARGEST_ID)


def _is_of(kind: Callable[[str], object], value: Any) -> bool:
    if kind is int:
        return type(value) is int
    try:
        kind(value)
    except (TypeError, ValueError):
        return False
    return True
