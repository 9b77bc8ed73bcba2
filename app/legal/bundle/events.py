"""Events of case bundles, and how a timeline shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, sentence


@dataclass(frozen=True, slots=True)
class BundleBuilt(Payload):
    KIND = "bundle.built"
    FILTERS = (TimelineFilter.CASE,)

    bundle: str
    """Reference of the bundle."""
    sha256: str
    complete: bool
    excused: Mapping[str, str] | None = None
    """Reasons a named person gave, by the item that is missing."""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Case bundle sealed", self.bundle, "info")


@dataclass(frozen=True, slots=True)
class BundleDelivered(Payload):
    KIND = "bundle.delivered"
    FILTERS = (TimelineFilter.CASE,)

    bundle: str
    receipt: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Case bundle delivered to the legal desk", self.bundle, "good")


@dataclass(frozen=True, slots=True)
class BundleFailed(Payload):
    KIND = "bundle.failed"
    FILTERS = (TimelineFilter.CASE,)

    bundle: str
    error: str

    def present(self, reader: Reader) -> TimelineEntry:
        said = self.bundle or sentence(self.error)
        return TimelineEntry("Case bundle could not be delivered", said, "bad")


@dataclass(frozen=True, slots=True)
class BundleExported(Payload):
    KIND = "bundle.exported"
    FILTERS = (TimelineFilter.CASE,)

    bundle: str
    form: str
    """Code of the format of a court or attorney."""
    sha256: str
    """Of the file that was made."""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Case exported for a court or attorney", f"{self.bundle}, {self.form}", "info")


@dataclass(frozen=True, slots=True)
class BundleDownloaded(Payload):
    KIND = "bundle.downloaded"
    FILTERS = (TimelineFilter.CASE,)

    bundle: str
    sha256: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Case bundle downloaded", self.bundle)
