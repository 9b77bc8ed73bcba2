"""What is recorded of a customer's contact data, and how a timeline tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter

CONTACT_LABELS: Mapping[str, str] = {
    "full_name": "Name", "language": "Language", "country": "Country", "region": "State or region",
    "timezone": "Time zone", "address_line1": "Address", "address_line2": "Address, second line", "city": "Town",
    "postcode": "Postcode", "mobile": "Mobile", "email": "E-mail",
}  # fmt: skip
"""Contact data that change, in the order shown."""


@dataclass(frozen=True, slots=True)
class CustomerChanged(Payload):
    """Contact data (`CONTACT_LABELS`) before and after."""

    KIND = "customer.changed"
    FILTERS = (TimelineFilter.HOLDS,)

    from_: Mapping[str, str]
    to: Mapping[str, str]
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        changes = [
            f"{label}: {self.from_[name] or 'none'} → {self.to[name] or 'none'}"
            for name, label in CONTACT_LABELS.items()
            if name in self.to
        ]
        return TimelineEntry("Contact data changed", "; ".join([*changes, self.reason]), "info")
