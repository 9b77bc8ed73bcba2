"""Events of a case and its calls, and how a timeline shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from app.casework.cases.identity import QUESTION_LABELS, IdentityQuestion
from app.casework.cases.rules import CaseOutcome
from app.casework.results.choices import field_words
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import CallResult, ContactWay, Counts, Direction
from app.core.labels import in_sentence
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence, words

# --- cases --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseOpened(Payload):
    KIND = "case.opened"
    FILTERS = (TimelineFilter.CASE,)

    on: date
    past_due_minor: int
    oldest_due_on: date | None
    why: str = ""
    """Reason for opening it when the night did not: an account's end was undone."""

    def present(self, reader: Reader) -> TimelineEntry:
        owes = f"{reader.money(self.past_due_minor)} past due since {reader.day(self.oldest_due_on)}"
        return TimelineEntry("Case opened", owes, "info")


@dataclass(frozen=True, slots=True)
class CaseClosed(Payload):
    KIND = "case.closed"
    FILTERS = (TimelineFilter.CASE,)

    on: date
    outcome: CaseOutcome

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Case closed: {words(self.outcome)}", "", "good")


@dataclass(frozen=True, slots=True)
class CaseReopened(Payload):
    """An account's end did not hold: a payment came back."""

    KIND = "case.reopened"
    FILTERS = (TimelineFilter.CASE,)

    on: date
    past_due_minor: int
    oldest_due_on: date | None
    why: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Case opened again", sentence(self.why), "warn")


@dataclass(frozen=True, slots=True)
class CaseAssigned(Payload):
    KIND = "case.assigned"
    FILTERS = (TimelineFilter.CASE,)

    owner: str
    """Username; empty for an unassigned case."""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Assigned to {reader.name(self.owner) if self.owner else 'no one'}")


@dataclass(frozen=True, slots=True)
class CaseHandedOver(Payload):
    KIND = "case.handed_over"
    WORDS = ("note",)
    FILTERS = (TimelineFilter.CASE, TimelineFilter.PEOPLE)

    owner: str
    """Username of the colleague who works it from now on."""
    was: str
    """Username of the owner until then; empty = none."""
    note: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Handed over to {reader.name(self.owner)}", "", "info", quoted=self.note)


@dataclass(frozen=True, slots=True)
class NoteAdded(Payload):
    KIND = "case.note_added"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("text",)

    text: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Note", quoted=self.text)


# --- calls --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallbackSet(Payload):
    KIND = "case.callback_set"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("reason",)

    at: datetime | None
    """None cancels the callback."""
    reason: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        if self.at is None:
            return TimelineEntry("Callback cancelled", sentence(self.reason), quoted=self.reason)
        title = f"To be called back on {reader.instant(self.at)}"
        return TimelineEntry(title, "", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class CallLogged(Payload):
    """A call as a person logged it, by the code of then. One that we made counts toward caps."""

    KIND = "case.call_logged"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("note",)

    result: str
    """The code."""
    note: str
    number: str
    counts: Counts = Counts.ATTEMPT
    """The person reached, by which the gate counts the call; not written in events of before codes were data."""
    label: str = ""
    """The code in words."""
    direction: Direction = Direction.OUT
    fields: Mapping[str, str] | None = None
    """Further fields of the code, as they were filled in."""
    asked_for: datetime | None = None
    """Of a conversation: the time at which the customer, or who speaks for them, asked to be called."""

    @property
    def conversation(self) -> bool:
        return self.counts is Counts.CONVERSATION or self.result in shipped_conversations()

    def is_restricted(self) -> bool:
        """What a customer told of their circumstances is for those who work the case."""
        return self.result == CallResult.SUPPORT_NEED

    def present(self, reader: Reader) -> TimelineEntry:
        came = self.direction is Direction.IN
        number = f"{'from' if came else 'to'} {self.number}" if self.number else ""
        told = [field_words(name, text) for name, text in (self.fields or {}).items()]
        said = in_sentence(self.label or words(self.result))
        title = f"{'Call from the customer' if came else 'Call'}: {said}"
        tone = _RESULT_TONES.get(self.result, "info")
        return TimelineEntry(title, "; ".join(filter(None, [number, *told])), tone, quoted=self.note)


@dataclass(frozen=True, slots=True)
class ContactLogged(Payload):
    """A letter, e-mail or visit as a person logged it, by the code of then. It is no call: figures, caps and tasks of
    calls do not look at it."""

    KIND = "case.contact_logged"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("note",)

    way: ContactWay
    direction: Direction
    result: str
    """The code."""
    note: str
    counts: Counts
    label: str
    """The code in words."""
    on: date
    """The day on which it came, left, or was."""
    fields: Mapping[str, str] | None = None
    """Further fields of the code, as they were filled in."""

    @property
    def conversation(self) -> bool:
        return self.counts is Counts.CONVERSATION

    def is_restricted(self) -> bool:
        """What a customer told of their circumstances is for those who work the case."""
        return self.result == CallResult.SUPPORT_NEED

    def present(self, reader: Reader) -> TimelineEntry:
        told = [field_words(name, text) for name, text in (self.fields or {}).items()]
        title = f"{_WAY_TITLES[self.way, self.direction]}: {in_sentence(self.label)}"
        tone = _RESULT_TONES.get(self.result, "info")
        return TimelineEntry(title, "; ".join([reader.day(self.on), *told]), tone, quoted=self.note)


_WAY_TITLES: Mapping[tuple[ContactWay, Direction], str] = {
    (ContactWay.CALL, Direction.IN): "Call from the customer",
    (ContactWay.CALL, Direction.OUT): "Call",
    (ContactWay.EMAIL, Direction.IN): "E-mail from the customer",
    (ContactWay.EMAIL, Direction.OUT): "E-mail to the customer",
    (ContactWay.POST, Direction.IN): "Letter from the customer",
    (ContactWay.POST, Direction.OUT): "Letter to the customer",
    (ContactWay.VISIT, Direction.IN): "Visit by the customer",
    (ContactWay.VISIT, Direction.OUT): "Visit to the customer",
}


def unanswered_of(calls: Iterable[tuple[str, datetime]]) -> list[datetime]:
    """Times of the calls that we made since the last conversation. `calls`: payloads and their times, newest first."""
    found = []
    for text, at in calls:
        call = CallLogged.from_json(text)
        if call.conversation:
            break
        if call.direction is Direction.OUT:
            found.append(at)
    return found


_RESULT_TONES: Mapping[str, Tone] = {
    CallResult.PROMISED: "good",
    CallResult.PAID: "good",
    CallResult.REFUSED_TO_PAY: "bad",
    CallResult.DISPUTES: "warn",
    CallResult.CEASE: "bad",
    CallResult.ATTORNEY: "bad",
    CallResult.BANKRUPTCY: "bad",
    CallResult.DECEASED: "bad",
    CallResult.WRONG_NUMBER: "bad",
    CallResult.OUT_OF_SERVICE: "bad",
    CallResult.COMPLAINT: "warn",
    CallResult.HARDSHIP: "warn",
    CallResult.SUPPORT_NEED: "warn",
    CallResult.WILL_PAY_NOW: "good",
}


@dataclass(frozen=True, slots=True)
class IdentityChecked(Payload):
    """The person on the telephone was asked, and is the cardholder."""

    KIND = "case.identity_checked"
    FILTERS = (TimelineFilter.PEOPLE,)

    asked: tuple[IdentityQuestion, ...]

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        asked = ", ".join(QUESTION_LABELS[each].lower() for each in self.asked)
        return TimelineEntry("Identity checked", f"Asked: {asked}", "info")


@dataclass(frozen=True, slots=True)
class CallTaskCreated(Payload):
    """A call is due, because of a step or because the customer asked for it."""

    KIND = "contact.call_task"
    FILTERS = (TimelineFilter.PEOPLE,)

    step: str
    due_on: date
    wish: str = ""
    """Time at which the customer wants to be called, as they wrote it."""
    at: datetime | None = None
    """The earliest moment they named."""

    def data(self) -> Mapping[str, object]:
        found = Payload.data(self)
        return {**found, "at": self.at} if self.wish else found  # with a wish it is said that none was named

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Call to be made", f"{words(self.step)}, due {reader.day(self.due_on)}", "info")
