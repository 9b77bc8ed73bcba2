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
    due_by: date | None = None
    """The last day that is known for its own case, such as the end of a billing cycle; the duty is due by then."""
