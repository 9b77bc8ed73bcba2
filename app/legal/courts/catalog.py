"""The forms of courts and attorneys that a sealed bundle can be exported to; a new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.errors import NotFound
from app.legal.courts.england import ENGLAND
from app.legal.courts.formats import CourtFormat
from app.legal.courts.ygc import YGC

FORMATS: Mapping[str, CourtFormat] = {form.code: form for form in (ENGLAND, YGC)}


def format_named(code: str) -> CourtFormat:
    if code not in FORMATS:
        raise NotFound(f"There is no format {code[:40]!r}. There are: {', '.join(FORMATS)}.")
    return FORMATS[code]
