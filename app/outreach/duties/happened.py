"""An event that a duty may follow."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

CHUNK = 5000


class Happened(NamedTuple):
    """An event that a duty may follow."""

    customer_id: int
    case_id: int
    occasion: int
    on: date
    rule: str = ""
    """The one duty that it brings; '' = each that a pack has for such an event."""
