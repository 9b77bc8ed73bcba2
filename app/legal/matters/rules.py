"""Reports of lawyers about a matter: what follows what, and on which days. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple


class ReportKind(StrEnum):
    RECEIVED = "received"
    FILED = "filed"
    HEARING = "hearing"
    JUDGMENT = "judgment"
    ENFORCEMENT = "enforcement"
    CLOSED = "closed"


REPORT_LABELS = {
    ReportKind.RECEIVED: "Received by the lawyers",
    ReportKind.FILED: "Filed in court",
    ReportKind.HEARING: "Hearing",
    ReportKind.JUDGMENT: "Judgment",
    ReportKind.ENFORCEMENT: "Enforcement",
    ReportKind.CLOSED: "Closed by the lawyers",
}
_STAGE = {
    ReportKind.RECEIVED: 0,
    ReportKind.FILED: 1,
    ReportKind.HEARING: 1,
    ReportKind.JUDGMENT: 2,
    ReportKind.ENFORCEMENT: 3,
    ReportKind.CLOSED: 4,
}
ONCE = (ReportKind.RECEIVED, ReportKind.CLOSED)
AT_COURT = (ReportKind.FILED, ReportKind.HEARING, ReportKind.JUDGMENT)
"""Reports that name the court."""
LONGEST_AHEAD = timedelta(days=3 * 365)
"""A court lists no hearing later than this; a later date is a typing error."""


class Told(NamedTuple):
    """A report that was made."""

    kind: ReportKind
    on: date


class Refusal(NamedTuple):
    """Why a report is refused, and the field that is wrong."""

    field: str
    why: str


def refusal(
    told: Told, earlier: Iterable[Told], *, court: str, with_lawyers_since: date, today: date
) -> Refusal | None:
    """The reason why this report cannot follow the earlier ones, None = it can. A later stage may come without those
    before it: lawyers report late. `court`: as it was given, or as an earlier report named it."""
    before = list(earlier)
    label = REPORT_LABELS[told.kind]
    stage = _STAGE[told.kind]
    if closed := next((each for each in before if each.kind is ReportKind.CLOSED), None):
        return Refusal("kind", f"The lawyers closed this matter on {closed.on}. Nothing follows that.")
    if told.kind in ONCE and any(each.kind is told.kind for each in before):
        return Refusal("kind", f"“{label}” is on record already.")
    if past := next((each for each in before if _STAGE[each.kind] > stage), None):
        return Refusal(
            "kind", f"“{REPORT_LABELS[past.kind]}” is on record of {past.on}; “{label}” comes before it."
        )
    if told.kind in AT_COURT and not court.strip():
        return Refusal("court", "Name the court.")
    latest = today + LONGEST_AHEAD if told.kind is ReportKind.HEARING else today
    if told.on > latest:
        why = (
            "A hearing so far ahead is a typing error."
            if told.kind is ReportKind.HEARING
            else "It is in the future."
        )
        return Refusal("on", why)
    if told.on < with_lawyers_since:
        return Refusal("on", f"The legal team has the case since {with_lawyers_since}.")
    stages_before = [
        each for each in before if _STAGE[each.kind] < stage and each.kind is not ReportKind.HEARING
    ]
    if late := next((each for each in stages_before if told.on < each.on), None):
        return Refusal("on", f"It cannot be before “{REPORT_LABELS[late.kind]}” of {late.on}.")
    return None
