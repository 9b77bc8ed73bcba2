"""How the cases of a move were chosen, in words."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from app.actions.staffing.choice import NOBODY
from app.casework.assignment.move_queries import MoveView
from app.http.formats import reader_locale
from app.web.wording import WORK_STATES, language_words

WORDS = {
    "person": "Cases of", "portfolio": "Portfolio", "bucket": "Days past due", "state": "In the worklist",
    "language": "Language", "balance_from": "Balance from", "balance_to": "Balance to",
    "untouched_days": "No contact for days", "at_most": "Cases at most", "references": "By reference",
}  # fmt: skip


def choice_words(view: MoveView, names: Mapping[str, str], request: Request) -> list[tuple[str, str]]:
    """How the cases were chosen, as (label, words)."""
    found = []
    for name, value in view.choice.items():
        text = str(value)
        if name == "person":
            text = "Nobody" if value == NOBODY else names.get(text, text)
        elif name == "state":
            text = WORK_STATES.get(text, text)
        elif name == "language":
            text = language_words(text, reader_locale(request))
        elif isinstance(value, list):
            text = str(len(value))
        found.append((WORDS[name], text))
    return found
