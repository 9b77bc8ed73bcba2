"""Events of promises and plans, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from app.casework.plans.rules import Acceptance, PlanKind
from app.core.labels import ACCEPTANCE_LABELS, PLAN_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence


@dataclass(frozen=True, slots=True)
class PlanEvent(Payload):
    """Base of the events of a plan."""

    FILTERS = (TimelineFilter.PLANS,)

    plan_id: int = field(metadata=stored_as("plan"))
    kind: PlanKind
    total_minor: int
    broken_instalment: int | None
    why: str

    def told(self, reader: Reader, verb: str, tone: Tone) -> TimelineEntry:
        title = f"{PLAN_LABELS[self.kind]} of {reader.money(self.total_minor)} {verb}"
        return TimelineEntry(title, reader.plain(sentence(self.why)), tone)


@dataclass(frozen=True, slots=True)
class PlanStep(PlanEvent):
    """A promise is offered, accepted and active at once: the timeline shows only the last."""

    def same_story(self, at: datetime) -> str:
        return f"plan {self.plan_id} {at}"


@dataclass(frozen=True, slots=True)
class PlanOffered(PlanStep):
    KIND = "plan.offered"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "offered", "info")


@dataclass(frozen=True, slots=True)
class PlanAgreed(PlanStep):
    """Base of the events that say how an offer was agreed to, and by whom."""

    acceptance: Acceptance | None = None
    """None = not recorded, or the plan runs again."""
    words: str = ""
    agreed_with: str = ""
    """The third party who agreed for the customer."""

    def told(self, reader: Reader, verb: str, tone: Tone) -> TimelineEntry:
        means = f"Agreed: {ACCEPTANCE_LABELS[self.acceptance].lower()}" if self.acceptance else ""
        party = f"for the customer by {self.agreed_with}" if self.agreed_with else ""
        title = f"{PLAN_LABELS[self.kind]} of {reader.money(self.total_minor)} {verb}"
        body = [reader.plain(sentence(self.why)), means, party]
        return TimelineEntry(title, "; ".join(filter(None, body)), tone, quoted=self.words)


@dataclass(frozen=True, slots=True)
class PlanAccepted(PlanAgreed):
    KIND = "plan.accepted"
    WORDS = ("words",)

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "accepted", "good")


@dataclass(frozen=True, slots=True)
class PlanActivated(PlanAgreed):
    KIND = "plan.activated"
    WORDS = ("words",)

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "is running", "good")


@dataclass(frozen=True, slots=True)
class PlanKept(PlanEvent):
    KIND = "plan.kept"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "kept", "good")


@dataclass(frozen=True, slots=True)
class PlanBroken(PlanEvent):
    KIND = "plan.broken"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "broken", "bad")


@dataclass(frozen=True, slots=True)
class PlanRestored(PlanEvent):
    """A payment that was made in time was posted after the plan broke: it counts as not broken."""

    KIND = "plan.restored"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "was not broken", "good")


@dataclass(frozen=True, slots=True)
class PlanCancelled(PlanEvent):
    KIND = "plan.cancelled"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "cancelled", "neutral")


@dataclass(frozen=True, slots=True)
class InstalmentEvent(Payload):
    """Base of the agreed changes of one instalment; the plan goes on."""

    FILTERS = (TimelineFilter.PLANS,)

    plan_id: int = field(metadata=stored_as("plan"))
    kind: PlanKind
    n: int
    amount_minor: int
    from_on: date
    to_on: date
    reason: str
    last_minor: int = 0
    """What falls due with the last instalment now, where its interest changed."""
    is_granted: bool = False
    """A skip beyond what the agreement says."""

    def told(self, reader: Reader, change: str) -> TimelineEntry:
        what = f"{PLAN_LABELS[self.kind]}: instalment {self.n}"
        if self.last_minor:
            change = f"{change}; with its interest the last payment is now {reader.money(self.last_minor)}"
        return TimelineEntry(f"{what} {change}", reader.plain(sentence(self.reason)), "info")


@dataclass(frozen=True, slots=True)
class InstalmentMoved(InstalmentEvent):
    KIND = "plan.instalment_moved"

    def present(self, reader: Reader) -> TimelineEntry:
        days = f"from {reader.day(self.from_on)} to {reader.day(self.to_on)}"
        return self.told(reader, f"of {reader.money(self.amount_minor)} moved {days}")


@dataclass(frozen=True, slots=True)
class InstalmentSkipped(InstalmentEvent):
    KIND = "plan.instalment_skipped"

    def present(self, reader: Reader) -> TimelineEntry:
        then = f"{reader.money(self.amount_minor)} falls due on {reader.day(self.to_on)} instead"
        how = "granted beyond the agreement" if self.is_granted else "as agreed"
        return self.told(reader, f"of {reader.day(self.from_on)} skipped {how}: {then}")


@dataclass(frozen=True, slots=True)
class PlanReAgeRefused(Payload):
    """A kept plan was to bring its accounts current, and the pack's rule refuses it for some."""

    KIND = "plan.re_age_refused"
    FILTERS = (TimelineFilter.PLANS,)

    plan_id: int = field(metadata=stored_as("plan"))
    refusals: tuple[str, ...]
    """Account and reasons, for each."""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            "Accounts not re-aged though the plan was kept", "; ".join(self.refusals), "warn"
        )
