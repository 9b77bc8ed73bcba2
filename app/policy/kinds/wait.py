"""`wait`: certain letters, or a suit, only some days after a notice was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.dates import add_months
from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.calendars import midnight
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable, compare_fewer, compare_more
from app.policy.schema import Names

SUIT = "suit"
"""In `before`: handing the debt to a court, which is no letter."""
_FOR_EVER = 10**6


class WaitTable(RuleTable):
    after: Names
    before: Names
    days: Annotated[int, Field(ge=1, le=366)]
    valid_months: Annotated[int, Field(ge=1, le=120)] | None = None

    def rule(self) -> WaitRule:
        return WaitRule(
            **self.shared(),
            after=frozenset(self.after),
            before=frozenset(self.before) - {SUIT},
            before_suit=SUIT in self.before,
            days=self.days,
            valid_months=self.valid_months,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRule(Rule):
    """Certain letters, or the suit, only when `days` have passed since a notice was sent.

    The day of sending is day 0: with days = 14, a notice of the 1st lets the next step go on the 15th. A notice
    older than `valid_months` does not count any more: it has to be sent again.
    """

    kind: ClassVar[str] = "wait"
    table: ClassVar[type[RuleTable]] = WaitTable

    after: frozenset[str]
    """Letters that are the notice; any of them will do."""
    before: frozenset[str]
    """Letters that have to wait."""
    before_suit: bool = False
    days: int
    valid_months: int | None = None

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(letters=self.after)

    def idle(self, asked: Question) -> bool:
        return asked.contact.letter not in self.before

    def objections(self, asked: Question) -> Sequence[Reason]:
        return () if self.idle(asked) else self._waiting(asked)

    def suit_objections(self, asked: Question) -> Sequence[Reason]:
        return self._waiting(asked) if self.before_suit else ()

    def _waiting(self, asked: Question) -> Sequence[Reason]:
        names = " or ".join(sorted(self.after))
        sent = [notice.at for notice in asked.facts.notices if notice.letter in self.after]
        if not sent:
            return [self._reason(f"{names} has not been sent", None, notice=names, days=self.days)]
        # The last one sent may be too fresh while one before it is not.
        ends = [self._valid(at, asked) for at in sent]
        if any(start <= asked.at < end for start, end in ends):
            return ()
        coming = [start for start, end in ends if asked.at < start]
        zone = asked.local_days[0][0] if asked.local_days else UTC
        last = max(sent).astimezone(zone).date()
        figures = {"notice": names, "days": self.days, "sent": last.isoformat()}
        if coming:
            detail = f"{names} was sent on {last}; {self.days} days must pass"
            return [self._reason(detail, min(coming), **figures)]
        detail = f"{names} of {last} is older than {self.valid_months} months"
        return [self._reason(detail, None, **figures, valid_months=self.valid_months)]

    def _valid(self, sent: datetime, asked: Question) -> tuple[datetime, datetime]:
        """From when to when a notice sent at that instant lets the next step pass, in all zones."""
        starts, ends = [], []
        for zone, _ in asked.local_days:
            day = sent.astimezone(zone).date()
            starts.append(midnight(zone, day + timedelta(days=self.days)))
            last = add_months(day, self.valid_months) if self.valid_months else date.max - timedelta(days=2)
            ends.append(midnight(zone, last))
        return max(starts, default=sent + timedelta(days=self.days + 1)), min(ends, default=sent)

    @property
    def _steps(self) -> frozenset[str]:
        return self.before | ({SUIT} if self.before_suit else frozenset())

    def _spelling(self) -> JsonObject:
        months = {} if self.valid_months is None else {"valid_months": self.valid_months}
        before = sorted(self.before) + ([SUIT] if self.before_suit else [])
        return {"after": sorted(self.after), "before": before, "days": self.days, **months}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        was, now = self.valid_months, changed.valid_months
        return {
            "days": Comparison(self.days, changed.days, changed.days >= self.days),
            "after": compare_fewer(self.after, changed.after),
            "before": compare_more(self._steps, changed._steps),
            "valid_months": Comparison(was, now, (now or _FOR_EVER) <= (was or _FOR_EVER)),
        }
