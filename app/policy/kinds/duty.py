"""`duty`: a letter that is owed within some days of an event. It forbids nothing: the desk sends the letter, and says
when it is overdue. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.dates import add_months
from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.calendars import nth_business_day
from app.policy.rules import Comparison, Question, Rule, RuleTable
from app.policy.schema import Names


class DutyEvent(StrEnum):
    """Events that a duty may follow."""

    FIRST_CONTACT = "first_contact"
    """The first message that left, or the first conversation: the initial communication (12 CFR 1006.34(a)(1))."""
    DISPUTE = "dispute"
    """The customer disputed the debt, or a part of it."""
    BILLING_ERROR = "billing_error"
    """The customer gave notice of a billing error: it is acknowledged (12 CFR 1026.13(c)(1))."""
    BILLING_ERROR_ANSWER = "billing_error_answer"
    """The same: it is resolved (12 CFR 1026.13(c)(2))."""
    COMPLAINT = "complaint"
    SETTLEMENT = "settlement"
    """A settlement was agreed on."""
    CASE_OPEN = "case_open"
    """A case is open, and no notice that a collector begins with has left, or the last one is nearly a year old."""
    QUARTER_OF_AGREEMENT = "quarter_of_agreement"
    """Another three months of an agreement that is kept are over, and payments of it are still to come."""
    DEBT_ASSIGNED = "debt_assigned"
    """A case is open, its debts were bought, and no notice of that has left."""
    DEFAULT_SUM = "default_sum"
    """A fee for a breach, such as a late fee, became payable on an account (Consumer Credit Act 1974 s.86E)."""
    TWO_PAYMENTS_BEHIND = "two_payments_behind"
    """The last two payments of an account were missed, and no earlier event was about either of them (Consumer Credit
    Act 1974 s.86C(1))."""


NOTICE_MONTHS, RENEWED_DAYS_BEFORE = 12, 14
"""A notice that comes before all contacts counts for so many months (`valid_months` of the packs' waits), and is owed
again so many days before they are over."""


def counts_since(day: date) -> date:
    """A notice that comes before all contacts has left lately enough on `day` if it left after this date."""
    return add_months(day, -NOTICE_MONTHS) + timedelta(days=RENEWED_DAYS_BEFORE)


def end_of_cycles(arose_on: date, cycles: int, last_closing_on: date) -> date:
    """The closing day that ends as many complete billing cycles after an event: the cycle in which it falls does not
    count. Cycles are months, counted from the closing day of a statement."""
    months = 0
    while add_months(last_closing_on, months) < arose_on:
        months += 1
    while add_months(last_closing_on, months - 1) >= arose_on:
        months -= 1
    return add_months(last_closing_on, months + cycles)


class DutyTable(RuleTable):
    letters: Names
    event: Annotated[DutyEvent, Field(strict=False)]
    days: Annotated[int, Field(ge=1, le=366)]
    business_days: bool = False
    cycles: Annotated[int, Field(ge=1, le=12)] | None = None

    def rule(self) -> DutyRule:
        return DutyRule(
            **self.shared(),
            letters=tuple(self.letters),
            event=self.event,
            days=self.days,
            business_days=self.business_days,
            cycles=self.cycles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRule(Rule):
    """One of these letters is owed within `days` of the event, by one of the rule's channels."""

    kind: ClassVar[str] = "duty"
    table: ClassVar[type[RuleTable]] = DutyTable

    letters: tuple[str, ...]
    """Any of them fulfils it; the desk writes the first."""
    event: DutyEvent
    days: int
    business_days: bool = False
    """Only days that are neither Saturday, Sunday nor a public holiday of the country count."""
    cycles: int | None = None
    """At most as many complete billing cycles after the event, where its account has statements."""

    def idle(self, _asked: Question) -> bool:
        return True

    def objections(self, _asked: Question) -> Sequence[Reason]:
        return ()

    def due_on(self, arose_on: date, country: str, last_closing_on: date | None = None) -> date:
        """The last day on which the letter may leave in time; the day of the event is day 0. `last_closing_on`: the
        closing day of the account's latest statement, from which its billing cycles are counted."""
        due = self._due_in_days(arose_on, country)
        if self.cycles is None or last_closing_on is None:
            return due
        return min(due, end_of_cycles(arose_on, self.cycles, last_closing_on))

    def _due_in_days(self, arose_on: date, country: str) -> date:
        if not self.business_days:
            return arose_on + timedelta(days=self.days)
        return nth_business_day(arose_on, self.days, country)

    def in_force_on(self, day: date) -> bool:
        """Whether the duty is in force on a day."""
        return (self.effective_from or date.min) <= day <= (self.effective_to or date.max)

    def _spelling(self) -> JsonObject:
        spelt: JsonObject = {"letters": list(self.letters), "event": self.event.value, "days": self.days}
        spelt |= {"business_days": True} if self.business_days else {}
        return {**spelt, **({"cycles": self.cycles} if self.cycles is not None else {})}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "letters": Comparison(self.letters, changed.letters, changed.letters == self.letters),
            "event": Comparison(self.event, changed.event, changed.event is self.event),
            "days": Comparison(self.days, changed.days, changed.days <= self.days),
            "business_days": Comparison(
                self.business_days, changed.business_days, self.business_days or not changed.business_days
            ),
            "cycles": Comparison(
                self.cycles,
                changed.cycles,
                self.cycles is None or (changed.cycles is not None and changed.cycles <= self.cycles),
            ),
        }
