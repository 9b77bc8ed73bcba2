"""Sight: what one reader may see of a customer's events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.core.timeline.payload import payload_of
from app.core.timeline.presenting import TimelineEntry

COVERED = "[withheld]"
"""Stands for a text that the reader may not see."""
FOR_CASEWORK = TimelineEntry(
    "For the people who work the case", "Give a reason under Support needs to see more."
)
"""The line of an event that the reader may not see."""
WITHHELD: Mapping[str, object] = {"withheld": True}
"""The data of such an event, where programs read it. Its hash stays, so that the chain still links."""
WITHHELD_JSON = '{"withheld":true}'
"""The same as JSON, in a case bundle."""


@dataclass(frozen=True, slots=True)
class Sight:
    works_cases: bool = False
    """False: what a customer needs, and what they told of their circumstances, is not for this reader."""
    hidden: tuple[str, ...] = ()
    """Numbers and addresses that are withheld from this reader, the longest first."""

    def sees(self, kind: str, data: str) -> bool:
        """Whether the reader may see an event as it is on record; `data` is its JSON."""
        if any(text in data for text in self.hidden):
            return False
        payload = None if self.works_cases else payload_of(kind)
        return payload is None or not payload.from_json(data).is_restricted()

    def cover(self, text: str) -> str:
        """The text without what is withheld from this reader."""
        for each in self.hidden:
            text = text.replace(each, COVERED)
        return text

    def entry(self, entry: TimelineEntry) -> TimelineEntry:
        """A line of a timeline without what is withheld from this reader."""
        if not self.hidden:
            return entry
        return replace(
            entry, title=self.cover(entry.title), body=self.cover(entry.body), quoted=self.cover(entry.quoted)
        )


NOTHING_PERSONAL = Sight()
"""Of a reader of whom nothing is known."""
