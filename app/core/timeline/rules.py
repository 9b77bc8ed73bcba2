"""Canonical text of an event, and the hash chain. Pure."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache

import orjson

from app.core.types import Values

GENESIS = "0" * 64


def canonical(data: Values) -> str:
    """One spelling per value: sorted keys, no spaces, UTF-8 kept, dates as ISO text."""
    try:
        return orjson.dumps(data, default=str, option=_SPELLED).decode()
    except TypeError:  # integers of more than 64 bits, keys that are not text
        return _CANONICAL.encode(data)


_SPELLED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


@lru_cache(maxsize=1000)
def instant_text(at: datetime) -> str:
    """An aware instant as the UTC text that is hashed and exported, always with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain_hash(
    previous: str, stream: str, seq: int, kind: str, at: datetime, actor: str, data_json: str
) -> str:
    """SHA-256 (hex) over the previous hash and everything the event says, one field a line.

    A stranger can recompute it from timeline.csv of a case bundle; see docs/bundle.md.
    """
    text = "\n".join([previous, stream, str(seq), kind, instant_text(at), actor, data_json])
    return hashlib.sha256(text.encode()).hexdigest()
