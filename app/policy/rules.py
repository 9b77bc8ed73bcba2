"""The rule: the part that every rule kind shares, and the question that a rule is asked. Pure.

Each kind is one file in `kinds/`. `review.py` asks the rules of a pack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field

from app.core.types import JsonObject
from app.core.vocabulary import TO_CUSTOMERS, Channel, Purpose
from app.policy.answers import Reason
from app.policy.facts import Contact, Facts, last_conversation
from app.policy.schema import ChannelField, DatedTable, PurposeField, RuleId, SourcedTable

HORIZON = timedelta(days=60)
"""A wait longer than this is answered as a refusal: no contact is planned that far ahead."""
LONGEST_CLEARANCE = timedelta(hours=24)

FIXED = ("force", "citation", "source", "verified", "effective_from", "effective_to")
"""Fields that only a pack states: where a rule comes from, and when it binds."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question a rule answers: this contact, to this customer, at this instant (UTC)."""

    contact: Contact
    facts: Facts
    at: datetime
    local_days: tuple[tuple[ZoneInfo, date], ...]
    """Each zone the customer may be in, with its date at that instant. Unknown names are left out."""


@dataclass(frozen=True, slots=True)
class FactsNeeded:
    """The part of a customer's past that a rule looks at, so that only that part is read."""

    history_days: int = 0
    """Number of days of past contacts."""
    letters: frozenset[str] = frozenset()
    """The letters whose sendings count."""
    debt_years: int | None = None
    """The age from which a debt counts; None = no debt's age is looked at."""
    agreements: bool = False
    """Whether an agreement that the customer keeps counts."""
    agreements_on_hold: bool = False
    """Whether it counts for customers who are on hold."""
    represented: bool = False
    """Whether a third party who speaks for the customer counts."""
    contacts_about_old_debts: bool = False
    """Whether it counts when somebody was first in contact about a debt that is old."""

    def __or__(self, other: FactsNeeded) -> FactsNeeded:
        years = [needed.debt_years for needed in (self, other) if needed.debt_years is not None]
        return FactsNeeded(
            max(self.history_days, other.history_days),
            self.letters | other.letters,
            min(years, default=None),
            self.agreements or other.agreements,
            self.agreements_on_hold or other.agreements_on_hold,
            self.represented or other.represented,
            self.contacts_about_old_debts or other.contacts_about_old_debts,
        )


CONSENT_DAYS = 7
"""Days for which a request to be called holds, the day of the request being the first (12 CFR 1006.14(b)(3)(i))."""


def call_was_asked_for(asked: Question) -> bool:
    """True for a call that the customer asked for in the last conversation: on that day, not before that time."""
    due = asked.facts.call_asked_for or asked.facts.callback_at
    if due is None or asked.contact.channel is not Channel.CALL or asked.at < due:
        return False
    spoke = last_conversation(asked.facts.history)
    return spoke is not None and all(
        due.astimezone(zone).date() == today
        and today < spoke.at.astimezone(zone).date() + timedelta(days=CONSENT_DAYS)
        for zone, today in asked.local_days
    )


class Comparison(NamedTuple):
    """One field of a rule beside the same field of a changed one."""

    was: object
    now: object
    as_strict: bool
    """True if the changed one permits nothing that the first forbids."""


class RuleTable(DatedTable, SourcedTable):
    """A `[[rules]]` table: the fields of every kind."""

    kind: str
    id: RuleId
    channels: Annotated[list[ChannelField], Field(min_length=1)]
    purposes: Annotated[list[PurposeField], Field(min_length=1)] = list(TO_CUSTOMERS)

    def shared(self) -> JsonObject:
        """The fields of `Rule`, as every kind takes them."""
        fields = {name: getattr(self, name) for name in RuleTable.model_fields if name != "kind"}
        return fields | {"channels": frozenset(self.channels), "purposes": frozenset(self.purposes)}

    def rule(self) -> Rule:
        """The rule that the table spells."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The part that all rule kinds share: whom the rule concerns, and where it comes from."""

    kind: ClassVar[str]
    """As a pack's `[[rules]]` table spells it."""
    table: ClassVar[type[RuleTable]]
    """The fields that such a table may have."""
    for_stand_ins: ClassVar[bool] = False
    """True of kinds that protect whoever is contacted: the customer, or who stands in for them (`protects_any`)."""
    closes: ClassVar[bool] = False
    """True if the clock alone may stop a contact that the rule lets pass now: then it answers `closes_at`."""

    id: str
    channels: frozenset[Channel] = frozenset(Channel)
    purposes: frozenset[Purpose] = frozenset(TO_CUSTOMERS)
    force: str
    """Authority of the rule, in the field's words: law, rebuttable presumption, operator choice, ..."""
    citation: str
    source: str
    """Place where the text was seen; 'memory' when it was not."""
    verified: bool
    effective_from: date | None = None
    effective_to: date | None = None
    """Last local date in force, inclusive."""

    # --- the review ---

    def objections(self, asked: Question) -> Sequence[Reason]:
        """Every objection of this rule. Asked only when it concerns the contact and is in force."""
        raise NotImplementedError

    def idle(self, _asked: Question) -> bool:
        """True if it objects at no instant. May look at the letter, blocks and language of the contact, and at whether
        there are holds, preferences, an old debt, an agreement or a representative; nothing else (Pack.rules_for)."""
        return False

    def closes_at(self, asked: Question) -> datetime:
        """Time from which a contact that passes now would no longer pass; asked only of kinds that say `closes`."""
        raise NotImplementedError

    def hour_objections(self, _asked: Question) -> Sequence[Reason]:
        """The objections to the hour alone, for an appointment at that time."""
        return ()

    def suit_objections(self, _asked: Question) -> Sequence[Reason]:
        """The objections to handing the debt to a court, which comes after all contacts."""
        return ()

    @property
    def needed(self) -> FactsNeeded:
        """The facts that have to be read for it, beyond what every review is told."""
        return FactsNeeded()

    @property
    def protects_any(self) -> bool:
        """True if it protects whoever is asked to pay: the customer, and who stands in for them (`Facts.stands_in`)."""
        return self.for_stand_ins and Purpose.REMINDER in self.purposes

    def in_force(self, asked: Question) -> bool:
        """On the customer's local date; where zones disagree about the date, one is enough."""
        if self.effective_from is None and self.effective_to is None:
            return True
        days = [day for _, day in asked.local_days] or [asked.at.date()]
        first, last = self.effective_from or date.min, self.effective_to or date.max
        return any(first <= day <= last for day in days)

    def _reason(self, detail: str, until: datetime | None, **figures: object) -> Reason:
        return Reason(self.id, self.citation, detail, self.force, self.verified, until, figures)

    # --- a portfolio's own figures in the place of the pack's ---

    def problem(self) -> tuple[str, str] | None:
        """(field, problem) where a well-formed table asks for something that does not exist."""
        return None

    def spelling(self) -> JsonObject:
        """The rule as its [[rules]] table, so that a change can be laid over it."""
        fixed = {name: getattr(self, name) for name in FIXED if getattr(self, name) is not None}
        concerns = {"channels": sorted(self.channels), "purposes": sorted(self.purposes)}
        return {"id": self.id, "kind": self.kind, **concerns, **fixed, **self._spelling()}

    def _spelling(self) -> JsonObject:
        """The fields of its own kind."""
        raise NotImplementedError

    def compared(self, changed: Self) -> Mapping[str, Comparison]:
        """Each field of this rule beside that of a changed one of the same kind."""
        return {
            "channels": compare_more(self.channels, changed.channels),
            "purposes": compare_more(self.purposes, changed.purposes),
            **self._compared(changed),
        }

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        """The fields of its own kind."""
        raise NotImplementedError


T = TypeVar("T")


def compare_more(was: frozenset[T], now: frozenset[T]) -> Comparison:
    """A set that is stricter the more it holds."""
    return Comparison(sorted(map(str, was)), sorted(map(str, now)), now >= was)


def compare_fewer(was: frozenset[T], now: frozenset[T]) -> Comparison:
    """A set that is stricter the less it holds."""
    return Comparison(sorted(map(str, was)), sorted(map(str, now)), now <= was)


def compare_letters(was: frozenset[str], now: frozenset[str]) -> Comparison:
    """The letters a rule concerns; no letters named means all of them."""
    return Comparison(sorted(was), sorted(now), not now or (bool(was) and now >= was))


def compare_exception(was: bool, now: bool) -> Comparison:
    """An exception that a rule makes; without it the rule is stricter."""
    return Comparison(was, now, was or not now)
