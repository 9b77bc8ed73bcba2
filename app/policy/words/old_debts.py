"""What a law has said of a debt that is too old to be sued for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from app.core.dates import add_months
from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.policy.schema import ChannelField, Table, Text

COLLECTOR = "{collector}"
"""In the words of a law: the name of whoever writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDebtWords:
    """What a law has said of a debt too old to be sued for, in the law's own words."""

    text: str
    channels: frozenset[Channel] = frozenset(Channel)
    after_years: int = 0
    after_days: int = 0
    """Only once so many years and days are over since the oldest due date."""

    def fits(self, channel: Channel, due_since: date, today: date) -> bool:
        first = add_months(due_since, 12 * self.after_years) + timedelta(days=self.after_days)
        return channel in self.channels and first <= today

    def spelling(self) -> JsonObject:
        spelt: JsonObject = {"text": self.text, "channels": sorted(self.channels)}
        more: JsonObject = {"after_years": self.after_years, "after_days": self.after_days}
        return {**spelt, **{name: value for name, value in more.items() if value}}


class OldDebtWordsTable(Table):
    text: Text
    channels: Annotated[list[ChannelField], Field(min_length=1)] | None = None
    after_years: Annotated[int, Field(ge=0, le=30)] = 0
    after_days: Annotated[int, Field(ge=0, le=366)] = 0

    def words(self) -> OldDebtWords:
        return OldDebtWords(
            text=self.text.strip(),
            channels=frozenset(self.channels or Channel),
            after_years=self.after_years,
            after_days=self.after_days,
        )
