"""Events of the gate: its answers and the customer's consents, and how a timeline tells each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

import orjson

from app.core.labels import SUPPRESSION_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence, words
from app.core.types import Values
from app.core.vocabulary import HoldKind, Purpose
from app.policy.answers import cited_together
from app.policy.facts import PreferenceKind, Suppression


def is_personal(figures: object) -> bool:
    """Whether the figures of a reason name a hold that is only for the people who work the case."""
    return isinstance(figures, Mapping) and figures.get("hold") == HoldKind.VULNERABLE


ARRANGED = "agreed with us"
"""The source of a preference that a support need placed: it tells no more."""
LEFT_ALONE = "the customer is left alone; the people who work the case know why"
"""What others read in place of a reason that is personal."""


def impersonal_reasons(reasons: Iterable[Values]) -> list[Values]:
    """The reasons of an answer for who works no case: why a customer is left alone is not told where it is personal."""
    return [
        {**reason, "detail": LEFT_ALONE, "figures": {}} if is_personal(reason.get("figures")) else reason
        for reason in reasons
    ]


# --- answers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateAnswer(Payload):
    """An answer, kept as the JSON object it is: a night records one for each contact."""

    said: Values

    def data(self) -> Values:
        return self.said

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(orjson.loads(text))

    def with_message(self, message_id: int) -> Self:
        """The same answer, about this message."""
        return type(self)({**self.said, "message": message_id})

    @property
    def message_id(self) -> int | None:
        """The message it is about; None before there is one."""
        return self.said.get("message")

    @property
    def contact(self) -> str | None:
        """Names the contact among those of its case and channel."""
        if self.message_id is not None:
            return f"{self.KIND} message {self.message_id}"
        if "step" not in self.said:
            return None
        parts = (self.said.get(name) for name in ("step", "occurrence", "plan", "hold"))
        return f"{self.KIND} {' '.join(str(part) for part in parts)}"

    @property
    def reasons(self) -> Sequence[Values]:
        """The reasons for a person to read: what several rules say in the same words is told once."""
        told: dict[str, Values] = {}
        for reason in self.said.get("reasons") or ():
            before = told.setdefault(reason["detail"], reason)
            if before is not reason:
                citation = cited_together(before["citation"], reason["citation"])
                verified = before.get("verified", True) and reason.get("verified", True)
                told[reason["detail"]] = {**before, "citation": citation, "verified": verified}
        return tuple(told.values())

    def is_restricted(self) -> bool:
        """A reason tells of what the customer told of their circumstances."""
        return any(is_personal(reason.get("figures")) for reason in self.said.get("reasons") or ())

    @property
    def letter(self) -> str:
        """The letter, or the step, in words."""
        return sentence(words(self.said.get("letter") or self.said.get("step")))

    def way(self, reader: Reader) -> str:
        """The channel, and that it goes to a representative where it does."""
        to_them = self.said.get("purpose") == Purpose.REPRESENTATIVE
        return f"{reader.channel} to the representative" if to_them else reader.channel

    def told(self, title: str, body: str, tone: Tone) -> TimelineEntry:
        return TimelineEntry(title, body, tone, reasons=self.reasons, pack=str(self.said.get("pack") or ""))


@dataclass(frozen=True, slots=True)
class ContactCleared(GateAnswer):
    KIND = "contact.cleared"
    FILTERS = (TimelineFilter.CONTACTS,)

    def present(self, reader: Reader) -> TimelineEntry:
        title, pack = f"{sentence(self.way(reader))} cleared", str(self.said.get("pack") or "")
        return TimelineEntry(
            title, self.letter, "good", reasons=self.reasons, pack=pack, message_id=self.message_id
        )


@dataclass(frozen=True, slots=True)
class ContactWaiting(GateAnswer):
    KIND = "contact.waiting"
    FILTERS = (TimelineFilter.REFUSALS,)
    REPEATS = True

    def present(self, reader: Reader) -> TimelineEntry:
        text = self.said.get("not_before")
        until = f"not before {reader.instant(datetime.fromisoformat(text) if text else None)}"
        return self.told(
            f"{self.way(reader)[:1].upper()}{self.way(reader)[1:]} delayed",
            "; ".join(filter(None, (self.letter, until))),
            "warn",
        )

    def same_story(self, at: datetime) -> str | None:
        return self.contact


@dataclass(frozen=True, slots=True)
class ContactRefused(GateAnswer):
    KIND = "contact.refused"
    FILTERS = (TimelineFilter.REFUSALS,)
    REPEATS = True

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(f"No {self.way(reader)}: refused", self.letter, "bad")

    def same_story(self, at: datetime) -> str | None:
        return self.contact


@dataclass(frozen=True, slots=True)
class ContactWithheld(GateAnswer):
    """The gate, or a person, said no at the moment of delivery; or the words were no longer true."""

    KIND = "contact.withheld"
    FILTERS = (TimelineFilter.REFUSALS,)

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{sentence(self.way(reader))} withheld at the last moment"
        return self.told(title, sentence(self.said.get("reason")), "bad")


@dataclass(frozen=True, slots=True)
class FactsForgotten(Payload):
    """The facts of decisions were deleted when their retention ended."""

    KIND = "facts.forgotten"

    packs: Mapping[str, Values]
    """Number of decisions, and the time before which they were made, by the label of their pack."""


@dataclass(frozen=True, slots=True)
class PortfolioTightened(Payload):
    """A portfolio's own contact rules."""

    KIND = "portfolio.tightened"

    rules: tuple[str, ...]
    text: str
    pack: str


@dataclass(frozen=True, slots=True)
class PackAdopted(Payload):
    """A manager said which pack holds for customers in a country that no pack covers; '' = none any more."""

    KIND = "portfolio.pack_adopted"
    WORDS = ("reason",)

    country: str
    pack: str
    reason: str


# --- what customers allow -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsentChanged(Payload):
    KIND = "consent.changed"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("source",)

    allowed: bool
    source: str
    given_by: str = ""
    until: date | None = None
    electronic_notices: bool = False

    def present(self, reader: Reader) -> TimelineEntry:
        if self.allowed:
            terms = [
                f"given by {self.given_by}" if self.given_by else "",
                f"until {reader.day(self.until)}" if self.until else "",
                "notices too" if self.electronic_notices else "",
            ]
            detail = "; ".join(filter(None, terms))
            return TimelineEntry(f"Allows contact by {reader.channel}", detail, "good", quoted=self.source)
        return TimelineEntry(f"Opted out of contact by {reader.channel}", "", "warn", quoted=self.source)


@dataclass(frozen=True, slots=True)
class PreferenceSet(Payload):
    KIND = "preference.set"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("source",)

    preference_id: int = field(metadata=stored_as("preference"))
    kind: PreferenceKind
    weekdays: str
    until: date | None
    source: str
    start_minute: int | None = None
    end_minute: int | None = None
    timezone: str | None = None

    def is_restricted(self) -> bool:
        return self.source == ARRANGED

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Told us: {words(self.kind)}", self.timezone or "", "info", quoted=self.source)


@dataclass(frozen=True, slots=True)
class PreferenceEnded(Payload):
    KIND = "preference.ended"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("reason",)

    preference_id: int = field(metadata=stored_as("preference"))
    kind: PreferenceKind
    reason: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Preference removed: {words(self.kind)}", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class AddressSuppressed(Payload):
    """This number or e-mail address is suppressed: messages do not arrive there or are not wanted."""

    KIND = "address.suppressed"
    FILTERS = (TimelineFilter.HOLDS,)

    address: str
    reason: Suppression
    detail: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Nothing more is sent by {reader.channel} to {self.address}"
        return TimelineEntry(title, SUPPRESSION_LABELS[self.reason], "warn")


@dataclass(frozen=True, slots=True)
class AddressRestored(Payload):
    KIND = "address.restored"
    FILTERS = (TimelineFilter.HOLDS,)

    address: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{self.address} may be used by {reader.channel} again"
        return TimelineEntry(title, "", "good", quoted=self.reason)
