"""`wait`: certain letters, every contact or a suit, only when the time that a notice leaves the customer is over.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from app.core.dates import add_months
from app.core.text import counted
from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.calendars import DAY, midnight
from app.policy.facts import Notice
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable, compare_fewer, compare_more
from app.policy.schema import Names

SUIT = "suit"
"""In `before`: handing the debt to a court, which is no letter."""
CONTACT = "contact"
"""In `before`: every contact of the rule's channels and purposes but the notice itself."""
_FOR_EVER = 10**6


class WaitTable(RuleTable):
    after: Names
    before: Names | None = None
    blocks: Names | None = None
    days: Annotated[int, Field(ge=1, le=366)]
    undated_days: Annotated[int, Field(ge=1, le=366)] | None = None
    valid_months: Annotated[int, Field(ge=1, le=120)] | None = None
    if_sent: bool = False

    @model_validator(mode="after")
    def something_waits(self) -> Self:
        if not (self.before or self.blocks):
            raise ValueError("name what waits: before or blocks")
        if self.undated_days is not None and self.undated_days < self.days:
            raise ValueError("undated_days is fewer than days")
        return self

    def rule(self) -> WaitRule:
        before = frozenset(self.before or ())
        return WaitRule(
            **self.shared(),
            after=frozenset(self.after),
            before=before - {SUIT, CONTACT},
            before_suit=SUIT in before,
            before_contact=CONTACT in before,
            blocks=frozenset(self.blocks or ()),
            days=self.days,
            undated_days=self.undated_days,
            valid_months=self.valid_months,
            if_sent=self.if_sent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRule(Rule):
    """Certain letters, or the suit, only when the time that a notice leaves the customer is over.

    That is the last day that the notice itself names, and at least `days` after it was sent: the day of sending is day
    0, so with days = 14 a notice of the 1st lets the next step go on the 15th. A notice that names no day has
    `undated_days`. One older than `valid_months` does not count any more: it has to be sent again.
    """

    kind: ClassVar[str] = "wait"
    table: ClassVar[type[RuleTable]] = WaitTable

    after: frozenset[str]
    """Letters that are the notice; any of them will do."""
    before: frozenset[str]
    """Letters that have to wait."""
    before_suit: bool = False
    before_contact: bool = False
    """Every contact has to wait, but the letters of `after`."""
    blocks: frozenset[str] = frozenset()
    """Letters with one of these blocks have to wait, whatever their name."""
    days: int
    undated_days: int | None = None
    """Days after a notice of which no last day is known; None = `days`."""
    valid_months: int | None = None
    if_sent: bool = False
    """Only where a notice was sent, and while the time of any of them runs; without one nothing waits."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(letters=self.after)

    def idle(self, asked: Question) -> bool:
        if asked.contact.letter in self.before:
            return False
        if self.before_contact and asked.contact.letter not in self.after:
            return False
        return self.blocks.isdisjoint(asked.contact.blocks or ())

    def objections(self, asked: Question) -> Sequence[Reason]:
        return () if self.idle(asked) else self._waiting(asked)

    def suit_objections(self, asked: Question) -> Sequence[Reason]:
        return self._waiting(asked) if self.before_suit else ()

    def _waiting(self, asked: Question) -> Sequence[Reason]:
        names = " or ".join(sorted(self.after))
        sent = [notice for notice in asked.facts.notices if notice.letter in self.after]
        if not sent:
            said = f"{names} has not been sent"
            return () if self.if_sent else [self._reason(said, None, notice=names, days=self.days)]
        # The last one sent may be too fresh while one before it is not.
        ends = [self._valid(notice, asked) for notice in sent]
        coming = [(start, notice) for (start, _), notice in zip(ends, sent, strict=True) if asked.at < start]
        if self.if_sent:
            return [self._running(*max(coming, key=_start), names, asked)] if coming else ()
        if any(start <= asked.at < end for start, end in ends):
            return ()
        if coming or self.valid_months is None:
            return [self._running(*min(coming, key=_start), names, asked)]
        last = self._day_of(max(sent, key=lambda notice: notice.at), asked)
        detail = f"{names} of {last} is older than {counted(self.valid_months, 'month')}"
        return [self._reason(detail, None, **self._figures(names, last), valid_months=self.valid_months)]

    def _running(self, until: datetime, notice: Notice, names: str, asked: Question) -> Reason:
        """The objection while the time that this notice leaves still runs."""
        if notice.answer_by is None:
            # As decisions on record have it: the day of the last one sent.
            sent = [each for each in asked.facts.notices if each.letter in self.after]
            last = self._day_of(max(sent, key=lambda each: each.at), asked)
            days = self.undated_days or self.days
            detail = f"{names} was sent on {last}; {counted(days, 'day')} must pass"
            return self._reason(detail, until, **self._figures(names, last))
        day = self._day_of(notice, asked)
        detail = f"{names} of {day} leaves the customer until {notice.answer_by}; that day must be over"
        figures = self._figures(names, day) | {"answer_by": notice.answer_by.isoformat()}
        return self._reason(detail, until, **figures)

    def _figures(self, names: str, sent: date) -> JsonObject:
        return {"notice": names, "days": self.days, "sent": sent.isoformat()}

    @staticmethod
    def _day_of(notice: Notice, asked: Question) -> date:
        return notice.at.astimezone(asked.local_days[0][0] if asked.local_days else UTC).date()

    def _valid(self, notice: Notice, asked: Question) -> tuple[datetime, datetime]:
        """From when to when this notice lets the next step pass, in all zones."""
        wait = timedelta(days=self.days if notice.answer_by else self.undated_days or self.days)
        starts, ends = [], []
        for zone, _ in asked.local_days:
            day = notice.at.astimezone(zone).date()
            first = day + wait
            if notice.answer_by:
                first = max(first, notice.answer_by + DAY)
            starts.append(midnight(zone, first))
            last = add_months(day, self.valid_months) if self.valid_months else date.max - timedelta(days=2)
            ends.append(midnight(zone, last))
        return max(starts, default=notice.at + wait + DAY), min(ends, default=notice.at)

    @property
    def _steps(self) -> frozenset[str]:
        named = {SUIT: self.before_suit, CONTACT: self.before_contact}
        return self.before | {name for name, waits in named.items() if waits}

    def _spelling(self) -> JsonObject:
        more: JsonObject = {
            "before": sorted(self._steps),
            "blocks": sorted(self.blocks),
            "undated_days": self.undated_days,
            "valid_months": self.valid_months,
            "if_sent": self.if_sent,
        }
        return {"after": sorted(self.after), "days": self.days, **{k: v for k, v in more.items() if v}}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        was, now = self.valid_months, changed.valid_months
        undated = self.undated_days or self.days, changed.undated_days or changed.days
        return {
            "days": Comparison(self.days, changed.days, changed.days >= self.days),
            "undated_days": Comparison(*undated, undated[1] >= undated[0]),
            "after": compare_fewer(self.after, changed.after),
            "before": compare_more(self._steps, changed._steps),
            "blocks": compare_more(self.blocks, changed.blocks),
            "valid_months": Comparison(was, now, (now or _FOR_EVER) <= (was or _FOR_EVER)),
            "if_sent": Comparison(self.if_sent, changed.if_sent, self.if_sent == changed.if_sent),
        }


def _start(coming: tuple[datetime, Notice]) -> datetime:
    return coming[0]
