"""`gap`: no contact for some days after a conversation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.policy.answers import Reason
from app.policy.calendars import midnight
from app.policy.facts import ContactResult
from app.policy.rules import (
    Comparison,
    FactsNeeded,
    Question,
    Rule,
    RuleTable,
    call_was_asked_for,
    compare_exception,
)


class GapTable(RuleTable):
    days: Annotated[int, Field(ge=1, le=366)]
    but_asked_for: bool = False

    def rule(self) -> GapRule:
        return GapRule(**self.shared(), days=self.days, but_asked_for=self.but_asked_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRule(Rule):
    """After an answered call, none of these channels for `days` consecutive local days.

    The day of the conversation is day 1 (12 CFR 1006.14(b)(2)(i)(B)): with days = 7 the next call is day 8.
    """

    kind: ClassVar[str] = "gap"
    for_stand_ins: ClassVar[bool] = True
    table: ClassVar[type[RuleTable]] = GapTable

    days: int
    but_asked_for: bool = False
    """A call that the customer asked for in that conversation passes."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(history_days=self.days)

    def objections(self, asked: Question) -> Sequence[Reason]:
        spoke_at = self._last_conversation(asked)
        if spoke_at is None or (self.but_asked_for and call_was_asked_for(asked)):
            return ()
        length = timedelta(days=self.days)
        ends = [
            (midnight(zone, spoke_at.astimezone(zone).date() + length), zone) for zone, _ in asked.local_days
        ]
        until, zone = max(ends, key=lambda end: end[0], default=(asked.at, None))
        if zone is None or until <= asked.at:
            return ()
        day_1, next_day = spoke_at.astimezone(zone).date(), until.astimezone(zone).date()
        detail = f"spoke on {day_1} (day 1 of {self.days}, {zone.key}); next on {next_day}"
        return [self._reason(detail, until, days=self.days, conversation=day_1.isoformat())]

    def _last_conversation(self, asked: Question) -> datetime | None:
        too_old = asked.at - timedelta(days=self.days + 1)
        for past in reversed(asked.facts.history):
            if past.at < too_old:
                return None
            if past.at <= asked.at and past.channel is Channel.CALL and past.result is ContactResult.ANSWERED:
                return past.at
        return None

    def _spelling(self) -> JsonObject:
        return {"days": self.days, **({"but_asked_for": True} if self.but_asked_for else {})}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "days": Comparison(self.days, changed.days, changed.days >= self.days),
            "but_asked_for": compare_exception(self.but_asked_for, changed.but_asked_for),
        }
