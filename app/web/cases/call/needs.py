"""Support needs on the case page: their names over the page, what to do in the call, and which stand behind a no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.casework.support_needs.catalog import label_of, support_needs
from app.casework.support_needs.effects import NoChannel, PlaceHold, QuietTime
from app.core.staff.rules import Staff
from app.web.cases.reads import CaseView


@dataclass(frozen=True, slots=True)
class NeedsPanel:
    labels: Sequence[str] = ()
    """The needs that this reader may see, in words."""
    script: Sequence[str] = ()
    """What to do in the call."""
    stops: Sequence[str] = ()
    """Of the labels, those that stop or move contacts."""
    due: int = 0
    """How many a person is to look at now."""
    unconfirmed: int = 0
    hidden: int = 0
    """Needs that only others may see."""


def needs_panel(view: CaseView, staff: Staff) -> NeedsPanel:
    """The panel for one reader; empty for who works no case."""
    seen = view.needs(staff)
    known = support_needs()
    listed = [(need, known.get(need.code)) for need in seen.open]
    return NeedsPanel(
        labels=[label_of(need.code) + (f" ({need.note})" if need.note else "") for need, _ in listed],
        script=[said for _, each in listed if each for said in each.script],
        stops=[
            each.label
            for _, each in listed
            if each and any(isinstance(effect, QuietTime | NoChannel | PlaceHold) for effect in each.effects)
        ],
        due=sum(need.review_on <= view.file.book.today for need, _ in listed),
        unconfirmed=sum(need.basis.value == "unconfirmed" for need, _ in listed),
        hidden=seen.hidden,
    )
